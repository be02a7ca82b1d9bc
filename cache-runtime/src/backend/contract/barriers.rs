//! Barriers: nobody fills a key while its source is written, even if the writer vanishes.

use std::time::Duration;

use super::leases::{fill, take};
use super::subject::{Subject, done, second_half};
use super::{holds, same};
use crate::backend::{PutOptions, Read, SetOutcome, WriteToken};

/// Longer than any test runs.
const LONG: Duration = Duration::from_mins(2);

/// Opens a barrier; its absence is a failure.
pub(super) async fn begin(subject: &Subject, keys: &[&str], life: Duration) -> WriteToken {
    match done("begin_write", subject.backend.begin_write(keys, life).await) {
        Some(token) => token,
        None => panic!("not guaranteed: begin_write opens a barrier"),
    }
}

pub(super) async fn finish(
    subject: &Subject,
    keys: &[&str],
    token: WriteToken,
    update: Option<&'static str>,
) -> bool {
    let update = update.map(|value| (value.into(), PutOptions::default()));
    done("finish_write", subject.backend.finish_write(keys, Some(token), update).await)
}

async fn is_barred(subject: &Subject, key: &str) -> bool {
    matches!(subject.read(key).await, Read::Barred)
}

/// From the beginning of a write nobody reads the old value.
pub async fn a_barrier_hides_the_value_and_bars_readers(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let key = subject.key("hidden");
    subject.put(&key, "old").await;
    begin(subject, &[&key], LONG).await;
    same("a barrier hides the value", subject.get(&key).await, None);
    same("a barrier hides the value", done("get_many", subject.backend.get_many(&[&key]).await), [None]);
    for _ in 0..2 {
        holds("a barrier bars every reader", is_barred(subject, &key).await);
    }
}

/// What was loaded before a write began is not stored.
pub async fn a_barrier_destroys_the_lease(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let key = subject.key("leased");
    let lease = take(subject, &key).await;
    let copy = crate::backend::Lease(lease.0);
    let token = begin(subject, &[&key], LONG).await;
    holds(
        "a fill from before a write is not stored during it",
        !fill(subject, &key, Some(lease), "old").await,
    );
    finish(subject, &[&key], token, None).await;
    holds("a fill from before a write is not stored after it", !fill(subject, &key, Some(copy), "old").await);
    same("a fill from before a write is not stored", subject.get(&key).await, None);
}

/// A fill that asks for no lease is barred as well.
pub async fn a_fill_without_a_lease_does_not_pass_a_barrier(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let key = subject.key("unleased");
    let token = begin(subject, &[&key], LONG).await;
    holds("nobody fills a barred key", !fill(subject, &key, None, "old").await);
    finish(subject, &[&key], token, None).await;
    same("nobody fills a barred key", subject.get(&key).await, None);
}

/// After a write everything is as for a missing key.
pub async fn a_finished_write_lets_a_reader_lease_again(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let key = subject.key("finished");
    let token = begin(subject, &[&key], LONG).await;
    holds("a write without an update stores none", !finish(subject, &[&key], token, None).await);
    let lease = take(subject, &key).await;
    holds("a fill after a write is stored", fill(subject, &key, Some(lease), "new").await);
    same("a fill after a write is stored", subject.text(&key).await.as_deref(), Some("new"));
}

/// Writers do not wait for each other, and readers wait for all.
pub async fn a_barrier_stands_until_the_last_writer_is_done(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let key = subject.key("shared");
    let first = begin(subject, &[&key], LONG).await;
    let second = begin(subject, &[&key], LONG).await;
    holds("each writer has a token of its own", first != second);
    finish(subject, &[&key], first, None).await;
    holds("a barrier stands until the last writer is done", is_barred(subject, &key).await);
    finish(subject, &[&key], first, None).await;
    holds("a writer ends only its own write", is_barred(subject, &key).await);
    finish(subject, &[&key], second, None).await;
    take(subject, &key).await;
}

/// One write bars and frees many keys, and no others.
pub async fn a_barrier_covers_each_of_its_keys(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let keys = subject.put_numbered("covered", 3).await;
    let other = subject.key("other");
    subject.put(&other, "v").await;
    // A key may be named twice.
    let covered = [keys[0].as_str(), &keys[1], &keys[2], &keys[0]];
    let token = begin(subject, &covered, LONG).await;
    for key in &keys {
        holds("a barrier covers each of its keys", is_barred(subject, key).await);
    }
    same("a barrier covers no other key", subject.text(&other).await.as_deref(), Some("v"));
    finish(subject, &covered, token, None).await;
    for key in &keys {
        take(subject, key).await;
    }
    begin(subject, &[], LONG).await;
}

/// A writer that was alone knows the latest value.
pub async fn the_update_of_a_lone_writer_is_stored(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let Some(ttl) = subject.short_ttl() else { return };
    let key = subject.key("updated");
    subject.put(&key, "old").await;
    let token = begin(subject, &[&key], LONG).await;
    let update = ("new".into(), PutOptions { ttl: Some(ttl), metadata: subject.metadata("1") });
    let stored = subject.backend.finish_write(&[&key], Some(token), Some(update)).await;
    holds("the update of a lone writer is stored", done("finish_write", stored));
    let found = subject.get(&key).await;
    let found = found.map(|entry| (entry.value, entry.metadata, entry.expires_in.is_some()));
    same("an update is stored with its options", found, Some(("new".into(), subject.metadata("1"), true)));
}

/// Of two writers nobody knows which wrote last, whichever of them ends last.
pub async fn the_update_of_a_contended_writer_is_not_stored(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    for first_ends_first in [true, false] {
        let key = subject.key(if first_ends_first { "in-order" } else { "nested" });
        let first = begin(subject, &[&key], LONG).await;
        let second = begin(subject, &[&key], LONG).await;
        let (one, other) = if first_ends_first { (first, second) } else { (second, first) };
        holds(
            "an update beside another writer is not stored",
            !finish(subject, &[&key], one, Some("1")).await,
        );
        holds(
            "an update after another writer is not stored",
            !finish(subject, &[&key], other, Some("2")).await,
        );
        same("a contended update is not stored", subject.get(&key).await, None);
        // With the last of them it is over.
        let alone = begin(subject, &[&key], LONG).await;
        holds("contention ends with the last writer", finish(subject, &[&key], alone, Some("3")).await);
    }
}

/// A writer that vanished bars for the life of its barrier, and no longer.
pub async fn the_barrier_of_a_dead_writer_ends_by_itself(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let Some(life) = subject.short_ttl() else { return };
    let key = subject.key("dead");
    begin(subject, &[&key], life).await;
    subject.pass(life / 2).await;
    holds("the barrier of a dead writer stands for its life", is_barred(subject, &key).await);
    subject.pass_all_of(second_half(life)).await;
    let lease = take(subject, &key).await;
    holds("the barrier of a dead writer ends by itself", fill(subject, &key, Some(lease), "v").await);
}

/// A writer at work lets its barrier stand on, and counts as alone all the same.
pub async fn a_renewed_barrier_stands_on(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let Some(life) = subject.short_ttl() else { return };
    let key = subject.key("renewed");
    let token = begin(subject, &[&key], life).await;
    for _ in 0..3 {
        subject.pass(life / 2).await;
        let renewed = done("renew_write", subject.backend.renew_write(&[&key], token, life).await);
        same("a barrier that stands is renewed", renewed, 1);
    }
    holds("a renewed barrier stands on", is_barred(subject, &key).await);
    holds("a lone writer that renewed is alone", finish(subject, &[&key], token, Some("v")).await);
    same("a lone writer that renewed is alone", subject.text(&key).await.as_deref(), Some("v"));
}

/// A renewal brings no barrier back, and renews nobody else's.
pub async fn a_barrier_that_is_over_is_not_renewed(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let Some(life) = subject.short_ttl() else { return };
    let (over, others) = (subject.key("over"), subject.key("others"));
    let token = begin(subject, &[&over], LONG).await;
    finish(subject, &[&over], token, None).await;
    begin(subject, &[&others], life).await;
    let renewed = subject.backend.renew_write(&[&over, &others], token, LONG).await;
    same("nothing that is over is renewed", done("renew_write", renewed), 0);
    take(subject, &over).await;
    subject.pass_all_of(life).await;
    take(subject, &others).await;
}

/// A short barrier leaves a long one, and a long one outlives a short.
pub async fn the_end_of_one_writer_is_not_the_end_of_another(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let Some(life) = subject.short_ttl() else { return };
    let key = subject.key("two-lives");
    let long = begin(subject, &[&key], life * 10).await;
    let _dead = begin(subject, &[&key], life).await;
    subject.pass_all_of(life).await;
    holds("the end of one writer is not the end of another", is_barred(subject, &key).await);
    let stored = finish(subject, &[&key], long, Some("v")).await;
    holds("an update beside a writer that died is not stored", !stored);
    take(subject, &key).await;

    let key = subject.key("short-first");
    let _dead = begin(subject, &[&key], life).await;
    let long = begin(subject, &[&key], life * 10).await;
    finish(subject, &[&key], long, None).await;
    holds("the barrier of a dead writer stands for its life", is_barred(subject, &key).await);
    subject.pass_all_of(life).await;
    take(subject, &key).await;
}

/// A writer that outlived its barrier may have written at any time since.
pub async fn a_late_writer_stores_nothing_and_removes_what_was_filled(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let Some(life) = subject.short_ttl() else { return };
    let key = subject.key("late");
    let late = begin(subject, &[&key], life).await;
    subject.pass_all_of(life).await;
    let lease = take(subject, &key).await;
    fill(subject, &key, Some(lease), "between").await;
    holds("the update of a late writer is not stored", !finish(subject, &[&key], late, Some("late")).await);
    same("a late writer removes what was filled meanwhile", subject.get(&key).await, None);

    let key = subject.key("late-beside-another");
    let late = begin(subject, &[&key], life).await;
    subject.pass_all_of(life).await;
    let other = begin(subject, &[&key], LONG).await;
    finish(subject, &[&key], late, Some("late")).await;
    holds("a late writer leaves the barrier of another", is_barred(subject, &key).await);
    finish(subject, &[&key], other, None).await;
}

/// A value from anywhere else could be older than the one being written.
pub async fn nothing_is_stored_under_a_barrier(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let key = subject.key("barred");
    let token = begin(subject, &[&key], LONG).await;
    let put = done("put", subject.backend.put(&key, "put".into(), PutOptions::default()).await);
    same("a put under a barrier says so", put, SetOutcome::Superseded);
    same("a put under a barrier stores nothing", subject.get(&key).await, None);
    done(
        "put_many",
        subject.backend.put_many(vec![(key.clone(), "put".into(), PutOptions::default())]).await,
    );
    same("a put_many under a barrier stores nothing", subject.get(&key).await, None);
    holds("touch finds nothing under a barrier", !subject.touch(&key, None).await);
    holds(
        "compare_and_set stores nothing under a barrier",
        !subject.compare_and_set(&key, None, "set").await,
    );
    let counted = subject.backend.increment(&key, 1, None).await;
    holds("an increment under a barrier is an error", counted.is_err());
    holds("the barrier outlives every attempt", is_barred(subject, &key).await);
    finish(subject, &[&key], token, None).await;
    same("nothing is stored under a barrier", subject.get(&key).await, None);
}

/// Somebody who put or removed the key meanwhile may know of a later write.
pub async fn an_update_after_another_change_is_not_stored(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let key = subject.key("changed");
    let token = begin(subject, &[&key], LONG).await;
    subject.delete(&key).await;
    let stored = finish(subject, &[&key], token, Some("update")).await;
    holds("an update after another change is not stored", !stored);
    let token = begin(subject, &[&key], LONG).await;
    let put = subject.backend.put(&key, "put".into(), PutOptions::default()).await;
    same("a put under a barrier says so", done("put", put), SetOutcome::Superseded);
    let stored = finish(subject, &[&key], token, Some("update")).await;
    holds("an update after another change is not stored", !stored);
    same("an update after another change is not stored", subject.get(&key).await, None);
}

/// A removal is not the end of a write.
pub async fn a_delete_leaves_the_barrier(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    let key = subject.key("barred");
    subject.put(&key, "v").await;
    begin(subject, &[&key], LONG).await;
    holds("a barrier is no value to a delete", !subject.delete(&key).await);
    holds("a delete leaves the barrier", is_barred(subject, &key).await);
    done("delete_many", subject.backend.delete_many(&[&key]).await);
    holds("a delete_many leaves the barrier", is_barred(subject, &key).await);
    let removed = done("delete_prefix", subject.backend.delete_prefix(&subject.key_prefix).await);
    same("delete_prefix does not count a barrier", removed, 0);
    holds("a delete_prefix leaves the barrier", is_barred(subject, &key).await);
}

/// A barrier is nowhere seen as a value.
pub async fn a_barrier_is_no_value(subject: &Subject) {
    if !subject.has_barriers() {
        return;
    }
    subject.put(&subject.key("value"), "v").await;
    begin(subject, &[&subject.key("barred"), &subject.key("value2")], LONG).await;
    let names = subject.names(&subject.key_prefix, None).await;
    same("a barrier is not listed", names, [subject.key("value")]);
    let names = subject.names(&subject.key_prefix, Some(1)).await;
    same("a barrier is not listed", names, [subject.key("value")]);
}

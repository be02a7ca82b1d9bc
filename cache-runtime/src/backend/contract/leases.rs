//! Leases: one reader fills a key, and not with what was loaded before a change.

use std::time::Duration;

use bytes::Bytes;

use super::subject::{Subject, Time, done};
use super::{holds, same};
use crate::backend::{Lease, PutOptions, Read};

/// Longer than any lease should last.
const LEASE_IS_OVER: Duration = Duration::from_secs(40);

/// The lease of a key that is missing; its absence is a failure.
pub(super) async fn take(subject: &Subject, key: &str) -> Lease {
    match subject.read(key).await {
        Read::Miss(Some(lease)) => lease,
        other => panic!("not guaranteed: the reader of a missing key gets its lease\n   found: {other:?}"),
    }
}

pub(super) async fn fill(subject: &Subject, key: &str, lease: Option<Lease>, value: &'static str) -> bool {
    let value = Bytes::from_static(value.as_bytes());
    done("fill", subject.backend.fill(key, lease, value, PutOptions::default()).await)
}

/// A second reader is told that a first one loads.
pub async fn a_miss_gives_the_lease_to_one_reader(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("missing");
    let _lease = take(subject, &key).await;
    for _ in 0..2 {
        let other = subject.read(&key).await;
        holds("one reader of a missing key gets the lease", matches!(other, Read::Leased | Read::Miss(None)));
    }
    let _other = take(subject, &subject.key("another")).await;
}

/// A read of a value is a get.
pub async fn a_hit_gives_the_value_and_no_lease(subject: &Subject) {
    let key = subject.key("there");
    subject.put_with(&key, "v", PutOptions { ttl: None, metadata: subject.metadata("1") }).await;
    let Read::Hit(entry) = subject.read(&key).await else {
        panic!("not guaranteed: a read finds the value that is there");
    };
    same(
        "a read finds the value that is there",
        (entry.value, entry.metadata),
        ("v".into(), subject.metadata("1")),
    );
}

/// A fill is a put with a condition.
pub async fn a_fill_under_its_lease_is_stored_with_its_options(subject: &Subject) {
    let key = subject.key("filled");
    let Some(ttl) = subject.short_ttl() else { return };
    let lease = if subject.has_leases() { Some(take(subject, &key).await) } else { None };
    let options = PutOptions { ttl: Some(ttl), metadata: subject.metadata("1") };
    let filled = subject.backend.fill(&key, lease, "v".into(), options).await;
    holds("a fill under its lease is stored", done("fill", filled));
    let found = subject.get(&key).await;
    let found = found.map(|entry| (entry.value, entry.metadata, entry.expires_in.is_some()));
    same("a fill is stored with its options", found, Some(("v".into(), subject.metadata("1"), true)));
    subject.pass_all_of(ttl).await;
    same("what was filled ends with its ttl", subject.get(&key).await, None);
}

/// A lease that has been used is no lease.
pub async fn a_lease_is_good_for_one_fill(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("once");
    let lease = take(subject, &key).await;
    let copy = Lease(lease.0);
    holds("a fill under its lease is stored", fill(subject, &key, Some(lease), "first").await);
    holds("a lease is good for one fill", !fill(subject, &key, Some(copy), "second").await);
    same("a lease is good for one fill", subject.text(&key).await.as_deref(), Some("first"));
}

/// What was never given fills nothing, beside a lease and without one.
pub async fn a_made_up_lease_fills_nothing(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("made-up");
    let made_up = || Some(Lease(0x5eed_5eed_5eed_5eed_5eed_5eed_5eed_5eed));
    holds("a made-up lease fills nothing", !fill(subject, &key, made_up(), "x").await);
    let lease = take(subject, &key).await;
    holds("a made-up lease fills nothing", !fill(subject, &key, made_up(), "x").await);
    holds("a made-up lease harms no other", fill(subject, &key, Some(lease), "v").await);
}

/// A lease from before a put.
pub async fn a_put_destroys_the_lease(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("put");
    let lease = take(subject, &key).await;
    subject.put(&key, "new").await;
    holds("a fill from before a put is not stored", !fill(subject, &key, Some(lease), "old").await);
    same("a fill from before a put is not stored", subject.text(&key).await.as_deref(), Some("new"));
}

/// A lease from before a removal, which removed nothing but it.
pub async fn a_delete_destroys_the_lease(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("deleted");
    let lease = take(subject, &key).await;
    holds("a lease is no value to a delete", !subject.delete(&key).await);
    holds("a fill from before a delete is not stored", !fill(subject, &key, Some(lease), "old").await);
    same("a fill from before a delete is not stored", subject.get(&key).await, None);
    let (old, _new) =
        (take(subject, &subject.key("retaken")).await, subject.delete(&subject.key("retaken")).await);
    let _new = take(subject, &subject.key("retaken")).await;
    let filled = fill(subject, &subject.key("retaken"), Some(old), "old").await;
    holds("a fill from before a delete does not take another's lease", !filled);
}

/// A lease from before a bulk removal.
pub async fn delete_many_destroys_the_leases(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("deleted");
    let lease = take(subject, &key).await;
    done("delete_many", subject.backend.delete_many(&[&key, &subject.key("other")]).await);
    holds("a fill from before a delete_many is not stored", !fill(subject, &key, Some(lease), "old").await);
}

/// A lease from before the removal of its prefix.
pub async fn delete_prefix_destroys_the_leases(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("deleted");
    let lease = take(subject, &key).await;
    let removed = done("delete_prefix", subject.backend.delete_prefix(&subject.key_prefix).await);
    same("delete_prefix does not count a lease", removed, 0);
    holds("a fill from before a delete_prefix is not stored", !fill(subject, &key, Some(lease), "old").await);
}

/// A lease from before a step.
pub async fn an_increment_destroys_the_lease(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("counted");
    let lease = take(subject, &key).await;
    same("a lease counts as 0", subject.increment(&key, 5).await, 5);
    holds("a fill from before an increment is not stored", !fill(subject, &key, Some(lease), "1").await);
    same("a fill from before an increment is not stored", subject.text(&key).await.as_deref(), Some("5"));
}

/// A lease from before a conditional write.
pub async fn a_compare_and_set_destroys_the_lease(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("compared");
    let lease = take(subject, &key).await;
    holds("a lease is no value to compare_and_set", subject.compare_and_set(&key, None, "new").await);
    holds(
        "a fill from before a compare_and_set is not stored",
        !fill(subject, &key, Some(lease), "old").await,
    );
    same(
        "a fill from before a compare_and_set is not stored",
        subject.text(&key).await.as_deref(),
        Some("new"),
    );
}

/// A reader whose load failed steps aside.
pub async fn a_lease_given_back_can_be_taken_again(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("released");
    let lease = take(subject, &key).await;
    let copy = Lease(lease.0);
    done("release", subject.backend.release(&key, lease).await);
    holds("a lease given back fills nothing", !fill(subject, &key, Some(copy), "old").await);
    let next = take(subject, &key).await;
    holds("a lease given back can be taken again", fill(subject, &key, Some(next), "v").await);
}

/// Giving back what one no longer holds takes nothing from anybody.
pub async fn an_old_lease_gives_nothing_back(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let (leased, filled) = (subject.key("leased"), subject.key("filled"));
    let old = take(subject, &leased).await;
    subject.delete(&leased).await;
    let new = take(subject, &leased).await;
    done("release", subject.backend.release(&leased, old).await);
    holds("an old lease does not release a new one", fill(subject, &leased, Some(new), "v").await);
    let old = take(subject, &filled).await;
    subject.put(&filled, "v").await;
    done("release", subject.backend.release(&filled, old).await);
    same("an old lease does not remove a value", subject.text(&filled).await.as_deref(), Some("v"));
}

/// A reader that vanished does not keep others from filling for ever, and does not fill after them.
pub async fn an_abandoned_lease_ends_and_fills_nothing(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("abandoned");
    let old = take(subject, &key).await;
    let new = match subject.time {
        Time::Manual(_) => {
            subject.pass(LEASE_IS_OVER).await;
            take(subject, &key).await
        }
        Time::Real => take_when_over(subject, &key).await,
    };
    holds("a lease that is over fills nothing", !fill(subject, &key, Some(old), "old").await);
    holds("an abandoned lease can be taken again", fill(subject, &key, Some(new), "new").await);
    same("an abandoned lease can be taken again", subject.text(&key).await.as_deref(), Some("new"));
}

async fn take_when_over(subject: &Subject, key: &str) -> Lease {
    let step = Duration::from_millis(250);
    for _ in 0..LEASE_IS_OVER.as_millis() / step.as_millis() {
        if let Read::Miss(Some(lease)) = subject.read(key).await {
            return lease;
        }
        subject.pass(step).await;
    }
    panic!("not guaranteed: an abandoned lease ends within {LEASE_IS_OVER:?}")
}

/// A value of no use gives way to a lease.
pub async fn lease_over_takes_the_place_of_the_value_that_was_seen(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("useless");
    subject.put(&key, "useless").await;
    let Read::Hit(seen) = subject.read(&key).await else {
        panic!("not guaranteed: a read finds the value that is there");
    };
    let Some(lease) = done("lease_over", subject.backend.lease_over(&key, &seen).await) else {
        panic!("not guaranteed: lease_over takes the lease of the value that was seen");
    };
    let second = done("lease_over", subject.backend.lease_over(&key, &seen).await);
    same("one reader of a useless value gets the lease", second, None);
    holds("a fill over a useless value is stored", fill(subject, &key, Some(lease), "good").await);
    same("a fill over a useless value is stored", subject.text(&key).await.as_deref(), Some("good"));
}

/// A value that is of use again stays, even if it is the same bytes.
pub async fn lease_over_leaves_a_value_that_was_written_since(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let (written, gone) = (subject.key("written"), subject.key("gone"));
    for key in [&written, &gone] {
        subject.put(key, "v").await;
    }
    let (Read::Hit(seen), Read::Hit(other)) = (subject.read(&written).await, subject.read(&gone).await)
    else {
        panic!("not guaranteed: a read finds the value that is there");
    };
    subject.put(&written, "v").await;
    subject.delete(&gone).await;
    let lease = done("lease_over", subject.backend.lease_over(&written, &seen).await);
    same("lease_over leaves a value that was written since", lease, None);
    same(
        "lease_over leaves a value that was written since",
        subject.text(&written).await.as_deref(),
        Some("v"),
    );
    let lease = done("lease_over", subject.backend.lease_over(&gone, &other).await);
    same("lease_over finds no value that is gone", lease, None);
}

/// The lease over a value that stays; its absence is a failure.
async fn take_refresh(subject: &Subject, key: &str) -> Lease {
    let Read::Hit(seen) = subject.read(key).await else {
        panic!("not guaranteed: a read finds the value that is there");
    };
    match done("refresh_lease", subject.backend.refresh_lease(key, &seen).await) {
        Some(lease) => lease,
        other => panic!(
            "not guaranteed: refresh_lease gives the right to fill beside the value that was seen\n   found: {other:?}"
        ),
    }
}

/// A value that is being refreshed is read as before, and gives way to the fill.
pub async fn a_refresh_lease_leaves_the_value_until_its_fill(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("refreshed");
    subject.put(&key, "old").await;
    let lease = take_refresh(subject, &key).await;
    same("a value that is refreshed is still there", subject.text(&key).await.as_deref(), Some("old"));
    let read = subject.read(&key).await;
    holds("a read finds the value that is refreshed", matches!(read, Read::Hit(_)));
    holds("a fill of a refresh is stored", fill(subject, &key, Some(lease), "new").await);
    same("a fill of a refresh is stored", subject.text(&key).await.as_deref(), Some("new"));
}

/// Of those who read a stale value one refreshes it.
pub async fn one_reader_at_a_time_gets_the_refresh_lease(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("refreshed");
    subject.put(&key, "old").await;
    let Read::Hit(seen) = subject.read(&key).await else {
        panic!("not guaranteed: a read finds the value that is there");
    };
    let lease = take_refresh(subject, &key).await;
    let second = done("refresh_lease", subject.backend.refresh_lease(&key, &seen).await);
    same("one reader at a time gets the refresh lease", second, None);
    done("release", subject.backend.release(&key, lease).await);
    same("a refresh lease given back leaves the value", subject.text(&key).await.as_deref(), Some("old"));
    let next = take_refresh(subject, &key).await;
    holds("a refresh lease given back can be taken again", fill(subject, &key, Some(next), "new").await);
    let late = done("refresh_lease", subject.backend.refresh_lease(&key, &seen).await);
    same("refresh_lease is for the value that was seen", late, None);
}

/// A refresh that began before a change does not store after it.
pub async fn a_change_destroys_the_refresh_lease(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let (written, gone) = (subject.key("written"), subject.key("gone"));
    for key in [&written, &gone] {
        subject.put(key, "old").await;
    }
    let (first, second) = (take_refresh(subject, &written).await, take_refresh(subject, &gone).await);
    subject.put(&written, "new").await;
    subject.delete(&gone).await;
    holds("a put destroys the refresh lease", !fill(subject, &written, Some(first), "old").await);
    holds("a delete destroys the refresh lease", !fill(subject, &gone, Some(second), "old").await);
    same("a put destroys the refresh lease", subject.text(&written).await.as_deref(), Some("new"));
    same("a delete destroys the refresh lease", subject.text(&gone).await, None);
    if subject.has_barriers() {
        let lease = take_refresh(subject, &written).await;
        let token = done("begin_write", subject.backend.begin_write(&[&written], LEASE_IS_OVER).await);
        holds("a barrier destroys the refresh lease", !fill(subject, &written, Some(lease), "old").await);
        done("finish_write", subject.backend.finish_write(&[&written], token, None).await);
    }
}

/// A refresh that vanished does not keep others from it for ever.
pub async fn an_abandoned_refresh_lease_ends(subject: &Subject) {
    if !subject.has_leases() || !matches!(subject.time, Time::Manual(_)) {
        return;
    }
    let key = subject.key("abandoned");
    subject.put(&key, "old").await;
    let old = take_refresh(subject, &key).await;
    subject.pass(LEASE_IS_OVER).await;
    holds("a refresh lease that is over fills nothing", !fill(subject, &key, Some(old), "older").await);
    let new = take_refresh(subject, &key).await;
    holds("an abandoned refresh lease can be taken again", fill(subject, &key, Some(new), "new").await);
}

/// A lease is nowhere seen as a value.
pub async fn a_lease_is_no_value(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("leased");
    let lease = take(subject, &key).await;
    same("a lease is no value", subject.get(&key).await, None);
    same("a lease is not among many", done("get_many", subject.backend.get_many(&[&key]).await), [None]);
    same("a lease is not listed", subject.names(&subject.key_prefix, None).await.len(), 0);
    holds("a lease cannot be touched", !subject.touch(&key, None).await);
    holds("reading harms no lease", fill(subject, &key, Some(lease), "v").await);
}

/// One answer for each key, repeated ones too, as if they were read one by one; and each lease fills its key.
pub async fn read_many_answers_in_the_order_of_the_keys(subject: &Subject) {
    let (there, missing, other) = (subject.key("there"), subject.key("missing"), subject.key("other"));
    subject.put(&there, "v").await;
    let read = subject.backend.read_many(&[&missing, &there, &other, &there]).await;
    let read = done("read_many", read);
    same("read_many answers each key", read.len(), 4);
    let mut leases = Vec::new();
    for (key, read) in [&missing, &there, &other, &there].into_iter().zip(read) {
        match read {
            Read::Hit(entry) => {
                holds("read_many answers in the order of the keys", *key == there && entry.value == "v");
            }
            Read::Miss(lease) => {
                holds("read_many answers in the order of the keys", *key != there);
                holds(
                    "read_many takes the lease of what is missing",
                    lease.is_some() == subject.has_leases(),
                );
                leases.push((key.clone(), lease));
            }
            other => panic!("not guaranteed: read_many finds what is there\n   found: {other:?}"),
        }
    }
    for (key, lease) in leases {
        holds("a lease of read_many fills its key", fill(subject, &key, lease, "filled").await);
    }
    same("what was filled is read", subject.text(&missing).await.as_deref(), Some("filled"));
}

/// As a read of each: who loads is not asked to load twice.
pub async fn read_many_gives_a_lease_to_one_reader(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let key = subject.key("missing");
    let lease = take(subject, &key).await;
    let read = done("read_many", subject.backend.read_many(&[&key, &key]).await);
    for other in read {
        holds("read_many gives no lease that another has", matches!(other, Read::Leased | Read::Miss(None)));
    }
    holds("the lease still holds", fill(subject, &key, Some(lease), "v").await);
}

/// A look is a get of what a cached call could use.
pub async fn a_look_finds_the_value_and_takes_no_lease(subject: &Subject) {
    let (there, missing) = (subject.key("there"), subject.key("missing"));
    subject.put_with(&there, "v", PutOptions { ttl: None, metadata: subject.metadata("1") }).await;
    let look = async |key: &str| done("look", subject.backend.look(key, LEASE_IS_OVER).await);
    let found = look(&there).await.map(|entry| (entry.value, entry.metadata));
    same("a look finds the value that is there", found, Some(("v".into(), subject.metadata("1"))));
    same("a look finds nothing where nothing is", look(&missing).await, None);
    if subject.has_leases() {
        let lease = take(subject, &missing).await;
        same("a look at a key that is being loaded finds nothing", look(&missing).await, None);
        holds("a look leaves a lease to its owner", fill(subject, &missing, Some(lease), "v").await);
        let found = look(&missing).await.map(|entry| entry.value);
        same("a look finds what was filled", found, Some("v".into()));
    }
    if subject.backend.capabilities().barriers {
        let token = done("begin_write", subject.backend.begin_write(&[&there], LEASE_IS_OVER).await);
        same("a look finds nothing under a barrier", look(&there).await, None);
        done("finish_write", subject.backend.finish_write(&[&there], token, None).await);
    }
}

/// As a look at each.
pub async fn look_many_answers_in_the_order_of_the_keys(subject: &Subject) {
    let (one, missing, two) = (subject.key("one"), subject.key("missing"), subject.key("two"));
    subject.put(&one, "1").await;
    subject.put(&two, "2").await;
    let keys: [&str; 4] = [&two, &missing, &one, &two];
    let found = done("look_many", subject.backend.look_many(&keys).await);
    let found: Vec<_> = found.into_iter().map(|entry| entry.map(|entry| entry.value)).collect();
    let expected = [Some("2".into()), None, Some("1".into()), Some("2".into())];
    same("look_many answers in the order of the keys", found.as_slice(), expected.as_slice());
    holds(
        "look_many of nothing is nothing",
        done("look_many", subject.backend.look_many(&[]).await).is_empty(),
    );
}

/// As a read: others may have been there since the look.
pub async fn what_was_absent_is_leased_or_found(subject: &Subject) {
    let key = subject.key("absent");
    let read = async || done("read_absent", subject.backend.read_absent(&key).await);
    if subject.has_leases() {
        let Read::Miss(Some(lease)) = read().await else {
            panic!("not guaranteed: the reader of an absent key gets its lease")
        };
        let other = read().await;
        holds("one reader of an absent key gets the lease", matches!(other, Read::Leased | Read::Miss(None)));
        holds("the lease still holds", fill(subject, &key, Some(lease), "v").await);
    } else {
        subject.put(&key, "v").await;
    }
    for value in ["v", "12"] {
        let Read::Hit(entry) = read().await else {
            panic!("not guaranteed: what came after a look is found")
        };
        same("what came after a look is found", entry.value, Bytes::from(value));
        subject.put(&key, "12").await;
    }
    if subject.backend.capabilities().barriers {
        let token = done("begin_write", subject.backend.begin_write(&[&key], LEASE_IS_OVER).await);
        holds("nobody leases a key that is being written", matches!(read().await, Read::Barred));
        done("finish_write", subject.backend.finish_write(&[&key], token, None).await);
    }
}

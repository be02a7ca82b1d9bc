//! Times to live: kept, told, changed, and over when they are over.

use std::time::Duration;

use bytes::Bytes;

use super::subject::{Subject, done, second_half};
use super::{holds, same};
use crate::backend::PutOptions;
use crate::error::BackendError;
use crate::ttl::Ttl;

/// A value is served until the end of its time, and not from then on.
pub async fn a_value_is_there_until_its_time_is_over(subject: &Subject) {
    let key = subject.key("ends");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "v", PutOptions::with_ttl(ttl)).await;
    subject.pass(ttl / 2).await;
    same("a value is there until its time is over", subject.text(&key).await.as_deref(), Some("v"));
    subject.pass_all_of(second_half(ttl)).await;
    same("a value is gone when its time is over", subject.get(&key).await, None);
}

/// No end is no end.
pub async fn a_value_without_ttl_stays(subject: &Subject) {
    let key = subject.key("stays");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put(&key, "v").await;
    subject.pass_all_of(ttl).await;
    let found = subject.get(&key).await.map(|entry| (entry.value, entry.expires_in));
    same("a value without ttl stays and has no end", found, Some(("v".into(), None)));
}

/// The time left is what was given, less what has passed.
pub async fn the_time_left_is_told_and_shrinks(subject: &Subject) {
    let key = subject.key("left");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "v", PutOptions::with_ttl(ttl)).await;
    let before = time_left(subject, &key).await;
    holds("the time left is no more than was given", before <= ttl && before > Duration::ZERO);
    subject.pass(ttl / 2).await;
    let after = time_left(subject, &key).await;
    holds("the time left shrinks as time passes", after <= second_half(ttl) && after > Duration::ZERO);
}

/// A put without an end has none, whatever stood there.
pub async fn a_put_without_ttl_takes_the_old_end_away(subject: &Subject) {
    let key = subject.key("endless");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "old", PutOptions::with_ttl(ttl)).await;
    subject.put(&key, "new").await;
    subject.pass_all_of(ttl).await;
    same("a put without ttl takes the old end away", subject.text(&key).await.as_deref(), Some("new"));
}

/// Touch moves the end, later and sooner.
pub async fn touch_gives_a_new_ttl(subject: &Subject) {
    let (later, sooner) = (subject.key("later"), subject.key("sooner"));
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&later, "v", PutOptions::with_ttl(ttl)).await;
    subject.put_with(&sooner, "v", PutOptions::with_ttl(ttl * 100)).await;
    holds("touch finds the key", subject.touch(&later, Some(ttl * 100)).await);
    holds("touch finds the key", subject.touch(&sooner, Some(ttl)).await);
    subject.pass_all_of(ttl).await;
    holds("touch moves the end to later", subject.get(&later).await.is_some());
    holds("touch moves the end to sooner", subject.get(&sooner).await.is_none());
}

/// Touch without an end takes it away.
pub async fn touch_without_ttl_takes_the_end_away(subject: &Subject) {
    let key = subject.key("endless");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "v", PutOptions::with_ttl(ttl)).await;
    holds("touch finds the key", subject.touch(&key, None).await);
    subject.pass_all_of(ttl).await;
    let found = subject.get(&key).await.map(|entry| entry.expires_in);
    same("touch without ttl takes the end away", found, Some(None));
}

/// Touch changes the end and nothing else.
pub async fn touch_keeps_value_and_metadata(subject: &Subject) {
    let key = subject.key("kept");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "v", PutOptions { ttl: None, metadata: subject.metadata("1") }).await;
    holds("touch finds the key", subject.touch(&key, Some(ttl)).await);
    let found = subject.get(&key).await;
    let found = found.map(|entry| (entry.value, entry.metadata, entry.expires_in.is_some()));
    same("touch keeps value and metadata", found, Some(("v".into(), subject.metadata("1"), true)));
}

/// Touch brings nothing to life.
pub async fn touch_finds_no_missing_and_no_expired_key(subject: &Subject) {
    let (missing, expired) = (subject.key("missing"), subject.key("expired"));
    holds("touch does not find a missing key", !subject.touch(&missing, None).await);
    same("touch creates nothing", subject.get(&missing).await, None);
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&expired, "v", PutOptions::with_ttl(ttl)).await;
    subject.pass_all_of(ttl).await;
    holds("touch does not find an expired key", !subject.touch(&expired, Some(ttl)).await);
    same("touch revives nothing", subject.get(&expired).await, None);
}

/// What is over is in no listing.
pub async fn an_expired_key_is_not_listed(subject: &Subject) {
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&subject.key("expired"), "v", PutOptions::with_ttl(ttl)).await;
    subject.put(&subject.key("lives"), "v").await;
    subject.pass_all_of(ttl).await;
    let names = subject.names(&subject.key_prefix, None).await;
    same("an expired key is not listed", names, [subject.key("lives")]);
}

/// What is over is over for bulk reads too.
pub async fn an_expired_key_is_not_among_many(subject: &Subject) {
    let (expired, lives) = (subject.key("expired"), subject.key("lives"));
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&expired, "v", PutOptions::with_ttl(ttl)).await;
    subject.put(&lives, "v").await;
    subject.pass_all_of(ttl).await;
    let found = done("get_many", subject.backend.get_many(&[&expired, &lives]).await);
    let found: Vec<bool> = found.iter().map(Option::is_some).collect();
    same("an expired key is not among many", found, [false, true]);
}

/// What is over is missing to a conditional write.
pub async fn an_expired_key_is_missing_to_compare_and_set(subject: &Subject) {
    let key = subject.key("expired");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "old", PutOptions::with_ttl(ttl)).await;
    subject.pass_all_of(ttl).await;
    holds("compare_and_set finds no expired value", !subject.compare_and_set(&key, Some("old"), "new").await);
    holds("an expired key is missing to compare_and_set", subject.compare_and_set(&key, None, "new").await);
}

/// The longest time to live is kept or refused, and never wraps to a short one.
pub async fn the_longest_ttl_does_not_overflow(subject: &Subject) {
    let key = subject.key("longest");
    let options = PutOptions::with_ttl(Ttl::MAX);
    match subject.backend.put(&key, Bytes::from_static(b"v"), options).await {
        Ok(_) => {
            let left = time_left(subject, &key).await;
            holds("the longest ttl does not wrap to a short one", left > Duration::from_hours(24 * 365));
        }
        Err(BackendError::Rejected(why)) => println!("refused: {why}"),
        Err(error) => panic!("not guaranteed: the longest ttl is kept or refused\n   found: {error}"),
    }
}

/// The time left of a value that has an end; not there and endless are failures.
async fn time_left(subject: &Subject, key: &str) -> Duration {
    let left = subject.get(key).await.and_then(|entry| entry.expires_in);
    holds("the time left of a value with a ttl is told", left.is_some());
    left.unwrap_or_default()
}

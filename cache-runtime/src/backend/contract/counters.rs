//! Counters: numbers that stay numbers, with the life and the metadata that they had.

use super::subject::{Subject, done, second_half};
use super::{holds, same};
use crate::backend::PutOptions;
use crate::error::BackendError;

/// A missing counter is 0, and what is stored is its text.
pub async fn a_counter_starts_at_zero_and_is_decimal_text(subject: &Subject) {
    let key = subject.key("new");
    same("a counter starts at 0", subject.increment(&key, -5).await, -5);
    same("a counter is stored as decimal text", subject.text(&key).await.as_deref(), Some("-5"));
    same("a step of 0 creates a counter", subject.increment(&subject.key("zero"), 0).await, 0);
    same("a step of 0 creates a counter", subject.text(&subject.key("zero")).await.as_deref(), Some("0"));
}

/// Steps add up, with either sign, to the ends of the range.
pub async fn a_counter_goes_up_and_down(subject: &Subject) {
    let key = subject.key("steps");
    let mut sum = 0;
    for step in [1, 41, -50, i64::MAX, 8, -i64::MAX] {
        sum += step;
        same("a counter adds each step", subject.increment(&key, step).await, sum);
    }
    let low = subject.key("low");
    same("a counter reaches the least number", subject.increment(&low, i64::MIN).await, i64::MIN);
    same("a counter leaves the least number", subject.increment(&low, 1).await, i64::MIN + 1);
}

/// A number is a number, whoever stored it.
pub async fn a_number_that_was_put_can_be_counted(subject: &Subject) {
    let key = subject.key("put");
    subject.put(&key, "41").await;
    same("a number that was put can be counted", subject.increment(&key, 1).await, 42);
}

/// A step does not lengthen a counter's life, nor make it endless.
pub async fn a_counter_keeps_its_ttl(subject: &Subject) {
    let key = subject.key("window");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "1", PutOptions::with_ttl(ttl)).await;
    subject.pass(ttl / 2).await;
    let step = subject.backend.increment(&key, 1, Some(ttl * 100)).await;
    same("a counter with a ttl can be counted", done("increment", step), 2);
    let left = subject.get(&key).await.and_then(|entry| entry.expires_in);
    holds("a counter keeps its ttl", left.is_some_and(|left| left <= ttl));
    subject.pass_all_of(second_half(ttl)).await;
    same("a counter ends when it would have ended", subject.get(&key).await, None);
}

/// A step does not give an end to a counter that has none.
pub async fn a_counter_without_ttl_gets_none(subject: &Subject) {
    let key = subject.key("endless");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put(&key, "1").await;
    done("increment", subject.backend.increment(&key, 1, Some(ttl)).await);
    let found = subject.get(&key).await.map(|entry| entry.expires_in);
    same("a counter without ttl gets none", found, Some(None));
}

/// The first step sets the end.
pub async fn a_new_counter_takes_the_ttl(subject: &Subject) {
    let key = subject.key("first");
    let Some(ttl) = subject.short_ttl() else { return };
    done("increment", subject.backend.increment(&key, 1, Some(ttl)).await);
    let left = subject.get(&key).await.and_then(|entry| entry.expires_in);
    holds("a new counter takes the ttl", left.is_some_and(|left| left <= ttl));
    subject.pass_all_of(ttl).await;
    same("a new counter ends with its ttl", subject.get(&key).await, None);
}

/// A step leaves what was stored beside the number.
pub async fn a_counter_keeps_its_metadata(subject: &Subject) {
    if !subject.has_metadata() {
        return;
    }
    let key = subject.key("metadata");
    subject.put_with(&key, "1", PutOptions { ttl: None, metadata: Some("{\"a\":1}".into()) }).await;
    subject.increment(&key, 1).await;
    let found = subject.get(&key).await.and_then(|entry| entry.metadata);
    same("a counter keeps its metadata", found.as_deref(), Some("{\"a\":1}"));
}

/// A counter whose time is over is a missing one.
pub async fn an_expired_counter_starts_again(subject: &Subject) {
    let key = subject.key("again");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "7", PutOptions { ttl: Some(ttl), metadata: subject.metadata("1") }).await;
    subject.pass_all_of(ttl).await;
    same("an expired counter starts again", subject.increment(&key, 1).await, 1);
    let found = subject.get(&key).await.map(|entry| (entry.expires_in, entry.metadata));
    same("an expired counter leaves no ttl and no metadata", found, Some((None, None)));
}

/// What is not exactly a number of 64 bits is not counted and not touched.
pub async fn what_is_no_number_is_an_error_and_stays(subject: &Subject) {
    let key = subject.key("text");
    for text in ["", "abc", "1.5", "+1", "01", "-0", " 1", "1 ", "1\n", "\"1\"", "0x1", "9223372036854775808"]
    {
        subject.put_with(&key, text, PutOptions { ttl: None, metadata: subject.metadata("1") }).await;
        let refused =
            matches!(subject.backend.increment(&key, 1, None).await, Err(BackendError::NotAnInteger));
        holds("what is no number is not counted", refused);
        let found = subject.get(&key).await.map(|entry| (entry.value, entry.metadata));
        same("what is no number stays as it was", found, Some((text.into(), subject.metadata("1"))));
    }
}

/// A sum beyond the range is not stored.
pub async fn an_overflow_is_an_error_and_stays(subject: &Subject) {
    let key = subject.key("overflow");
    for (text, step) in [("9223372036854775807", 1), ("-9223372036854775808", -1), ("-2", i64::MIN)] {
        subject.put(&key, text).await;
        let refused =
            matches!(subject.backend.increment(&key, step, None).await, Err(BackendError::CounterOverflow));
        holds("a counter does not leave its range", refused);
        same("a counter that would overflow stays", subject.text(&key).await.as_deref(), Some(text));
    }
}

//! Quotas: what is admitted, until when, and that none is kept for ever.

use std::time::Duration;

use super::subject::{Subject, done};
use super::{holds, same};
use crate::backend::{Decision, Quota};

async fn admit(subject: &Subject, key: &str, cost: u32, quota: Quota) -> Decision {
    done("admit", subject.backend.admit(key, cost, quota).await)
}

/// A window and a smooth quota of this limit, for which all is there again after about the time given at most.
fn both(limit: u32, whole: Duration) -> [(&'static str, Quota); 2] {
    [("window", Quota::window(limit, whole)), ("smooth", Quota::smooth(limit, whole))]
}

/// As many as the limit are admitted, and the next one is told when to come back.
pub async fn a_quota_admits_its_limit_and_no_more(subject: &Subject) {
    for (name, quota) in both(3, Duration::from_hours(1)) {
        let key = subject.key(name);
        for remaining in [2, 1, 0] {
            let decision = admit(subject, &key, 1, quota).await;
            same("a quota admits its limit", (decision.allowed, decision.limit), (true, 3));
            same("a quota says how much remains", decision.remaining, remaining);
            same("who is admitted need not wait", decision.retry_after, None);
        }
        let decision = admit(subject, &key, 1, quota).await;
        same("a quota admits no more than its limit", (decision.allowed, decision.remaining), (false, 0));
        let in_an_hour = |length: Duration| !length.is_zero() && length <= Duration::from_hours(1);
        holds("who is not admitted is told when", decision.retry_after.is_some_and(in_an_hour));
        holds("a quota says when it is whole again", in_an_hour(decision.reset_after));
    }
}

/// A window is over with its time, which a refusal does not lengthen; then all is there again.
pub async fn a_window_that_is_over_begins_again(subject: &Subject) {
    let Some(length) = subject.short_ttl() else { return };
    let (key, quota) = (subject.key("window"), Quota::window(2, length));
    same("a window admits its limit", admit(subject, &key, 2, quota).await.allowed, true);
    subject.pass(length / 2).await;
    let refused = admit(subject, &key, 1, quota).await;
    same("a window admits no more than its limit", refused.allowed, false);
    let half = refused.retry_after.is_some_and(|left| left <= length / 2);
    holds("a window ends when it would have ended", half);
    subject.pass_all_of(super::subject::second_half(length)).await;
    same("a window that is over begins again", admit(subject, &key, 2, quota).await.allowed, true);
}

/// What was used of a smooth quota comes back one by one.
pub async fn a_smooth_quota_comes_back_one_by_one(subject: &Subject) {
    let Some(interval) = subject.short_ttl() else { return };
    let (key, quota) = (subject.key("smooth"), Quota::Smooth { burst: 2, interval });
    same("a smooth quota admits its burst", admit(subject, &key, 2, quota).await.allowed, true);
    let refused = admit(subject, &key, 1, quota).await;
    same("a smooth quota admits no more than its burst", refused.allowed, false);
    let soon = refused.retry_after.is_some_and(|left| left <= interval && !left.is_zero());
    holds("one of a smooth quota is there after an interval", soon);
    subject.pass_all_of(interval).await;
    same("one of a smooth quota has come back", admit(subject, &key, 1, quota).await.allowed, true);
    same("only one of a smooth quota has come back", admit(subject, &key, 1, quota).await.allowed, false);
}

/// What is refused costs nothing, so that a smaller request may still be admitted.
pub async fn what_is_not_admitted_takes_nothing(subject: &Subject) {
    for (name, quota) in both(5, Duration::from_hours(1)) {
        let key = subject.key(name);
        same("a cost is taken", admit(subject, &key, 3, quota).await.remaining, 2);
        let refused = admit(subject, &key, 3, quota).await;
        same("what is not admitted takes nothing", (refused.allowed, refused.remaining), (false, 2));
        let admitted = admit(subject, &key, 2, quota).await;
        same("what is not admitted takes nothing", (admitted.allowed, admitted.remaining), (true, 0));
    }
}

/// No time makes room for a cost beyond the limit; a cost of nothing looks only. Neither leaves anything behind.
pub async fn what_takes_nothing_stores_nothing(subject: &Subject) {
    for (name, quota) in both(5, Duration::from_hours(1)) {
        let key = subject.key(name);
        let refused = admit(subject, &key, 6, quota).await;
        same("a cost beyond the limit is not admitted", (refused.allowed, refused.remaining), (false, 5));
        same("a cost beyond the limit never is", refused.retry_after, None);
        let looked = admit(subject, &key, 0, quota).await;
        let unused = Decision {
            allowed: true,
            limit: 5,
            remaining: 5,
            reset_after: Duration::ZERO,
            retry_after: None,
        };
        same("a cost of nothing looks only", looked, unused);
        same("what takes nothing stores nothing", subject.get(&key).await, None);
    }
}

/// What stands under a key of a quota ends by itself: nobody is locked out for ever.
pub async fn a_quota_in_use_has_an_end(subject: &Subject) {
    let most = Duration::from_hours(1).max(subject.backend.capabilities().minimum_ttl);
    for (name, quota) in both(5, Duration::from_hours(1)) {
        let key = subject.key(name);
        for _ in 0..6 {
            admit(subject, &key, 1, quota).await;
            let left = subject.get(&key).await.and_then(|entry| entry.expires_in);
            holds("a quota in use has an end", left.is_some_and(|left| left <= most));
        }
    }
}

/// The keys of two users are two quotas.
pub async fn quotas_are_told_apart_by_their_keys(subject: &Subject) {
    for (name, quota) in both(1, Duration::from_hours(1)) {
        for user in ["a", "b", "A"] {
            let key = subject.key(&format!("{name}:{user}"));
            same("each key has a quota of its own", admit(subject, &key, 1, quota).await.allowed, true);
        }
    }
}

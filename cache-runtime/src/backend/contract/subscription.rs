//! Subscriptions: whoever holds copies hears of each change before it returns.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::leases::{fill, take};
use super::subject::{Subject, done};
use super::{barriers, holds, same};
use crate::backend::{InvalidationSink, PutOptions};

/// Writes down what it hears of the keys of one test.
struct Listener {
    prefix: String,
    heard: Mutex<Vec<String>>,
}

impl InvalidationSink for Listener {
    fn changed(&self, key: &str) {
        if let Some(name) = key.strip_prefix(&self.prefix) {
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(name.into());
        }
    }

    fn changed_prefix(&self, prefix: &str) {
        if let Some(name) = prefix.strip_prefix(&self.prefix) {
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{name}*"));
        }
    }
}

impl Listener {
    fn new(subject: &Subject) -> Arc<Self> {
        Arc::new(Self { prefix: subject.key_prefix.clone(), heard: Mutex::default() })
    }

    /// What was heard since the last time, without repetitions.
    fn heard(&self) -> Vec<String> {
        let mut heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        heard.sort();
        heard.dedup();
        heard
    }
}

/// A listener that hears, unless the backend does not tell.
fn listen(subject: &Subject) -> Option<Arc<Listener>> {
    let listener = Listener::new(subject);
    let weak: Weak<Listener> = Arc::downgrade(&listener);
    let told = subject.backend.subscribe(weak);
    let in_process = subject.backend.capabilities().in_process;
    holds("a backend in this process tells of changes", told || !in_process);
    subject.has(told, "to tell of changes").then_some(listener)
}

/// Each way to change a value is told when it returns.
pub async fn every_change_is_told(subject: &Subject) {
    let Some(listener) = listen(subject) else { return };
    let (key, backend) = (subject.key("k"), &subject.backend);
    let told = |what: &str| same(&format!("{what} is told before it returns"), listener.heard(), ["k"]);
    subject.put(&key, "1").await;
    told("a put");
    done("put_many", backend.put_many(vec![(key.clone(), "1".into(), PutOptions::default())]).await);
    told("a put_many");
    subject.increment(&key, 1).await;
    told("an increment");
    subject.touch(&key, None).await;
    told("a touch");
    subject.compare_and_set(&key, Some("2"), "3").await;
    told("a compare_and_set");
    subject.delete(&key).await;
    told("a delete");
    // Somebody may hold a copy of what is no longer here.
    subject.delete(&key).await;
    told("a delete of a missing key");
    done("delete_many", backend.delete_many(&[&key]).await);
    told("a delete_many");
    let token = done("begin_write", backend.begin_write(&[&key], Duration::from_mins(1)).await);
    if subject.backend.capabilities().barriers {
        told("the begin of a write");
    }
    listener.heard();
    done("finish_write", backend.finish_write(&[&key], token, None).await);
    told("the end of a write");
}

/// The removal of a prefix is told as one.
pub async fn a_removed_prefix_is_told(subject: &Subject) {
    let Some(listener) = listen(subject) else { return };
    subject.put(&subject.key("p:1"), "v").await;
    listener.heard();
    done("delete_prefix", subject.backend.delete_prefix(&subject.key("p:")).await);
    holds("a removed prefix is told", listener.heard().contains(&"p:*".into()));
}

/// Where nothing changed there is nothing to tell.
pub async fn a_failed_change_is_not_told(subject: &Subject) {
    let Some(listener) = listen(subject) else { return };
    let key = subject.key("text");
    subject.put(&key, "text").await;
    listener.heard();
    subject.compare_and_set(&key, None, "new").await;
    subject.touch(&subject.key("missing"), None).await;
    let counted = subject.backend.increment(&key, 1, None).await;
    holds("what is no number is not counted", counted.is_err());
    same("a failed change is not told", listener.heard().len(), 0);
}

/// A fill changes nothing that anybody could have read, and time needs no telling.
pub async fn a_fill_and_an_expiry_are_not_told(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    let Some(listener) = listen(subject) else { return };
    let Some(ttl) = subject.short_ttl() else { return };
    let (filled, expired) = (subject.key("filled"), subject.key("expired"));
    subject.put_with(&expired, "v", PutOptions::with_ttl(ttl)).await;
    listener.heard();
    let lease = take(subject, &filled).await;
    fill(subject, &filled, Some(lease), "v").await;
    subject.pass_all_of(ttl).await;
    subject.get(&expired).await;
    same("a fill and an expiry are not told", listener.heard().len(), 0);
}

/// A listener lives no longer for being told, and the others are told all the same.
pub async fn a_dropped_listener_is_let_go(subject: &Subject) {
    let Some(dropped) = listen(subject) else { return };
    let Some(listener) = listen(subject) else { return };
    let gone = Arc::downgrade(&dropped);
    drop(dropped);
    holds("a listener is not kept alive", gone.upgrade().is_none());
    subject.put(&subject.key("k"), "v").await;
    same("the others are told all the same", listener.heard(), ["k"]);
    if subject.backend.capabilities().barriers {
        barriers::begin(subject, &[&subject.key("b")], Duration::from_mins(1)).await;
        same("the others are told all the same", listener.heard(), ["b"]);
    }
    holds("the memory of a listener is returned", gone.weak_count() <= 1);
}

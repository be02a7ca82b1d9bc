//! Many keys at once: as if one by one.

use super::subject::{Subject, done};
use super::{holds, same};
use crate::backend::PutOptions;

/// One answer for each key, missing and repeated ones too, where the key stands.
pub async fn get_many_answers_in_the_order_of_the_keys(subject: &Subject) {
    let (a, b, missing) = (subject.key("a"), subject.key("b"), subject.key("missing"));
    subject.put(&a, "1").await;
    subject.put(&b, "2").await;
    let found = done("get_many", subject.backend.get_many(&[&b, &missing, &a, &b]).await);
    let found: Vec<_> = found.into_iter().map(|entry| entry.map(|entry| entry.value)).collect();
    let expected = [Some("2".into()), None, Some("1".into()), Some("2".into())];
    same("get_many answers in the order of the keys", found, expected);
}

/// Each entry has its own life and metadata.
pub async fn put_many_stores_each_with_its_options(subject: &Subject) {
    let Some(ttl) = subject.short_ttl() else { return };
    let (short, long) = (subject.key("short"), subject.key("long"));
    let entries = vec![
        (short.clone(), "1".into(), PutOptions { ttl: Some(ttl), metadata: subject.metadata("1") }),
        (long.clone(), "2".into(), PutOptions::default()),
    ];
    done("put_many", subject.backend.put_many(entries).await);
    let found = subject.get(&short).await;
    let found = found.map(|entry| (entry.value, entry.metadata, entry.expires_in.is_some()));
    same("put_many stores each with its options", found, Some(("1".into(), subject.metadata("1"), true)));
    let found = subject.get(&long).await.map(|entry| (entry.value, entry.metadata, entry.expires_in));
    same("put_many stores each with its options", found, Some(("2".into(), None, None)));
    subject.pass_all_of(ttl).await;
    same("put_many gives each its ttl", subject.get(&short).await, None);
}

/// All of them go; a missing one is no error.
pub async fn delete_many_removes_all_and_counts_them(subject: &Subject) {
    let keys = subject.put_numbered("some", 3).await;
    let missing = subject.key("missing");
    let removed = subject.backend.delete_many(&[&keys[0], &missing, &keys[2]]).await;
    // An engine that cannot tell counts the missing one as well.
    holds("delete_many counts what was there", (2..=3).contains(&done("delete_many", removed)));
    let left = subject.names(&subject.key_prefix, None).await;
    same("delete_many removes what it was given", left, [keys[1].clone()]);
}

/// No keys are no error.
pub async fn nothing_at_all_is_a_valid_bulk(subject: &Subject) {
    same("get_many of nothing is nothing", done("get_many", subject.backend.get_many(&[]).await), []);
    let read = done("read_many", subject.backend.read_many(&[]).await);
    holds("read_many of nothing is nothing", read.is_empty());
    done("put_many", subject.backend.put_many(Vec::new()).await);
    same("delete_many of nothing is nothing", done("delete_many", subject.backend.delete_many(&[]).await), 0);
    let removed = subject.backend.delete_prefix(&subject.key("none")).await;
    same("delete_prefix of nothing is nothing", done("delete_prefix", removed), 0);
}

/// Beyond a page, too.
pub async fn delete_prefix_removes_every_key_however_many(subject: &Subject) {
    subject.put_numbered("many", 2_100).await;
    let removed = subject.backend.delete_prefix(&subject.key("many")).await;
    same("delete_prefix counts what was there", done("delete_prefix", removed), 2_100);
    let left = subject.names(&subject.key_prefix, None).await;
    same("delete_prefix removes every key, however many", left.len(), 0);
}

/// A prefix that is like another, or that a glob would read otherwise, is another.
pub async fn delete_prefix_leaves_every_other_key(subject: &Subject) {
    let others = ["ap", "app", "app.sub:1", "appx:1", "App:1", "b"];
    for name in others.iter().chain(&["app:1", "app:", "app:sub:1"]) {
        subject.put(&subject.key(name), "v").await;
    }
    done("delete_prefix", subject.backend.delete_prefix(&subject.key("app:")).await);
    done("delete_prefix", subject.backend.delete_prefix(&subject.key("a*")).await);
    done("delete_prefix", subject.backend.delete_prefix(&subject.key("[ab]")).await);
    for name in others {
        holds("delete_prefix leaves every other key", subject.get(&subject.key(name)).await.is_some());
    }
    same("delete_prefix removes the key that is the prefix", subject.get(&subject.key("app:")).await, None);
    same("delete_prefix removes what is below", subject.get(&subject.key("app:sub:1")).await, None);
}

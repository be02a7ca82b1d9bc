//! Values, whole and under exactly their key.

use bytes::Bytes;

use super::subject::{Subject, done};
use super::{holds, same};
use crate::backend::PutOptions;

/// Getting or removing what is not there is no error.
pub async fn a_missing_key_is_no_error(subject: &Subject) {
    let key = subject.key("missing");
    same("a missing key is no value", subject.get(&key).await, None);
    // Whether it was there is more than some engines can tell.
    subject.delete(&key).await;
    same("a key is missing after its removal", subject.get(&key).await, None);
}

/// Every byte comes back, whatever it means elsewhere.
pub async fn a_value_is_read_back_as_it_was_put(subject: &Subject) {
    let key = subject.key("bytes");
    let value: Bytes = (0..=255).chain(*b"\r\n\0\xff\xfe").collect();
    subject.put_bytes(&key, value.clone(), PutOptions::default()).await;
    let found = subject.get(&key).await.map(|entry| entry.value);
    same("a value is read back byte by byte", found, Some(value));
}

/// No bytes are not nothing.
pub async fn an_empty_value_is_a_value(subject: &Subject) {
    let key = subject.key("empty");
    subject.put(&key, "").await;
    same("an empty value is a value", subject.text(&key).await.as_deref(), Some(""));
    holds("removing an empty value says that it was there", subject.delete(&key).await);
}

/// A mebibyte comes back whole.
pub async fn a_large_value_is_read_back_whole(subject: &Subject) {
    let key = subject.key("large");
    let value: Bytes =
        (0..1_048_576_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    subject.put_bytes(&key, value.clone(), PutOptions::default()).await;
    let found = subject.get(&key).await.map(|entry| entry.value);
    holds("a value of 1 MiB is read back whole", found == Some(value));
}

/// Keys that look alike, or mean something to some engine, are different keys.
pub async fn keys_are_told_apart_by_every_byte(subject: &Subject) {
    let names = [
        "k",
        "K",
        "k ",
        " k",
        "k:",
        "k/",
        "k/k",
        "k\\",
        "k.",
        "k..",
        "../k",
        "k*",
        "k?",
        "k[a]",
        "k%20",
        "k+",
        "k#",
        "k&",
        "k=1",
        "k\n",
        "k\"",
        "k'",
        "k{k}",
        "kß",
        "kss",
        "k\u{e9}",
        "ke\u{301}",
        "k\u{fffd}",
        "k\u{10000}",
        "k\0",
        "k~1",
        "k%",
        "k%6b",
        "con",
        "k\u{7f}",
    ];
    for name in names {
        let value = Bytes::copy_from_slice(name.as_bytes());
        subject.put_bytes(&subject.key(name), value, PutOptions::default()).await;
    }
    for name in names {
        let found = subject.text(&subject.key(name)).await;
        same("a key is found under exactly its own bytes", found.as_deref(), Some(name));
    }
    let listed = subject.names(&subject.key_prefix, None).await;
    same("each key is listed as it was put", listed.len(), names.len());
    for name in names {
        holds("each key is listed as it was put", listed.contains(&subject.key(name)));
    }
}

/// The longest key, of one-byte and of longer characters.
pub async fn a_key_may_have_512_bytes(subject: &Subject) {
    for filler in ["x", "\u{20ac}"] {
        let mut key = subject.key("");
        while key.len() + filler.len() <= 512 {
            key += filler;
        }
        key += &"y".repeat(512 - key.len());
        subject.put(&key, "long").await;
        same("a key of 512 bytes is a key", subject.text(&key).await.as_deref(), Some("long"));
        let mut neighbour = key.clone();
        neighbour.pop();
        same("a long key is not cut", subject.text(&neighbour).await, None);
        holds("a key of 512 bytes is listed", subject.names(&subject.key_prefix, None).await.contains(&key));
    }
}

/// Metadata comes back character by character, up to the longest.
pub async fn metadata_is_read_back_as_it_was_put(subject: &Subject) {
    if !subject.has_metadata() {
        return;
    }
    let longest = format!("\"{}\"", "m".repeat(1_022));
    for metadata in ["{\"n\":1,\"text\":\"h\u{e9}llo \u{2713}\\n\"}", "false", "\"\"", &longest] {
        let key = subject.key("metadata");
        let options = PutOptions { ttl: None, metadata: Some(metadata.into()) };
        subject.put_with(&key, "v", options).await;
        let found = subject.get(&key).await.and_then(|entry| entry.metadata);
        same("metadata is read back as it was put", found.as_deref(), Some(metadata));
    }
}

/// Nothing of the old entry is left after a put.
pub async fn a_put_replaces_value_ttl_and_metadata_together(subject: &Subject) {
    let key = subject.key("replaced");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "old", PutOptions { ttl: Some(ttl), metadata: subject.metadata("1") }).await;
    subject.put(&key, "new").await;
    let found = subject.get(&key).await;
    let found = found.map(|entry| (entry.value, entry.expires_in, entry.metadata));
    same("a put replaces value, ttl and metadata together", found, Some(("new".into(), None, None)));
}

/// A removal says that the key was there, and it no longer is.
pub async fn a_deleted_key_is_gone(subject: &Subject) {
    let key = subject.key("deleted");
    subject.put(&key, "v").await;
    holds("a removal says that the key was there", subject.delete(&key).await);
    same("a removed key is missing", subject.get(&key).await, None);
}

/// A removal leaves no mark.
pub async fn a_deleted_key_can_be_put_again(subject: &Subject) {
    let key = subject.key("again");
    subject.put(&key, "first").await;
    subject.delete(&key).await;
    subject.put(&key, "second").await;
    same("a removed key can be put again", subject.text(&key).await.as_deref(), Some("second"));
}

/// The expected value is replaced.
pub async fn compare_and_set_stores_over_the_expected_value(subject: &Subject) {
    let key = subject.key("expected");
    subject.put(&key, "old").await;
    holds(
        "compare_and_set stores over the expected value",
        subject.compare_and_set(&key, Some("old"), "new").await,
    );
    same("compare_and_set stores the new value", subject.text(&key).await.as_deref(), Some("new"));
}

/// Any other value stays, and the caller is told.
pub async fn compare_and_set_leaves_another_value(subject: &Subject) {
    let key = subject.key("other");
    subject.put(&key, "other").await;
    for expected in [Some("old"), Some(""), Some("othe"), None] {
        let stored = subject.compare_and_set(&key, expected, "new").await;
        holds("compare_and_set does not store over another value", !stored);
    }
    same("compare_and_set leaves another value", subject.text(&key).await.as_deref(), Some("other"));
}

/// To expect nothing is to create.
pub async fn compare_and_set_creates_only_what_is_missing(subject: &Subject) {
    let key = subject.key("created");
    holds(
        "compare_and_set creates no key it expected",
        !subject.compare_and_set(&key, Some("old"), "new").await,
    );
    same("compare_and_set creates no key it expected", subject.get(&key).await, None);
    holds("compare_and_set creates a missing key", subject.compare_and_set(&key, None, "new").await);
    holds("compare_and_set creates a key once", !subject.compare_and_set(&key, None, "newer").await);
    same("compare_and_set creates a missing key", subject.text(&key).await.as_deref(), Some("new"));
}

/// A success is a put: nothing of the old entry is left.
pub async fn compare_and_set_replaces_ttl_and_metadata(subject: &Subject) {
    let key = subject.key("options");
    let Some(ttl) = subject.short_ttl() else { return };
    subject.put_with(&key, "old", PutOptions { ttl: Some(ttl), metadata: subject.metadata("1") }).await;
    subject.compare_and_set(&key, Some("old"), "new").await;
    let found = subject.get(&key).await.map(|entry| (entry.expires_in, entry.metadata));
    same("compare_and_set replaces ttl and metadata", found, Some((None, None)));
}

/// An engine that answers everything else is healthy.
pub async fn the_engine_says_that_it_serves(subject: &Subject) {
    done("health", subject.backend.health().await);
    holds("the backend has a name", !subject.backend.name().is_empty());
}

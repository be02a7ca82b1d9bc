//! What somebody tries who is not let in.

use std::sync::Arc;

use cache_runtime::testing::ManualClock;
use cache_runtime::{CacheError, ListOptions, LocalKvNamespace, SessionToken};
use sha2::{Digest, Sha256};

use crate::backend::Watched;
use crate::{data, in_memory, service, store};

#[tokio::test]
async fn a_token_that_was_planted_before_the_login_is_good_no_more() {
    let (_, cache) = in_memory();
    let sessions = store(&cache);
    let planted = sessions.create(&1).await.expect("memory answers");
    let token =
        sessions.rotate_for(planted.expose(), "ada").await.expect("memory answers").expect("it is open");
    assert_ne!(token.expose(), planted.expose());
    assert_eq!(data(&sessions, planted.expose()).await, None);
    assert_eq!(sessions.update(planted.expose(), |data| *data = 666).await.expect("memory answers"), None);
    assert!(sessions.rotate(planted.expose()).await.expect("memory answers").is_none());
    assert!(sessions.rotate_for(planted.expose(), "eve").await.expect("memory answers").is_none());
    assert!(
        !sessions.destroy(planted.expose()).await.expect("memory answers"),
        "nor does it end the session"
    );
    assert_eq!(data(&sessions, token.expose()).await, Some(1));
}

#[tokio::test]
async fn a_token_that_nobody_was_given_opens_no_session() {
    let (_, cache) = in_memory();
    let sessions = store(&cache);
    let made_up = "A".repeat(42) + "A";
    assert_eq!(data(&sessions, &made_up).await, None);
    assert_eq!(sessions.update(&made_up, |_| ()).await.expect("memory answers"), None);
    assert!(sessions.rotate_for(&made_up, "eve").await.expect("memory answers").is_none());
    assert!(!sessions.destroy(&made_up).await.expect("memory answers"));
    // Nothing that was asked for is made.
    assert_eq!(data(&sessions, &made_up).await, None);
}

#[tokio::test]
async fn a_token_that_was_ended_is_not_let_in_again() {
    let (_, cache) = in_memory();
    let sessions = store(&cache);
    let token = sessions.create_for("ada", &1).await.expect("memory answers");
    assert!(sessions.destroy(token.expose()).await.expect("memory answers"));
    for _ in 0..3 {
        assert_eq!(data(&sessions, token.expose()).await, None);
        assert_eq!(sessions.update(token.expose(), |_| ()).await.expect("memory answers"), None);
        assert!(sessions.rotate(token.expose()).await.expect("memory answers").is_none());
    }
}

#[tokio::test]
async fn a_text_that_is_no_token_costs_no_call_of_the_backend() {
    let backend = Watched::atomic(LocalKvNamespace::new());
    let sessions = store(&service(&ManualClock::new(), Arc::new(backend.clone())));
    let good: SessionToken = sessions.create(&1).await.expect("memory answers");
    let before = backend.calls();
    let good = good.expose();
    let texts = [
        String::new(),
        good[..42].into(),
        format!("{good}A"),
        format!("{good}="),
        format!(" {good}"),
        good.replace(&good[..1], "+"),
        good.replace(&good[..1], ":"),
        good.replace(&good[..1], "%"),
        "*".repeat(43),
        "\0".repeat(43),
        "ä".repeat(21) + "a",
        "../".repeat(14) + "a",
        "x".repeat(1_000_000),
    ];
    for text in texts.iter().filter(|text| text.as_str() != good) {
        assert_eq!(data(&sessions, text).await, None);
        assert_eq!(sessions.update(text, |_| ()).await.expect("no call fails"), None);
        assert!(sessions.rotate(text).await.expect("no call fails").is_none());
        assert!(sessions.rotate_for(text, "ada").await.expect("no call fails").is_none());
        assert!(!sessions.destroy(text).await.expect("no call fails"));
    }
    assert_eq!(backend.calls(), before);
}

#[tokio::test]
async fn who_reads_the_store_finds_no_token() {
    let (_, cache) = in_memory();
    let sessions = store(&cache);
    let first = sessions.create_for("ada", &1).await.expect("memory answers");
    let second = sessions.rotate(first.expose()).await.expect("memory answers").expect("it is open");
    let keys = cache.backend().list(ListOptions::default()).await.expect("memory answers").keys;
    let mut stored = String::new();
    for key in &keys {
        let entry = cache.backend().get(&key.name).await.expect("memory answers").expect("it is there");
        stored.push_str(&key.name);
        stored.push_str(&String::from_utf8_lossy(&entry.value));
    }
    for token in [&first, &second] {
        assert!(!stored.contains(token.expose()), "{stored}");
        let hash = Sha256::digest(token.expose());
        let name = keys.iter().find_map(|key| {
            let name = key.name.strip_prefix("app.session:session:")?;
            (base64_of(&hash) == name).then_some(name)
        });
        assert!(name.is_some(), "the key is the hash of the token: {keys:?}");
    }
}

/// base64url, by hand: six bits a character, the first bits first.
fn base64_of(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let character = |at: usize| {
        let six = (at..at + 6).fold(0, |number, at| number * 2 + usize::from(bit(at)));
        char::from(alphabet[six])
    };
    (0..bytes.len() * 8).step_by(6).map(character).collect()
}

#[tokio::test]
async fn a_name_longer_than_a_key_is_an_error_and_not_shown() {
    let (_, cache) = in_memory();
    let sessions = store(&cache);
    let long = "x".repeat(600);
    for error in [
        sessions.create_for(&long, &1).await.expect_err("it is too long"),
        sessions.destroy_all(&long).await.expect_err("it is too long"),
    ] {
        assert!(matches!(error, CacheError::InvalidKey { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("xx"));
    }
}

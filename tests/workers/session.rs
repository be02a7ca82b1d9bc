//! The Worker's sessions, in KV.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::server::{self, client};
use crate::{body, cost};

/// A browser that keeps the cookie of its last login.
struct Browser {
    address: &'static str,
    cookie: Option<String>,
}

impl Browser {
    fn new(address: &'static str) -> Self {
        Self { address, cookie: None }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = client().request(method, format!("{}{path}", self.address));
        request = request.header("accept-language", "nb");
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", format!("theme=dark; {cookie}"));
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        request.send().await.expect("the Worker answers")
    }

    async fn log_in(&mut self, user: &str) -> Response {
        let answer = self.send(Method::POST, "/session", Some(json!({ "user": user }))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let cookie = answer.headers()["set-cookie"].to_str().expect("it is text");
        assert!(cookie.ends_with("; Path=/; HttpOnly; Secure; SameSite=Lax"), "{cookie}");
        self.cookie = cookie.split(';').next().map(ToOwned::to_owned);
        answer
    }

    async fn user(&self) -> Option<String> {
        let answer = self.send(Method::GET, "/session", None).await;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return None;
        }
        let shown = body(answer).await;
        assert_eq!(shown["language"], "nb");
        shown["user"].as_str().map(ToOwned::to_owned)
    }
}

#[tokio::test]
async fn a_client_logs_in_and_out_of_the_worker() {
    let Some(address) = server::address() else { return };
    let mut browser = Browser::new(address);
    assert_eq!(browser.user().await, None);
    browser.cookie = Some("session=no-token".into());
    let guess = browser.send(Method::GET, "/session", None).await;
    // What cannot be a token is not asked for.
    assert_eq!((guess.status(), cost(&guess).contains("kv-reads=0")), (StatusCode::UNAUTHORIZED, true));
    browser.log_in("ada").await;
    assert_eq!(browser.user().await.as_deref(), Some("ada"));
    let shown = browser.send(Method::GET, "/session", None).await;
    // The session, whether it was ended, and whether all of the user's were.
    assert_eq!(cost(&shown), "kv-reads=3 kv-writes=0 kv-deletes=0 kv-lists=0 d1-queries=0");
    let old = browser.cookie.clone();
    assert_eq!(browser.send(Method::DELETE, "/session", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(browser.user().await, None);
    assert_eq!(
        browser.send(Method::POST, "/session", Some(json!({}))).await.status(),
        StatusCode::BAD_REQUEST
    );
    assert!(old.is_some_and(|old| old.len() > "session=".len() + 40));
}

#[tokio::test]
async fn a_login_in_the_worker_gives_another_token_and_the_old_one_is_good_no_more() {
    let Some(address) = server::address() else { return };
    let mut browser = Browser::new(address);
    browser.log_in("bob").await;
    let thief = Browser { address, cookie: browser.cookie.clone() };
    browser.log_in("carol").await;
    assert_eq!((browser.user().await.as_deref(), thief.user().await), (Some("carol"), None));
}

#[tokio::test]
async fn all_of_a_users_sessions_end_together_in_the_worker() {
    let Some(address) = server::address() else { return };
    let (mut here, mut there, mut other) =
        (Browser::new(address), Browser::new(address), Browser::new(address));
    here.log_in("dora").await;
    there.log_in("dora").await;
    other.log_in("emil").await;
    assert_eq!(here.send(Method::DELETE, "/sessions", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!((here.user().await, there.user().await), (None, None));
    assert_eq!(other.user().await.as_deref(), Some("emil"));
}

//! A real workerd for the tests. Its Worker, `miniflare/worker.mjs`, has the REST interface over KV bindings.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{CloudflareBackend, CloudflareBackendBuilder};
use cache_tests::workerd;
use serde_json::{Value, json};

/// What the Worker takes.
pub(crate) const ACCOUNT: &str = "test-account";
pub(crate) const TOKEN: &str = "test-token";

/// How many namespaces there are; a test that plans faults has one of its own.
const NAMESPACES: usize = 60;

/// A namespace of the server.
pub(crate) struct Namespace {
    pub(crate) id: String,
    address: &'static str,
}

/// The address of the one server; `None`, and a line that says so, where there is none.
fn address() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    let start = || workerd::serve("cloudflare/miniflare/server.mjs", [NAMESPACES.to_string().into()]);
    let address = SERVER.get_or_init(start).as_deref();
    if address.is_none() {
        println!("skipped: there is no workerd here");
    }
    address
}

/// The namespace that all share whose keys nobody else has.
pub(crate) fn shared() -> Option<Namespace> {
    Some(Namespace { id: "kv0".into(), address: address()? })
}

/// A namespace that nobody else has.
pub(crate) fn namespace() -> Option<Namespace> {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    let address = address()?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    assert!(number < NAMESPACES, "raise NAMESPACES");
    Some(Namespace { id: format!("kv{number}"), address })
}

impl Namespace {
    pub(crate) fn base_url(&self) -> String {
        format!("{}/client/v4", self.address)
    }

    /// A backend that a busy machine does not hurry.
    pub(crate) fn builder(&self) -> CloudflareBackendBuilder {
        CloudflareBackend::builder(ACCOUNT, &self.id, TOKEN)
            .base_url(self.base_url())
            .attempt_timeout(Duration::from_mins(1))
            .deadline(Duration::from_mins(2))
    }

    pub(crate) fn backend(&self) -> CloudflareBackend {
        self.builder().build().expect("the configuration is right")
    }

    async fn control(&self, what: &str, body: Option<Value>) -> String {
        let address = format!("{}/{what}/{}", self.address, self.id);
        let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        let request = match body {
            Some(body) => client.post(address).body(body.to_string()),
            None => client.get(address),
        };
        let answer = request.send().await.expect("the server answers");
        assert!(answer.status().is_success());
        answer.text().await.expect("the server answers")
    }

    /// Spoils the next requests, as `miniflare/faults.mjs` says.
    pub(crate) async fn plan(&self, faults: Value) {
        self.control("faults", Some(faults)).await;
    }

    /// Spoils every request of a kind so many times.
    pub(crate) async fn spoil(&self, on: &str, times: usize, mut fault: Value) {
        fault["on"] = on.into();
        fault["times"] = times.into();
        self.plan(json!([fault])).await;
    }

    /// What has been asked: `PUT /values` and so on.
    pub(crate) async fn requests(&self) -> Vec<String> {
        serde_json::from_str(&self.control("requests", None).await).expect("the server sends JSON")
    }

    /// Calls methods of a `KVCacheService` in JavaScript on the namespace; one answer a call.
    pub(crate) async fn service(&self, calls: Value) -> Vec<Value> {
        serde_json::from_str(&self.control("service", Some(calls)).await).expect("the server sends JSON")
    }

    /// Calls methods of the binding itself, as a program in JavaScript does; one answer a call.
    pub(crate) async fn binding(&self, calls: Value) -> Vec<Value> {
        serde_json::from_str(&self.control("binding", Some(calls)).await).expect("the server sends JSON")
    }
}

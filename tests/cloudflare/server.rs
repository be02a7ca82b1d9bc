//! A real workerd for the tests, by Miniflare: started on a free port, and ended with this process, whatever becomes
//! of it. Its Worker, `miniflare/worker.mjs`, has the REST interface over KV bindings.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{CloudflareBackend, CloudflareBackendBuilder};
use serde_json::{Value, json};

/// What the Worker takes.
pub(crate) const ACCOUNT: &str = "test-account";
pub(crate) const TOKEN: &str = "test-token";

/// How many namespaces there are; a test that plans faults has one of its own.
const NAMESPACES: usize = 60;

/// The process; it ends when its input does, which comes with the end of this process.
struct Server {
    address: String,
    _process: Child,
}

/// A namespace of the server.
pub(crate) struct Namespace {
    pub(crate) id: String,
    address: &'static str,
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn start() -> Option<Server> {
    let skip = |why: &str| {
        println!("skipped: {why}");
        None
    };
    let folder = here("../target/test-servers/miniflare");
    if !folder.join("node_modules/miniflare").exists() {
        return skip("miniflare is not there; tests/run fetches it");
    }
    let mut command = Command::new("node");
    command.arg(here("cloudflare/miniflare/server.mjs")).arg(folder).arg(NAMESPACES.to_string());
    let Ok(mut process) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return skip("node is not installed");
    };
    let mut address = String::new();
    let output = process.stdout.take().expect("the output is piped");
    BufReader::new(output).read_line(&mut address).expect("the server tells its address");
    let address = address.trim().to_owned();
    assert!(address.starts_with("http://127.0.0.1:"), "workerd did not come up: {address:?}");
    Some(Server { address, _process: process })
}

/// The address of the one server; `None`, and a line that says so, where there is none.
fn address() -> Option<&'static str> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(start).as_ref();
    if server.is_none() {
        println!("skipped: there is no workerd here");
    }
    server.map(|server| server.address.as_str())
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

    /// Calls methods of the binding itself, as a program in JavaScript does; one answer a call.
    pub(crate) async fn binding(&self, calls: Value) -> Vec<Value> {
        serde_json::from_str(&self.control("binding", Some(calls)).await).expect("the server sends JSON")
    }
}

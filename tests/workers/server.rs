//! The example Worker in a real workerd.

use std::path::PathBuf;
use std::sync::OnceLock;

use cache_tests::workerd::{here, serve};
use reqwest::Client;

fn start() -> Option<String> {
    let build = here("../target/worker/build");
    if !build.join("index_bg.wasm").exists() {
        println!("skipped: the example Worker is not built; `tests/run --workers` does that");
        return None;
    }
    let sql = here("../target/worker/database.sql");
    let parts = ["../examples/projects/schema.sql", "workers/rows.sql"];
    let parts = parts.map(|part| std::fs::read_to_string(here(part)).expect("the file is there"));
    std::fs::write(&sql, parts.concat()).expect("the target folder is ours");
    serve("workers/server.mjs", [build.into(), sql.into(), log().into()])
}

/// Where the lines of the Worker's console are.
pub(crate) fn log() -> PathBuf {
    here("../target/worker/console.log")
}

/// The address of the one server; `None`, and a line that says so, where there is none.
pub(crate) fn address() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    let address = SERVER.get_or_init(start).as_deref();
    if address.is_none() {
        println!("skipped: there is no Worker here");
    }
    address
}

/// A client of the Worker.
pub(crate) fn client() -> Client {
    // It asks for a choice of cryptography, though it needs none here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A connection that workerd closes while it is idle would fail the next request.
    Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client can be made")
}

//! Workerd, by Miniflare: a script of node's that serves until its input ends, which comes with the end of the test
//! process, whatever becomes of it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A path below the folder of the tests.
#[must_use]
pub fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Starts a script with the folder of the packages and `arguments`, and returns the address that it prints; `None`, and
/// a line that says why, where it cannot run.
///
/// # Panics
///
/// If the script runs and serves nothing.
pub fn serve(script: &str, arguments: impl IntoIterator<Item = OsString>) -> Option<String> {
    let skip = |why: &str| {
        println!("skipped: {why}");
        None
    };
    let folder = here("../target/test-servers/miniflare");
    if !folder.join("node_modules/miniflare").exists() {
        return skip("miniflare is not there; tests/run fetches it");
    }
    let mut command = Command::new("node");
    command.arg(here(script)).arg(folder).args(arguments);
    let Ok(mut process) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return skip("node is not installed");
    };
    let mut address = String::new();
    let output = process.stdout.take().expect("the output is piped");
    BufReader::new(output).read_line(&mut address).expect("the server tells its address");
    let address = address.trim().to_owned();
    assert!(address.starts_with("http://127.0.0.1:"), "workerd did not come up: {address:?}");
    // Its input stays open for as long as this process lives.
    std::mem::forget(process);
    Some(address)
}

//! A process of the service, and a client of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Server;

/// A running process; ended with the test.
pub(crate) struct Instance {
    process: Process,
    log: Receiver<String>,
    url: String,
    client: Client,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

/// Two processes on one server and one database.
pub(crate) fn two(redis: &Server, more: &[&str]) -> (Instance, Instance, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let start = || Instance::start(&redis.url(0), &directory.path().join("db"), more);
    let (first, second) = (start(), start());
    (first, second, directory)
}

/// What a login answers, as a client sends it back.
pub(crate) fn cookie(login: &Answer) -> String {
    let cookie = login.headers[SET_COOKIE].to_str().expect("it is text");
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax"] {
        assert!(cookie.contains(attribute), "no {attribute}");
    }
    cookie.split(';').next().expect("it begins with the token").to_owned()
}

impl Instance {
    /// Starts the program on a free port, and waits until it listens.
    pub(crate) fn start(backend: &str, database: &Path, more: &[&str]) -> Self {
        Self::start_in(&[], backend, database, more)
    }

    /// Starts it in an environment with these variables.
    pub(crate) fn start_in(
        variables: &[(&str, &str)],
        backend: &str,
        database: &Path,
        more: &[&str],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.args(["--listen", "127.0.0.1:0", "--backend", backend, "--database"]).arg(database);
        command.args(more).envs(variables.iter().copied());
        let process = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        let mut process = Process(process);
        let output = BufReader::new(process.0.stdout.take().expect("the output is piped"));
        let (sender, log) = channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let url = loop {
            let line = log.recv_timeout(Duration::from_secs(20)).expect("it says where it listens");
            let line: Value = serde_json::from_str(&line).expect("a line of the log is JSON");
            if let Some(address) = line["address"].as_str() {
                break format!("http://{address}");
            }
        };
        // The client wants to know one, though it needs none; an error says that it does.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build();
        Self { process, log, url, client: client.expect("a client can be made") }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, cookie: &str, body: Value) -> Answer {
        let request = self.client.request(method, format!("{}{path}", self.url)).header("cookie", cookie);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("the service answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.expect("the answer is whole");
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(path, "").await
    }

    pub(crate) async fn get_as(&self, path: &str, cookie: &str) -> Answer {
        self.ask(Method::GET, path, cookie, Value::Null).await
    }

    pub(crate) async fn put(&self, path: &str, cookie: &str, body: Value) -> StatusCode {
        self.ask(Method::PUT, path, cookie, body).await.status
    }

    pub(crate) async fn post(&self, path: &str, cookie: &str, body: Value) -> StatusCode {
        self.ask(Method::POST, path, cookie, body).await.status
    }

    pub(crate) async fn try_log_in(&self, email: &str, password: &str) -> Answer {
        let who = json!({ "email": email, "password": password });
        self.ask(Method::POST, "/login", "", who).await
    }

    /// The cookie of a session.
    pub(crate) async fn log_in(&self, email: &str) -> String {
        let answer = self.try_log_in(email, "correct horse").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        cookie(&answer)
    }

    /// Asks the process to stop, waits until it has, and returns its log from when it listened.
    pub(crate) fn stop(mut self) -> Vec<String> {
        let pid = self.process.0.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(self.process.0.wait().expect("the process ends").success());
        self.log.iter().collect()
    }
}

/// Ends with the test, also if that fails before it has an instance.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

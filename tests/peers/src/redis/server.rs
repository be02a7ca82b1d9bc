//! A server of the measure's own, on a free port; ended with it.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long it may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts one; says why where there is none.
    pub fn start() -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        drop(listener);
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = started.map_err(|error| format!("redis-server does not start: {error}"))?;
        let server = Self { child, port };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if start.elapsed() > PATIENCE {
                return Err("redis-server does not answer".to_owned());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// What `redis-benchmark` reads in a second over so many connections; `None` where it is not installed.
    pub fn benchmark(&self, connections: usize, reads: usize, key: &str) -> Option<f64> {
        let mut command = Command::new("redis-benchmark");
        command.args(["-p", &self.port.to_string(), "-c", &connections.to_string()]);
        command.args(["-n", &reads.to_string(), "--csv", "GET", key]);
        let output = command.output().ok()?;
        // "GET app:peer:1000000","71428.57",…
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().last()?.split(',').nth(1)?.trim_matches('"').parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

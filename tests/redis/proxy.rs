//! A TCP proxy between a backend and its server, which does what networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// They go through.
    Pass,
    /// They go through after 300 ms.
    Delay,
    /// Both sides are closed when the next ones come from the server.
    Reset,
    /// They vanish, and the connection stays open.
    Swallow,
    /// The first half of what the server sends next goes through; then both sides are closed.
    Truncate,
    /// What the server sends is replaced by bytes that are not the protocol.
    Garbage,
}

const MODES: [Mode; 6] = [Mode::Pass, Mode::Delay, Mode::Reset, Mode::Swallow, Mode::Truncate, Mode::Garbage];

/// What becomes of the bytes of connections that are told of changes, and of all others.
struct Modes {
    pushes: AtomicU8,
    others: AtomicU8,
}

/// The proxy; closes its connections when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    modes: Arc<Modes>,
    connections: Arc<AtomicUsize>,
    fuse: Arc<Fuse>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before a server on this machine.
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let pass = || AtomicU8::new(Mode::Pass as u8);
        let modes = Arc::new(Modes { pushes: pass(), others: pass() });
        let connections = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (Arc::clone(&modes), Arc::clone(&connections));
        let fuse = Arc::new(Fuse { left: AtomicUsize::new(usize::MAX), cut: watch::Sender::new(false) });
        let burning = Arc::clone(&fuse);
        let accepting = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                if !burning.is_cut() {
                    tasks.spawn(carry(client, port, Arc::clone(&shared), Arc::clone(&burning)));
                }
            }
        });
        Self { address, modes, connections, fuse, accepting }
    }

    pub(crate) fn url(&self, database: usize) -> String {
        format!("redis://{}/{database}", self.address)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.modes.others.store(mode as u8, Ordering::SeqCst);
        self.set_pushes(mode);
    }

    /// Only for the connections that are told of changes.
    pub(crate) fn set_pushes(&self, mode: Mode) {
        self.modes.pushes.store(mode as u8, Ordering::SeqCst);
    }

    /// Cuts the line in place of the message of this number from now, counted from 1 in both directions. Who connects
    /// then is cut off at once, until it is mended.
    pub(crate) fn cut_after(&self, messages: usize) {
        self.fuse.left.store(messages, Ordering::SeqCst);
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.fuse.is_cut()
    }

    /// Waits for the cut.
    pub(crate) async fn is_cut(&self) {
        let _ = self.fuse.cut.subscribe().wait_for(|cut| *cut).await;
    }

    pub(crate) fn mend(&self) {
        self.fuse.left.store(usize::MAX, Ordering::SeqCst);
        self.fuse.cut.send_replace(false);
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// How many more messages go through.
struct Fuse {
    left: AtomicUsize,
    cut: watch::Sender<bool>,
}

impl Fuse {
    fn is_cut(&self) -> bool {
        *self.cut.borrow()
    }

    /// Counts a message; whether it is the one in whose place the line is cut.
    fn burns(&self) -> bool {
        let is_last = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if is_last {
            self.cut.send_replace(true);
        }
        is_last || self.is_cut()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut client: TcpStream, port: u16, modes: Arc<Modes>, fuse: Arc<Fuse>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    // Else a small packet waits for the acknowledgement of the one before it.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut mode = &modes.others;
    let mut cut = fuse.cut.subscribe();
    loop {
        tokio::select! {
            () = async { drop(cut.wait_for(|cut| *cut).await) } => return,
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                if fuse.burns() {
                    return;
                }
                if up[..length].windows(8).any(|word| word == b"TRACKING") {
                    mode = &modes.pushes;
                }
                match now(mode) {
                    Mode::Swallow => continue,
                    Mode::Delay => tokio::time::sleep(Duration::from_millis(300)).await,
                    _ => {}
                }
                if server.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if fuse.burns() {
                    return;
                }
                let sent = match now(mode) {
                    Mode::Reset => return,
                    Mode::Swallow => continue,
                    Mode::Truncate => {
                        let _ = client.write_all(&down[..length / 2]).await;
                        return;
                    }
                    Mode::Garbage => client.write_all(b"\xff\x00garbage, and no protocol\r\n").await,
                    Mode::Pass | Mode::Delay => client.write_all(&down[..length]).await,
                };
                if sent.is_err() {
                    return;
                }
            }
        }
    }
}

fn now(mode: &AtomicU8) -> Mode {
    MODES[usize::from(mode.load(Ordering::SeqCst))]
}

//! One open connection, and what was asked of its server when it opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis::{AsyncConnectionConfig, Client, Pipeline, PushInfo, PushKind, Value};

use super::dial::{self, Dialed};
use super::fault::Fault;
use super::reply;
use super::scripts::{self, Script};

/// An open connection. What it knows of the server belongs to this connection alone: another one may be to
/// another server, or to the same one after a restart from an old dump.
pub(super) struct Live {
    dialed: Dialed,
    scripts: Vec<String>,
    /// Which history the server's data belong to; 0 where it does not tell.
    pub(super) epoch: u64,
    /// The epoch as scripts and envelopes have it; empty where it is 0.
    pub(super) epoch_bytes: Vec<u8>,
    /// Whether `SET` knows `IFEQ`.
    pub(super) has_ifeq: bool,
    /// Whether it is known to be a replica.
    pub(super) is_replica: bool,
    /// The server's clock in milliseconds since 1970, at a moment of ours.
    clock: (u64, Instant),
    lost: Arc<AtomicBool>,
    /// Commands in a row that got no answer in time.
    pub(super) timeouts: AtomicU32,
}

impl Live {
    /// Connects, introduces itself, and asks what has to be known.
    pub(super) async fn open(client: &Client, epochs: bool) -> Result<Self, Fault> {
        let lost = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&lost);
        let config = AsyncConnectionConfig::new()
            // Both limits are ours: they cover more than the client's.
            .set_response_timeout(None)
            .set_connection_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    flag.store(true, Ordering::Release);
                }
                Ok::<(), std::convert::Infallible>(())
            });
        let dialed = dial::dial(client, config).await.map_err(|error| Fault::of_connect(&error))?;

        let mut questions = Pipeline::new();
        scripts::load(&mut questions);
        questions.cmd("TIME");
        questions.cmd("INFO").arg("server");
        questions.cmd("INFO").arg("replication");
        let asked = Instant::now();
        let answers = dialed
            .connection()
            .send_packed_commands(&questions, 0, questions.len())
            .await
            .map_err(|error| Fault::of_connect(&error))?;
        let answered = Instant::now();
        let mut answers = answers.into_iter();
        let scripts = answers.by_ref().take(scripts::COUNT).map(reply::text).collect::<Result<_, _>>()?;
        let time = answers.next().and_then(server_time);
        // A user without the right to ask has no epoch, and no newer commands.
        let server = answers.next().and_then(|answer| reply::text(answer).ok()).unwrap_or_default();
        let replication = answers.next().and_then(|answer| reply::text(answer).ok()).unwrap_or_default();

        let epoch = if epochs { epoch(&replication) } else { 0 };
        let middle = asked + answered.duration_since(asked) / 2;
        Ok(Self {
            dialed,
            scripts,
            epoch,
            epoch_bytes: if epoch == 0 { Vec::new() } else { epoch.to_be_bytes().to_vec() },
            has_ifeq: has_ifeq(&server),
            is_replica: field(&replication, "role") == Some("slave"),
            clock: (time.unwrap_or_else(own_time), middle),
            lost,
            timeouts: AtomicU32::new(0),
        })
    }

    /// Whether the connection is known to be closed.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// How long it has been open.
    pub(super) fn age(&self) -> Duration {
        self.clock.1.elapsed()
    }

    /// The server's clock, in milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        let (then, moment) = self.clock;
        then.saturating_add(millis(moment.elapsed()))
    }

    /// By what a value is told that is of another history, or over: the epoch and the server's clock.
    pub(super) fn epoch_and_now(&self) -> (u64, u64) {
        (self.epoch, self.now())
    }

    /// Adds a call of a script to a pipeline; the epoch is its first argument.
    pub(super) fn script(&self, pipeline: &mut Pipeline, script: Script, keys: &[&str], arguments: &[&[u8]]) {
        let mut all: Vec<&[u8]> = Vec::with_capacity(arguments.len() + 1);
        all.push(&self.epoch_bytes);
        all.extend(arguments);
        scripts::call(pipeline, &self.scripts, script, keys, &all);
    }

    /// Sends a pipeline; one answer a command, errors of single commands among them.
    pub(super) async fn send(&self, pipeline: &Pipeline) -> Result<Vec<Value>, Fault> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.dialed.connection().send_packed_commands(pipeline, 0, pipeline.len()).await;
        let answers = answers.map_err(|error| Fault::of_command(&error))?;
        if answers.len() == pipeline.len() { Ok(answers) } else { Err(Fault::Answer) }
    }
}

/// Whole milliseconds.
pub(super) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn own_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// The answer of `TIME`: seconds and microseconds.
fn server_time(answer: Value) -> Option<u64> {
    let parts = reply::list(answer).ok()?.into_iter();
    let mut parts = parts.map(|part| reply::text(part).ok()?.parse::<u64>().ok());
    let (seconds, micros) = (parts.next()??, parts.next()??);
    Some(seconds.saturating_mul(1_000).saturating_add(micros / 1_000))
}

/// A field of the answer of `INFO`.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

/// The first 8 bytes of the replication id, which a restart and a failover change; 0 where it is not told.
fn epoch(replication: &str) -> u64 {
    field(replication, "master_replid")
        .and_then(|id| u64::from_str_radix(id.get(..16)?, 16).ok())
        .unwrap_or_default()
}

/// Valkey has `SET … IFEQ` from 8.1 on, Redis from 8.4 on.
fn has_ifeq(server: &str) -> bool {
    let at_least =
        |name, least: (u32, u32)| field(server, name).and_then(version).map(|version| version >= least);
    at_least("valkey_version", (8, 1)).or_else(|| at_least("redis_version", (8, 4))).unwrap_or(false)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::{epoch, has_ifeq};

    #[test]
    fn the_epoch_is_the_beginning_of_the_replication_id() {
        let info =
            "# Replication\r\nrole:master\r\nmaster_replid:00000000000000ffaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
        assert_eq!(epoch(info), 255);
        for other in ["", "master_replid:", "master_replid:zz", "master_replid2:00000000000000ff"] {
            assert_eq!(epoch(other), 0, "{other}");
        }
    }

    #[test]
    fn ifeq_is_used_where_the_server_has_it() {
        for (info, has) in [
            ("redis_version:7.0.15\r\n", false),
            ("redis_version:8.4.0\r\n", true),
            ("redis_version:8.3.9\r\n", false),
            ("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n", true),
            ("redis_version:7.2.4\r\nvalkey_version:8.0.2\r\n", false),
            ("redis_version:10.0.0\r\n", true),
            ("nothing", false),
        ] {
            assert_eq!(has_ifeq(info), has, "{info}");
        }
    }
}

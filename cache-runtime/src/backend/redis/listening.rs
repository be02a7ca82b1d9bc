//! The push connection: the server tells over it of changes and of writers that call copies back, and a `PING` on it
//! shows that nothing is missing.

use std::collections::HashSet;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline, PushInfo, PushKind, Value};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::fault::Fault;
use super::recall::{Request, sync_channel};
use super::tracking::{Wanted, generations};
use super::{reply, tokens};
use crate::backend::Pushes;

/// How often the connection is asked within the silence bound.
const QUESTIONS: u32 = 4;
/// The first and the longest pause between two attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// How long a server that does not push is left alone.
const REFUSED: Duration = Duration::from_secs(10);
/// What a server says that will not do it at the next try either.
const REFUSALS: [&str; 4] = ["ERR", "NOPERM", "NOAUTH", "WRONGPASS"];

/// An acknowledgement on its way: the channel, and the number of the call.
type Ack = (String, [u8; 8]);

/// Keeps the connection open until the backend is gone.
pub(super) async fn run(wanted: &Arc<Wanted>) {
    let mut pause = PAUSES.0;
    while !wanted.is_closed() {
        let opened = std::time::Instant::now();
        let Err(fault) = listen(wanted).await else { return };
        wanted.closes();
        if opened.elapsed() > PAUSES.1 {
            pause = PAUSES.0;
        }
        let refused = matches!(&fault, Fault::Server(code) if REFUSALS.contains(&code.as_str()));
        if refused {
            wanted.pushes.refused();
            tracing::warn!(
                "the server does not push changes: {fault}; a local tier over it serves nothing, or what its \
                 `local_ttl` allows"
            );
        } else {
            tracing::debug!("the push connection ended: {fault}");
        }
        // Half of it by chance, so that many processes do not come back at once.
        let length = if refused { REFUSED } else { pause };
        sleep(length / 2 + length / 2 * tokens::permille() / 1_000).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Opens a connection and listens until it is lost; ends well when the backend is gone.
async fn listen(wanted: &Arc<Wanted>) -> Result<(), Fault> {
    let (acks, to_send) = unbounded_channel();
    let hears = Arc::clone(wanted);
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_connection_timeout(None)
        // Called in the order of what the server sends, replies too: whatever came before the answer to a
        // question has been dealt with when that answer is seen.
        .set_push_sender(move |push: PushInfo| {
            hear(&hears, &push, &acks);
            Ok::<(), Infallible>(())
        });
    let Some(client) = wanted.link.client() else { return Ok(()) };
    let opened = client.get_multiplexed_async_connection_with_config(&config);
    let limit = wanted.link.limits().connect;
    let connection = timeout(limit, opened).await.map_err(|_| Fault::ConnectTimeout(limit))?;
    let connection = connection.map_err(|error| Fault::of_connect(&error))?;
    let asking = pin!(ask(wanted, connection.clone()));
    let acknowledging = pin!(acknowledge(connection, to_send));
    match select(asking, acknowledging).await {
        Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
    }
}

/// What comes without being asked for. In the connection's own task: it must be quick.
fn hear(wanted: &Wanted, push: &PushInfo, acks: &UnboundedSender<Ack>) {
    match (&push.kind, push.data.as_slice()) {
        (PushKind::Invalidate, [Value::Array(keys)]) => {
            for key in keys {
                if let Value::BulkString(key) = key
                    && let Ok(key) = std::str::from_utf8(key)
                {
                    wanted.changed(key);
                }
            }
        }
        // Somebody has emptied the whole database.
        (PushKind::Invalidate, _) => wanted.changed_all(),
        (PushKind::Message, [Value::BulkString(channel), Value::BulkString(message)]) => {
            // An acknowledgement is a number and nothing else.
            if message.len() == 8 {
                return wanted.acks.count(message);
            }
            let Some(request) = Request::parse(message).filter(|_| channel.ends_with(b"!sync")) else {
                return;
            };
            request.keys.iter().for_each(|key| wanted.changed(key));
            // Who has gone away needs no answer.
            let _ = acks.send((request.channel.to_owned(), request.number));
        }
        (PushKind::Disconnection, _) => {
            // The next question will find out.
            wanted.pushes.lost();
            wanted.wake.notify_one();
        }
        _ => {}
    }
}

/// Tracks what is wanted, and asks whether the connection still carries.
async fn ask(wanted: &Wanted, mut connection: MultiplexedConnection) -> Result<(), Fault> {
    let limit = wanted.link.limits().command;
    let beside = wanted.link.opened();
    let (mut tracked, mut subscribed) = (HashSet::new(), HashSet::new());
    while !wanted.is_closed() {
        let (prefixes, channels) = wanted.missing(&tracked, &subscribed);
        if !(prefixes.is_empty() && channels.is_empty()) {
            let all = prefixes.iter().map(|prefix| sync_channel(prefix)).chain(channels).collect::<Vec<_>>();
            within(limit, track(&mut connection, &prefixes, &all)).await?;
            // What was read before may be of before a change that nobody told.
            for prefix in &prefixes {
                wanted.changed_prefix(prefix);
            }
            tracked.extend(prefixes);
            subscribed.extend(all);
            wanted.opened(&subscribed);
        }
        let since = Pushes::now();
        within(limit, send(&mut connection, redis::cmd("PING"))).await?;
        // Another server may be behind the address by now, and this one hear of nothing.
        if wanted.link.opened() > beside.max(1) {
            return Err(Fault::Lost("the commands' connection is another".into()));
        }
        wanted.heard(since, &tracked);
        // Whether something more is wanted or not.
        let _ = timeout(wanted.bound / QUESTIONS, wanted.wake.notified()).await;
    }
    Ok(())
}

async fn within<T>(limit: Duration, sent: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(limit, sent).await.unwrap_or(Err(Fault::Timeout(limit)))
}

async fn send(connection: &mut MultiplexedConnection, command: redis::Cmd) -> Result<Value, Fault> {
    let mut pipeline = Pipeline::new();
    pipeline.add_command(command);
    let answers = connection.send_packed_commands(&pipeline, 0, 1).await;
    let answer = answers.map_err(|error| Fault::of_command(&error))?.pop().unwrap_or_default();
    match answer {
        Value::ServerError(error) => Err(Fault::of_server(&error)),
        answer => Ok(answer),
    }
}

/// Has the server tell of further prefixes, none of which begins another's keys, and on further channels.
async fn track(
    connection: &mut MultiplexedConnection,
    prefixes: &[Box<str>],
    channels: &[String],
) -> Result<(), Fault> {
    if !prefixes.is_empty() {
        let mut command = redis::cmd("CLIENT");
        command.arg("TRACKING").arg("ON").arg("BCAST");
        for prefix in prefixes {
            command.arg("PREFIX").arg(format!("{prefix}:")).arg("PREFIX").arg(generations(prefix));
        }
        reply::okay(send(connection, command).await?)?;
    }
    connection.subscribe(channels).await.map_err(|error| Fault::of_command(&error))
}

/// Says to writers that copies have been dropped.
async fn acknowledge(
    mut connection: MultiplexedConnection,
    mut acks: UnboundedReceiver<Ack>,
) -> Result<(), Fault> {
    let mut due = Vec::new();
    while acks.recv_many(&mut due, 64).await > 0 {
        let mut pipeline = Pipeline::new();
        for (channel, number) in due.drain(..) {
            pipeline.cmd("PUBLISH").arg(channel).arg(&number[..]);
        }
        let answers = connection.send_packed_commands(&pipeline, 0, pipeline.len()).await;
        answers.map_err(|error| Fault::of_command(&error))?;
    }
    // The connection's own task is gone, and with it the connection.
    Err(Fault::Lost("the connection was closed".into()))
}

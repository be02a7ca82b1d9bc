//! The connection to a server: opened when needed, given up when lost, and not tried for a while when the server is
//! dead.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{Client, Pipeline, Value};

use super::fault::Fault;
use super::live::Live;
use super::sentinel::Sentinels;
use super::tokens;
use crate::clock::Clock;
use crate::rt;

/// Commands in a row without an answer after which the server is taken for dead.
const TIMEOUTS_THAT_OPEN: u32 = 3;
/// The first pause after a failed attempt, doubled by each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Who is connected to.
pub(super) enum Source {
    Server(Client),
    /// The primary that they name at the time.
    Sentinels(Sentinels),
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connect: Duration,
    pub(super) command: Duration,
}

/// A connection that opens and reopens itself.
pub(super) struct Link {
    source: Source,
    limits: Limits,
    /// Whether values of another history of the server are told from those of this one.
    epochs: bool,
    opened: AtomicU64,
    state: Mutex<State>,
    /// Held by the one who connects.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    live: Option<Arc<Live>>,
    /// Attempts in a row that failed.
    failures: u32,
    /// When the next attempt is due, and why the last one failed: the open circuit.
    pause: Option<(Instant, String)>,
    /// Whether somebody was told that the server does not show its epoch.
    warned: bool,
}

/// Whether a command may be sent again when its answer was lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It changes nothing, or nothing more the second time.
    May,
    /// The first one may have done its work.
    MustNot,
}

impl Link {
    pub(super) fn new(source: Source, limits: Limits, epochs: bool) -> Self {
        Self {
            source,
            limits,
            epochs,
            opened: AtomicU64::new(0),
            state: Mutex::default(),
            connecting: tokio::sync::Mutex::const_new(()),
        }
    }

    /// Whether old values are misses, as far as is known.
    pub(super) fn tells_epochs(&self) -> bool {
        self.epochs && !self.state().warned
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one assignment after another, none of which panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open connection, whatever it takes within the limits.
    pub(super) async fn live(&self) -> Result<Arc<Live>, Fault> {
        match self.look()? {
            Some(live) => Ok(live),
            // Apart: it is larger than all the rest of a command.
            None => Box::pin(self.open_in_turn()).await,
        }
    }

    /// Opens the connection, unless somebody else has meanwhile.
    async fn open_in_turn(&self) -> Result<Arc<Live>, Fault> {
        let _turn = match self.connecting.try_lock() {
            Ok(turn) => turn,
            // While a server that failed is being probed, nobody else waits for it.
            Err(_) if self.state().failures > 0 => return Err(Fault::Open("it is being probed".into())),
            Err(_) => tokio::time::timeout(self.limits.connect, self.connecting.lock())
                .await
                .map_err(|_| Fault::ConnectTimeout(self.limits.connect))?,
        };
        // Whoever held the turn before has succeeded or failed for all.
        if let Some(live) = self.look()? {
            return Ok(live);
        }
        self.connect().await
    }

    /// The open connection; nothing where there is none and one may be tried.
    fn look(&self) -> Result<Option<Arc<Live>>, Fault> {
        let mut state = self.state();
        if let Some(live) = &state.live {
            if !live.is_lost() {
                return Ok(Some(Arc::clone(live)));
            }
            state.live = None;
        }
        match &state.pause {
            Some((until, why)) if Instant::now() < *until => Err(Fault::Open(why.clone())),
            _ => Ok(None),
        }
    }

    async fn open(&self) -> Result<Live, Fault> {
        match &self.source {
            Source::Server(client) => Live::open(client, self.epochs).await,
            Source::Sentinels(sentinels) => sentinels.open(self.epochs).await,
        }
    }

    async fn connect(&self) -> Result<Arc<Live>, Fault> {
        let opened = tokio::time::timeout(self.limits.connect, self.open())
            .await
            .unwrap_or(Err(Fault::ConnectTimeout(self.limits.connect)));
        let mut state = self.state();
        match opened {
            Ok(live) => {
                let live = Arc::new(live);
                if self.epochs && live.epoch == 0 && !std::mem::replace(&mut state.warned, true) {
                    tracing::warn!(
                        "the server does not show its replication id: values from before a restart with an old \
                         dump or a failover are not told from new ones"
                    );
                }
                if std::mem::take(&mut state.failures) > 0 {
                    tracing::info!("the cache server answers again");
                }
                self.opened.fetch_add(1, Ordering::Release);
                state.pause = None;
                state.live = Some(Arc::clone(&live));
                Ok(live)
            }
            Err(fault) => {
                state.fail(&fault);
                Err(fault)
            }
        }
    }

    /// The client of a server that stays the same.
    pub(super) const fn client(&self) -> Option<&Client> {
        match &self.source {
            Source::Server(client) => Some(client),
            Source::Sentinels(_) => None,
        }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// How many connections there have been.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Acquire)
    }

    /// Builds a pipeline for the open connection and sends it; one answer a command.
    ///
    /// A pipeline that could not have run is sent once more, and with [`Again::May`] one that may have run.
    pub(super) async fn call(
        &self,
        again: Again,
        mut build: impl FnMut(&Live) -> Pipeline,
    ) -> Result<(Arc<Live>, Vec<Value>), Fault> {
        let live = self.live().await?;
        let first = self.send(&live, &build(&live)).await;
        let fault = match first {
            Ok(answers) => return Ok((live, answers)),
            Err(fault) => fault,
        };
        // A server whose scripts were flushed has run none of them.
        let unseen = matches!(&fault, Fault::Server(code) if code == "NOSCRIPT");
        let lost = matches!(fault, Fault::Lost(_));
        if !(unseen || lost && again == Again::May) {
            return Err(fault);
        }
        let live = self.live().await?;
        let answers = self.send(&live, &build(&live)).await?;
        Ok((live, answers))
    }

    /// Sends a pipeline on a connection, within the time for a command.
    pub(super) async fn send(&self, live: &Arc<Live>, pipeline: &Pipeline) -> Result<Vec<Value>, Fault> {
        let limit = self.limits.command;
        // Not the executor's timer: the first one to be due wakes another thread, which a lone read would wait for.
        let sent = pin!(live.send(pipeline));
        let answers = rt::limited(Clock::machine(), limit, sent, || Err(Fault::Timeout(limit))).await;
        let fault = match answers {
            Ok(answers) => {
                live.timeouts.store(0, Ordering::Relaxed);
                // One of these concerns the connection, not the command.
                let ending = answers.iter().find_map(|answer| match answer {
                    Value::ServerError(error) => {
                        Some(Fault::of_server(error)).filter(|fault| fault.ends_connection(live.age()))
                    }
                    _ => None,
                });
                match ending {
                    None => return Ok(answers),
                    Some(fault) => fault,
                }
            }
            Err(fault) => fault,
        };
        let dead = fault == Fault::Timeout(limit)
            && live.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_THAT_OPEN;
        if dead || fault.ends_connection(live.age()) {
            self.give_up(live, &fault, dead);
        }
        Err(fault)
    }

    /// Forgets a connection; the next call opens another, at once or after a pause.
    fn give_up(&self, live: &Arc<Live>, fault: &Fault, pause: bool) {
        let mut state = self.state();
        if state.live.as_ref().is_some_and(|current| Arc::ptr_eq(current, live)) {
            state.live = None;
            if pause {
                state.fail(fault);
            } else {
                tracing::info!("the connection to the cache server ended: {fault}");
            }
        }
    }
}

impl State {
    fn fail(&mut self, fault: &Fault) {
        self.failures = self.failures.saturating_add(1);
        let pause =
            FIRST_PAUSE.saturating_mul(1 << self.failures.min(10).saturating_sub(1)).min(LONGEST_PAUSE);
        // Half of it by chance, so that many processes do not come back at once.
        let pause = pause / 2 + pause / 2 * tokens::permille() / 1_000;
        if self.failures == 1 {
            tracing::warn!("the cache server does not answer: {fault}");
        }
        self.pause = Some((Instant::now() + pause, fault.to_string()));
    }
}

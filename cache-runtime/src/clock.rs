//! Time, injectable: a coarse monotonic reading that costs one atomic load, a wall clock, and a sleep.

#[cfg_attr(target_family = "wasm", expect(dead_code, reason = "no thread looks after alarms there"))]
mod alarms;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(not(target_family = "wasm"))]
use std::time::{Instant, SystemTime, UNIX_EPOCH};
#[cfg(target_family = "wasm")]
use web_time::{Instant, SystemTime, UNIX_EPOCH};

use crate::signal::Signal;

use alarms::{Alarm, Alarms, Place};

/// 2026-01-01 00:00 UTC.
const UNIX_2026: Duration = Duration::from_hours(20_454 * 24);

/// How often the system clock's coarse reading moves.
#[cfg(not(target_family = "wasm"))]
const STEP: Duration = Duration::from_millis(1);

/// A source of time: [`Clock::system`], or a [`ManualClock`] in a test.
///
/// [`coarse_millis`](Self::coarse_millis) is what a hit reads: one relaxed atomic load. On the system clock a
/// thread of the process moves it each millisecond, so it may lag [`now`](Self::now) by about that, or by as
/// long as the machine keeps that thread from running. It never runs backwards, whatever the wall clock does.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
struct Source {
    coarse: AtomicU64,
    /// What the thread that moves the coarse reading looks after.
    alarms: Alarms,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    System { start: Instant, ticking: bool },
    Manual { time: Mutex<Moved>, moved: Signal },
}

/// Where a test has moved a clock to.
#[derive(Debug)]
struct Moved {
    now: Duration,
    wall_offset: Duration,
}

fn lock(time: &Mutex<Moved>) -> MutexGuard<'_, Moved> {
    time.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clock {
    /// The machine's clock. Every call returns a handle on the same one.
    #[must_use]
    pub fn system() -> Self {
        Self::machine().clone()
    }

    /// The machine's clock.
    pub(crate) fn machine() -> &'static Self {
        static MACHINE: OnceLock<Clock> = OnceLock::new();
        MACHINE.get_or_init(Self::start)
    }

    #[cfg(not(target_family = "wasm"))]
    fn start() -> Self {
        let start = Instant::now();
        let build = |ticking| {
            Self(Arc::new(Source {
                coarse: AtomicU64::new(0),
                alarms: Alarms::default(),
                kind: Kind::System { start, ticking },
            }))
        };
        let clock = build(true);
        let ticker = clock.clone();
        let spawned = std::thread::Builder::new().name("cache-clock".into()).spawn(move || {
            loop {
                std::thread::sleep(STEP);
                let now = millis(start.elapsed());
                ticker.0.coarse.store(now, Ordering::Relaxed);
                ticker.0.alarms.ring(now);
            }
        });
        // Without a thread, each reading asks the machine.
        if spawned.is_ok() { clock } else { build(false) }
    }

    #[cfg(target_family = "wasm")]
    fn start() -> Self {
        let kind = Kind::System { start: Instant::now(), ticking: false };
        Self(Arc::new(Source { coarse: AtomicU64::new(0), alarms: Alarms::default(), kind }))
    }

    /// The time since the clock began, exact and monotonic.
    #[must_use]
    pub fn now(&self) -> Duration {
        match &self.0.kind {
            Kind::System { start, .. } => start.elapsed(),
            Kind::Manual { time, .. } => lock(time).now,
        }
    }

    /// The time since the clock began, in whole milliseconds, as of the last tick.
    #[inline]
    #[must_use]
    pub fn coarse_millis(&self) -> u64 {
        match &self.0.kind {
            Kind::System { start, ticking: false } => millis(start.elapsed()),
            _ => self.0.coarse.load(Ordering::Relaxed),
        }
    }

    /// Whether a test moves it.
    pub(crate) fn is_manual(&self) -> bool {
        matches!(self.0.kind, Kind::Manual { .. })
    }

    /// The wall clock, as the time since the Unix epoch.
    #[must_use]
    pub fn unix_time(&self) -> Duration {
        match &self.0.kind {
            Kind::System { .. } => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Kind::Manual { time, .. } => {
                let time = lock(time);
                time.wall_offset + time.now
            }
        }
    }

    /// A [`sleep`](Self::sleep) that seldom comes to its end: on the system clock it may be two milliseconds late, and
    /// needs neither a timer of its own nor a runtime.
    pub(crate) fn limit(&self, length: Duration) -> Limit<'_> {
        match &self.0.kind {
            Kind::System { ticking: true, .. } => {
                Limit::Alarm(Alarm::new(&self.0.alarms, &self.0.coarse, millis(length)))
            }
            _ => Limit::Sleep(Box::pin(self.sleep(length))),
        }
    }

    /// Wakes somebody once when `length` is over, or two milliseconds later, unless it is dropped before. `None` where no
    /// thread of the clock's sees to that.
    pub(crate) fn bell(&self, length: Duration, waker: impl FnOnce() -> Waker) -> Option<Bell> {
        let Kind::System { ticking: true, .. } = self.0.kind else { return None };
        let due = self.coarse_millis().saturating_add(millis(length));
        let place = self.0.alarms.set(due.saturating_add(2), waker());
        Some(Bell { clock: self.clone(), due, place })
    }

    /// Waits until `length` has passed on this clock.
    ///
    /// On the system clock this needs a Tokio runtime with its timer. On wasm32, where Tokio has none, it does
    /// not return: whoever waits there races it against something that does.
    pub async fn sleep(&self, length: Duration) {
        match &self.0.kind {
            #[cfg(not(target_family = "wasm"))]
            Kind::System { .. } => tokio::time::sleep(length).await,
            #[cfg(target_family = "wasm")]
            Kind::System { .. } => std::future::pending().await,
            Kind::Manual { time, moved } => {
                let deadline = lock(time).now.saturating_add(length);
                moved.wait_until(|| lock(time).now >= deadline).await;
            }
        }
    }
}

/// See [`Clock::limit`].
pub(crate) enum Limit<'c> {
    Alarm(Alarm<'c>),
    Sleep(Pin<Box<dyn Future<Output = ()> + Send + 'c>>),
}

impl Limit<'_> {
    /// Whether it is over.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Alarm(alarm) => alarm.poll(context),
            Self::Sleep(sleep) => sleep.as_mut().poll(context),
        }
    }
}

/// See [`Clock::bell`]: one for many, of whom each sees to its own time once it has rung.
pub(crate) struct Bell {
    clock: Clock,
    due: u64,
    place: Place,
}

impl Bell {
    /// Whether it rings when it is so late, in milliseconds of the clock.
    pub(crate) const fn rings_by(&self, due: u64) -> bool {
        self.due <= due
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.clock.0.alarms.clear(self.place);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// A clock that stands still until a test moves it.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::testing::ManualClock;
///
/// let time = ManualClock::new();
/// let clock = time.clock();
/// time.advance(Duration::from_secs(300));
/// assert_eq!(clock.coarse_millis(), 300_000);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Clock);

impl ManualClock {
    /// A clock at zero, whose wall clock shows 2026-01-01 00:00 UTC.
    #[must_use]
    pub fn new() -> Self {
        let time = Mutex::new(Moved { now: Duration::ZERO, wall_offset: UNIX_2026 });
        let kind = Kind::Manual { time, moved: Signal::default() };
        Self(Clock(Arc::new(Source { coarse: AtomicU64::new(0), alarms: Alarms::default(), kind })))
    }

    /// The clock to inject.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clone()
    }

    /// Moves the time forward by `length` and wakes whoever sleeps until then.
    pub fn advance(&self, length: Duration) {
        if let Kind::Manual { time, moved } = &self.0.0.kind {
            let mut time = lock(time);
            time.now = time.now.saturating_add(length);
            self.0.0.coarse.store(millis(time.now), Ordering::Relaxed);
            drop(time);
            moved.changed();
        }
    }

    /// Sets the wall clock to `time` since the Unix epoch, forwards or backwards; the monotonic time stays.
    pub fn set_unix_time(&self, time: Duration) {
        if let Kind::Manual { time: moved, .. } = &self.0.0.kind {
            let mut moved = lock(moved);
            moved.wall_offset = time.saturating_sub(moved.now);
        }
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Milliseconds of a clock that no test moves, and that goes on while the process is stopped, by a few milliseconds at
/// once where that is cheaper: for what happens outside of the process.
#[inline]
pub(crate) fn monotonic_millis() -> u64 {
    #[cfg(all(feature = "redis", target_os = "linux"))]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
        u64::try_from(time.tv_sec).unwrap_or_default() * 1_000
            + u64::try_from(time.tv_nsec).unwrap_or_default() / 1_000_000
    }
    #[cfg(not(all(feature = "redis", target_os = "linux")))]
    {
        static START: OnceLock<Instant> = OnceLock::new();
        // As on a machine that has been up for a day: later than any deadline that was never set, and there is a
        // moment before any that is asked for.
        millis(START.get_or_init(Instant::now).elapsed()) + 24 * 3_600 * 1_000
    }
}

/// A length of time in whole milliseconds, at most `u64::MAX` of them.
pub(crate) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

//! What the scenarios play in: a database, a cache in front of it in the shape of the cached call, and the oracle.
//!
//! The database holds one number, which only grows, so that its values are their own ages. A write adds one,
//! invalidates, and notes the number as returned; a read notes what has been returned, then calls, and must not
//! get less.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use shuttle::future::{block_on, yield_now};
use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread::{self, JoinHandle};

use crate::clock::Clock;
use crate::key::identify_text;
use crate::store::flight::{Entered, Flights, Leader, SharedError, WaitLimits, Waited, leading};
use crate::store::local_tier::{Deadlines, Hit, LocalTier, Prepared, Sought, Tier};
use crate::store::tags::Counted;

/// What the oracle says.
pub(crate) const STALE: &str = "a value older than a write that returned before the read began";

/// What the key carries in a tagged world.
const TAG: &str = "tag";

pub(crate) const LIMIT: Duration = Duration::from_secs(1);
const LIMITS: WaitLimits = WaitLimits { outside: LIMIT, inside: LIMIT };
const ALWAYS: Deadlines = Deadlines { fresh_until: u64::MAX, stale_until: u64::MAX };

/// How the cache hears of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The writer is in this process and invalidates before it returns.
    InProcess,
    /// The writer is in another: it takes value and lease from the shared store. There is no local tier.
    Remote,
    /// The same, and a call looks before it joins a load.
    Looked,
}

impl Backend {
    /// Where the writer is in another process.
    pub(crate) const ELSEWHERE: [Self; 2] = [Self::Remote, Self::Looked];
}

/// Where in its course a leader may be met.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Loading,
    Loaded,
    Sealed,
    Filled,
    Promoted,
}

/// The mistakes that the controls make.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mistake of its own")]
pub(crate) struct Mistakes {
    pub(crate) promotes_unchecked: bool,
    pub(crate) does_not_seal: bool,
    pub(crate) finishes_for_all: bool,
    /// What is promoted does not carry its tag.
    pub(crate) forgets_tags: bool,
}

/// What a load does after it has read the database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Works,
    /// The waiters can have the failure.
    Fails,
    FailsAlone,
    Panics,
}

/// A failed call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Own,
    Shared,
    Panic,
}

/// What the processes share, where it is remote.
#[derive(Default)]
struct Remote {
    /// With the generation of its tag.
    value: Option<(u64, u64)>,
    /// Of the tag.
    generation: u64,
    lease: Option<u64>,
    leases: u64,
}

/// The right to fill, with the generation of the tag from before the load.
#[derive(Clone, Copy)]
struct Lease {
    token: u64,
    generation: u64,
}

type AtStage = dyn Fn(&World, Stage) + Send + Sync;

pub(crate) struct World {
    pub(crate) flights: Flights,
    pub(crate) tier: Tier,
    pub(crate) clock: Clock,
    backend: Backend,
    /// The key carries a tag, and a write invalidates that alone.
    tagged: bool,
    remote: Mutex<Remote>,
    mistakes: Mistakes,
    pub(crate) database: AtomicU64,
    returned: AtomicU64,
    loads: AtomicUsize,
    at_stage: Box<AtStage>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(Backend::InProcess, Mistakes::default(), |_, _| {})
    }

    pub(crate) fn at(backend: Backend) -> Arc<Self> {
        Self::with(backend, Mistakes::default(), |_, _| {})
    }

    /// Where invalidations are told before a write returns, a leader need not seal.
    pub(crate) fn unsealed() -> Arc<Self> {
        let rules = Mistakes { does_not_seal: true, ..Mistakes::default() };
        Self::with(Backend::InProcess, rules, |_, _| {})
    }

    /// `at_stage` runs in the leader's thread whenever it reaches a stage.
    pub(crate) fn with(
        backend: Backend,
        mistakes: Mistakes,
        at_stage: impl Fn(&World, Stage) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::build(backend, false, mistakes, at_stage)
    }

    /// The key carries a tag.
    pub(crate) fn tagged(
        backend: Backend,
        mistakes: Mistakes,
        at_stage: impl Fn(&World, Stage) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::build(backend, true, mistakes, at_stage)
    }

    fn build(
        backend: Backend,
        tagged: bool,
        mistakes: Mistakes,
        at_stage: impl Fn(&World, Stage) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            flights: Flights::with_shards(1),
            tier: LocalTier::new(4).build(),
            clock: Clock::default(),
            backend,
            tagged,
            remote: Mutex::default(),
            mistakes,
            database: AtomicU64::new(1),
            returned: AtomicU64::new(0),
            loads: AtomicUsize::new(0),
            at_stage: Box::new(at_stage),
        })
    }

    /// Writes and invalidates the key, then notes that it has.
    pub(crate) fn write(&self) {
        self.write_with(|| {
            if self.tagged {
                return self.tier.tags().changed(TAG);
            }
            self.flights.invalidate(0, "key");
            thread::yield_now();
            self.tier.remove(0, "key");
        });
    }

    pub(crate) fn write_with(&self, invalidate: impl FnOnce()) {
        let written = self.database.fetch_add(1, Ordering::SeqCst) + 1;
        match self.backend {
            Backend::InProcess => invalidate(),
            Backend::Remote | Backend::Looked => {
                let mut remote = self.remote.lock().unwrap();
                if self.tagged {
                    // Value and lease stay.
                    remote.generation += 1;
                } else {
                    (remote.value, remote.lease) = (None, None);
                }
            }
        }
        self.returned.fetch_max(written, Ordering::SeqCst);
    }

    /// A cached call that the oracle judges.
    pub(crate) async fn read(&self, load: Load) -> Result<u64, Failure> {
        let returned = self.returned.load(Ordering::SeqCst);
        let value = self.call("key", load).await?;
        assert!(value >= returned, "{STALE}: {value} < {returned}");
        Ok(value)
    }

    pub(crate) fn hit(&self, key: &str) -> Option<u64> {
        thread::yield_now();
        self.look(key, 0).map(|(_, value)| value)
    }

    pub(crate) fn look(&self, key: &str, now_ms: u64) -> Option<(Hit, u64)> {
        let sought = Sought { namespace: 0, key: &identify_text(key, 0), now_ms };
        if let Some(value) = self.tier.mirrored(&sought, |held| held.downcast_ref().copied()) {
            return Some((Hit::Fresh, value));
        }
        let mut value = None;
        let hit = self.tier.get(
            &sought,
            key,
            0,
            || false,
            |held| {
                value = held.and_then(|held| held.downcast_ref().copied());
                value.is_some()
            },
        )?;
        Some((hit, value?))
    }

    /// The cached call, in the shape that the service gives it.
    pub(crate) async fn call(&self, key: &str, load: Load) -> Result<u64, Failure> {
        if let Some(value) = self.hit(key) {
            return Ok(value);
        }
        let mut before = None;
        if self.backend == Backend::Looked {
            match self.look_first() {
                Ok(value) => return Ok(value),
                Err(generation) => before = Some(generation),
            }
            yield_now().await;
        }
        let counted = self.counted();
        let leader = match self.flights.enter::<u64>(0, key, counted.as_ref()) {
            Entered::Lead(leader) => return self.enter_lead(leader, key, load, counted, before).await,
            Entered::Wait(waiter) => match waiter.wait(LIMITS, &self.clock).await {
                Waited::Value(value) => return Ok(value),
                Waited::Failed(_) => return Err(Failure::Shared),
                Waited::Lead(leader) | Waited::LoadYourself(leader) => leader,
                Waited::TimedOut => return self.load(load).await,
            },
        };
        self.enter_lead(leader, key, load, counted, None).await
    }

    async fn enter_lead(
        &self,
        leader: Leader<u64>,
        key: &str,
        load: Load,
        counted: Option<std::sync::Arc<Counted>>,
        before: Option<u64>,
    ) -> Result<u64, Failure> {
        // Who led before may have finished between the look and the entry.
        if let Some(value) = self.hit(key) {
            leader.finish(&value);
            return Ok(value);
        }
        self.lead_tagged(leader, key, load, counted, before).await
    }

    /// What is in the shared store, without a lease; else the generation of the tag.
    fn look_first(&self) -> Result<u64, u64> {
        let remote = self.remote.lock().unwrap();
        match remote.value {
            Some((value, generation)) if generation == remote.generation => Ok(value),
            _ => Err(remote.generation),
        }
    }

    /// How the tag is counted now, if there is one.
    fn counted(&self) -> Option<std::sync::Arc<Counted>> {
        self.tagged.then(|| self.tier.tags().now([TAG])).flatten()
    }

    pub(crate) async fn lead(&self, leader: Leader<u64>, key: &str, load: Load) -> Result<u64, Failure> {
        self.lead_tagged(leader, key, load, None, None).await
    }

    async fn lead_tagged(
        &self,
        mut leader: Leader<u64>,
        key: &str,
        load: Load,
        counted: Option<std::sync::Arc<Counted>>,
        before: Option<u64>,
    ) -> Result<u64, Failure> {
        leader.begin();
        let lease = match self.backend {
            Backend::InProcess => None,
            Backend::Remote | Backend::Looked => match self.take_lease(&leader, before) {
                Ok(value) => {
                    self.finish(leader, value, false);
                    return Ok(value);
                }
                Err(lease) => lease,
            },
        };
        let value = match leading(self.load(load)).await {
            Ok(value) => value,
            Err(failure) => {
                if failure != Failure::Panic {
                    leader.fail((load == Load::Fails).then(|| Arc::new(()) as SharedError));
                }
                return Err(failure);
            }
        };
        (self.at_stage)(self, Stage::Loaded);
        yield_now().await;
        if !self.mistakes.does_not_seal {
            leader.seal();
        }
        (self.at_stage)(self, Stage::Sealed);
        yield_now().await;
        let filled = lease.is_some_and(|lease| self.fill(lease, value));
        (self.at_stage)(self, Stage::Filled);
        yield_now().await;
        if self.backend == Backend::InProcess {
            self.promote_tagged(&leader, key, value, counted);
        }
        (self.at_stage)(self, Stage::Promoted);
        self.finish(leader, value, filled && !self.tagged || self.backend == Backend::InProcess);
        Ok(value)
    }

    pub(crate) fn promote(&self, leader: &Leader<u64>, key: &str, value: u64) {
        self.promote_tagged(leader, key, value, None);
    }

    fn promote_tagged(
        &self,
        leader: &Leader<u64>,
        key: &str,
        value: u64,
        counted: Option<std::sync::Arc<Counted>>,
    ) {
        let entry = Prepared::new(0, key, Some(std::sync::Arc::new(value)), ALWAYS, 0, 8);
        let entry = entry.with_tags(counted.filter(|_| !self.mistakes.forgets_tags));
        let insert = || {
            thread::yield_now();
            self.tier.insert(entry)
        };
        if self.mistakes.promotes_unchecked {
            drop(insert());
        } else {
            drop(leader.promote_if_valid(insert));
        }
    }

    fn finish(&self, leader: Leader<u64>, value: u64, confirmed: bool) {
        if confirmed || self.mistakes.finishes_for_all {
            leader.finish(&value);
        } else {
            leader.finish_for_earlier(&value);
        }
    }

    /// Reads the shared store, and takes the lease where there is neither a value nor a lease; in the generation that the
    /// look saw, if the caller has looked.
    fn take_lease(&self, leader: &Leader<u64>, before: Option<u64>) -> Result<u64, Option<Lease>> {
        let mut remote = self.remote.lock().unwrap();
        match remote.value {
            Some((value, generation)) if generation == remote.generation => return Ok(value),
            _ => remote.value = None,
        }
        if remote.lease.is_some() || !leader.is_sole() {
            return Err(None);
        }
        remote.leases += 1;
        remote.lease = Some(remote.leases);
        Err(Some(Lease { token: remote.leases, generation: before.unwrap_or(remote.generation) }))
    }

    fn fill(&self, lease: Lease, value: u64) -> bool {
        let mut remote = self.remote.lock().unwrap();
        let held = remote.lease == Some(lease.token);
        if held {
            (remote.value, remote.lease) = (Some((value, lease.generation)), None);
        }
        held
    }

    async fn load(&self, load: Load) -> Result<u64, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let value = self.database.load(Ordering::SeqCst);
        (self.at_stage)(self, Stage::Loading);
        yield_now().await;
        match load {
            Load::Works => Ok(value),
            Load::Fails | Load::FailsAlone => Err(Failure::Own),
            Load::Panics => Err(Failure::Panic),
        }
    }

    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// Starts a reader in a thread of its own.
    pub(crate) fn reader(self: &Arc<Self>, load: Load) -> JoinHandle<Result<u64, Failure>> {
        self.start(move |world| block_on(world.read(load)))
    }

    /// Starts a reader that is dropped when it would be polled once more than this.
    pub(crate) fn dropped_reader(self: &Arc<Self>, polls: usize) -> JoinHandle<Option<Result<u64, Failure>>> {
        self.start(move |world| block_on(within_polls(polls, world.read(Load::Works))))
    }

    /// Starts a reader whose load panics, if it comes to load.
    pub(crate) fn panicking_reader(self: &Arc<Self>) -> JoinHandle<()> {
        self.start(|world| {
            block_on(async {
                let mut read = pin!(world.read(Load::Panics));
                let unwound = poll_fn(|context| {
                    match catch_unwind(AssertUnwindSafe(|| match read.as_mut().poll(context) {
                        // From here on as a panic that no hook prints.
                        Poll::Ready(Err(Failure::Panic)) => resume_unwind(Box::new(())),
                        poll => poll,
                    })) {
                        Ok(poll) => poll.map(|_| ()),
                        Err(_) => Poll::Ready(()),
                    }
                });
                unwound.await;
            });
        })
    }

    pub(crate) fn writer(self: &Arc<Self>) -> JoinHandle<()> {
        self.start(Self::write)
    }

    pub(crate) fn start<R: Send + 'static>(
        self: &Arc<Self>,
        run: impl FnOnce(&Self) -> R + Send + 'static,
    ) -> JoinHandle<R> {
        let world = Arc::clone(self);
        thread::spawn(move || run(&world))
    }

    /// Nothing is in flight, and the tier holds nothing out of date.
    pub(crate) fn assert_settled(&self) {
        assert_eq!(self.flights.len(), 0, "a flight is left over");
        if let Some(held) = self.hit("key") {
            let returned = self.returned.load(Ordering::SeqCst);
            assert!(held >= returned, "{STALE}: the tier holds {held} < {returned}");
        }
    }
}

/// Polls at most so many times, then drops the future.
pub(crate) async fn within_polls<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        let Some(fewer) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = fewer;
        let poll = future.as_mut().poll(context).map(Some);
        // Not to wait for a wake-up that comes to nobody.
        if left == 0 && poll.is_pending() { Poll::Ready(None) } else { poll }
    })
    .await
}

/// Waits for threads.
pub(crate) fn join<R>(threads: impl IntoIterator<Item = JoinHandle<R>>) -> Vec<R> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

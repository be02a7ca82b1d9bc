//! Thousands of reads and writes at three locations, by seed, against an oracle: what the README promises of Cloudflare
//! KV. The controls show that it notices when a promise is broken.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::testing::{EdgeLocation, EdgeNetwork, ManualClock};
use cache_runtime::{
    Backend, BackendError, Capabilities, Clock, Entry, Expiration, KvCacheService, ListOptions, ListPage,
    NativePut, PutOptions, SetOutcome, ValueBody, cached, invalidates, updates,
};
use tokio::task::{JoinSet, yield_now};

use crate::oracle::{Family, Oracle, Promise, Row};
use crate::{WINDOW, service};

const SHORT: Family = ("short", Duration::from_secs(20));
const LONG: Family = ("long", Duration::from_secs(300));
const KEPT: Family = ("kept", Duration::from_secs(90));

const LOCATIONS: [&str; 3] = ["Oslo", "Lima", "Pune"];
const ROWS: u64 = 3;

/// Random numbers (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % bound
    }

    /// Mostly nothing, else up to eight seconds.
    fn pause(&mut self) -> Duration {
        Duration::from_millis(if self.below(2) == 0 { 0 } else { self.below(8_000) })
    }
}

/// The service at one location.
#[derive(Clone)]
struct Rows {
    cache: KvCacheService,
    oracle: Arc<Oracle>,
    clock: Clock,
    location: usize,
}

impl Rows {
    /// A load that reads the source at its beginning and takes its time.
    async fn load(&self, family: Family, id: u64, pause: Duration) -> Option<Row> {
        let (version, row) = self.oracle.row(id);
        self.clock.sleep(pause).await;
        self.oracle.stored(family, id, version, self.clock.now());
        row
    }

    #[cached(key = "short:<id>", ttl = 20, none_ttl = 20, skip(pause))]
    async fn short(&self, id: u64, pause: Duration) -> Option<Row> {
        self.load(SHORT, id, pause).await
    }

    #[cached(key = "long:<id>", ttl = 300, none_ttl = 300, skip(pause))]
    async fn long(&self, id: u64, pause: Duration) -> Option<Row> {
        self.load(LONG, id, pause).await
    }

    #[cached(key = "kept:<id>", ttl = 90, none_ttl = 90, skip(pause))]
    async fn kept(&self, id: u64, pause: Duration) -> Option<Row> {
        self.load(KEPT, id, pause).await
    }

    async fn commit(&self, id: u64, pauses: [Duration; 2]) -> (usize, Option<Row>) {
        self.clock.sleep(pauses[0]).await;
        let written = self.oracle.write(id, self.clock.now(), self.location);
        self.clock.sleep(pauses[1]).await;
        written
    }

    #[invalidates("short:<id>", "long:<id>", "kept:<id>")]
    async fn write(&self, id: u64, pauses: [Duration; 2]) -> usize {
        self.commit(id, pauses).await.0
    }

    #[updates("kept:<id>", ttl = 90)]
    #[invalidates("short:<id>", "long:<id>")]
    async fn replace(&self, id: u64, pauses: [Duration; 2]) -> Option<Row> {
        let (version, row) = self.commit(id, pauses).await;
        self.oracle.stored(KEPT, id, version, self.clock.now());
        row
    }

    /// One call, checked or noted. Returns the version of a write.
    async fn call(self, promise: Promise, mut chance: Chance) -> Option<(usize, u64, usize)> {
        let (id, began) = (chance.below(ROWS), self.clock.now());
        let pauses = [chance.pause(), chance.pause()];
        let (family, found) = match chance.below(40) {
            0 => return Some((self.location, id, self.write(id, pauses).await)),
            1 => {
                let replaced = self.replace(id, pauses).await;
                return replaced.map(|row| (self.location, id, row.version));
            }
            2..14 => (SHORT, self.short(id, pauses[0]).await),
            14..28 => (LONG, self.long(id, pauses[0]).await),
            _ => (KEPT, self.kept(id, pauses[0]).await),
        };
        self.oracle.check(promise, family, id, found, began, self.location);
        None
    }
}

struct Run {
    reads: u64,
    stale: u64,
    faults: Vec<String>,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, stale, faults } = self;
        write!(f, "{reads} reads, {stale} of them stale, {} against the promise", faults.len())
    }
}

/// Runs so many steps on a network with this window, which promises `WINDOW`.
async fn run<B: Backend>(seed: u64, steps: u64, window: Duration, at: impl Fn(EdgeLocation) -> B) -> Run {
    let time = ManualClock::new();
    let network = EdgeNetwork::builder().clock(time.clock()).window(window);
    // Every second run has the whole window everywhere.
    let network = if seed.is_multiple_of(2) { network } else { network.by_chance(seed) }.build();
    let oracle = Arc::new(Oracle::default());
    let rows: Vec<Rows> = LOCATIONS
        .iter()
        .enumerate()
        .map(|(location, name)| Rows {
            cache: service(at(network.location(name))),
            oracle: Arc::clone(&oracle),
            clock: time.clock(),
            location,
        })
        .collect();
    let (mut chance, mut calls, mut untold) = (Chance(seed), JoinSet::new(), Vec::new());
    for _ in 0..steps {
        let place = usize::try_from(chance.below(3)).expect("it is small");
        let of_call = Chance(chance.below(u64::MAX));
        let call = calls.spawn(rows[place].clone().call(Promise { window: WINDOW }, of_call));
        match chance.below(8) {
            // A burst: the next call comes at the same time.
            0..4 => {}
            4..7 => time.advance(Duration::from_millis(chance.below(3_000))),
            _ => time.advance(Duration::from_millis(chance.below(40_000))),
        }
        for _ in 0..3 {
            yield_now().await;
        }
        // One call in twenty is dropped wherever it is.
        if chance.below(20) == 0 {
            call.abort();
        }
        while let Some(ended) = calls.try_join_next() {
            untold.extend(ended.ok().flatten());
        }
        // A write is told when its location has nothing left to tell.
        untold.retain(|(place, id, version)| {
            let waits = rows[*place].cache.pending_invalidations() > 0;
            if !waits {
                oracle.told(*id, *version, time.clock().now());
            }
            waits
        });
    }
    let (reads, stale, faults) = oracle.verdict();
    Run { reads, stale, faults }
}

/// The runs of a whole test: `EDGE_RUNS` of them, of 3,000 steps each.
fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("EDGE_RUNS").ok().and_then(|count| count.parse().ok()).unwrap_or(20)
}

#[tokio::test]
async fn no_value_is_served_that_is_older_than_its_time_to_live_and_the_window() {
    let (mut reads, mut stale) = (0, 0);
    for seed in seeds() {
        let run = run(seed, 3_000, WINDOW, |location| location).await;
        assert!(run.faults.is_empty(), "seed {seed}: {run}: {:#?}", &run.faults[..run.faults.len().min(5)]);
        (reads, stale) = (reads + run.reads, stale + run.stale);
    }
    println!(
        "{reads} reads at {} locations, {stale} of them stale, none against the promise",
        LOCATIONS.len()
    );
    // Enough went on for the figures to mean anything.
    assert!(stale > reads / 100 && stale < reads / 2, "{stale} of {reads} reads were stale");
}

/// Which promises a run of the control breaks.
async fn broken<B: Backend>(window: Duration, at: impl Fn(EdgeLocation) -> B + Copy) -> Vec<String> {
    let mut faults = Vec::new();
    for seed in 0..4 {
        faults.extend(run(seed, 3_000, window, at).await.faults);
    }
    println!("{} against the promise", faults.len());
    faults
}

#[tokio::test]
async fn the_oracle_notices_a_network_that_is_slower_than_it_says() {
    let faults = broken(2 * WINDOW, |location| location).await;
    let count = |why: &str| faults.iter().filter(|fault| fault.ends_with(why)).count();
    assert!(count("stale for longer than the window") > 100, "{faults:?}");
    // Each entry names its end all the same.
    assert_eq!(count("past its time to live"), 0);
}

/// A backend that leaves the end of a value to KV alone, which keeps nothing for less than a minute.
struct Trusting(EdgeLocation);

#[async_trait]
impl Backend for Trusting {
    fn name(&self) -> &'static str {
        "trusting"
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        let expiration = options.ttl.map_or(Expiration::Never, |ttl| Expiration::In(ttl.as_secs().max(60)));
        let mut native = NativePut::default();
        (native.expiration, native.metadata) = (expiration, options.metadata);
        self.0.put_native(key, ValueBody::Whole(value), native).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        self.0.delete(key).await
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        self.0.list(options).await
    }

    fn clock(&self) -> Clock {
        self.0.clock()
    }
}

#[tokio::test]
async fn the_oracle_notices_a_backend_that_leaves_the_ends_of_values_to_kv() {
    let faults = broken(WINDOW, Trusting).await;
    for why in ["past its time to live", "older than its time to live and the window"] {
        assert!(faults.iter().any(|fault| fault.ends_with(why)), "{why}: {faults:?}");
    }
}

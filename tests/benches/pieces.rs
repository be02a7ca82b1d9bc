//! What the pieces of a cached call cost: `cargo bench -p cache-tests`.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use cache_runtime::{KvCacheService, cached, invalidates};
use divan::Bencher;
use divan::counter::ItemsCount;
use futures_util::FutureExt as _;
use tokio::runtime::{Builder, Runtime};

const SLUG: &str = "the-twenty-byte-slug";

/// How many calls share one entry into the runtime.
const BATCH: u64 = 64;

static SERVICE: LazyLock<Service> = LazyLock::new(|| Service { cache: KvCacheService::in_memory() });

/// Ids that nobody has asked for yet.
static FRESH: AtomicU64 = AtomicU64::new(1 << 32);

struct Service {
    cache: KvCacheService,
}

impl Service {
    #[cached(key = "one:<id>", ttl = 3600)]
    async fn one_part(&self, id: u64) -> Arc<u64> {
        Arc::new(id)
    }

    #[cached(key = "three:<org>:<slug>:<id>", ttl = 3600)]
    async fn three_parts(&self, org: u64, slug: &str, id: u64) -> Arc<u64> {
        let _ = (org, slug);
        Arc::new(id)
    }

    #[invalidates("one:<id>")]
    async fn change(&self, id: u64) -> u64 {
        id
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime on this thread")
}

fn fresh() -> std::ops::Range<u64> {
    let first = FRESH.fetch_add(BATCH, Ordering::Relaxed);
    first..first + BATCH
}

#[divan::bench]
fn render_one_part() -> usize {
    let key = Service::one_part_key(black_box(1_000_000));
    black_box(key.as_str()).len()
}

#[divan::bench]
fn render_three_parts() -> usize {
    let key = Service::three_parts_key(black_box(42), black_box(SLUG), black_box(1_000_000));
    black_box(key.as_str()).len()
}

#[divan::bench]
fn hit_one_part(bencher: Bencher<'_, '_>) {
    runtime().block_on(SERVICE.one_part(1));
    bencher.bench_local(|| SERVICE.one_part(black_box(1)).now_or_never());
}

#[divan::bench]
fn hit_three_parts(bencher: Bencher<'_, '_>) {
    runtime().block_on(SERVICE.three_parts(1, SLUG, 1));
    bencher.bench_local(|| SERVICE.three_parts(black_box(1), black_box(SLUG), black_box(1)).now_or_never());
}

/// A miss, with a loader that does nothing: flight, backend and local tier.
#[divan::bench]
fn fill(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(fresh).bench_local_values(|ids| {
        runtime.block_on(async {
            for id in ids {
                black_box(SERVICE.one_part(id).await);
            }
        });
    });
}

/// A write to a key that is cached.
#[divan::bench]
fn invalidate(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let filled = || {
        let ids = fresh();
        runtime.block_on(async {
            for id in ids.clone() {
                black_box(SERVICE.one_part(id).await);
            }
        });
        ids
    };
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(filled).bench_local_values(|ids| {
        runtime.block_on(async {
            for id in ids {
                black_box(SERVICE.change(id).await);
            }
        });
    });
}

fn main() {
    divan::main();
}

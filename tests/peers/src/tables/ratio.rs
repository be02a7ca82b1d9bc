//! Hit ratios under Zipf's law.

use crate::flags::Flags;
use crate::numbers::Numbers;
use crate::table::Table;
use crate::{ours, peers};

const KEYS: u32 = 1_000_000;
const CAPACITY: usize = 10_000;
const EXPONENT: f64 = 0.9;

/// Prints the table.
pub fn print(flags: &Flags) {
    let requests = if flags.quick { 1_000_000 } else { 5_000_000 };
    let (ids, bound) = requests_by_zipf(requests);
    // What comes before the cache is full says nothing of how it evicts.
    let (warm_up, measured) = ids.split_at(requests / 5);
    let mut table = Table::new(&["cache", "hit ratio"]);
    let mut ratios: Vec<(String, f64)> =
        vec![("bound: the most frequent 1 % are always there".to_owned(), bound)];
    let makes: Vec<_> =
        std::iter::once(ours::numbers as peers::MakeNumbers).chain(peers::numbers()).collect();
    for (index, make) in makes.into_iter().enumerate() {
        let cache = make(CAPACITY);
        let ratio = ratio(&cache, warm_up, measured);
        ratios.push((if index == 0 { format!("**{}**", cache.name) } else { cache.name.to_owned() }, ratio));
    }
    ratios.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (name, ratio) in ratios {
        table.row([name, format!("{:.1} %", ratio * 100.0)]);
    }
    let after = requests - warm_up.len();
    table.print(&format!(
        "Hit ratio, Zipf {EXPONENT}, {KEYS} keys, capacity 1 %, {after} requests after {} to warm up",
        warm_up.len()
    ));
}

fn ratio(cache: &Numbers, warm_up: &[u64], measured: &[u64]) -> f64 {
    cache.run(warm_up);
    let before = cache.loads();
    cache.run(measured);
    1.0 - (cache.loads() - before) as f64 / measured.len() as f64
}

/// Ids, and how likely one of the most frequent is.
fn requests_by_zipf(requests: usize) -> (Vec<u64>, f64) {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += f64::from(rank).powf(-EXPONENT);
            sum
        })
        .collect();
    let mut random = fastrand::Rng::with_seed(7);
    let mut ids: Vec<u64> = (0..u64::from(KEYS)).collect();
    random.shuffle(&mut ids);
    let request = |_| {
        let point = random.f64() * sum;
        ids[cumulative.partition_point(|&up_to| up_to <= point).min(ids.len() - 1)]
    };
    ((0..requests).map(request).collect(), cumulative[CAPACITY - 1] / sum)
}

//! What an entry takes beside its value and its key.

use allocation_counter::measure;

use crate::flags::Flags;
use crate::table::Table;
use crate::{ours, peers};

/// The keys: 0 or more up to this.
const CAPACITY: usize = 100_000;

/// An id and a number: the key and the value of a peer.
const PAYLOAD: f64 = 16.0;

/// Prints the table.
pub fn print(flags: &Flags) {
    let inserts = if flags.quick { 2 * CAPACITY } else { 4 * CAPACITY };
    let first = 1_000_000_u64;
    let ids: Vec<u64> = (first..).take(inserts).collect();
    let full: Vec<_> = std::iter::once((ours::numbers as peers::MakeNumbers, OUR_PAYLOAD))
        .chain(peers::numbers().into_iter().map(|make| (make, PAYLOAD)))
        .collect();
    let mut table = Table::new(&["cache", "bytes beside value and key", "allocations held"]);
    for (index, (make, payload)) in full.into_iter().enumerate() {
        let mut kept = None;
        let info = measure(|| {
            let cache = make(CAPACITY);
            cache.run(&ids);
            kept = Some(cache);
        });
        let name = kept.as_ref().map_or("", |cache| cache.name);
        let per_entry = |held: i64| held as f64 / CAPACITY as f64;
        table.row([
            if index == 0 { format!("**{name}**") } else { name.to_owned() },
            format!("{:.0}", per_entry(info.bytes_current) - payload),
            format!("{:.1}", per_entry(info.count_current)),
        ]);
    }
    table.print(&format!(
        "Memory per entry of a full cache: {CAPACITY} entries after {inserts} inserts (a number under a number; \
         ours under a text of 14 bytes), bytes as asked of the allocator"
    ));
}

/// A key as `number:1000000`, and a number.
const OUR_PAYLOAD: f64 = 14.0 + 8.0;

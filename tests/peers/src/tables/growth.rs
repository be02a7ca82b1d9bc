//! How the cost of a hit grows with the number of entries, beside plain maps.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::case::{Case, Gives, KeyOf};
use crate::flags::Flags;
use crate::measure::{Nanos, interleaved};
use crate::numbers::Loads;
use crate::ours::Service;
use crate::table::Table;

/// Ours takes about this much for each entry, all told, and the maps as much together.
const BYTES_PER_ENTRY: usize = 600;

/// Prints the table.
pub fn print(flags: &Flags) {
    let sizes: &[usize] =
        if flags.quick { &[1_000, 100_000, 1_000_000] } else { &[1_000, 100_000, 10_000_000] };
    let mut table =
        Table::new(&["hit", "entries", "median ns", "minimum ns", "× smallest", "ns more than the smallest"]);
    let mut smallest: Vec<f64> = Vec::new();
    let mut growth: Vec<Vec<f64>> = Vec::new();
    for &entries in sizes {
        if free_memory().is_some_and(|free| free < entries * BYTES_PER_ENTRY) {
            table.row(["skipped: too little memory".to_owned(), entries.to_string()]);
            continue;
        }
        let cases = cases(entries);
        let nanos = measure(&cases, entries, flags.quick);
        if smallest.is_empty() {
            smallest = nanos.iter().map(|nanos| nanos.minimum).collect();
        }
        for ((case, nanos), first) in cases.iter().zip(&nanos).zip(&smallest) {
            table.row([
                case.name.to_owned(),
                entries.to_string(),
                format!("{:.1}", nanos.median),
                format!("{:.1}", nanos.minimum),
                format!("{:.2}", nanos.minimum / first),
                format!("{:.1}", nanos.minimum - first),
            ]);
        }
        growth.push(nanos.iter().zip(&smallest).map(|(nanos, first)| nanos.minimum / first).collect());
    }
    table.print("Growth of the cost of a hit, ids at random");
    if let Some([ours, by_text, by_id]) = growth.last().map(Vec::as_slice) {
        println!(
            "\nFrom the smallest to the largest ours grows {:.2} × as much as the map by text, {:.2} × as much as \
             the map by id (goal ≤ 1.5).",
            ours / by_text,
            ours / by_id
        );
    }
}

fn measure(cases: &[Case], entries: usize, quick: bool) -> Vec<Nanos> {
    let rounds = if quick { 8 } else { 16 };
    let mut random = fastrand::Rng::with_seed(7);
    // So many that no cache of the processor holds what was asked for in the last round.
    let ids: Vec<u64> = (0..200_000).map(|_| random.u64(0..entries as u64)).collect();
    let cases: Vec<&Case> = cases.iter().collect();
    interleaved(&cases, &ids, rounds)
}

/// Ours, and two maps: by text as ours, and by id.
fn cases(entries: usize) -> Vec<Case> {
    let ids: Vec<u64> = (0..entries as u64).collect();
    let (service, loads) = (Service::local_tier_only(entries + entries / 10 + 64), Loads::default());
    let ours = Case::new("**local tier, #[cached]**", KeyOf::Text, Gives::Arc, async move |id| {
        service.number(id, &loads).await
    });
    ours.run(&ids);
    let by_text: HashMap<String, Arc<u64>, RandomState> =
        ids.iter().map(|id| (format!("number:{id}"), Arc::new(*id))).collect();
    let by_id: HashMap<u64, Arc<u64>, RandomState> = ids.iter().map(|id| (*id, Arc::new(*id))).collect();
    let by_text = Case::sync("HashMap<String, Arc<_>>", KeyOf::Text, Gives::Arc, move |id| {
        let mut key = StackText::default();
        // A number is shorter than the buffer.
        let _ = write!(key, "number:{id}");
        by_text.get(key.as_str()).map(|found| **found)
    });
    let by_id = Case::sync("HashMap<u64, Arc<_>>", KeyOf::U64, Gives::Arc, move |id| {
        by_id.get(&id).map(|found| **found)
    });
    vec![ours, by_text, by_id]
}

/// A short text that is not allocated.
#[derive(Default)]
struct StackText {
    bytes: [u8; 32],
    length: usize,
}

impl StackText {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("only whole texts are written")
    }
}

impl std::fmt::Write for StackText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Free memory in bytes, where the system tells.
fn free_memory() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<usize>().ok().map(|kibibytes| kibibytes * 1_024)
}

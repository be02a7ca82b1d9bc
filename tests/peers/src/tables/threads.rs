//! Hits on two threads: of one hot key, and of many.

use crate::case::{Case, Gives, KeyOf, Side};
use crate::flags::Flags;
use crate::measure::{interleaved, on_threads};
use crate::table::Table;
use crate::value;

/// Prints both tables.
pub fn print(cases: &[Case], flags: &Flags) {
    let (calls, rounds) = if flags.quick { (20_000, 20) } else { (50_000, 60) };
    // Values that are shared, so that no clone hides the rest; a map a thread shares nothing.
    let shared = |case: &&Case| {
        let compared = case.side != Side::Floor || case.name.starts_with("floor");
        let has_its_key = case.key != KeyOf::ThreeParts;
        case.gives == Gives::Arc
            && has_its_key
            && compared
            && !case.name.contains("a map a thread")
            && !case.name.ends_with(", sync")
    };
    let cases: Vec<&Case> = cases.iter().filter(shared).collect();
    let mut many: Vec<u64> = value::ids().collect();
    for case in &cases {
        case.run(&many);
    }
    fastrand::Rng::with_seed(7).shuffle(&mut many);
    let many: Vec<u64> = many.into_iter().cycle().take(calls).collect();
    let hot = vec![many[0]; calls];

    let alone = interleaved(&cases, &hot, rounds);
    let together = on_threads(&cases, &hot, rounds, 2);
    let mut table =
        Table::new(&["call", "key", "1 thread, median ns", "minimum", "2 threads, median ns", "minimum"]);
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by(|&a, &b| together[a].median.total_cmp(&together[b].median));
    for &index in &order {
        let [alone, together] = [alone[index], together[index]];
        let figures = [alone.median, alone.minimum, together.median, together.minimum];
        table.row(names(cases[index]).into_iter().chain(figures.map(|figure| format!("{figure:.1}"))));
    }
    table.print(&format!("One hot key, nanoseconds per call of a thread, {rounds} rounds"));

    let alone = interleaved(&cases, &many, rounds);
    let together = on_threads(&cases, &many, rounds, 2);
    let mut table = Table::new(&[
        "call",
        "key",
        "1 thread, median M/s",
        "best",
        "2 threads, median M/s",
        "best",
        "2 threads / 1",
    ]);
    order.sort_by(|&a, &b| together[a].median.total_cmp(&together[b].median));
    for &index in &order {
        let [alone, together] = [alone[index], together[index]];
        let rate = |nanos: f64, threads: f64| threads * 1_000.0 / nanos;
        let figures = [
            rate(alone.median, 1.0),
            rate(alone.minimum, 1.0),
            rate(together.median, 2.0),
            rate(together.minimum, 2.0),
        ];
        let gain = rate(together.minimum, 2.0) / rate(alone.minimum, 1.0);
        let figures = figures.map(|figure| format!("{figure:.1}"));
        table.row(names(cases[index]).into_iter().chain(figures).chain([format!("{gain:.2}")]));
    }
    table.print(&format!("{} keys, million calls a second of all threads, {rounds} rounds", value::ENTRIES));
}

fn names(case: &Case) -> [String; 2] {
    let name = if case.side == Side::Ours { format!("**{}**", case.name) } else { case.name.to_owned() };
    [name, case.key_text().to_owned()]
}

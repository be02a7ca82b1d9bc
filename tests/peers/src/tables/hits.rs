//! One hit: nanoseconds and allocations.

use allocation_counter::measure;

use crate::case::{Case, Gives, KeyOf, Side};
use crate::flags::Flags;
use crate::measure::{Nanos, interleaved};
use crate::table::{Table, ratio_text};
use crate::{plot, value};

/// How many of the entries are read: so few that the caches of the processor hold them.
const READ: usize = 128;

/// What was measured of a case.
pub struct Hit<'a> {
    pub case: &'a Case,
    pub nanos: Nanos,
    allocations: f64,
}

/// Prints the table and writes the plot.
pub fn print(cases: &[Case], flags: &Flags) {
    let (calls, rounds) = if flags.quick { (2_048, 60) } else { (4_096, 400) };
    let mut ids: Vec<u64> = value::ids().take(READ).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut ids);
    let ids: Vec<u64> = ids.into_iter().cycle().take(calls).collect();

    let cases: Vec<&Case> = cases.iter().collect();
    for case in &cases {
        case.run(&ids);
    }
    let count = |case: &&Case| measure(|| case.run(&ids)).count_total as f64 / calls as f64;
    let allocations: Vec<f64> = cases.iter().map(count).collect();
    let nanos = interleaved(&cases, &ids, rounds);
    let hits: Vec<Hit<'_>> = cases
        .into_iter()
        .zip(nanos)
        .zip(allocations)
        .map(|((case, nanos), allocations)| Hit { case, nanos, allocations })
        .collect();

    print_column(&hits, Gives::Arc, rounds);
    print_column(&hits, Gives::Clone, rounds);
    print_goals(&hits);
    plot::write(&hits);
}

fn print_column(hits: &[Hit<'_>], gives: Gives, rounds: usize) {
    let hits: Vec<_> = hits.iter().filter(|hit| hit.case.gives == gives).collect();
    let least = |choose: &dyn Fn(&Case) -> bool| {
        let chosen = hits.iter().filter(|hit| choose(hit.case));
        chosen.map(|hit| hit.nanos.minimum).fold(f64::NAN, f64::min)
    };
    let floor = least(&|case| case.name.starts_with("floor"));
    let mut table =
        Table::new(&["call", "key", "median ns", "minimum ns", "× floor", "× best peer", "allocations"]);
    for key in [KeyOf::U64, KeyOf::Text, KeyOf::ThreeParts] {
        let best = least(&|case| case.side == Side::Peer && case.key == key);
        let mut of_key: Vec<_> = hits.iter().filter(|hit| hit.case.key == key).collect();
        of_key.sort_by(|a, b| a.nanos.minimum.total_cmp(&b.nanos.minimum));
        for Hit { case, nanos, allocations } in of_key {
            let name =
                if case.side == Side::Ours { format!("**{}**", case.name) } else { case.name.to_owned() };
            table.row([
                name,
                case.key_text().to_owned(),
                format!("{:.1}", nanos.median),
                format!("{:.1}", nanos.minimum),
                ratio_text(nanos.minimum, floor),
                ratio_text(nanos.minimum, best),
                format!("{allocations:.1}"),
            ]);
        }
    }
    let what = if gives == Gives::Arc { "Arc<Project>" } else { "a clone of Project" };
    table.print(&format!("One hit that gives {what}, {rounds} interleaved rounds; ratios are of the minima"));
}

/// Ours, by the goals: the first of ours of its kind is the method.
fn print_goals(hits: &[Hit<'_>]) {
    let least = |gives: Gives, key: KeyOf, side: Side, name: &str| {
        let of = |hit: &&Hit<'_>| {
            let case = hit.case;
            case.gives == gives && case.key == key && case.side == side && case.name.contains(name)
        };
        hits.iter().filter(of).map(|hit| hit.nanos.minimum).fold(f64::NAN, f64::min)
    };
    let ours = |gives, key| least(gives, key, Side::Ours, "method");
    let (text, three) = (ours(Gives::Arc, KeyOf::Text), ours(Gives::Arc, KeyOf::ThreeParts));
    let owned = ours(Gives::Clone, KeyOf::Text);
    let mut table = Table::new(&["ours, by the minima", "is", "goal"]);
    let mut goal = |what: &str, is: String, goal: &str| table.row([what.into(), is, goal.into()]);
    let floor = least(Gives::Arc, KeyOf::U64, Side::Floor, "floor");
    goal("Arc: times the floor", ratio_text(text, floor), "≤ 2.5");
    let peer = least(Gives::Arc, KeyOf::Text, Side::Peer, "");
    goal("Arc: times faster than the best peer with a text key", ratio_text(peer, text), "≥ 2");
    let clone = least(Gives::Clone, KeyOf::U64, Side::Floor, "clone");
    goal("clone: times the bare clone", ratio_text(owned, clone), "≤ 1.3");
    let each = least(Gives::Clone, KeyOf::U64, Side::Floor, "each in turn");
    goal("clone: times the bare clone of as many values", ratio_text(owned, each), "");
    let peer =
        least(Gives::Clone, KeyOf::U64, Side::Peer, "").min(least(Gives::Clone, KeyOf::Text, Side::Peer, ""));
    goal("clone: times faster than the best peer", ratio_text(peer, owned), "> 1");
    goal("three parts: times the one-part figure", ratio_text(three, text), "≤ 1.6");
    let allocations = hits.iter().filter(|hit| hit.case.side == Side::Ours && hit.case.gives == Gives::Arc);
    let most = allocations.map(|hit| hit.allocations).fold(0.0, f64::max);
    goal("Arc: allocations", format!("{most:.1}"), "0");
    table.print("Goals of a hit");
}

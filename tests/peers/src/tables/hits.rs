//! One hit: nanoseconds and allocations.

use std::process::Command;

use allocation_counter::measure;

use crate::case::{Case, Gives, KeyOf, Side};
use crate::flags::Flags;
use crate::measure::{Nanos, interleaved};
use crate::table::{Table, ratio_text};
use crate::{plot, value};

/// How many of the entries are read: so few that the first cache of the processor holds them, as it does the one value
/// of the bare clone, also where another thread has half of it. With more, what is measured is how far away values are.
const READ: usize = 32;

/// What was measured of a case: medians over the processes.
pub struct Hit<'a> {
    pub case: &'a Case,
    pub nanos: Nanos,
    allocations: f64,
}

/// How much is measured.
struct Extent {
    processes: usize,
    rounds: usize,
    calls: usize,
}

impl Extent {
    fn of(flags: &Flags) -> Self {
        if flags.quick {
            Self { processes: 5, rounds: 20, calls: 2_048 }
        } else {
            Self { processes: 15, rounds: 60, calls: 4_096 }
        }
    }
}

/// Prints the table and writes the plot.
///
/// Where a process lies in memory makes a hit faster or slower by up to a fifth for as long as it lives. So there are
/// several processes: this program, again.
pub fn print(cases: &[Case], flags: &Flags) {
    let extent = Extent::of(flags);
    let measured: Option<Vec<_>> = (0..extent.processes).map(|_| in_a_process(cases.len())).collect();
    let Some(measured) = measured else {
        println!("hits: the measure failed");
        return;
    };
    let median = |of: &dyn Fn(&[f64; 3]) -> f64, case: usize| {
        Nanos::of(measured.iter().map(|process| of(&process[case])).collect()).median
    };
    let hits: Vec<Hit<'_>> = cases
        .iter()
        .enumerate()
        .map(|(at, case)| Hit {
            case,
            nanos: Nanos { minimum: median(&|of| of[0], at), median: median(&|of| of[1], at) },
            allocations: median(&|of| of[2], at),
        })
        .collect();

    print_column(&hits, Gives::Arc, &extent);
    print_column(&hits, Gives::Clone, &extent);
    print_goals(&hits);
    plot::write(&hits);
}

/// Minimum, median and allocations of each case, from a child.
fn in_a_process(cases: usize) -> Option<Vec<[f64; 3]>> {
    let program = std::env::current_exe().ok()?;
    let out = Command::new(program).arg("--hits-here").args(std::env::args().skip(1)).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let numbers = |line: &str| {
        let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        numbers.ok()?.try_into().ok()
    };
    let measured: Vec<[f64; 3]> = text.lines().map(numbers).collect::<Option<_>>()?;
    (out.status.success() && measured.len() == cases).then_some(measured)
}

/// Measures and prints what [`print`] reads from each of its children.
pub fn measure_here(cases: &[Case], flags: &Flags) {
    let Extent { rounds, calls, .. } = Extent::of(flags);
    let mut ids: Vec<u64> = value::ids().take(flags.values.unwrap_or(READ)).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut ids);
    let ids: Vec<u64> = ids.into_iter().cycle().take(calls).collect();

    let cases: Vec<&Case> = cases.iter().collect();
    for case in &cases {
        case.run(&ids);
    }
    let count = |case: &&Case| measure(|| case.run(&ids)).count_total as f64 / calls as f64;
    let allocations: Vec<f64> = cases.iter().map(count).collect();
    for (Nanos { median, minimum }, allocations) in interleaved(&cases, &ids, rounds).iter().zip(allocations)
    {
        println!("{minimum} {median} {allocations}");
    }
}

fn print_column(hits: &[Hit<'_>], gives: Gives, Extent { processes, rounds, .. }: &Extent) {
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
    table.print(&format!(
        "One hit that gives {what}, {processes} processes of {rounds} interleaved rounds; medians over the processes, \
         ratios of the minima"
    ));
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

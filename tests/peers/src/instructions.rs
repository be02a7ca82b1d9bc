//! Counts the instructions of a call with valgrind, which noise does not reach.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::case::{Case, Gives, Side};
use crate::table::Table;
use crate::value;

/// How many calls are counted of each case.
const CALLS: usize = 512;

/// The full name of the function that is counted: with a pattern, valgrind does not dump after it.
const COUNTED: &str = "cache_peers::instructions::counted_calls";

/// Counts every case in one child, this program again, under valgrind.
pub fn print(cases: &[Case]) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("skipped: {error}"))?;
    let directory = std::env::temp_dir().join(format!("cache-peers-{}", std::process::id()));
    std::fs::create_dir_all(&directory).map_err(|error| format!("skipped: {error}"))?;
    let counted = count(&program, &directory, cases.len());
    // What is left there is of no use to anybody.
    let _ = std::fs::remove_dir_all(&directory);
    let counted = counted?;
    let mut table = Table::new(&["call", "key", "gives", "instructions per call"]);
    let mut order: Vec<_> = cases.iter().zip(counted).collect();
    order.sort_by_key(|(case, count)| (case.gives == Gives::Clone, *count));
    for (case, count) in order {
        let name = if case.side == Side::Ours { format!("**{}**", case.name) } else { case.name.to_owned() };
        let gives = if case.gives == Gives::Arc { "Arc" } else { "clone" };
        table.row([name, case.key_text().to_owned(), gives.to_owned(), (count / CALLS as u64).to_string()]);
    }
    table.print(&format!("Instructions per hit, counted by valgrind over {CALLS} calls"));
    Ok(())
}

fn count(program: &Path, directory: &Path, cases: usize) -> Result<Vec<u64>, String> {
    let status = Command::new("valgrind")
        .args([
            "--tool=callgrind".to_owned(),
            format!("--toggle-collect={COUNTED}"),
            format!("--dump-after={COUNTED}"),
        ])
        .arg(format!("--callgrind-out-file={}", directory.join("out").display()))
        .arg(program)
        .arg("--counted")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("skipped: valgrind ended with {status}")),
        Err(error) => return Err(format!("skipped: no valgrind ({error})")),
    }
    (1..=cases).map(|part| total(&directory.join(format!("out.{part}")))).collect()
}

/// The sum of a dump's `totals:` or `summary:` line.
fn total(file: &Path) -> Result<u64, String> {
    let failed = |what: &str| format!("skipped: a dump of valgrind {what}");
    let text = std::fs::read_to_string(file).map_err(|error| failed(&error.to_string()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    line.and_then(|sum| sum.trim().parse().ok()).ok_or_else(|| failed("has no sum"))
}

/// What the child does: the calls, first once to fill the cache, then to be counted.
pub fn be_counted(cases: &[Case]) {
    let ids: Vec<u64> = value::ids().take(128).cycle().take(CALLS).collect();
    for case in cases {
        case.run(&ids);
        case.run(&ids);
        counted_calls(case, &ids);
    }
}

/// Valgrind knows it by its name.
#[inline(never)]
fn counted_calls(case: &Case, ids: &[u64]) {
    case.run(std::hint::black_box(ids));
    // Not a jump into what it calls: valgrind has to see it return.
    std::hint::black_box(());
}

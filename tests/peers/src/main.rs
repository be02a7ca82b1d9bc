//! Prints our figures beside those of the peers, measured in one run.
//!
//! ```sh
//! cargo run --release --manifest-path tests/peers/Cargo.toml
//! ```

mod case;
mod floor;
mod instructions;
mod measure;
mod nowhere;
mod numbers;
mod ours;
mod peers;
mod plot;
mod stampede;
mod tables;

use std::process::{Command, ExitCode};

use cache_peers::{flags, table, value};
use flags::Flags;

fn main() -> ExitCode {
    let flags = match Flags::parse(std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let cases: Vec<_> = [floor::cases(), ours::cases(), peers::cases()].into_iter().flatten().collect();
    if flags.counted {
        instructions::be_counted(&cases);
        return ExitCode::SUCCESS;
    }
    if flags.hits_here {
        tables::hits::measure_here(&cases, &flags);
        return ExitCode::SUCCESS;
    }
    if flags.instructions {
        if let Err(why) = instructions::print(&cases) {
            println!("instructions: {why}");
        }
        return ExitCode::SUCCESS;
    }
    if let Some(name) = &flags.profile {
        measure::repeat(&cases, name);
        return ExitCode::SUCCESS;
    }
    print_tables(&cases, &flags);
    ExitCode::SUCCESS
}

fn print_tables(cases: &[case::Case], flags: &Flags) {
    if flags.wants("hits") {
        tables::hits::print(cases, flags);
    }
    if flags.wants("threads") {
        tables::threads::print(cases, flags);
    }
    if flags.wants("stampede") {
        tables::stampede::print(flags);
    }
    if flags.wants("ratio") {
        tables::ratio::print(flags);
    }
    if flags.wants("memory") {
        tables::memory::print(flags);
    }
    if flags.wants("growth") {
        tables::growth::print(flags);
    }
    if flags.wants("redis") {
        print_redis();
    }
}

/// By the other program.
fn print_redis() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--release", "--bin", "over-redis", "--manifest-path"]);
    command.args([concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "--"]).args(std::env::args().skip(1));
    if !command.status().is_ok_and(|status| status.success()) {
        println!("redis: the measure failed");
    }
}

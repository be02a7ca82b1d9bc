//! Prints the tables of caches over Redis.
//!
//! ```sh
//! cargo run --release --manifest-path tests/peers/Cargo.toml --bin over-redis
//! ```

use std::process::ExitCode;

use cache_peers::flags::Flags;
use cache_peers::redis;

fn main() -> ExitCode {
    match Flags::parse(std::env::args().skip(1)) {
        Ok(flags) => redis::print(&flags),
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

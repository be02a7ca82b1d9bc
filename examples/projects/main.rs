//! A project service on a real database: what is cached, what an update makes stale, and what it gains.
//!
//! ```text
//! cargo run --example projects
//! cargo run --example projects -- --calls 100000
//! cargo run --example projects -- --backend redis://127.0.0.1:6379            # beside a second copy:
//! cargo run --example projects -- --backend redis://127.0.0.1:6379 --watch
//! cargo run --example projects -- --help
//! ```
//!
//! The service is in `service.rs`, and the story in `story.rs`; the rest is a database to ask, and the printing.

#![expect(unreachable_pub, reason = "`pub` as in a crate of your own; here all modules are private")]

mod args;
mod db;
mod model;
mod queries;
mod report;
mod run;
mod seed;
mod service;
mod story;
mod traffic;
mod watch;
mod words;
mod zipf;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use cache_runtime::CacheError;

use crate::args::{Args, HELP};
use crate::run::{RunError, run};

/// The exit code for a command line that asks for what there is not.
const USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("projects: {error}\n\n{HELP}");
            return USAGE.into();
        }
    };
    let mut out = io::stdout().lock();
    let done = if args.help {
        out.write_all(HELP.as_bytes()).map_err(RunError::Output)
    } else {
        let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        run(&args, colour, &mut out).await
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has read enough.
        Err(RunError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("projects: {}", with_causes(&error));
            match error {
                RunError::Backend(CacheError::Configuration(_)) => USAGE.into(),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

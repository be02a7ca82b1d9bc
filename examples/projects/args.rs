//! The command line: `--backend URL`, `--calls N`, `--watch`, `--help`.

use std::ffi::OsString;

pub const HELP: &str = "\
A project service on a real database, with and without its cache.

Usage: cargo run --example projects -- [OPTIONS]

Options:
  --backend URL   where the cache lives: memory (default), or the URL of another backend
  --calls N       how many Zipf-distributed calls to make, 1 to 10,000,000 (default 20,000)
  --watch         be a second copy on the same backend, which shows the first one's updates as it sees them
  -h, --help      print this
";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    pub backend: String,
    pub calls: u32,
    pub watch: bool,
    pub help: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self { backend: "memory".to_owned(), calls: 20_000, watch: false, help: false }
    }
}

impl Args {
    /// Reads the arguments after the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut args = Self::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("backend") => args.backend = parser.value()?.string()?,
                Long("calls") => args.calls = parser.value()?.parse_with(calls)?,
                Long("watch") => args.watch = true,
                Short('h') | Long("help") => args.help = true,
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(args)
    }
}

fn calls(text: &str) -> Result<u32, &'static str> {
    match text.replace([',', '_'], "").parse() {
        Ok(calls @ 1..=10_000_000) => Ok(calls),
        _ => Err("it is not a number from 1 to 10,000,000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Args, String> {
        Args::parse(arguments.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn no_arguments_mean_memory_and_20_000_calls() {
        assert_eq!(parse(&[]), Ok(Args::default()));
    }

    #[test]
    fn a_value_follows_its_option_or_an_equals_sign() {
        let backend = "redis://localhost".to_owned();
        let expected = Args { backend, calls: 1_000, watch: true, help: false };
        assert_eq!(parse(&["--backend", "redis://localhost", "--calls=1,000", "--watch"]), Ok(expected));
    }

    #[test]
    fn unknown_options_and_numbers_out_of_range_are_refused() {
        for wrong in
            [&["--bakend=memory"][..], &["memory"], &["--calls", "0"], &["--calls", "many"], &["--calls"]]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}

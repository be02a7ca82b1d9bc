//! What the command line asks for.

/// The tables, in the order in which they are printed.
pub const TABLES: [&str; 7] = ["hits", "threads", "stampede", "ratio", "memory", "growth", "redis"];

/// How to use it.
pub const USAGE: &str = "\
usage: cargo run --release --manifest-path tests/peers/Cargo.toml -- [options]

  --only TABLE     one of hits, threads, stampede, ratio, memory, growth, redis; may be repeated
  --quick          fewer rounds and smaller sizes
  --values N       hits: so many of the 1,024 entries are read, 32 by default
  --instructions   instructions per call, counted by valgrind, instead of the tables
  --remote TEXT    of the caches over Redis those alone whose name holds TEXT; may be repeated
  --tasks N        over Redis so many tasks alone: with both, one cell for a profiler to look at
  --direct         over Redis each call is awaited where it is made, not in a box as that of a `dyn` service or a handler
  --profile TEXT   call the hits whose name holds TEXT, for some seconds, for a profiler to look at
";

/// What was asked for.
#[derive(Default)]
pub struct Flags {
    pub quick: bool,
    pub instructions: bool,
    /// This is the child whose instructions valgrind counts.
    pub counted: bool,
    /// This is one of the children in which hits are measured.
    pub hits_here: bool,
    pub values: Option<usize>,
    pub direct: bool,
    pub profile: Option<String>,
    pub remotes: Vec<String>,
    pub tasks: Option<usize>,
    only: Vec<String>,
}

impl Flags {
    /// Reads the command line.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut flags = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => flags.quick = true,
                "--instructions" => flags.instructions = true,
                "--counted" => flags.counted = true,
                "--direct" => flags.direct = true,
                "--hits-here" => flags.hits_here = true,
                "--values" => flags.values = Some(number(words.next()).ok_or(USAGE)?),
                "--profile" => flags.profile = Some(words.next().ok_or(USAGE)?),
                "--remote" => flags.remotes.push(words.next().ok_or(USAGE)?),
                "--tasks" => flags.tasks = Some(number(words.next()).ok_or(USAGE)?),
                "--only" => match words.next().filter(|table| TABLES.contains(&table.as_str())) {
                    Some(table) => flags.only.push(table),
                    None => return Err(format!("`--only` names none of the tables\n\n{USAGE}")),
                },
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(flags)
    }

    /// Whether a table is to be printed.
    pub fn wants(&self, table: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == table)
    }

    /// Whether a cache over Redis is to be measured.
    pub fn wants_remote(&self, name: &str) -> bool {
        self.remotes.is_empty() || self.remotes.iter().any(|remote| name.contains(remote.as_str()))
    }
}

/// One or more.
fn number(word: Option<String>) -> Option<usize> {
    word?.parse().ok().filter(|number| *number > 0)
}

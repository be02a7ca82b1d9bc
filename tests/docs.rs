//! The pages of the documentation say what is so: each message is the one that the compiler gives, each program
//! one that is compiled, and each link leads somewhere.
//!
//! A message is a block ```` ```text ui=CASE ````, the same as `ui/fail/CASE.stderr`; before it, a block
//! ```` ```rust ui=CASE ```` shows lines of `ui/fail/CASE.rs`. A block ```` ```rust from=FILE ```` shows lines of that
//! file, which is compiled. After a change of a message, or of the program of
//! the README: `UPDATE_DOCS=1 cargo test -p cache-tests --test docs`, and read the difference.

use std::fs;
use std::path::{Path, PathBuf};

const PAGES: [&str; 12] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/cloudflare.md",
    "docs/compiler-checks.md",
    "docs/consistency.md",
    "docs/guide.md",
    "docs/operations.md",
    "docs/performance.md",
    "docs/redis.md",
    "docs/sessions-and-limits.md",
    "docs/testing.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace holds the tests").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fenced block: what stands after the opening fence, the lines between, and where those are in the page.
struct Block<'p> {
    info: &'p str,
    text: &'p str,
    at: std::ops::Range<usize>,
}

impl Block<'_> {
    /// The ui case that a block of this language shows.
    fn case(&self, language: &str) -> Option<&str> {
        self.info.strip_prefix(language)?.trim_start().strip_prefix("ui=")
    }
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let (mut offset, mut open): (usize, Option<(&str, usize)>) = (0, None);
    for line in page.split_inclusive('\n') {
        let end = offset + line.len();
        open = match (line.trim_end().strip_prefix("```"), open) {
            (Some(info), None) => Some((info, end)),
            (Some(_), Some((info, start))) => {
                blocks.push(Block { info, text: &page[start..offset], at: start..offset });
                None
            }
            (None, open) => open,
        };
        offset = end;
    }
    assert!(open.is_none(), "a block of a page is not closed");
    blocks
}

/// Compares blocks with what they should be; with `UPDATE_DOCS` it writes them instead.
fn same_or_update(name: &str, expected: impl Fn(&Block<'_>) -> Option<String>) {
    let page = read(name);
    let mut updated = page.clone();
    let mut wrong = Vec::new();
    for block in blocks(&page).iter().rev() {
        if let Some(expected) = expected(block).filter(|expected| expected != block.text) {
            updated.replace_range(block.at.clone(), &expected);
            wrong.push(block.info.to_owned());
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join(name), updated).unwrap_or_else(|error| panic!("{name}: {error}"));
    } else {
        let how = "UPDATE_DOCS=1 cargo test -p cache-tests --test docs";
        assert!(wrong.is_empty(), "{name}: out of date: {wrong:?}; run: {how}");
    }
}

#[test]
fn every_message_is_the_compilers_and_the_program_of_the_readme_the_example() {
    let example = read("examples/quickstart.rs");
    let is_about_itself = |line: &&str| line.starts_with("//!") || line.trim().is_empty();
    let program: String = example.split_inclusive('\n').skip_while(is_about_itself).collect();
    let tests = ["weather", "shop"].map(|name| read(&format!("tests/testing/{name}.rs")));
    for page in PAGES {
        same_or_update(page, |block| match block.case("text") {
            Some(case) => Some(read(&format!("tests/ui/fail/{case}.stderr")).trim_end().to_owned() + "\n"),
            None if block.info != "rust" => None,
            None => match page {
                "README.md" => Some(program.clone()),
                "docs/testing.md" => Some(tests[usize::from(block.text.contains("struct Shop"))].clone()),
                _ => None,
            },
        });
    }
}

#[test]
fn every_mistake_stands_in_the_case_whose_message_is_shown() {
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    for name in PAGES {
        let page = read(name);
        for block in blocks(&page) {
            let Some(case) = block.case("rust") else { continue };
            let (shown, whole) = (lines(block.text), lines(&read(&format!("tests/ui/fail/{case}.rs"))));
            let found = whole.windows(shown.len()).any(|window| window == shown);
            assert!(found, "{name}: not in the ui case {case}:\n{}", block.text);
        }
    }
}

#[test]
fn every_excerpt_stands_in_the_file_that_it_is_from() {
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    for name in PAGES {
        let page = read(name);
        for block in blocks(&page) {
            let Some(file) = block.info.strip_prefix("rust from=") else { continue };
            let (shown, whole) = (lines(block.text), lines(&read(file)));
            let found = whole.windows(shown.len()).any(|window| window == shown);
            assert!(found, "{name}: not in {file}:\n{}", block.text);
        }
    }
}

#[test]
fn every_section_of_the_checks_shows_a_message() {
    let page = read("docs/compiler-checks.md");
    for section in page.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap_or_default();
        assert!(blocks(section).iter().any(|block| block.case("text").is_some()), "no message: {title}");
    }
}

#[test]
fn the_message_of_the_readme_is_the_one_that_the_compiler_gives() {
    // The readme's own program, whose type has another name than that of the case.
    let case = read("tests/ui/fail/invalidates_a_template_that_nothing_caches.stderr");
    let readme = read("README.md");
    for line in case.lines().filter(|line| line.starts_with("error") || line.contains("= note: to ")) {
        let line = line.replace("`Projects`", "`ProjectService`");
        assert!(readme.lines().any(|shown| shown == line), "not in README.md: {line}");
    }
}

#[test]
fn every_link_leads_to_a_file() {
    for name in PAGES {
        let page = read(name);
        let folder = root().join(name).parent().expect("a file stands in a folder").to_owned();
        for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.contains("://") && !file.is_empty() {
                assert!(folder.join(file).exists(), "{name}: no such file: {file}");
            }
        }
    }
}

#[test]
fn the_readme_has_every_feature_and_no_other() {
    let manifest = read("cache-runtime/Cargo.toml");
    let features =
        manifest.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
    let features = features.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim());
    let mut features: Vec<&str> = features.filter(|name| *name != "default").collect();
    let readme = read("README.md");
    let section = readme
        .split("\n## Features\n")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .unwrap_or_default();
    let rows =
        section.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| row.split(" |").next());
    let mut named: Vec<&str> =
        rows.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`')).collect();
    features.sort_unstable();
    named.sort_unstable();
    assert!(!features.is_empty());
    assert_eq!(named, features);
}

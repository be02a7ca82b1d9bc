//! Keys: no two lists of parts render alike, no part leaves its segment, and a glob matches what it says.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use cache_runtime::__private::{KeyWriter, RawKey, Template};
use cache_runtime::{
    CacheError, Key, KeyPart, KvCacheService, PartWriter, RawPart, cache_key, cached, invalidates,
};
use futures_util::FutureExt;
use proptest::prelude::*;
use proptest::sample::select;

#[path = "keys/generate.rs"]
mod generate;
#[path = "keys/glob.rs"]
mod glob;

use generate::{Choices, Part, Shape, choices};

/// Property cases of one run, over the tests of this file: at least 200,000.
const GENERATED: u32 = 160_000;
const DECLARED: u32 = 40_000;
const LONG: u32 = 5_000;

const ESCAPED: &str = "%:/|#*?[]\\";

fn add(key: &mut KeyWriter<'_>, part: &Part) {
    match part {
        Part::Text(text) => key.part::<str>(text),
        Part::Unsigned(number) => key.part::<u64>(number),
        Part::Signed(number) => key.part::<i128>(number),
        Part::Flag(flag) => key.part::<bool>(flag),
        Part::Char(char) => key.part::<char>(char),
    }
}

static TEMPLATE: Template = Template::new("(generated)");

fn render(shape: &Shape, parts: &[Part]) -> String {
    let key = RawKey::of(&TEMPLATE, |key| {
        key.literal(shape.first);
        for (part, (_, literal)) in parts.iter().zip(&shape.rest) {
            add(key, part);
            key.literal(literal);
        }
    });
    key.as_str().to_owned()
}

fn of_texts(parts: &[&str]) -> RawKey {
    RawKey::of(&TEMPLATE, |key| parts.iter().for_each(|part| key.part::<str>(part)))
}

fn render_part(part: &Part) -> String {
    RawKey::of(&TEMPLATE, |key| add(key, part)).as_str().to_owned()
}

/// The escaping, written down once more and naively.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, char| {
        if ESCAPED.contains(char) || char.is_whitespace() || char.is_control() {
            for byte in char.to_string().bytes() {
                write!(out, "%{byte:02X}").expect("a string takes all text");
            }
        } else {
            out.push(char);
        }
        out
    })
}

fn naive(part: &Part) -> String {
    match part {
        Part::Text(text) => escaped(text),
        Part::Unsigned(number) => number.to_string(),
        Part::Signed(number) => number.to_string(),
        Part::Flag(flag) => flag.to_string(),
        Part::Char(char) => escaped(&char.to_string()),
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(GENERATED))]

    #[test]
    fn two_different_lists_of_parts_never_render_alike(choices in choices(13)) {
        let mut choices = Choices(choices.iter());
        let shape = choices.shape();
        let left = choices.list(&shape);
        let right = choices.other_list(&shape, &left);
        let (left_key, right_key) = (render(&shape, &left), render(&shape, &right));
        prop_assert_eq!(left == right, left_key == right_key, "{} {}", left_key, right_key);
        // The text is the literals and the escaped parts, and nothing in a part can be taken for anything else.
        let mut expected = shape.first.to_owned();
        for (part, (_, literal)) in left.iter().zip(&shape.rest) {
            let text = render_part(part);
            prop_assert_eq!(&text, &naive(part));
            prop_assert!(!text.contains(|char: char| char.is_whitespace() || char.is_control()), "{:?}", text);
            prop_assert!(!text.contains([':', '/', '|', '#', '*', '?', '[', ']', '\\']), "{:?}", text);
            expected.push_str(&text);
            expected.push_str(literal);
        }
        prop_assert_eq!(left_key, expected);
    }
}

/// A file of an organisation.
#[cache_key("org:<org>:file:<path>", ttl = 60)]
fn file_key(org: &str, path: &str) -> String;

/// A page of a list.
#[cache_key("<number>/<list>|<reversed>#<mark>", ttl = 60)]
fn page_key(number: usize, list: String, reversed: bool, mark: char) -> String;

/// A document by a path that is written as it is.
#[cache_key("doc:<site>:<path>", ttl = 60)]
fn doc_key(site: u32, path: RawPart<&str>) -> String;

proptest! {
    #![proptest_config(config(DECLARED))]

    #[test]
    fn two_calls_of_a_declared_key_with_different_arguments_never_render_alike(choices in choices(6)) {
        let mut choices = Choices(choices.iter());
        let mut arguments =
            || (choices.text(), choices.text(), choices.below(9), choices.below(2) == 1, choices.char());
        let (mut left, mut right) = (arguments(), arguments());
        if right.3 {
            // Both would be "…:file::file:…" if nothing were escaped.
            (right.0, right.1) = (format!("{}:file:", left.0), left.1.clone());
            left.1.insert_str(0, ":file:");
        }
        let file = |v: &(String, String, usize, bool, char)| file_key(&v.0, &v.1);
        prop_assert_eq!((&left.0, &left.1) == (&right.0, &right.1), file(&left) == file(&right));
        let page = |v: &(String, String, usize, bool, char)| page_key(v.2, v.0.clone(), v.3, v.4);
        let same = (left.2, &left.0, left.3, left.4) == (right.2, &right.0, right.3, right.4);
        prop_assert_eq!(same, page(&left) == page(&right));
    }
}

proptest! {
    #![proptest_config(config(LONG))]

    #[test]
    fn a_key_beyond_the_inline_size_is_the_same_text(parts in prop::collection::vec("[a-z:é🦀]{0,40}", 1..6)) {
        let key = RawKey::of(&TEMPLATE, |key| {
            for part in &parts {
                key.literal(":");
                key.part::<str>(part);
            }
        });
        let expected = parts.iter().fold(String::new(), |text, part| text + ":" + &escaped(part));
        prop_assert_eq!(key.as_str(), expected.as_str());
        let typed: Key<u8> = key.clone().typed();
        prop_assert_eq!(typed.to_string(), expected);
        prop_assert_eq!(typed.clone(), key.typed());
    }
}

#[test]
fn a_key_is_whole_at_every_length_around_the_inline_size() {
    for length in 0..200 {
        for split in 0..=length {
            let (head, tail) = ("x".repeat(split), "y".repeat(length - split));
            let key = of_texts(&[&head, &tail]);
            assert_eq!(key.as_str(), head + &tail);
        }
    }
    // An escape that stands across the border of the inline size.
    for length in 55..65 {
        let text = "x".repeat(length) + ":é:";
        assert_eq!(of_texts(&[&text]).as_str(), "x".repeat(length) + "%3Aé%3A");
    }
}

#[test]
fn a_number_is_written_in_decimal_wherever_it_stands() {
    let powers = (0..20).map(|power| 10_u64.pow(power));
    let edges = powers.chain((0..64).map(|bit| 1 << bit)).chain([0, u64::MAX]);
    for number in edges.flat_map(|edge| [edge.wrapping_sub(1), edge, edge.wrapping_add(1)]) {
        for start in 0..=63 {
            let before = "x".repeat(start);
            let key = RawKey::of(&TEMPLATE, |key| {
                key.part::<str>(&before);
                key.part::<u64>(&number);
            });
            assert_eq!(key.as_str(), format!("{before}{number}"));
        }
        let key = RawKey::of(&TEMPLATE, |key| key.part::<i64>(&number.cast_signed()));
        assert_eq!(key.as_str(), number.cast_signed().to_string());
    }
    for number in 0..200_000_u32 {
        let key = RawKey::of(&TEMPLATE, |key| key.part::<u32>(&(number * 500)));
        assert_eq!(key.as_str(), (number * 500).to_string());
    }
}

#[test]
fn exactly_separators_glob_characters_percent_spaces_and_control_characters_are_escaped() {
    let rendered = |text: &str| of_texts(&[text]).as_str().to_owned();
    for (text, expected) in [
        ("%", "%25"),
        (":", "%3A"),
        ("/", "%2F"),
        ("|", "%7C"),
        ("#", "%23"),
        ("*", "%2A"),
        ("?", "%3F"),
        ("[", "%5B"),
        ("]", "%5D"),
        ("\\", "%5C"),
        (" ", "%20"),
        ("\n", "%0A"),
        ("\0", "%00"),
        ("\u{7f}", "%7F"),
        ("\u{85}", "%C2%85"),
        ("\u{a0}", "%C2%A0"),
        ("\u{2028}", "%E2%80%A8"),
        ("67e55044-10b1-426f-9247-bb680e5fe0c8", "67e55044-10b1-426f-9247-bb680e5fe0c8"),
        ("ada+lovelace@example.org", "ada+lovelace@example.org"),
        ("日本語", "日本語"),
        ("naïve-café_1.0~", "naïve-café_1.0~"),
        ("", ""),
        ("100%", "100%25"),
        ("%3A", "%253A"),
        ("a b\tc", "a%20b%09c"),
    ] {
        assert_eq!(rendered(text), expected, "{text:?}");
    }
    for char in ('\0'..=char::MAX).filter(|char| u32::from(*char) < 0x3100 || u32::from(*char) % 61 == 0) {
        let rendered = of_texts(&[&char.to_string()]);
        assert_eq!(rendered.as_str(), escaped(&char.to_string()), "{char:?}");
    }
}

#[test]
fn a_raw_part_is_written_as_it_is_in_the_last_place() {
    assert_eq!(doc_key(7, RawPart("a/b:c*d")).as_str(), "doc:7:a/b:c*d");
}

/// Two texts in one key, and one.
struct Users {
    cache: KvCacheService,
}

impl Users {
    #[cached(key = "pair:<left>:<right>", ttl = 60)]
    async fn pair(&self, left: &str, right: &str) -> String {
        format!("{left} and {right}")
    }

    #[cached(key = "user:<id>", ttl = 60)]
    async fn user(&self, id: &str) -> String {
        id.to_owned()
    }

    #[invalidates("user:<id>")]
    async fn change(&self, id: &str) {
        let _ = id;
    }
}

#[tokio::test]
async fn a_b_and_c_is_not_a_and_b_c() {
    let users = Users { cache: KvCacheService::in_memory() };
    assert_eq!(users.pair("a:b", "c").await, "a:b and c");
    assert_eq!(users.pair("a", "b:c").await, "a and b:c");
    assert_eq!(users.cache.keys("*").await.expect("memory answers"), ["pair:a%3Ab:c", "pair:a:b%3Ac"]);
}

#[tokio::test]
async fn an_id_that_is_a_star_invalidates_one_key() {
    let users = Users { cache: KvCacheService::in_memory() };
    for id in ["*", "1", "?", "[a-z]", "a", "", "\\*"] {
        users.user(id).await;
    }
    for id in ["*", "?", "[a-z]"] {
        users.change(id).await;
        assert_eq!(users.cache.keys(r"user:\**").await.expect("memory answers"), [""; 0]);
    }
    assert_eq!(
        users.cache.keys("*").await.expect("memory answers"),
        ["user:", "user:%5C%2A", "user:1", "user:a"],
        "the others stay"
    );
}

#[test]
fn keys_are_equal_by_their_text_and_hash_alike() {
    let (left, right) = (file_key("a", "b"), file_key("a", "b"));
    assert_eq!(left, right);
    assert_ne!(left, file_key("b", "a"));
    let hasher = RandomState::new();
    assert_eq!(hasher.hash_one(&left), hasher.hash_one(&right));
    let mut map = HashMap::new();
    map.insert(left.clone(), 1);
    assert_eq!(map.get(&right), Some(&1));
}

#[test]
fn display_writes_the_key_and_debug_its_template_and_a_hash_and_no_part() {
    let key = file_key("hush-org", "quiet/path");
    assert_eq!(key.to_string(), "org:hush-org:file:quiet%2Fpath");
    assert_eq!(format!("{key}"), key.as_str());
    assert_eq!(key.template(), "org:<org>:file:<path>");
    for debug in [format!("{key:?}"), format!("{key:#?}")] {
        assert!(debug.contains("\"org:<org>:file:<path>\" #"), "{debug}");
        assert!(!debug.contains("hush") && !debug.contains("quiet"), "{debug}");
    }
    let debug = format!("{key:?}");
    let hash = debug.strip_prefix("Key(\"org:<org>:file:<path>\" #").and_then(|rest| rest.strip_suffix(')'));
    assert!(
        hash.is_some_and(|hash| hash.len() == 8 && hash.chars().all(|char| char.is_ascii_hexdigit())),
        "{debug}"
    );
    assert_eq!(debug, format!("{:?}", file_key("hush-org", "quiet/path")), "one key has one hash");
    assert_ne!(debug, format!("{:?}", file_key("hush-org", "other")), "the hash tells keys apart");
    assert!(!format!("{:?}", of_texts(&["hush"])).contains("hush"));
}

/// What `keys` answers over these keys.
fn keys(cache: &KvCacheService, pattern: &str) -> Result<Vec<String>, CacheError> {
    cache.keys(pattern).now_or_never().expect("memory answers at once")
}

fn holding(texts: &[String]) -> KvCacheService {
    let cache = KvCacheService::in_memory();
    for text in texts {
        cache
            .set(text.as_str(), &1, 60)
            .now_or_never()
            .expect("memory answers at once")
            .expect("a valid key");
    }
    cache
}

/// Patterns and keys of one small alphabet, so that they often meet.
fn pattern() -> impl Strategy<Value = String> {
    let piece = select(
        &[
            "*", "*", "?", "a", "b", "c", ":", "[a-c]", "[^a]", "[ab]", "[c-a]", "[", "]", "^", "-", "\\",
            "\\*", "[\\]", "é",
        ][..],
    );
    prop::collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat())
}

fn key_text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(&["a", "b", "c", ":", "*", "[", "]", "-", "^", "\\", "?", "é"][..]), 1..7)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn keys_finds_what_a_naive_matcher_finds(
        texts in prop::collection::btree_set(key_text(), 1..24),
        patterns in prop::collection::vec(pattern(), 4),
    ) {
        let texts: Vec<String> = texts.into_iter().collect();
        let cache = holding(&texts);
        for pattern in &patterns {
            let matching = texts.iter().map(|text| glob::matches(pattern, text)).collect::<Option<Vec<bool>>>();
            let expected = matching.map(|matching| {
                texts.iter().zip(matching).filter(|(_, yes)| *yes).map(|(text, _)| text.clone()).collect::<Vec<_>>()
            });
            match keys(&cache, pattern) {
                Ok(found) => prop_assert_eq!(Some(found), expected, "{}", pattern),
                Err(CacheError::InvalidPattern { operation: "keys", .. }) => prop_assert_eq!(expected, None, "{}", pattern),
                Err(other) => prop_assert!(false, "{pattern}: {other}"),
            }
        }
    }
}

#[test]
fn a_glob_is_matched_against_the_whole_key() {
    let all = [
        "user:7:posts",
        "user:8:posts",
        "user:7:post",
        "user:7",
        "project",
        "project:1",
        "projection:1",
        "a*b",
        "axb",
    ];
    let cache = holding(&all.map(str::to_owned));
    for (pattern, expected) in [
        ("user:*:posts", &["user:7:posts", "user:8:posts"][..]),
        ("project", &["project"]),
        ("project:*", &["project:1"]),
        ("project*", &["project", "project:1", "projection:1"]),
        ("user:[8-9]:*", &["user:8:posts"]),
        ("user:[^8]:posts", &["user:7:posts"]),
        ("user:?", &["user:7"]),
        (r"a\*b", &["a*b"]),
        ("a*b", &["a*b", "axb"]),
        ("*:1", &["project:1", "projection:1"]),
        ("app:*", &[]),
    ] {
        assert_eq!(keys(&cache, pattern).expect("a valid pattern"), expected, "{pattern}");
    }
}

#[test]
fn a_glob_of_many_stars_ends_in_time() {
    let cache = holding(&["a".repeat(480)]);
    assert_eq!(keys(&cache, &("*a".repeat(200) + "b")).expect("a valid pattern"), [""; 0]);
}

/// A part of as many pieces as it has steps.
#[derive(Clone)]
struct Steps(Vec<&'static str>);

impl KeyPart for Steps {
    type Kind = Self;
    const MAX_LEN: Option<usize> = None;

    fn write(&self, out: &mut PartWriter<'_>) {
        for step in &self.0 {
            out.text(step);
        }
    }
}

struct Ways {
    cache: KvCacheService,
}

impl Ways {
    #[cached(key = "way:<from>:<to>", ttl = 300)]
    async fn way(&self, from: Steps, to: Steps) -> String {
        format!("{}>{}", from.0.concat(), to.0.concat())
    }
}

#[test]
fn parts_of_several_pieces_or_none_are_told_apart_by_where_each_begins() {
    let pieces = ["a", "b", "ab"];
    let mut all: Vec<Steps> = vec![Steps(Vec::new()), Steps(vec![""]), Steps(vec!["a", ""])];
    for one in pieces {
        all.push(Steps(vec![one]));
        all.extend(pieces.map(|two| Steps(vec![one, two])));
    }
    let ways = Ways { cache: KvCacheService::in_memory() };
    // The second time all are hits; a way takes whatever stands under its key.
    for round in 0..3 {
        for from in &all {
            for to in &all {
                let way = ways.way(from.clone(), to.clone()).now_or_never().expect("memory answers at once");
                assert_eq!(way, format!("{}>{}", from.0.concat(), to.0.concat()), "{round}");
            }
        }
    }
}

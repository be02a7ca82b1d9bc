//! Nothing makes the macros panic: neither arbitrary texts nor arbitrary tokens.
//!
//! Each parser reads 50,000 inputs and the macros as a whole 12,500, or all of them as many as `FUZZ_EXECUTIONS` says.
//! They follow from a seed, which a failure prints and `FUZZ_SEED` sets. Millions are for an optimised build that keeps
//! the checks: `CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true
//! FUZZ_EXECUTIONS=2000000 cargo test --release -p cache-macros fuzz -- --nocapture`.

use std::time::Instant;

use proc_macro2::{Delimiter, Group, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

use super::corpus::{ATTRIBUTES, FUNCTIONS, PIECES, TEMPLATES, WORDS};
use crate::args::{Args, CACHE_KEY, CACHED, CACHING, INVALIDATES, UPDATES};
use crate::diag::Diag;
use crate::template::{Segment, Template};
use crate::{caching, declare, derive, method};

/// How deep brackets may stand in brackets: rustc itself refuses what is much deeper.
const DEPTH: usize = 4;

/// `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Says on a panic how to see it again.
struct Reproduce<'a> {
    seed: u64,
    execution: u64,
    input: &'a dyn std::fmt::Display,
}

impl Drop for Reproduce<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FUZZ_SEED={} execution {} input:\n{}", self.seed, self.execution, self.input);
        }
    }
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number of executions, or a seed"))
}

/// Runs `target` on `usual` inputs, or as many as were asked for, each with random numbers of its own.
fn fuzz(name: &str, usual: u64, mut target: impl FnMut(&mut Random, &mut dyn FnMut(String))) {
    let executions = from_env("FUZZ_EXECUTIONS", usual);
    let seed = from_env("FUZZ_SEED", 0x00c0_ffee);
    let started = Instant::now();
    for execution in 0..executions {
        let mut random = Random(seed ^ execution.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut input = String::new();
        // The input is noted before it is run, so that a panic can show it.
        let shown = std::cell::RefCell::new(&mut input);
        let guard = Reproduce { seed, execution, input: &Shown(&shown) };
        target(&mut random, &mut |text| **shown.borrow_mut() = text);
        drop(guard);
    }
    let time = started.elapsed();
    let rate = executions * 1_000 / u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    println!("{name}: {executions} executions in {time:.1?}, {rate} a second, seed {seed}");
}

struct Shown<'a, 'b>(&'a std::cell::RefCell<&'b mut String>);

impl std::fmt::Display for Shown<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.borrow())
    }
}

/// A text near a template, or far from any.
fn template_text(random: &mut Random) -> String {
    let mut text = if random.below(3) == 0 { String::new() } else { random.of(TEMPLATES).to_owned() };
    for _ in 0..random.below(8) {
        let mut at = random.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        match random.below(8) {
            0 => text.truncate(at),
            1 => drop(text.drain(..at)),
            2 => text.insert_str(at, random.of(TEMPLATES)),
            3 => {
                let code = u32::try_from(random.next() >> 43).unwrap_or(0);
                text.insert(at, char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            4 => text.insert_str(at, &"x".repeat(random.below(600))),
            _ => text.insert_str(at, random.of(PIECES)),
        }
    }
    text
}

#[test]
fn no_text_makes_the_template_parser_panic() {
    fuzz("templates", 50_000, |random, note| {
        let text = template_text(random);
        note(text.clone());
        match Template::parse(&text) {
            Ok(template) => {
                assert_eq!(template.text, text);
                assert!(!template.segments.is_empty());
                let literals: usize = template.literals().map(str::len).sum();
                let places: usize = template.placeholders().map(|found| found.at.1 - found.at.0).sum();
                let doubled =
                    template.literals().flat_map(str::chars).filter(|char| matches!(char, '<' | '>')).count();
                assert_eq!(literals + doubled + places, text.len(), "every byte is in one segment");
                let joined =
                    |pair: &[Segment]| matches!(pair, [Segment::Placeholder(_), Segment::Placeholder(_)]);
                assert!(
                    !template.segments.windows(2).any(joined),
                    "a literal separates any two placeholders"
                );
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                for error in errors {
                    let drawing = error.render(&text);
                    assert!(
                        text.get(error.at.0..error.at.1).is_some(),
                        "a place is one of the text: {drawing}"
                    );
                    assert_eq!(
                        drawing.lines().filter(|line| line.trim_start().starts_with('^')).count(),
                        1,
                        "{drawing}"
                    );
                }
            }
        }
    });
}

fn parse(text: &str) -> Vec<TokenTree> {
    text.parse::<TokenStream>().map(|tokens| tokens.into_iter().collect()).unwrap_or_default()
}

/// A token that nobody wrote.
fn token(random: &mut Random, words: &[Vec<TokenTree>], depth: usize) -> Vec<TokenTree> {
    let one = match random.below(11) {
        0 => {
            let puncts = "!#$%&*+,-./:;<=>?@^|~";
            let char = puncts.chars().nth(random.below(puncts.len())).unwrap_or(',');
            Punct::new(char, if random.below(2) == 0 { Spacing::Alone } else { Spacing::Joint }).into()
        }
        1 => Literal::string(&template_text(random)).into(),
        2 => Literal::u64_unsuffixed(random.next() >> random.below(64)).into(),
        3 if depth < DEPTH => {
            let delimiter = match random.below(4) {
                0 => Delimiter::Brace,
                1 => Delimiter::Bracket,
                2 => Delimiter::None,
                _ => Delimiter::Parenthesis,
            };
            let inner = (0..random.below(4)).flat_map(|_| token(random, words, depth + 1)).collect();
            Group::new(delimiter, inner).into()
        }
        _ => return words[random.below(words.len())].clone(),
    };
    vec![one]
}

/// A mutation of one of `corpus`.
fn mutated(
    random: &mut Random,
    corpus: &[Vec<TokenTree>],
    words: &[Vec<TokenTree>],
    changes: usize,
) -> Vec<TokenTree> {
    let mut tokens = corpus[random.below(corpus.len())].clone();
    for _ in 0..random.below(changes + 1) {
        change(random, &mut tokens, corpus, words, 0);
    }
    tokens
}

fn change(
    random: &mut Random,
    tokens: &mut Vec<TokenTree>,
    corpus: &[Vec<TokenTree>],
    words: &[Vec<TokenTree>],
    depth: usize,
) {
    let at = random.below(tokens.len() + 1);
    // Most of a function is in its brackets.
    if let Some(TokenTree::Group(group)) = tokens.get(at)
        && depth < DEPTH
        && random.below(4) > 0
    {
        let mut inner = group.stream().into_iter().collect();
        let delimiter = group.delimiter();
        change(random, &mut inner, corpus, words, depth + 1);
        tokens[at] = Group::new(delimiter, inner.into_iter().collect()).into();
        return;
    }
    match random.below(7) {
        0 if at < tokens.len() => drop(tokens.remove(at)),
        1 => tokens.truncate(at),
        2 if at < tokens.len() => {
            let other = random.below(tokens.len());
            tokens.swap(at, other);
        }
        3 if at < tokens.len() => {
            let again = tokens[at].clone();
            tokens.insert(at, again);
        }
        4 if tokens.len() < 200 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            let to = from + random.below(other.len() - from + 1);
            tokens.splice(at..at, other[from..to].iter().cloned());
        }
        _ => {
            let new = token(random, words, depth);
            tokens.splice(at..at, new);
        }
    }
}

/// Every macro, on these arguments and this item.
fn expand(random: &mut Random, args: &TokenStream, item: &TokenStream) -> TokenStream {
    match random.below(11) {
        0..=3 => method::cached(args.clone(), item),
        4 | 5 => method::invalidates(args.clone(), item),
        6 => method::updates(args.clone(), item),
        7 => declare::cache_key(args.clone(), item.clone()),
        8 => caching::caching(args.clone(), item),
        9 => declare::cache_tag(args.clone(), item.clone()),
        _ => derive::key_part(item.clone()),
    }
}

fn parsed(texts: &[&str]) -> Vec<Vec<TokenTree>> {
    texts.iter().map(|text| parse(text)).collect()
}

/// The arguments of one of the attributes, read from these tokens.
fn read_arguments(random: &mut Random, tokens: TokenStream) {
    let allowed = random.of(&[&CACHED, &CACHED, &INVALIDATES, &UPDATES, &CACHE_KEY, &CACHING]);
    let mut diag = Diag::default();
    let is_empty = tokens.is_empty();
    let args = Args::parse(tokens, allowed, &mut diag);
    assert!(!is_empty || (diag.is_empty() && args.keys.is_empty()), "nothing says nothing");
    drop(diag.into_tokens());
}

#[test]
fn no_mutation_of_an_attribute_makes_its_parser_panic() {
    let (attributes, words) = (parsed(ATTRIBUTES), parsed(WORDS));
    fuzz("attributes", 50_000, |random, note| {
        let tokens: TokenStream = mutated(random, &attributes, &words, 8).into_iter().collect();
        note(tokens.to_string());
        read_arguments(random, tokens);
    });
}

#[test]
fn no_tokens_make_the_attribute_parser_panic() {
    let words = parsed(WORDS);
    fuzz("tokens", 50_000, |random, note| {
        let tokens: TokenStream = (0..random.below(12)).flat_map(|_| token(random, &words, 0)).collect();
        note(tokens.to_string());
        read_arguments(random, tokens);
    });
}

#[test]
fn no_text_that_is_made_of_tokens_makes_the_attribute_parser_panic() {
    fuzz("texts", 50_000, |random, note| {
        let mut text = String::new();
        for _ in 0..random.below(8) {
            match random.below(4) {
                0 => text.push_str(&template_text(random)),
                1 => text.push_str(random.of(ATTRIBUTES)),
                _ => text.push_str(random.of(WORDS)),
            }
            text.push(' ');
        }
        note(text.clone());
        if let Ok(tokens) = text.parse() {
            read_arguments(random, tokens);
        }
    });
}

#[test]
fn no_arguments_and_no_item_make_the_macros_panic() {
    let (attributes, functions, words) = (parsed(ATTRIBUTES), parsed(FUNCTIONS), parsed(WORDS));
    fuzz("macros", 12_500, |random, note| {
        // Half of the items stay whole, so that the later stages are met.
        let changes = if random.below(2) == 0 { 0 } else { 6 };
        let args: TokenStream = mutated(random, &attributes, &words, 4).into_iter().collect();
        let item: TokenStream = mutated(random, &functions, &words, changes).into_iter().collect();
        note(format!("#[…({args})]\n{item}"));
        let expansion = expand(random, &args, &item);
        assert!(!expansion.is_empty() || item.is_empty(), "a function, or a message, or both");
        if random.below(8) == 0 && syn::parse2::<syn::File>(item).is_ok() {
            let file = syn::parse2::<syn::File>(expansion.clone());
            assert!(file.is_ok(), "items become items: {expansion}");
        }
    });
}

#[test]
fn an_attribute_that_is_deep_in_brackets_is_parsed_or_refused() {
    let mut tokens: TokenStream = "id".parse().expect("a token");
    for _ in 0..64 {
        tokens = TokenTree::from(Group::new(Delimiter::Parenthesis, tokens)).into();
    }
    let mut args: TokenStream = "key = ".parse().expect("tokens");
    args.extend(tokens);
    args.extend([
        TokenTree::from(Punct::new(',', Spacing::Alone)),
        proc_macro2::Ident::new("ttl", Span::call_site()).into(),
    ]);
    drop(method::cached(args, &FUNCTIONS[0].parse().expect("tokens")));
}

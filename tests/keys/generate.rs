//! Templates and parts for the property tests, chosen by numbers that proptest makes.

use proptest::prelude::*;

/// What a template may start or end with.
const EDGES: &[&str] = &["", "p", "project:", "-", "%", "%3A", "a:b", "1", "é", "*", ":", "//"];
/// What may stand between two placeholders: it holds a separator.
const BETWEEN: &[&str] =
    &[":", "/", "|", "#", "::", ":a", "a:", "a:a", "%:", ":%3A", "1:1", ":*", "-/-", "#|", "é:"];
/// What the texts are made of: everything that could imitate something else.
const PIECES: &[&str] = &[
    "a", "b", "1", "0", "-", "_", ".", "@", "%", "3", "A", "2", "F", "5", ":", "/", "|", "#", "*", "?", "[",
    "]", "\\", " ", "\t", "\n", "\0", "\u{7f}", "\u{85}", "\u{a0}", "\u{2028}", "é", "日", "🦀", "%3A",
    "%25", "a:a", "::", "<", ">",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Unsigned,
    Signed,
    Flag,
    Char,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Unsigned(u64),
    Signed(i128),
    Flag(bool),
    Char(char),
}

#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) first: &'static str,
    /// A kind, and what follows it.
    pub(crate) rest: Vec<(Kind, &'static str)>,
}

/// Numbers to choose by. Proptest makes and shrinks them; a strategy for each small thing would take ten times as
/// long.
pub(crate) struct Choices<'a>(pub(crate) std::slice::Iter<'a, u16>);

impl Choices<'_> {
    fn number(&mut self) -> u64 {
        self.0.next().copied().unwrap_or(0).into()
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number()).expect("16 bits fit") % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    pub(crate) fn text(&mut self) -> String {
        (0..self.below(5)).map(|_| self.of(PIECES)).collect()
    }

    pub(crate) fn char(&mut self) -> char {
        let number = u32::try_from(self.number() << 4).expect("20 bits fit");
        if number % 3 == 0 {
            char::from_u32(number).unwrap_or('x')
        } else {
            self.of(PIECES).chars().next().unwrap_or('x')
        }
    }

    pub(crate) fn shape(&mut self) -> Shape {
        use Kind::{Char, Flag, Signed, Text, Unsigned};
        let kinds = [Text, Text, Text, Unsigned, Signed, Flag, Char];
        let first = self.of(EDGES);
        let mut rest: Vec<_> = (0..=self.below(5)).map(|_| (self.of(&kinds), self.of(BETWEEN))).collect();
        if let Some((_, last)) = rest.last_mut() {
            *last = self.of(EDGES);
        }
        Shape { first, rest }
    }

    fn part(&mut self, kind: Kind) -> Part {
        match kind {
            Kind::Text => Part::Text(self.text()),
            Kind::Unsigned => {
                Part::Unsigned(if self.below(2) == 0 { self.number() % 120 } else { self.number() << 48 | 7 })
            }
            Kind::Signed => Part::Signed(i128::from(self.number()) - 9),
            Kind::Flag => Part::Flag(self.below(2) == 1),
            Kind::Char => Part::Char(self.char()),
        }
    }

    pub(crate) fn list(&mut self, shape: &Shape) -> Vec<Part> {
        shape.rest.iter().map(|(kind, _)| self.part(*kind)).collect()
    }

    /// Another list, or `list` with one part changed, or with the border between two texts moved.
    pub(crate) fn other_list(&mut self, shape: &Shape, list: &[Part]) -> Vec<Part> {
        let mut list = list.to_vec();
        let at = self.below(list.len());
        match (self.below(4), list.get(at).cloned(), list.get(at + 1).cloned()) {
            (0, _, _) => return self.list(shape),
            (1, Some(Part::Text(left)), Some(Part::Text(right))) => {
                let together = format!("{left}{}{right}", shape.rest[at].1);
                let cut = self.below(together.len() + 1);
                let cut = (cut..=together.len()).find(|cut| together.is_char_boundary(*cut)).unwrap_or(0);
                list[at] = Part::Text(together[..cut].trim_end_matches(':').to_owned());
                list[at + 1] = Part::Text(together[cut..].trim_start_matches(':').to_owned());
            }
            (2, Some(Part::Text(left)), Some(Part::Text(right))) => {
                list[at] = Part::Text(format!("{left}{}{right}", shape.rest[at].1));
                list[at + 1] = Part::Text(String::new());
            }
            _ => list[at] = self.part(shape.rest[at].0),
        }
        list
    }
}

/// `4 * count` numbers to choose by.
pub(crate) fn choices(count: usize) -> impl Strategy<Value = Vec<u16>> {
    let quarters =
        |word: &u64| [0, 16, 32, 48].map(|shift| u16::try_from(word >> shift & 0xffff).unwrap_or(0));
    prop::collection::vec(any::<u64>(), count)
        .prop_map(move |words| words.iter().flat_map(quarters).collect())
}

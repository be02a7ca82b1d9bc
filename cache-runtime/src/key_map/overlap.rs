//! Whether two templates of the program can give the same key. The macros ask the same of the templates of one
//! block while compiling (their `overlap.rs`); a proc-macro crate and its runtime cannot share code.

use std::collections::HashSet;

use crate::key::{Template, is_separator_or_glob};

/// What one position of a template can be.
enum Piece {
    Char(char),
    /// One character of what this kind of part is written with.
    One(char),
    /// Any number of them.
    Many(char),
}

impl Piece {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Char(char), Self::Char(other)) => char == other,
            (Self::Char(char), Self::One(kind) | Self::Many(kind))
            | (Self::One(kind) | Self::Many(kind), Self::Char(char)) => holds(*kind, *char),
            // An integer is never a word; any other two kinds have a character in common.
            (Self::One(kind) | Self::Many(kind), Self::One(other) | Self::Many(other)) => {
                !matches!((*kind, *other), ('i', 'b') | ('b', 'i'))
            }
        }
    }

    fn step(&self) -> usize {
        usize::from(!matches!(self, Self::Many(_)))
    }
}

fn holds(kind: char, char: char) -> bool {
    match kind {
        'i' => char.is_ascii_digit() || char == '-',
        'b' => char.is_ascii_lowercase(),
        'u' => char.is_ascii_hexdigit() || char == '-',
        'r' => true,
        _ => !is_separator_or_glob(char) && !char.is_whitespace() && !char.is_control(),
    }
}

/// Walks the two templates together and visits every pair of places that can be reached once.
pub(super) fn possible(left: &Template, right: &Template) -> bool {
    let (left, right) = (pieces(left), pieces(right));
    let mut seen = HashSet::new();
    let mut open = vec![(0, 0)];
    while let Some((at, other_at)) = open.pop() {
        if !seen.insert((at, other_at)) {
            continue;
        }
        if at == left.len() && other_at == right.len() {
            return true;
        }
        if matches!(left.get(at), Some(Piece::Many(_))) {
            open.push((at + 1, other_at));
        }
        if matches!(right.get(other_at), Some(Piece::Many(_))) {
            open.push((at, other_at + 1));
        }
        if let (Some(piece), Some(other)) = (left.get(at), right.get(other_at))
            && piece.meets(other)
        {
            open.push((at + piece.step(), other_at + other.step()));
        }
    }
    false
}

/// The macro has checked the template's syntax.
fn pieces(template: &Template) -> Vec<Piece> {
    let mut kinds = template.part_kinds().chars();
    let mut chars = template.text().chars().peekable();
    let mut pieces = Vec::new();
    while let Some(char) = chars.next() {
        if matches!(char, '<' | '>') && chars.next_if_eq(&char).is_some() {
            pieces.push(Piece::Char(char));
        } else if char == '<' {
            for inside in chars.by_ref() {
                if inside == '>' {
                    break;
                }
            }
            let kind = kinds.next().unwrap_or('t').to_ascii_lowercase();
            if !matches!(kind, 't' | 'r') {
                pieces.push(Piece::One(kind));
            }
            pieces.push(Piece::Many(kind));
        } else {
            pieces.push(Piece::Char(char));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(left: (&'static str, &'static str), right: (&'static str, &'static str)) -> bool {
        let template = |(text, kinds)| Template::of(text, kinds, "");
        possible(&template(left), &template(right))
    }

    #[test]
    fn a_text_can_be_a_literal_and_an_integer_cannot() {
        assert!(overlap(("page:<slug>", "t"), ("page:list", "")));
        assert!(!overlap(("page:<id>", "i"), ("page:list", "")));
        assert!(!overlap(("page:<id>", "i"), ("page:", "")));
        assert!(overlap(("page:<slug>", "t"), ("page:<id>", "i")));
        assert!(!overlap(("page:<on>", "b"), ("page:<id>", "i")));
        assert!(!overlap(("page:<slug>", "t"), ("page:<a>:<b>", "tt")));
        assert!(overlap(("page:<rest>", "r"), ("page:<a>:<b>", "tt")));
        assert!(!overlap(("a<<:<id>", "t"), ("a:<id>", "t")));
    }
}

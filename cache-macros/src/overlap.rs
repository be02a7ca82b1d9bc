//! Whether two templates can give the same key.

use std::collections::HashSet;

use quote::ToTokens;
use syn::Type;

use crate::item::mentions;
use crate::key::TemplateKey;
use crate::template::{SEPARATORS, Segment};

/// What one position of a template can be.
#[derive(Clone)]
enum Piece {
    Char(char),
    /// A character of a set.
    One(Set),
    /// Any number of characters of a set.
    Many(Set),
}

impl Piece {
    /// Whether some character can stand at both.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Char(char), Self::Char(other)) => char == other,
            (Self::Char(char), Self::One(set) | Self::Many(set))
            | (Self::One(set) | Self::Many(set), Self::Char(char)) => set.holds(*char),
            (Self::One(set) | Self::Many(set), Self::One(other) | Self::Many(other)) => set.meets(*other),
        }
    }

    /// How many places a character moves on.
    fn step(&self) -> usize {
        usize::from(!matches!(self, Self::Many(_)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Digits and a minus sign.
    Integer,
    /// `true` and `false`; more is allowed here than can be, which errs on the safe side.
    Letters,
    /// Hexadecimal digits and dashes.
    Uuid,
    /// An escaped text.
    Text,
    /// A `RawPart`.
    Anything,
}

impl Set {
    fn of(ty: Option<&Type>) -> Self {
        let Some(ty) = ty else { return Self::Text };
        let tokens = ty.to_token_stream();
        let is = |names: &[&str]| matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| names.contains(&last.ident.to_string().as_str())));
        if mentions(tokens, "RawPart") {
            Self::Anything
        } else if is(&[
            "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        ]) {
            Self::Integer
        } else if is(&["bool"]) {
            Self::Letters
        } else if is(&["Uuid"]) {
            Self::Uuid
        } else {
            Self::Text
        }
    }

    fn holds(self, char: char) -> bool {
        match self {
            Self::Integer => char.is_ascii_digit() || char == '-',
            Self::Letters => char.is_ascii_lowercase(),
            Self::Uuid => char.is_ascii_hexdigit() || char == '-',
            Self::Text => {
                !(SEPARATORS.contains(&char)
                    || matches!(char, '*' | '?' | '[' | ']' | '\\')
                    || char.is_whitespace()
                    || char.is_control())
            }
            Self::Anything => true,
        }
    }

    /// Whether some character is in both.
    fn meets(self, other: Self) -> bool {
        !matches!((self, other), (Self::Integer, Self::Letters) | (Self::Letters, Self::Integer))
    }
}

/// One letter a placeholder, for the runtime's own check of a whole program; a capital for a constant.
pub(crate) fn kinds(key: &TemplateKey) -> String {
    key.parts
        .iter()
        .map(|part| {
            let kind = match Set::of(part.ty.as_ref()) {
                Set::Integer => 'i',
                Set::Letters => 'b',
                Set::Uuid => 'u',
                Set::Text => 't',
                Set::Anything => 'r',
            };
            if part.root.is_none() { kind.to_ascii_uppercase() } else { kind }
        })
        .collect()
}

/// Whether some text is a key of both templates: the two are walked together, and every pair of places that can
/// be reached is visited once.
pub(crate) fn possible(left: &TemplateKey, right: &TemplateKey) -> bool {
    if let (Some(Segment::Literal(left)), Some(Segment::Literal(right))) =
        (left.template.segments.first(), right.template.segments.first())
        && !left.starts_with(right.as_str())
        && !right.starts_with(left.as_str())
    {
        // As it is with most pairs of a block.
        return false;
    }
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
        // A part may end here (or be empty).
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

fn pieces(key: &TemplateKey) -> Vec<Piece> {
    let mut parts = key.parts.iter();
    let mut pieces = Vec::new();
    for segment in &key.template.segments {
        match segment {
            Segment::Literal(text) => pieces.extend(text.chars().map(Piece::Char)),
            Segment::Placeholder(_) => {
                let set = Set::of(parts.next().and_then(|part| part.ty.as_ref()));
                if !matches!(set, Set::Text | Set::Anything) {
                    pieces.push(Piece::One(set));
                }
                pieces.push(Piece::Many(set));
            }
        }
    }
    pieces
}

//! Whether two types are one, as far as their texts tell.

/// Whether two types, as they are written in two places, can be one: a path may begin further out in one of them, and an
/// `Arc` is not stored.
pub(super) fn may_be_one(left: &str, right: &str) -> bool {
    let (left, right) = (inside_arc(left), inside_arc(right));
    let (mut left, mut right) = (pieces(left), pieces(right));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(left), Some(right)) if left == right || end_alike(left, right) => {}
            _ => return false,
        }
    }
}

const fn is_of_path(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | ':') || !char.is_ascii()
}

fn inside_arc(ty: &str) -> &str {
    let inside = ty.strip_suffix('>').and_then(|ty| ty.split_once("Arc<"));
    match inside {
        Some((path, inside)) if path.chars().all(is_of_path) => inside,
        _ => ty,
    }
}

/// Paths, and what is between them.
fn pieces(ty: &str) -> impl Iterator<Item = &str> {
    let both = ty.split_inclusive(|char| !is_of_path(char)).flat_map(|piece| {
        let at = piece.trim_end_matches(|char| !is_of_path(char)).len();
        <[&str; 2]>::from(piece.split_at(at))
    });
    both.map(str::trim).filter(|piece| !piece.is_empty())
}

/// Whether one of two paths is the end of the other.
fn end_alike(left: &str, right: &str) -> bool {
    let is_name = |step: &&str| !matches!(*step, "" | "crate" | "self" | "super");
    let names = |path| str::rsplit(path, "::").filter(is_name);
    names(left).count() > 0
        && names(right).count() > 0
        && names(left).zip(names(right)).all(|(left, right)| left == right)
}

#[cfg(test)]
mod tests {
    use super::may_be_one;

    #[test]
    fn a_type_is_the_same_by_a_longer_path() {
        for (left, right) in [
            ("Project", "super::m::Project"),
            ("crate::m::Project", "m::Project"),
            ("Vec<Project>", "std::vec::Vec<m::Project>"),
            ("Arc<Project>", "Project"),
            ("std::sync::Arc<Vec<u8>>", "Vec<u8>"),
            ("(u64, m::User)", "(u64, User)"),
            ("[u8; 4]", "[u8; 4]"),
        ] {
            assert!(may_be_one(left, right) && may_be_one(right, left), "{left} {right}");
        }
        for (left, right) in [
            ("a::Project", "b::Project"),
            ("Project", "Project2"),
            ("Project", "SubProject"),
            ("Vec<u8>", "Vec<u16>"),
            ("Vec<u8>", "u8"),
            ("[u8; 4]", "[u8; 5]"),
            ("(u64, User)", "(u64, User, u8)"),
            ("Vec<u8>", "[u8]"),
        ] {
            assert!(!may_be_one(left, right) && !may_be_one(right, left), "{left} {right}");
        }
    }
}

//! A glob matcher that is too simple to be wrong: it tries everything.

/// Whether the whole of `text` matches; `None` when the pattern is broken.
pub(crate) fn matches(pattern: &str, text: &str) -> Option<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let whole = well_formed(&pattern);
    whole.then(|| run(&pattern, &text))
}

/// Cuts off the first element of a pattern: whether it matches one character, and what follows.
fn first(pattern: &[char], char: Option<char>) -> Option<(bool, &[char])> {
    match pattern {
        ['?', rest @ ..] => Some((char.is_some(), rest)),
        ['\\'] | [] => None,
        ['[', '^', rest @ ..] => class(rest, char).map(|(inside, rest)| (char.is_some() && !inside, rest)),
        ['[', rest @ ..] => class(rest, char),
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => Some((char == Some(*literal), rest)),
    }
}

fn class(mut rest: &[char], char: Option<char>) -> Option<(bool, &[char])> {
    let mut inside = false;
    let mut empty = true;
    loop {
        if let [']', after @ ..] = rest {
            return (!empty).then_some((inside, after));
        }
        let (low, after) = member(rest)?;
        let (high, after) = match after {
            ['-', ']', ..] => (low, after),
            ['-', after @ ..] => member(after)?,
            _ => (low, after),
        };
        inside |= char.is_some_and(|char| (low <= char && char <= high) || (high <= char && char <= low));
        empty = false;
        rest = after;
    }
}

fn member(rest: &[char]) -> Option<(char, &[char])> {
    match rest {
        ['\\', literal, after @ ..] | [literal, after @ ..] if *literal != '\\' || rest.len() > 1 => {
            Some((*literal, after))
        }
        _ => None,
    }
}

fn well_formed(mut pattern: &[char]) -> bool {
    if pattern.is_empty() {
        return false;
    }
    while !pattern.is_empty() {
        pattern = match pattern {
            ['*', rest @ ..] => rest,
            other => match first(other, None) {
                Some((_, rest)) => rest,
                None => return false,
            },
        };
    }
    true
}

fn run(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['*', rest @ ..], text) => (0..=text.len()).any(|skipped| run(rest, &text[skipped..])),
        (pattern, [char, after @ ..]) => {
            first(pattern, Some(*char)).is_some_and(|(yes, rest)| yes && run(rest, after))
        }
        (_, []) => false,
    }
}

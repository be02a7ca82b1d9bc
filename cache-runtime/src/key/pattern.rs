//! Glob patterns over keys, with the meaning that Redis gives them.

/// A parsed pattern: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a character that is meant literally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Any,
    One,
    Char(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Token {
    fn matches(&self, char: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Char(expected) => *expected == char,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *negated
            }
        }
    }
}

impl Pattern {
    /// Parses a pattern; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            tokens.push(match char {
                // A run of stars means what one star means.
                '*' if tokens.last() == Some(&Token::Any) => continue,
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => {
                    Token::Char(chars.next().ok_or("it ends with a `\\`; a literal backslash is `\\\\`")?)
                }
                '[' => parse_class(&mut chars)?,
                char => Token::Char(char),
            });
        }
        if tokens.is_empty() { Err("it is empty; every key is `*`") } else { Ok(Self(tokens)) }
    }

    /// The literal text that every matching key starts with.
    pub(crate) fn literal_prefix(&self) -> String {
        self.0
            .iter()
            .map_while(|token| if let Token::Char(char) = token { Some(*char) } else { None })
            .collect()
    }

    /// Whether the whole of `text` matches.
    ///
    /// On a mismatch only the latest star is tried again, which suffices for globs (no backtracking over
    /// earlier ones), so the time is at most the product of the two lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut tokens = self.0.as_slice();
        let mut rest = text.chars();
        let mut retry = None;
        loop {
            match tokens.split_first() {
                Some((Token::Any, after)) => {
                    retry = Some((after, rest.clone()));
                    tokens = after;
                    continue;
                }
                Some((token, after)) => {
                    let mut ahead = rest.clone();
                    if ahead.next().is_some_and(|char| token.matches(char)) {
                        (tokens, rest) = (after, ahead);
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            let Some((after, mut from)) = retry.take() else { return false };
            if from.next().is_none() {
                return false;
            }
            (tokens, rest) = (after, from.clone());
            retry = Some((after, from));
        }
    }
}

fn parse_class(chars: &mut std::str::Chars<'_>) -> Result<Token, &'static str> {
    const OPEN: &str = "a `[` is not closed by a `]`; a literal bracket is `\\[`";
    let mut negated = false;
    let mut ranges = Vec::new();
    if chars.as_str().starts_with('^') {
        chars.next();
        negated = true;
    }
    loop {
        let low = match chars.next().ok_or(OPEN)? {
            ']' => break,
            '\\' => chars.next().ok_or(OPEN)?,
            char => char,
        };
        let tail = chars.as_str();
        let is_range = tail.starts_with('-') && !tail.starts_with("-]");
        let high = if is_range {
            chars.next();
            match chars.next().ok_or(OPEN)? {
                '\\' => chars.next().ok_or(OPEN)?,
                char => char,
            }
        } else {
            low
        };
        ranges.push((low.min(high), low.max(high)));
    }
    if ranges.is_empty() { Err("a `[]` matches nothing") } else { Ok(Token::Class { negated, ranges }) }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).expect("the pattern parses").matches(text)
    }

    #[test]
    fn a_star_matches_in_the_middle_and_not_beyond_the_literal() {
        assert!(matches("user:*:posts", "user:7:posts"));
        assert!(matches("user:*:posts", "user::posts"));
        assert!(!matches("user:*:posts", "user:7:post"));
        assert!(!matches("project", "projection:1"));
        assert!(matches("*a*b*c", "xxaxxbxbxc"));
        assert!(!matches("*a*b*c", "xxaxxbxbx"));
        assert!(matches("**", ""));
    }

    #[test]
    fn question_marks_classes_and_escapes_match_one_character() {
        assert!(matches("h?llo", "hällo"));
        assert!(!matches("h?llo", "hllo"));
        assert!(matches("[a-c]x[^0-9]", "bxy"));
        assert!(!matches("[a-c]x[^0-9]", "bx1"));
        assert!(matches("[z-a]", "m"));
        assert!(matches(r"\*[\]\-]", "*]"));
        assert!(matches("[a-]", "-"));
    }

    #[test]
    fn broken_patterns_are_refused_with_the_reason() {
        for broken in ["", "[", "[a", "[a-", "[]", "x\\", "[\\"] {
            assert!(Pattern::parse(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn the_literal_prefix_ends_at_the_first_wildcard() {
        let prefix = |pattern| Pattern::parse(pattern).expect("the pattern parses").literal_prefix();
        assert_eq!(prefix(r"a\*b?c"), "a*b");
        assert_eq!(prefix("*"), "");
    }
}

//! What a key template declares.

use super::part::SEPARATORS;
use super::render::{KeyWriter, RawKey};
use crate::ttl::Ttl;

/// A key template with the policy that was declared beside it. The macros make one static of each.
#[derive(Debug)]
pub struct Template {
    text: &'static str,
    /// One letter a placeholder: what can stand there, see `overlap`.
    kinds: &'static str,
    /// The value's type, as it is written.
    value: &'static str,
    /// The text is an expression that names a key declared elsewhere.
    is_expression: bool,
    /// It is the template of a tag.
    is_tag: bool,
    ttl: Option<Ttl>,
    none_ttl: Option<Ttl>,
    /// With the bit [`TAGGED`](Self::TAGGED).
    version: u32,
    /// It is given by hand, beside the type.
    is_untyped: bool,
    /// The name of the key function, where the attribute gives it one.
    key_fn: &'static str,
}

impl Template {
    /// The bit of a version that says that values carry tags: to who asks for some, those without are of another
    /// version, in the local tier too.
    pub(crate) const TAGGED: u32 = 1 << 31;

    /// The template of keys that are given as a text.
    pub(crate) const UNTYPED: &'static Self = &Self::new("(text)").untyped();
    /// The template of tags that are given as a text.
    pub(crate) const UNTYPED_TAG: &'static Self = &Self::new("(text)").tag();

    /// A template as its author wrote it.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            kinds: "",
            value: "",
            is_expression: false,
            is_tag: false,
            ttl: None,
            none_ttl: None,
            version: 0,
            is_untyped: false,
            key_fn: "",
        }
    }

    /// A template with a letter for what can stand in each placeholder (`i` an integer, `b` a `bool`, `u` a `Uuid`, `t`
    /// an escaped text, `r` anything; a capital for a constant), and the value's type, as it is written.
    ///
    /// In one call, since the compiler runs it for every attribute.
    #[must_use]
    pub const fn of(text: &'static str, kinds: &'static str, value: &'static str) -> Self {
        let (is_expression, is_tag, is_untyped) = (false, false, false);
        Self {
            text,
            kinds,
            value,
            is_expression,
            is_tag,
            ttl: None,
            none_ttl: None,
            version: 0,
            is_untyped,
            key_fn: "",
        }
    }

    /// An expression that names a declared key.
    #[must_use]
    pub const fn expression(text: &'static str) -> Self {
        let mut template = Self::new(text);
        template.is_expression = true;
        template
    }

    /// Tells the value's type, as it is written.
    #[must_use]
    pub const fn value(mut self, value: &'static str) -> Self {
        self.value = value;
        self
    }

    /// Says that it is the template of a tag.
    #[must_use]
    pub const fn tag(mut self) -> Self {
        self.is_tag = true;
        self
    }

    /// Declares how long values live.
    #[must_use]
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The same, in seconds.
    #[must_use]
    pub const fn seconds(mut self, seconds: u64) -> Self {
        self.ttl = Some(Ttl::from_secs(seconds));
        self
    }

    /// Declares how long a "not there" lives.
    #[must_use]
    pub const fn none_ttl(mut self, ttl: Ttl) -> Self {
        self.none_ttl = Some(ttl);
        self
    }

    /// Declares the version of the value's type; values of an older one are misses.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = self.version & Self::TAGGED | version & !Self::TAGGED;
        self
    }

    /// Says that values carry tags.
    #[must_use]
    pub const fn tagged(mut self) -> Self {
        self.version |= Self::TAGGED;
        self
    }

    /// Tells the name of the key function.
    #[must_use]
    pub const fn key_fn(mut self, name: &'static str) -> Self {
        self.key_fn = name;
        self
    }

    const fn untyped(mut self) -> Self {
        self.is_untyped = true;
        self
    }

    /// What stands round the placeholders.
    pub(super) const fn literals(&self) -> Literals {
        Literals(self.text)
    }

    pub(crate) const fn is_untyped(&self) -> bool {
        self.is_untyped
    }

    /// Whether a part is a constant, which may be that of a type.
    pub(crate) fn has_constants(&self) -> bool {
        self.kinds.bytes().any(|kind| kind.is_ascii_uppercase())
    }

    /// The constants in a key of this template, as they are written there.
    pub(crate) fn constants_in<'a>(&self, key: &'a str) -> Vec<&'a str> {
        let mut literals = self.literals();
        let mut next = || RawKey::of(Self::UNTYPED, |key| literals.write_next(key));
        let mut rest = key.strip_prefix(next().as_str()).unwrap_or_default();
        let mut constants = Vec::new();
        for kind in self.kinds.chars() {
            let literal = next();
            let literal = literal.as_str();
            // No part holds a separator, and any text between two parts does.
            let end = match literal.find(SEPARATORS) {
                Some(offset) => rest.find(SEPARATORS).and_then(|at| at.checked_sub(offset)),
                None => rest.len().checked_sub(literal.len()),
            };
            let part = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
            if kind.is_ascii_uppercase() {
                constants.push(part);
            }
            rest = rest.get(part.len() + literal.len()..).unwrap_or_default();
        }
        constants
    }

    pub(crate) const fn text(&self) -> &'static str {
        self.text
    }

    pub(crate) const fn part_kinds(&self) -> &'static str {
        self.kinds
    }

    pub(crate) const fn value_name(&self) -> &'static str {
        self.value
    }

    pub(crate) const fn key_fn_name(&self) -> &'static str {
        self.key_fn
    }

    pub(crate) const fn is_expression(&self) -> bool {
        self.is_expression
    }

    pub(crate) const fn is_tag(&self) -> bool {
        self.is_tag
    }

    pub(crate) const fn declared_ttl(&self) -> Option<Ttl> {
        self.ttl
    }

    pub(crate) const fn declared_none_ttl(&self) -> Option<Ttl> {
        self.none_ttl
    }

    pub(crate) const fn declared_version(&self) -> u32 {
        self.version
    }
}

/// The text of a template, whose syntax the macros have checked, from behind a placeholder on.
pub struct Literals(&'static str);

impl Literals {
    /// Writes what stands before the next placeholder, or the end, and goes past that.
    pub(super) fn write_next(&mut self, key: &mut KeyWriter<'_>) {
        let is_bracket = |byte: &u8| matches!(byte, b'<' | b'>');
        while let Some(at) = self.0.as_bytes().iter().position(is_bracket) {
            let (literal, rest) = self.0.split_at(at);
            key.literal(literal);
            let [bracket, inside @ ..] = rest.as_bytes() else { break };
            // A doubled bracket stands for one.
            if inside.first() == Some(bracket) {
                key.literal(if *bracket == b'<' { "<" } else { ">" });
                self.0 = rest.get(2..).unwrap_or_default();
            } else {
                let end = inside.iter().position(|byte| *byte == b'>').map_or(rest.len(), |end| end + 2);
                self.0 = rest.get(end..).unwrap_or_default();
                return;
            }
        }
        let rest = std::mem::take(&mut self.0);
        // As a rule the last part ends the key.
        if !rest.is_empty() {
            key.literal(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::key::{Template, write_parts};

    #[test]
    fn what_stands_round_the_placeholders_is_written_once_and_in_order() {
        static PLAIN: Template = Template::new("a:<first>:<x = self.second>|<T::KIND>#");
        static DOUBLED: Template = Template::new("<<a>>:<<<first>>>:ü>>");
        static NONE: Template = Template::new("all");
        static ALONE: Template = Template::new("<first>");
        assert_eq!(write_parts(&PLAIN, &(1, ("b", (true, ())))).as_str(), "a:1:b|true#");
        assert_eq!(write_parts(&DOUBLED, &(1, ())).as_str(), "<a>:<1>:ü>");
        assert_eq!(write_parts(&NONE, &()).as_str(), "all");
        assert_eq!(write_parts(&ALONE, &("x", ())).as_str(), "x");
    }

    #[test]
    fn the_constants_of_a_key_are_found_in_it() {
        static FIRST: Template = Template::of("<T::KIND>-of:<id>", "Ti", "");
        static BOTH: Template = Template::of("a:<<<T::KIND>:<id>-of/<N>.x", "TtI", "");
        static NONE: Template = Template::of("a:<id>", "i", "");
        let constants = |template: &'static Template, parts: &dyn Fn() -> super::RawKey| {
            let key = parts();
            template.constants_in(key.as_str()).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(constants(&FIRST, &|| write_parts(&FIRST, &("a-of", (7, ())))), ["a-of"]);
        assert_eq!(constants(&BOTH, &|| write_parts(&BOTH, &("a-of", ("-of", (3, ()))))), ["a-of", "3"]);
        assert!(constants(&NONE, &|| write_parts(&NONE, &(7, ()))).is_empty());
    }
}

//! The templates of the program, with who caches, updates and invalidates each.

mod overlap;
mod types;

use std::collections::BTreeMap;
use std::fmt;

use crate::call::{CallSite, CallSiteKind, call_sites};
use crate::key::Template;
use crate::ttl::Ttl;

/// Lists every key template of the program.
///
/// With the feature `key-map` it is complete from the start; without it, and on wasm32, a call site appears when
/// it first misses or writes, which [`KeyMap::is_complete`] and the printed table tell.
///
/// ```
/// println!("{}", cache_runtime::key_map());
/// ```
#[must_use]
pub fn key_map() -> KeyMap {
    KeyMap::of(&call_sites())
}

/// Every key template of the program; `Display` writes it as a table.
#[derive(Debug, Clone)]
pub struct KeyMap {
    entries: Vec<KeyMapEntry>,
    complete: bool,
}

/// A key template and its users.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeyMapEntry {
    /// The template; the expression, where it could not be told which declared key that is.
    pub template: &'static str,
    /// The value's type, as it is written; empty where only invalidations are known.
    pub value: &'static str,
    /// How long values live; `None` where it is computed.
    pub ttl: Option<Ttl>,
    /// Whether it is the template of a tag.
    pub is_tag: bool,
    /// Every attribute that names the template.
    pub sites: Vec<&'static CallSite>,
}

impl KeyMap {
    fn of(sites: &[&'static CallSite]) -> Self {
        let mut entries: BTreeMap<(bool, String), KeyMapEntry> = BTreeMap::new();
        for site in sites {
            for key in site.keys() {
                let target = if key.is_expression() && !key.is_tag() {
                    declared_by_name(sites, site, key).unwrap_or(key)
                } else {
                    key
                };
                let is_tag = target.is_tag();
                let entry = entries.entry((is_tag, shape(target))).or_insert_with(|| KeyMapEntry {
                    template: target.text(),
                    value: "",
                    ttl: None,
                    is_tag,
                    sites: Vec::new(),
                });
                let stores = site.kind() == CallSiteKind::Cached || site.kind() == CallSiteKind::Declares;
                if stores && entry.value.is_empty() {
                    (entry.value, entry.template) = (key.value_name(), target.text());
                }
                entry.ttl = entry.ttl.or(target.declared_ttl());
                entry.sites.push(site);
            }
        }
        for entry in entries.values_mut() {
            entry.sites.sort_by_key(|site| (site.kind() as u8, site.function(), site.line()));
        }
        let complete = cfg!(all(feature = "key-map", not(target_family = "wasm")));
        let mut entries: Vec<_> = entries.into_values().collect();
        entries.sort_by_key(|entry| (entry.is_tag, entry.template));
        Self { entries, complete }
    }

    /// The templates, in the order of their text; then those of tags.
    #[must_use]
    pub fn entries(&self) -> &[KeyMapEntry] {
        &self.entries
    }

    /// Whether it holds the whole program, and not only what has run.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// What is wrong with the keys of the program: two call sites that store different types under one template,
    /// or a template that can give another's keys. Where two services use different prefixes or caches on
    /// purpose, it may be right; the compiler cannot see that, nor can this.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.is_tag) {
            let stores =
                |site: &&&CallSite| matches!(site.kind(), CallSiteKind::Cached | CallSiteKind::Declares);
            let holders: Vec<_> = entry
                .sites
                .iter()
                .filter(stores)
                .filter_map(|site| Some((site, site.keys().first().filter(|key| !tells_types_apart(key))?)))
                .collect();
            for (index, (site, key)) in holders.iter().enumerate() {
                let different = holders[..index].iter().find_map(|(before, its)| {
                    // By the types themselves, where both have been seen.
                    let (value, other, are_one) = match (before.value_type(), site.value_type()) {
                        (Some(value), Some(other)) => (
                            value.name,
                            other.name,
                            value == other || types::may_be_one(value.name, other.name),
                        ),
                        _ => {
                            let (value, other) = (its.value_name(), key.value_name());
                            (value, other, types::may_be_one(value, other))
                        }
                    };
                    (!are_one).then_some((value, other))
                });
                if let Some((value, other)) = different {
                    problems.push(format!(
                        "\"{}\" holds a `{value}`, but `{}` ({}:{}) caches a `{other}` there",
                        entry.template,
                        site.function(),
                        site.file(),
                        site.line(),
                    ));
                }
            }
        }
        let stored: Vec<&Template> = self.entries.iter().filter_map(KeyMapEntry::stored).collect();
        for (index, template) in stored.iter().enumerate() {
            for other in &stored[..index] {
                if overlap::possible(template, other) {
                    problems.push(format!(
                        "a key of \"{}\" can be a key of \"{}\" too; give one of them another literal",
                        other.text(),
                        template.text()
                    ));
                }
            }
        }
        problems
    }
}

impl KeyMapEntry {
    /// The template as a `#[cached]` or a `#[cache_key]` has it.
    fn stored(&self) -> Option<&'static Template> {
        if self.is_tag {
            return None;
        }
        let keys = self
            .sites
            .iter()
            .filter(|site| matches!(site.kind(), CallSiteKind::Cached | CallSiteKind::Declares));
        keys.filter_map(|site| site.keys().first()).find(|key| !key.is_expression())
    }
}

/// What two templates have in common that name the same keys: the literals and, where two placeholders could be
/// swapped, their names. The macros find the methods that a template invalidates by the same.
fn shape(template: &Template) -> String {
    let text = template.text();
    if template.is_expression() {
        return text.to_owned();
    }
    // A doubled bracket is a literal one; no placeholder holds any.
    let text = text.replace("<<", "\u{1}").replace(">>", "\u{2}");
    let pieces = || text.split_inclusive('>').map(|piece| piece.split_once('<').unwrap_or((piece, "")));
    let names: Vec<&str> =
        pieces().filter_map(|(_, placeholder)| Some(name(placeholder.strip_suffix('>')?))).collect();
    let mut shape = String::new();
    for (literal, placeholder) in pieces() {
        shape.push_str(literal);
        if let Some(inside) = placeholder.strip_suffix('>') {
            let is_alone = names.iter().filter(|other| **other == name(inside)).count() == 1;
            shape.push('<');
            shape.push_str(match names.len() {
                1 => "",
                _ if is_alone || inside.contains('=') => name(inside),
                // By its end it could be taken for the other.
                _ => ["self.", "ret."].iter().find_map(|root| inside.strip_prefix(root)).unwrap_or(inside),
            });
            shape.push('>');
        }
    }
    shape
}

/// The name of a placeholder: the one that it is given, or the end of its path.
fn name(inside: &str) -> &str {
    match inside.split_once('=') {
        Some((name, _)) => name.trim(),
        None => inside.rsplit(['.', ':']).next().unwrap_or(inside).trim(),
    }
}

/// The template behind `project_key(id)` or `Self::get_project_key(id)`: that of the declaration, or of the
/// `#[cached]` method, of this name, if there is just one, in the module that names it or else in the program.
fn declared_by_name(
    sites: &[&'static CallSite],
    place: &CallSite,
    expression: &Template,
) -> Option<&'static Template> {
    let path = expression.text().split('(').next()?;
    let name = path.rsplit("::").next()?.rsplit('.').next()?;
    let templates = sites.iter().filter_map(|site| Some((site, site.keys().first()?)));
    let found = templates.filter(|(site, key)| {
        let function = site.function().rsplit("::").next().unwrap_or_default();
        match site.kind() {
            _ if key.is_expression() => false,
            CallSiteKind::Declares => function == name,
            CallSiteKind::Cached if key.key_fn_name().is_empty() => {
                name.strip_suffix("_key") == Some(function)
            }
            CallSiteKind::Cached => name == key.key_fn_name(),
            _ => false,
        }
    });
    let found: Vec<_> = found.collect();
    let module = |site: &CallSite| site.function().rsplit_once("::").map(|(module, _)| module);
    let near = found.iter().filter(|(site, _)| module(site) == module(place));
    only(near.map(|(_, template)| *template)).or_else(|| only(found.iter().map(|(_, template)| *template)))
}

fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    all.next().filter(|_| all.next().is_none())
}

/// Whether a constant in the key may be one of the value's type.
fn tells_types_apart(template: &Template) -> bool {
    template.has_constants() && template.text().contains("::")
}

impl fmt::Display for KeyMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = ["template", "value", "ttl", "", "function", "place"].map(str::to_owned);
        let mut rows = vec![headings];
        for entry in &self.entries {
            for (index, site) in entry.sites.iter().enumerate() {
                let first = |text: String| if index == 0 { text } else { String::new() };
                rows.push([
                    first(entry.template.to_owned()),
                    first(if entry.is_tag { "(tag)" } else { entry.value }.to_owned()),
                    first(ttl_text(entry.ttl, entry.value)),
                    match site.kind() {
                        CallSiteKind::Declares => "declared by",
                        CallSiteKind::Cached if entry.is_tag => "carried by",
                        CallSiteKind::Cached => "cached by",
                        CallSiteKind::Updates => "updated by",
                        _ => "invalidated by",
                    }
                    .to_owned(),
                    site.function().to_owned(),
                    format!("{}:{}", site.file(), site.line()),
                ]);
            }
        }
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; 6] = std::array::from_fn(width);
        for row in &rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        if !self.complete {
            writeln!(f, "(only what has run so far: the feature `key-map` lists the whole program)")?;
        }
        Ok(())
    }
}

fn ttl_text(ttl: Option<Ttl>, value: &str) -> String {
    match ttl.map(Ttl::as_duration) {
        Some(Some(length)) => format!("{length:?}"),
        Some(None) => "never ends".to_owned(),
        None if value.is_empty() => String::new(),
        None => "computed".to_owned(),
    }
}

/// Fails where the keys of the program are not sound, see [`KeyMap::problems`]. For a test of yours.
///
/// ```
/// cache_runtime::testing::assert_key_map_sound();
/// ```
///
/// # Panics
///
/// With the list of the problems.
pub fn assert_key_map_sound() {
    let problems = key_map().problems();
    assert!(problems.is_empty(), "the program's cache keys are not sound:\n- {}", problems.join("\n- "));
}

#[cfg(test)]
mod tests {
    use super::shape;
    use crate::key::Template;

    #[test]
    fn templates_of_the_same_keys_have_one_shape() {
        let shape = |text| shape(&Template::new(text));
        assert_eq!(shape("org:<org_id>:projects"), shape("org:<ret.org_id>:projects"));
        assert_eq!(shape("m:<org>:<user>"), shape("m:<self.org>:<user = id>"));
        assert_ne!(shape("m:<org>:<user>"), shape("m:<user>:<org>"));
        assert_eq!(shape("a<<b>>:<E::KIND>"), "a\u{1}b\u{2}:<>");
    }
}

//! Wrangler's configuration: where it is, and which KV namespaces it binds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The names, in the order in which wrangler itself looks for them.
const NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// What a configuration says of KV; the rest is wrangler's.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Wrangler {
    #[serde(flatten)]
    top: Section,
    #[serde(default)]
    env: BTreeMap<String, Section>,
}

/// An environment, or the top of the file.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Section {
    account_id: Option<String>,
    #[serde(default)]
    kv_namespaces: Vec<Binding>,
}

/// A namespace under the name that a program knows it by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Binding {
    #[serde(rename = "binding")]
    name: String,
    id: Option<String>,
    preview_id: Option<String>,
}

/// Which of the namespaces is meant.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    pub(super) binding: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) preview: bool,
}

/// The namespace that was found, and the account if the file names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) namespace: String,
    pub(super) account: Option<String>,
}

/// The configuration of a directory, or of the nearest one above it that has one.
pub(super) fn find(directory: &Path) -> Option<PathBuf> {
    let here = |directory: &Path| NAMES.iter().map(|name| directory.join(name)).find(|path| path.is_file());
    directory.ancestors().find_map(here)
}

impl Wrangler {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// What is wrong and where; no text of the file, which may hold secrets of other programs.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("`{name}` cannot be read: {}", error.kind()))?;
        Self::parse(&text, path.extension().is_some_and(|extension| extension == "toml"))
            .map_err(|line| format!("`{name}` is not a configuration of wrangler: see its line {line}"))
    }

    /// Reads a text; `Err` is the line where it is wrong.
    pub(super) fn parse(text: &str, is_toml: bool) -> Result<Self, usize> {
        if is_toml {
            return toml::from_str(text).map_err(|error| {
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                before.matches('\n').count() + 1
            });
        }
        let file: Option<Self> =
            jsonc_parser::parse_to_serde_value(text, &jsonc_parser::ParseOptions::default())
                .map_err(|error| error.line_display())?;
        Ok(file.unwrap_or_default())
    }

    /// The namespace that is meant; `Ok(None)` where none is bound and none was asked for.
    ///
    /// # Errors
    ///
    /// What is missing, and the fix.
    pub(super) fn choose(&self, choice: &Choice) -> Result<Option<Chosen>, String> {
        let (section, place) = match &choice.environment {
            None => (&self.top, String::new()),
            // Bindings are not inherited from the top, by wrangler's own rule.
            Some(name) => match self.env.get(name) {
                Some(section) => (section, format!(" of the environment `{name}`")),
                None => {
                    let known: Vec<_> = self.env.keys().map(|name| format!("`{name}`")).collect();
                    let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                    return Err(format!(
                        "wrangler's configuration has no environment `{name}`; it has {known}"
                    ));
                }
            },
        };
        let bindings = &section.kv_namespaces;
        let names =
            || bindings.iter().map(|binding| format!("`{}`", binding.name)).collect::<Vec<_>>().join(", ");
        let binding = match (&choice.binding, bindings.as_slice()) {
            (None, []) => return Ok(None),
            (None, [binding]) => binding,
            (None, _) => {
                let names = names();
                return Err(format!(
                    "the configuration{place} binds several KV namespaces: choose one of {names} by `binding`"
                ));
            }
            (Some(name), _) => {
                let found = bindings.iter().find(|binding| binding.name == *name);
                let there = if bindings.is_empty() { "none".into() } else { names() };
                found.ok_or_else(|| {
                    format!("the configuration{place} binds no KV namespace as `{name}`, but {there}: add it to `kv_namespaces`")
                })?
            }
        };
        let (id, field) =
            if choice.preview { (&binding.preview_id, "preview_id") } else { (&binding.id, "id") };
        let namespace = id.clone().filter(|id| !id.is_empty()).ok_or_else(|| {
            let name = &binding.name;
            format!("the KV namespace `{name}`{place} has no `{field}`: add the one that `wrangler kv namespace list` shows")
        })?;
        let account = section.account_id.clone().or_else(|| self.top.account_id.clone());
        Ok(Some(Chosen { namespace, account }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOML: &str = r#"
name = "worker"
account_id = "top-account"

[[kv_namespaces]]
binding = "CACHE"
id = "cache-id"
preview_id = "cache-preview"

[[kv_namespaces]]
binding = "SESSIONS"
id = "sessions-id"

[env.staging]
account_id = "staging-account"
kv_namespaces = [{ binding = "CACHE", id = "staging-id" }]

[env.empty]
"#;

    const JSONC: &str = r#"{
    // As wrangler writes it.
    "name": "worker", "account_id": "top-account",
    "kv_namespaces": [
        { "binding": "CACHE", "id": "cache-id", "preview_id": "cache-preview" },
        { "binding": "SESSIONS", "id": "sessions-id" }, /* and no more */
    ],
    "env": {
        "staging": { "account_id": "staging-account", "kv_namespaces": [{ "binding": "CACHE", "id": "staging-id" }] },
        "empty": {},
    },
}"#;

    fn choice(binding: Option<&str>, environment: Option<&str>, preview: bool) -> Choice {
        Choice { binding: binding.map(Into::into), environment: environment.map(Into::into), preview }
    }

    #[test]
    fn both_forms_say_the_same() {
        let toml = Wrangler::parse(TOML, true).expect("it is TOML");
        assert_eq!(toml, Wrangler::parse(JSONC, false).expect("it is JSON with comments"));
        let chosen = |choice| {
            let chosen = toml.choose(&choice).expect("it is there").expect("it is there");
            (chosen.namespace, chosen.account.expect("it is named"))
        };
        let top = |id: &str| (id.to_owned(), "top-account".to_owned());
        assert_eq!(chosen(choice(Some("CACHE"), None, false)), top("cache-id"));
        assert_eq!(chosen(choice(Some("CACHE"), None, true)), top("cache-preview"));
        assert_eq!(chosen(choice(Some("SESSIONS"), None, false)), top("sessions-id"));
        let staging = ("staging-id".to_owned(), "staging-account".to_owned());
        assert_eq!(chosen(choice(None, Some("staging"), false)), staging);
    }

    #[test]
    fn what_is_missing_is_named_with_the_fix() {
        let file = Wrangler::parse(TOML, true).expect("it is TOML");
        for (choice, part) in [
            (choice(None, None, false), "choose one of `CACHE`, `SESSIONS` by `binding`"),
            (choice(Some("KV"), None, false), "binds no KV namespace as `KV`, but `CACHE`, `SESSIONS`"),
            (choice(Some("SESSIONS"), None, true), "`SESSIONS` has no `preview_id`: add the one"),
            (choice(None, Some("live"), false), "no environment `live`; it has `empty`, `staging`"),
            (choice(Some("CACHE"), Some("empty"), false), "binds no KV namespace as `CACHE`, but none"),
        ] {
            let error = file.choose(&choice).expect_err("something is missing");
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(file.choose(&choice(None, Some("empty"), false)), Ok(None));
        assert_eq!(Wrangler::default().choose(&Choice::default()), Ok(None));
    }

    #[test]
    fn a_mistake_is_found_by_its_line() {
        assert_eq!(Wrangler::parse("a = 1\nb = = 2", true), Err(2));
        assert_eq!(Wrangler::parse("kv_namespaces = 5", true), Err(1));
        assert_eq!(Wrangler::parse("{\n\"a\": 1,\n\"b\" 2}", false), Err(3));
        assert_eq!(Wrangler::parse("", false), Ok(Wrangler::default()));
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_a_mistake_in_one_of_its_lines(
            text in prop_oneof![
                ".{0,200}",
                "[\\[\\]{}=\",:a-z0-9_.#/*\n -]{0,200}",
                "(\\[\\[?kv_namespaces\\]?\\]|\\[env\\.[a-z]?\\]|binding = |id = |\"[a-z]?\"|\\{|\\}|\n|,|:){0,30}",
            ],
            is_toml: bool,
        ) {
            match Wrangler::parse(&text, is_toml) {
                Ok(file) => drop(file.choose(&Choice::default())),
                Err(line) => prop_assert!(line >= 1 && line <= text.split('\n').count() + 1),
            }
        }
    }
}

//! Key templates: a text becomes literals and placeholders. Pure; knows no tokens.

/// The characters that end a part: a part never holds one unescaped.
pub(crate) const SEPARATORS: [char; 4] = [':', '/', '|', '#'];

/// The longest full key in bytes, less the longest prefix and its colon.
pub(crate) const MAX_LEN: usize = 447;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) text: String,
    pub(crate) segments: Vec<Segment>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(String),
    Placeholder(Placeholder),
}

/// `<name = path>`, or `<path>`, whose name is the path's last segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placeholder {
    pub(crate) name: String,
    pub(crate) path: PlaceholderPath,
    /// Where it stands in the template's text, in bytes, brackets included.
    pub(crate) at: (usize, usize),
}

/// What fills a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlaceholderPath {
    /// `id`, `user.id`, `self.tenant`, `pair.0`, `ret.org_id`: a name and the fields below it.
    Fields { root: String, fields: Vec<String> },
    /// `E::KIND`: an associated constant.
    Constant(Vec<String>),
}

impl PlaceholderPath {
    /// The path as it is written in Rust.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Fields { root, fields } => {
                std::iter::once(root).chain(fields).map(String::as_str).collect::<Vec<_>>().join(".")
            }
            Self::Constant(segments) => segments.join("::"),
        }
    }
}

/// A mistake in a template, with the place to point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateError {
    pub(crate) message: String,
    /// What the caret says.
    pub(crate) hint: String,
    pub(crate) at: (usize, usize),
}

impl TemplateError {
    fn new(message: impl Into<String>, hint: impl Into<String>, at: (usize, usize)) -> Self {
        Self { message: message.into(), hint: hint.into(), at }
    }

    /// The message, with the template drawn below it and the mistake underlined.
    pub(crate) fn render(&self, template: &str) -> String {
        draw(&self.message, template, self.at, &self.hint)
    }
}

/// A message with the template drawn below it, `at` underlined, and a hint beside the carets.
pub(crate) fn draw(message: &str, template: &str, at: (usize, usize), hint: &str) -> String {
    // A control character would break the drawing, and two columns for one would shift the carets.
    let shown = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    };
    let slice = |from: usize, to: usize| template.get(from..to).unwrap_or_default();
    let before = slice(0, at.0).chars().count() + 1;
    let marked = slice(at.0, at.1).chars().count().max(1);
    format!(
        "{message}\n\n         \"{}\"\n         {}{} {hint}\n",
        shown(template),
        " ".repeat(before),
        "^".repeat(marked)
    )
}

impl Template {
    /// Parses a template. Finds every mistake, not just the first.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<TemplateError>> {
        let mut errors = Vec::new();
        let mut segments = Vec::new();
        let mut literal = String::new();
        let mut rest = text.char_indices().peekable();

        while let Some((at, char)) = rest.next() {
            let doubled = rest.next_if(|(_, next)| *next == char && matches!(char, '<' | '>')).is_some();
            match char {
                '<' | '>' if doubled => literal.push(char),
                '<' => {
                    let Some(end) = text[at..].find('>').map(|length| at + length) else {
                        errors.push(TemplateError::new(
                            "a `<` in the key template is not closed",
                            "close it with `>`, or write `<<` for a literal `<`",
                            (at, text.len()),
                        ));
                        break;
                    };
                    if !literal.is_empty() {
                        segments.push(Segment::Literal(std::mem::take(&mut literal)));
                    }
                    match parse_placeholder(&text[at + 1..end], (at, end + 1)) {
                        Ok(placeholder) => segments.push(Segment::Placeholder(placeholder)),
                        Err(error) => errors.push(error),
                    }
                    while rest.next_if(|(index, _)| *index <= end).is_some() {}
                }
                '>' => errors.push(TemplateError::new(
                    "a `>` in the key template closes nothing",
                    "write `>>` for a literal `>`",
                    (at, at + 1),
                )),
                char if char.is_control() => errors.push(TemplateError::new(
                    "the key template holds a control character",
                    "remove it",
                    (at, at + char.len_utf8()),
                )),
                char => literal.push(char),
            }
        }
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal));
        }
        let template = Self { text: text.to_owned(), segments };
        if errors.is_empty() {
            template.check(&mut errors);
        }
        if errors.is_empty() { Ok(template) } else { Err(errors) }
    }

    fn check(&self, errors: &mut Vec<TemplateError>) {
        let whole = (0, self.text.len());
        if self.segments.is_empty() {
            errors.push(TemplateError::new(
                "the key template is empty",
                "name the thing: \"project:<id>\"",
                whole,
            ));
        }
        let literals: usize = self.literals().map(str::len).sum();
        if literals > MAX_LEN {
            errors.push(TemplateError::new(
                format!("the literal text of the key template alone has {literals} bytes, and a key may have {MAX_LEN}"),
                "shorten it",
                whole,
            ));
        }
        // Two parts need a separator between them, or `("1", "11")` and `("11", "1")` would be one key.
        let mut previous: Option<&Placeholder> = None;
        let mut separated = true;
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => separated |= text.contains(SEPARATORS),
                Segment::Placeholder(placeholder) => {
                    if let (Some(before), false) = (previous, separated) {
                        errors.push(TemplateError::new(
                            format!(
                                "nothing separates `<{}>` from `<{}>`: two different calls could share one key",
                                before.name, placeholder.name
                            ),
                            "put one of `:` `/` `|` `#` between them",
                            (before.at.0, placeholder.at.1),
                        ));
                    }
                    (previous, separated) = (Some(placeholder), false);
                }
            }
        }
    }

    /// The literal texts.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(text) => Some(text.as_str()),
            Segment::Placeholder(_) => None,
        })
    }

    /// The placeholders.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Placeholder(placeholder) => Some(placeholder),
        })
    }
}

fn parse_placeholder(text: &str, at: (usize, usize)) -> Result<Placeholder, TemplateError> {
    let fail = |message: &str, hint: &str| Err(TemplateError::new(message, hint, at));
    let (name, path) = match text.split_once('=') {
        Some((name, path)) => (Some(name.trim()), path.trim()),
        None => (None, text.trim()),
    };
    if path.is_empty() {
        return fail("a placeholder of the key template is empty", "name a parameter, as in `<id>`");
    }
    let parsed = if path.contains("::") {
        PlaceholderPath::Constant(path.split("::").map(|segment| segment.trim().to_owned()).collect())
    } else {
        let mut segments = path.split('.').map(|segment| segment.trim().to_owned());
        PlaceholderPath::Fields { root: segments.next().unwrap_or_default(), fields: segments.collect() }
    };
    let is_path = match &parsed {
        PlaceholderPath::Constant(segments) => segments.iter().all(|segment| is_identifier(segment)),
        PlaceholderPath::Fields { root, fields } => {
            is_identifier(root) && fields.iter().all(|field| is_identifier(field) || is_index(field))
        }
    };
    if let (false, Some(keyword)) =
        (is_path, path.split(['.', ':']).map(str::trim).find(|text| is_keyword(text)))
    {
        return Err(TemplateError::new(
            format!("`{keyword}` is a keyword of Rust, and no name"),
            format!("write `r#{keyword}`, as the parameter does"),
            at,
        ));
    }
    if !is_path {
        return fail(
            "a placeholder of the key template is not a path",
            "name a parameter, one of its fields, a field of `self` or a constant: `<id>`, `<user.id>`, `<self.tenant>`, `<E::KIND>`",
        );
    }
    let last = match &parsed {
        PlaceholderPath::Constant(segments) => segments.last(),
        PlaceholderPath::Fields { root, fields } => fields.last().or(Some(root)),
    };
    if name.is_some_and(|name| !(is_identifier(name) || is_index(name))) {
        return fail("the name of a placeholder is not an identifier", "write `<name = path>`");
    }
    let name = name.unwrap_or(last.map_or("", String::as_str));
    Ok(Placeholder { name: name.to_owned(), path: parsed, at })
}

fn is_index(text: &str) -> bool {
    !text.is_empty() && text.len() < 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` is a word that can stand for a name only as `r#…`.
fn is_keyword(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with("r#")
        && !is_identifier(text)
        && syn::parse_str::<syn::Ident>(&format!("r#{text}")).is_ok()
}

/// Whether `text` is an identifier, or the keywords `self` and `Self`, and no other keyword.
fn is_identifier(text: &str) -> bool {
    matches!(text, "self" | "Self") || syn::parse_str::<syn::Ident>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        Template::parse(text)
            .map_or_else(|errors| errors.into_iter().map(|e| e.message).collect(), |_| Vec::new())
    }

    #[test]
    fn a_template_is_literals_and_placeholders() {
        let template = Template::parse("org:<org_id>:<user.id>/<self.tenant>|<E::KIND>#<owner = user>")
            .expect("it parses");
        let names: Vec<_> = template.placeholders().map(|p| (p.name.as_str(), p.path.text())).collect();
        assert_eq!(
            names,
            [
                ("org_id", "org_id".into()),
                ("id", "user.id".into()),
                ("tenant", "self.tenant".into()),
                ("KIND", "E::KIND".into()),
                ("owner", "user".to_owned()),
            ]
        );
        assert_eq!(template.literals().collect::<Vec<_>>(), ["org:", ":", "/", "|", "#"]);
    }

    #[test]
    fn doubled_angle_brackets_are_literal() {
        let template = Template::parse("a<<b>>:<id>").expect("it parses");
        assert_eq!(template.literals().collect::<Vec<_>>(), ["a<b>:"]);
    }

    #[test]
    fn every_mistake_is_found() {
        assert_eq!(errors("<>:<a b>:>").len(), 3);
        assert_eq!(errors("").len(), 1);
        assert_eq!(errors("a:<id").len(), 1);
        assert_eq!(errors("a\n").len(), 1);
        assert_eq!(errors("<a><b>").len(), 1);
        assert_eq!(errors("<a>-<b>-<c>").len(), 2);
        assert_eq!(errors(&"x".repeat(448)).len(), 1);
        assert!(errors(&"x".repeat(447)).is_empty());
        assert!(errors("<a>-/<b>").is_empty());
    }

    #[test]
    fn the_drawing_points_at_the_mistake() {
        let error = Template::parse("é:<>").expect_err("it is empty").remove(0);
        assert_eq!(
            error.render("é:<>"),
            "a placeholder of the key template is empty\n\n         \"é:<>\"\n            ^^ name a parameter, as in `<id>`\n"
        );
    }
}

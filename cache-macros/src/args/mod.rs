//! The arguments of the attributes, as they are written. Every value keeps its span.

mod values;

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Ident, Lit, LitInt, LitStr, Path, Token, Type};

use crate::diag::{Diag, list, suggest};
use crate::duration::Ttl;
use values::{
    ends_in_a_constant, function, is_each, is_named, length, made_by_macro, makes_text, misspelt_list,
    names_in, percentage, skip_to_comma, ungroup_ref, when,
};
pub(crate) use values::{is_constant_name, ungroup};

/// A key, as a template or as an expression.
#[derive(Clone)]
pub(crate) enum KeyArg {
    Template(LitStr),
    Expression(Expr),
}

impl KeyArg {
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Template(text) => text.span(),
            Self::Expression(expr) => expr.span(),
        }
    }
}

/// When an invalidation takes effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Ok,
    Always,
}

/// What any of the attributes may be given. Which one may be given what is [`Allowed`].
#[derive(Default, Clone)]
pub(crate) struct Args {
    pub(crate) keys: Vec<KeyArg>,
    pub(crate) tags: Vec<KeyArg>,
    pub(crate) ttl: Option<Ttl>,
    pub(crate) none_ttl: Option<(Span, Ttl)>,
    pub(crate) ttl_from: Option<(Span, Expr)>,
    pub(crate) ttl_jitter: Option<u8>,
    pub(crate) stale_if_error: Option<(Span, Ttl)>,
    pub(crate) stale_while_revalidate: Option<(Span, Ttl)>,
    pub(crate) timeout: Option<(Span, Ttl)>,
    pub(crate) cache: Option<Expr>,
    pub(crate) skip: Vec<Ident>,
    pub(crate) cache_if: Option<Expr>,
    pub(crate) value: Option<Type>,
    pub(crate) key_fn: Option<Ident>,
    pub(crate) version: Option<(Span, u32)>,
    pub(crate) when: Option<(Span, When)>,
    pub(crate) strict: Option<Span>,
    pub(crate) write_timeout: Option<(Span, Ttl)>,
    pub(crate) sync: Option<Span>,
    pub(crate) tenant: Option<Expr>,
    pub(crate) krate: Option<Path>,
    pub(crate) each: Option<Each>,
    /// The parameters in a list whose name is misspelt, which has been reported.
    pub(crate) misspelt: Vec<Ident>,
    /// There is an `each` that is not understood, which has been reported.
    pub(crate) each_is_faulty: bool,
}

/// `each(id in ids)`: the placeholder's name for one of the ids, and the parameter that holds them.
#[derive(Clone)]
pub(crate) struct Each {
    pub(crate) one: Ident,
    pub(crate) all: Ident,
}

/// An attribute's name and the arguments that it takes.
pub(crate) struct Allowed {
    pub(crate) attribute: &'static str,
    /// How many keys.
    pub(crate) keys: Keys,
    pub(crate) named: &'static [&'static str],
}

#[derive(PartialEq, Eq)]
pub(crate) enum Keys {
    None,
    One,
    Many,
}

pub(crate) const CACHED: Allowed = Allowed {
    attribute: "cached",
    keys: Keys::One,
    named: &[
        "key",
        "ttl",
        "none_ttl",
        "cache",
        "skip",
        "cache_if",
        "value",
        "key_fn",
        "version",
        "ttl_from",
        "ttl_jitter",
        "stale_if_error",
        "stale_while_revalidate",
        "timeout",
        "each",
        "tags",
        "crate",
    ],
};
pub(crate) const INVALIDATES: Allowed = Allowed {
    attribute: "invalidates",
    keys: Keys::Many,
    named: &["tags", "when", "strict", "sync", "write_timeout", "cache", "crate"],
};
pub(crate) const UPDATES: Allowed = Allowed {
    attribute: "updates",
    keys: Keys::One,
    named: &["ttl", "tags", "value", "strict", "sync", "write_timeout", "cache", "crate"],
};
pub(crate) const CACHE_KEY: Allowed =
    Allowed { attribute: "cache_key", keys: Keys::One, named: &["ttl", "none_ttl", "version", "crate"] };
pub(crate) const CACHING: Allowed = Allowed {
    attribute: "caching",
    keys: Keys::None,
    named: &["cache", "ttl", "none_ttl", "skip", "tenant", "crate"],
};

/// The arguments that are given by their name alone.
const FLAGS: [&str; 2] = ["strict", "sync"];

pub(crate) const CACHE_TAG: Allowed = Allowed { attribute: "cache_tag", keys: Keys::One, named: &["crate"] };

const EVERY: [&Allowed; 6] = [&CACHED, &INVALIDATES, &UPDATES, &CACHE_KEY, &CACHE_TAG, &CACHING];
const EACH_SHAPE: &str =
    "`each` names one of the ids and the parameter that holds them, as in `each(id in ids)`";
const TAGS_SHAPE: &str =
    "`tags` is a list of templates, or of calls of tag functions, as in `tags = [\"org:<org_id>\"]`";
const SKIP_SHAPE: &str = "`skip` takes the names of parameters, as in `skip(page, limit)`";

impl Args {
    /// Parses the arguments of an attribute; reports every mistake.
    pub(crate) fn parse(tokens: TokenStream, allowed: &Allowed, diag: &mut Diag) -> Self {
        let mut args = Self::default();
        let mut seen = HashMap::new();
        let parse = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = args.parse_one(input, allowed, &mut seen, diag) {
                    diag.push(error);
                    skip_to_comma(input);
                } else if !input.is_empty() && !input.peek(Token![,]) {
                    diag.push(input.error("expected `,` between two arguments"));
                    if is_named(input) {
                        continue;
                    }
                    skip_to_comma(input);
                }
                if input.parse::<Option<Token![,]>>()?.is_none() {
                    break;
                }
            }
            Ok(())
        };
        if let Err(error) = Parser::parse2(parse, tokens) {
            diag.push(error);
        }
        args
    }

    fn parse_one(
        &mut self,
        input: ParseStream<'_>,
        allowed: &Allowed,
        seen: &mut HashMap<String, Span>,
        diag: &mut Diag,
    ) -> syn::Result<()> {
        let names_value = is_named(input);
        let ahead = input.fork();
        let word = ahead.call(Ident::parse_any).ok();
        let is_list = word.as_ref().is_some_and(|word| word == "skip" || word == "each")
            && ahead.peek(syn::token::Paren);
        let is_flag = ahead.is_empty() || ahead.peek(Token![,]);
        let name = match word {
            Some(word) if names_value || is_list || (is_flag && FLAGS.iter().any(|flag| word == flag)) => {
                word
            }
            // A lone word is a key only as a path to one, which has a call's brackets.
            Some(word) if is_flag && !input.peek(Token![self]) => {
                input.call(Ident::parse_any)?;
                self.lone_word(&word, allowed, diag);
                return Ok(());
            }
            Some(word) if is_each(&ahead) && suggest(&word.to_string(), ["each"]).is_some() => {
                input.call(Ident::parse_any)?;
                input.parse::<TokenTree>()?;
                self.each_is_faulty = true;
                self.unknown(&word, allowed, diag);
                return Ok(());
            }
            _ => {
                let key = input.parse::<Expr>()?;
                self.add_key(key, allowed, seen, diag);
                return Ok(());
            }
        };
        input.call(Ident::parse_any)?;
        if names_value {
            input.parse::<Token![=]>()?;
        }
        let text = name.to_string();
        if !allowed.named.contains(&text.as_str()) {
            self.unknown(&name, allowed, diag);
            if names_value {
                input.parse::<Expr>()?;
            }
            return Ok(());
        }
        if names_value && (input.is_empty() || input.peek(Token![,])) {
            self.valueless(&name, diag);
            return Ok(());
        }
        if seen.insert(text.clone(), name.span()).is_some() && text != "key" {
            diag.error(name.span(), format!("`{text}` is given twice; remove one of them"));
        }
        if text == "key" {
            let key = input.parse::<Expr>()?;
            self.add_key(key, allowed, seen, diag);
            return Ok(());
        }
        self.parse_value(&name, names_value, input, diag)
    }

    /// Parses what stands behind the name of an argument that the attribute takes, and behind its `=`.
    fn parse_value(
        &mut self,
        name: &Ident,
        names_value: bool,
        input: ParseStream<'_>,
        diag: &mut Diag,
    ) -> syn::Result<()> {
        match name.to_string().as_str() {
            "ttl" => self.ttl = Some(Ttl::from_expr("ttl", input.parse()?, diag)),
            "none_ttl" => {
                self.none_ttl = Some((name.span(), Ttl::from_expr("none_ttl", input.parse()?, diag)));
            }
            "ttl_from" => {
                let example = "`ttl_from` computes the time to live from the value: a closure or the path of a function, as in `ttl_from = |value| value.max_age`";
                self.ttl_from = function(input, example, diag)?.map(|function| (name.span(), function));
                if self.ttl_from.is_none() {
                    self.ttl = Some(Ttl::stand_in());
                }
            }
            "ttl_jitter" => self.ttl_jitter = percentage(input.parse()?, diag),
            "stale_if_error" => self.stale_if_error = Some(length(name, input, diag)?),
            "stale_while_revalidate" => self.stale_while_revalidate = Some(length(name, input, diag)?),
            "timeout" => self.timeout = Some(length(name, input, diag)?),
            "write_timeout" => self.write_timeout = Some(length(name, input, diag)?),
            "cache" => self.cache = Some(input.parse()?),
            "cache_if" => {
                let example = "`cache_if` says which values are cached: a closure or the path of a function, as in `cache_if = |value| !value.is_empty()`";
                self.cache_if = function(input, example, diag)?;
            }
            "value" => self.value = Some(input.parse()?),
            "tags" => self.parse_tags(input)?,
            "tenant" => {
                let tenant: Expr = input.parse()?;
                if let Expr::Lit(_) = ungroup_ref(&tenant) {
                    diag.error_at(
                        &tenant,
                        "`tenant` is what every key of the block has to carry, as in `tenant = self.tenant`",
                    );
                } else {
                    self.tenant = Some(tenant);
                }
            }
            "key_fn" => {
                let shape = |error: syn::Error| {
                    syn::Error::new(
                        error.span(),
                        "`key_fn` is the name of the key function, as in `key_fn = project_key`",
                    )
                };
                self.key_fn = Some(input.parse().map_err(shape)?);
            }
            "crate" => self.krate = Some(input.call(Path::parse_mod_style)?),
            flag if names_value && FLAGS.contains(&flag) => {
                input.parse::<Expr>()?;
                diag.error(name.span(), format!("`{flag}` takes no value; write `{flag}`, or leave it out"));
            }
            "strict" => self.strict = Some(name.span()),
            "sync" => self.sync = Some(name.span()),
            "skip" => self.parse_skip(input, name)?,
            "each" => {
                self.each_is_faulty = true;
                self.parse_each(input, name)?;
                self.each_is_faulty = false;
            }
            "version" => {
                let shape = "`version` is a number from 1, as in `version = 2`";
                let number: LitInt = input.parse().map_err(|error| syn::Error::new(error.span(), shape))?;
                match number.base10_parse::<u32>() {
                    Ok(version) if version > 0 && number.suffix().is_empty() => {
                        self.version = Some((name.span(), version));
                    }
                    _ => diag.error(number.span(), shape),
                }
            }
            "when" => self.when = when(input, diag)?,
            _ => {}
        }
        Ok(())
    }

    fn parse_skip(&mut self, input: ParseStream<'_>, name: &Ident) -> syn::Result<()> {
        let shape = |span| syn::Error::new(span, SKIP_SHAPE);
        if !input.peek(syn::token::Paren) {
            // What follows the `=` was meant as the list.
            self.skip.extend(input.parse::<Ident>().ok());
            return Err(shape(name.span()));
        }
        let inner;
        syn::parenthesized!(inner in input);
        let names =
            inner.parse_terminated(Ident::parse_any, Token![,]).map_err(|error| shape(error.span()))?;
        if names.is_empty() {
            return Err(shape(name.span()));
        }
        self.skip.extend(names);
        Ok(())
    }

    fn parse_tags(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let list = ungroup(input.parse()?);
        let list = match list {
            Expr::Array(list) if !list.elems.is_empty() => list,
            other => return Err(syn::Error::new_spanned(other, TAGS_SHAPE)),
        };
        for tag in list.elems {
            self.tags.push(match ungroup(tag) {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => KeyArg::Template(text),
                Expr::Macro(call) if call.mac.path.is_ident("format") => {
                    let message = "a tag made by `format!` is not checked and not escaped; write a template, as in \"org:<org_id>\"";
                    return Err(syn::Error::new_spanned(call, message));
                }
                tag @ (Expr::Call(_) | Expr::MethodCall(_)) => KeyArg::Expression(tag),
                other => return Err(syn::Error::new_spanned(other, TAGS_SHAPE)),
            });
        }
        Ok(())
    }

    fn parse_each(&mut self, input: ParseStream<'_>, name: &Ident) -> syn::Result<()> {
        let shape = |span| syn::Error::new(span, EACH_SHAPE);
        if !input.peek(syn::token::Paren) {
            // What follows the `=` was meant as the parameter.
            input.parse::<Expr>().ok();
            return Err(shape(name.span()));
        }
        let inner;
        syn::parenthesized!(inner in input);
        let parse = |inner: ParseStream<'_>| {
            let one = inner.parse::<Ident>()?;
            inner.parse::<Token![in]>()?;
            let all = inner.parse::<Ident>()?;
            Ok(Each { one, all })
        };
        let each = parse(&inner).map_err(|_: syn::Error| shape(name.span()));
        let rest = inner.parse::<TokenStream>()?;
        if !rest.is_empty() {
            return Err(shape(name.span()));
        }
        self.each = Some(each?);
        Ok(())
    }

    fn add_key(&mut self, key: Expr, allowed: &Allowed, seen: &mut HashMap<String, Span>, diag: &mut Diag) {
        let attribute = allowed.attribute;
        if allowed.keys == Keys::None {
            diag.error_at(key, format!("`#[{attribute}]` takes no key; it goes on an impl block"));
            return;
        }
        if allowed.keys == Keys::One && seen.insert("a key".into(), key.span()).is_some() {
            match misspelt_list(&key, allowed) {
                Some((name, meant)) => {
                    diag.error(
                        name.span(),
                        format!("`#[{attribute}]` has no argument `{name}`; did you mean `{meant}`?"),
                    );
                    self.misspelt.extend(names_in(&key));
                }
                None => diag.error_at(key, format!("`#[{attribute}]` takes one key; remove one of them")),
            }
            return;
        }
        match ungroup(key) {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => self.keys.push(KeyArg::Template(text)),
            Expr::Lit(other) => diag.error_at(
                other,
                "a key is a template such as \"project:<id>\", or a call of a key function such as `project_key(id)`",
            ),
            Expr::Macro(call) if makes_text(&call) => diag.error_at(&call, made_by_macro(&call)),
            Expr::Reference(reference) if matches!(&*reference.expr, Expr::Macro(call) if makes_text(call)) => {
                if let Expr::Macro(call) = *reference.expr {
                    diag.error_at(&call, made_by_macro(&call));
                }
            }
            Expr::Path(path) if ends_in_a_constant(&path) => diag.error_at(
                &path,
                "the text of a constant is not checked; write the template where it is used, as in \"project:<id>\", or declare the key once with `#[cache_key]` and call its function",
            ),
            key => self.keys.push(KeyArg::Expression(key)),
        }
    }

    /// Reports a word that is no argument of this attribute.
    fn unknown(&mut self, name: &Ident, allowed: &Allowed, diag: &mut Diag) {
        let attribute = allowed.attribute;
        let text = name.to_string();
        if text == "key" && allowed.keys != Keys::None {
            let keys = if allowed.keys == Keys::Many { "keys" } else { "key" };
            diag.error(
                name.span(),
                format!(
                    "`#[{attribute}]` takes its {keys} without `key =`: `#[{attribute}(\"project:<id>\")]`"
                ),
            );
            return;
        }
        // What another attribute takes is not a misspelling.
        let elsewhere = EVERY.iter().any(|other| other.named.contains(&text.as_str()));
        let similar = suggest(&text, allowed.named.iter().copied()).filter(|_| !elsewhere);
        let fix = match similar {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("it takes {}", list(allowed.named.iter().copied())),
        };
        if similar == Some("ttl") {
            self.ttl = Some(Ttl::stand_in());
        }
        diag.error(name.span(), format!("`#[{attribute}]` has no argument `{text}`; {fix}"));
    }

    /// Reports a word that stands alone: an argument without its value, or the name of a key function.
    fn lone_word(&mut self, word: &Ident, allowed: &Allowed, diag: &mut Diag) {
        let text = word.to_string();
        if allowed.named.contains(&text.as_str()) {
            self.valueless(word, diag);
        } else if suggest(&text, allowed.named.iter().copied()).is_none() && allowed.keys != Keys::None {
            diag.error(
                word.span(),
                format!("`{text}` is no argument; if it is a key function, call it: `{text}(…)`"),
            );
        } else {
            self.unknown(word, allowed, diag);
        }
    }

    /// Reports an argument without its value.
    fn valueless(&mut self, name: &Ident, diag: &mut Diag) {
        let text = name.to_string();
        if text == "ttl" {
            self.ttl = Some(Ttl::stand_in());
        }
        let example = match text.as_str() {
            "key" => "key = \"project:<id>\"",
            "ttl" => "ttl = 300",
            "none_ttl" => "none_ttl = 5",
            "ttl_from" => "ttl_from = |value| value.max_age",
            "tags" => "tags = [\"org:<org_id>\"]",
            "ttl_jitter" => "ttl_jitter = \"10%\"",
            "stale_if_error" => "stale_if_error = \"1h\"",
            "stale_while_revalidate" => "stale_while_revalidate = 60",
            "timeout" => "timeout = \"2s\"",
            "cache" => "cache = self.cache",
            "cache_if" => "cache_if = |value| !value.is_empty()",
            "value" => "value = Project",
            "tenant" => "tenant = self.tenant",
            "key_fn" => "key_fn = project_key",
            "crate" => "crate = cache_runtime",
            "version" => "version = 2",
            "when" => "when = \"always\"",
            "each" => return diag.error(name.span(), EACH_SHAPE),
            _ => return diag.error(name.span(), SKIP_SHAPE),
        };
        diag.error(name.span(), format!("`{text}` needs a value, as in `{example}`"));
    }
}

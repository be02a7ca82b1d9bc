//! A key of an attribute, resolved against the signature: what fills each placeholder, and the code for it.

use std::fmt::Write as _;

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprGroup, ExprParen, ExprReference, LitStr};

use crate::args::KeyArg;
use crate::diag::Diag;
use crate::expand::Runtime;
use crate::item::{Function, mentions, names_path, uses_variable};
use crate::part::{self, Part, RET, Sources};
use crate::template::{Segment, Template};

/// What the names of the hidden functions of tags begin with. Two in one type are an error of the compiler, which shows
/// the name.
const HIDDEN_TAG: &str = "__tag_of_two_methods_needs_caching_on_the_impl_or_cache_tag_";

/// A key of an attribute.
pub(crate) enum Key {
    Template(TemplateKey),
    Expression(Expr),
}

/// A template whose placeholders have been resolved.
pub(crate) struct TemplateKey {
    pub(crate) literal: LitStr,
    pub(crate) template: Template,
    /// One for each placeholder, in order.
    pub(crate) parts: Vec<Part>,
    pub(crate) is_tag: bool,
}

impl Key {
    /// Resolves `arg` against the signature of `function`; reports each placeholder that names nothing.
    pub(crate) fn resolve(
        arg: KeyArg,
        function: &Function,
        sources: Sources,
        diag: &mut Diag,
    ) -> Option<Self> {
        match arg {
            KeyArg::Expression(expr) => Some(Self::Expression(expr)),
            KeyArg::Template(literal) => {
                let text = literal.value();
                match Template::parse(&text) {
                    Ok(template) => {
                        let parts = template
                            .placeholders()
                            .map(|placeholder| part::resolve(placeholder, &literal, function, sources, diag))
                            .collect::<Vec<_>>();
                        part::check_raw_parts(&parts, diag);
                        Some(Self::Template(TemplateKey { literal, template, parts, is_tag: false }))
                    }
                    Err(errors) => {
                        for error in errors {
                            diag.error(literal.span(), error.render(&text));
                        }
                        None
                    }
                }
            }
        }
    }

    /// Resolves the tags of an attribute, in the same way.
    pub(crate) fn resolve_tags(
        args: &[KeyArg],
        function: &Function,
        sources: Sources,
        diag: &mut Diag,
    ) -> Vec<Self> {
        let mut own = Diag::default();
        let resolve = |arg: &KeyArg| match Self::resolve(arg.clone(), function, sources, &mut own)? {
            Self::Template(key) => Some(Self::Template(TemplateKey { is_tag: true, ..key })),
            key @ Self::Expression(_) => Some(key),
        };
        let tags = args.iter().filter_map(resolve).collect();
        diag.append(own.reworded("key template", "tag template"));
        tags
    }

    /// Whether the key can only be known when the result is.
    pub(crate) fn needs_result(&self, function: &Function) -> bool {
        if function.params().any(|param| param.name.is_some_and(|name| name == RET)) {
            return false;
        }
        match self {
            Self::Template(key) => {
                key.parts.iter().any(|part| part.root.as_ref().is_some_and(|root| root == RET))
            }
            Self::Expression(expr) => mentions(expr.to_token_stream(), RET),
        }
    }

    /// Whether the parameter stands in the key.
    pub(crate) fn uses(&self, name: &Ident) -> bool {
        match self {
            Self::Template(key) => key.parts.iter().any(|part| part.root.as_ref() == Some(name)),
            Self::Expression(expr) => uses_variable(expr.to_token_stream(), &name.to_string()),
        }
    }

    /// Whether a constant parameter stands in the key, or a constant of a type parameter.
    pub(crate) fn names_generic(&self, name: &str) -> bool {
        match self {
            // A constant of `Self` may be the same whatever the parameter is.
            Self::Template(key) => key.parts.iter().any(|part| part.root.is_none() && part.begins_with(name)),
            Self::Expression(expr) => names_path(expr.to_token_stream(), name),
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Template(key) => key.literal.span(),
            Self::Expression(expr) => expr.span(),
        }
    }
}

impl TemplateKey {
    /// A closure that writes the key from references to the parameters, as often as it is called.
    pub(crate) fn writer(&self, private: &Runtime) -> TokenStream {
        // Not to be taken for a parameter of that name.
        let key = Ident::new("key", Span::mixed_site());
        let mut parts = self.parts.iter();
        let steps = self.template.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => quote!(#key.literal(#text);),
            Segment::Placeholder(_) => {
                let Some(part) = parts.next() else { return TokenStream::new() };
                let argument = part.argument(private);
                let (name, ty) = match (&part.ty, parts.len()) {
                    (Some(ty), 0) => ("last_part", Some(quote!(::<#ty>))),
                    (Some(ty), _) => ("part", Some(quote!(::<#ty>))),
                    (None, 0) => ("any_last_part", None),
                    (None, _) => ("any_part", None),
                };
                let method = Ident::new(name, part.span);
                quote_spanned!(part.span=> #key.#method #ty(&#argument);)
            }
        });
        quote!(|#key: &mut #private::KeyWriter<'_>| { #(#steps)* })
    }

    /// A call of the hidden function of the `#[cached]` method that has this template.
    pub(crate) fn call_hidden(&self, private: &Runtime, cache: Option<&Expr>) -> TokenStream {
        let name = self.hidden_name(cache, Span::mixed_site());
        let arguments = self.parts.iter().map(|part| part.argument(private));
        quote!(Self::#name(#(#arguments),*))
    }

    /// The name of the hidden function: injective in the literals, the cache expression and, where two
    /// placeholders could be swapped, their names.
    pub(crate) fn hidden_name(&self, cache: Option<&Expr>, span: Span) -> Ident {
        let mut name = String::from(if self.is_tag { HIDDEN_TAG } else { "__key_" });
        let named = self.parts.len() > 1;
        let mut parts = self.parts.iter();
        for segment in &self.template.segments {
            match segment {
                Segment::Literal(text) => encode(text, &mut name),
                Segment::Placeholder(_) => {
                    name.push_str("_p");
                    let part = parts.next();
                    // A constant of an impl or module stands for itself alone.
                    if let Some(part) = part.filter(|part| named || part.is_lone_constant()) {
                        let of_name = |other: &&Part| other.name == part.name;
                        let is_only = self.parts.iter().filter(of_name).count() == 1;
                        encode(if is_only { &part.name } else { &part.whole_name }, &mut name);
                        name.push_str("_q");
                    }
                }
            }
        }
        if let Some(cache) = cache_text(cache) {
            name.push_str("_in_");
            encode(&cache, &mut name);
        }
        Ident::new(&name, span)
    }
}

/// The text of a cache expression other than the default.
pub(crate) fn cache_text(cache: Option<&Expr>) -> Option<String> {
    let mut cache = cache?;
    while let Expr::Paren(ExprParen { expr, .. })
    | Expr::Group(ExprGroup { expr, .. })
    | Expr::Reference(ExprReference { expr, .. }) = cache
    {
        cache = expr;
    }
    let text = compact(&cache.to_token_stream());
    (text != "self.cache").then_some(text)
}

/// A number for a cache expression, by FNV-1a; 0 for the default.
pub(crate) fn cache_number(cache: Option<&Expr>) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    cache_text(cache).map_or(0, |text| text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
}

/// The hidden function that tells the cache of the method behind a key function.
pub(crate) fn cache_of(key_fn: &Ident, span: Span) -> Ident {
    let name = key_fn.to_string();
    format_ident!("__cache_of_{}", name.strip_prefix("r#").unwrap_or(&name), span = span)
}

/// The text of tokens, with no spaces but those inside of literals and between words.
pub(crate) fn compact(tokens: &TokenStream) -> String {
    let mut text = String::new();
    let mut after_word = false;
    for token in tokens.clone() {
        let is_word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        if after_word && is_word {
            text.push(' ');
        }
        after_word = is_word;
        let (open, close) = match &token {
            TokenTree::Group(group) => match group.delimiter() {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::None => ("", ""),
            },
            _ => ("", ""),
        };
        text.push_str(open);
        match token {
            TokenTree::Group(group) => text.push_str(&compact(&group.stream())),
            token => text.push_str(&token.to_string()),
        }
        text.push_str(close);
    }
    text
}

/// Lower-case letters and digits stand for themselves; anything else is `_` and the hex digits of its bytes. No
/// two texts give one name, and no name has `__` inside (which rustc would lint).
fn encode(text: &str, name: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() {
            name.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(name, "_{byte:02x}");
        }
    }
}

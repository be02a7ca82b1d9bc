//! A key of an attribute, resolved against the signature: what fills each placeholder, and the code for it.

use std::fmt::Write as _;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{Expr, GenericParam, LitStr, Type};

use crate::args::KeyArg;
use crate::diag::{Diag, suggest};
use crate::item::{Function, mentions, ungroup};
use crate::template::{Placeholder, PlaceholderPath, Segment, Template, draw};

/// The name that stands for the successful result.
pub(crate) const RET: &str = "ret";

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
}

/// What fills a placeholder.
pub(crate) struct Part {
    pub(crate) name: String,
    /// The parameter, or `self`, that it comes from; `None` for a constant.
    pub(crate) root: Option<Ident>,
    /// The path to it.
    pub(crate) value: TokenStream,
    /// Its type, where the signature shows it and no generic of the function is in it.
    pub(crate) ty: Option<Type>,
    /// Where an error about it points.
    pub(crate) span: Span,
}

/// Where a key's placeholders may come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sources {
    /// Parameters, `self` and constants.
    Arguments,
    /// The same, and the result.
    ArgumentsAndResult,
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
                            .map(|placeholder| resolve_part(placeholder, &literal, function, sources, diag))
                            .collect::<Vec<_>>();
                        check_raw_parts(&parts, diag);
                        Some(Self::Template(TemplateKey { literal, template, parts }))
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
            Self::Expression(expr) => mentions(expr.to_token_stream(), &name.to_string()),
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Template(key) => key.literal.span(),
            Self::Expression(expr) => expr.span(),
        }
    }
}

fn resolve_part(
    placeholder: &Placeholder,
    literal: &LitStr,
    function: &Function,
    sources: Sources,
    diag: &mut Diag,
) -> Part {
    let span = literal.span();
    let name = placeholder.name.clone();
    let ident = |text: &str, span| {
        syn::parse_str::<Ident>(text).map_or_else(
            |_| Ident::new(text, span),
            |mut ident| {
                ident.set_span(span);
                ident
            },
        )
    };
    let (root, fields) = match &placeholder.path {
        PlaceholderPath::Constant(segments) => {
            let segments = segments.iter().map(|segment| ident(segment, span));
            return Part { name, root: None, value: quote!(#(#segments)::*), ty: None, span };
        }
        PlaceholderPath::Fields { root, fields } => (root, fields),
    };
    let fields: Vec<TokenTree> = fields
        .iter()
        .map(|field| match field.parse::<usize>() {
            Ok(index) => {
                let mut index = proc_macro2::Literal::usize_unsuffixed(index);
                index.set_span(span);
                index.into()
            }
            Err(_) => ident(field, span).into(),
        })
        .collect();
    let draw = |message: String, hint: &str| draw(&message, &literal.value(), placeholder.at, hint);
    let owner = &function.sig.ident;

    if root == "self" {
        if function.receiver().is_none() {
            diag.error(
                span,
                draw(
                    format!(
                        "key template names `<{}>`, but `{owner}` has no `self`",
                        placeholder.path.text()
                    ),
                    "name a parameter",
                ),
            );
        } else if fields.is_empty() {
            diag.error(
                span,
                draw(
                    "the whole of `self` cannot be a part of a key".into(),
                    "name one of its fields, as in `<self.tenant>`",
                ),
            );
        }
        let this = Ident::new("self", function.self_span());
        return Part { name, root: Some(this.clone()), value: quote!(#this #(.#fields)*), ty: None, span };
    }
    if let Some(param) = function.params().find(|param| param.name.is_some_and(|name| name == root.as_str()))
    {
        let whole = fields.is_empty();
        let generic = generics(function).any(|generic| mentions(param.ty.to_token_stream(), &generic))
            || mentions(param.ty.to_token_stream(), "impl");
        let span = if whole { param.ty.span() } else { span };
        let root = ident(root, span);
        return Part {
            name,
            value: quote_spanned!(span=> #root #(.#fields)*),
            root: Some(root),
            ty: (whole && !generic).then(|| plain_type(param.ty)),
            span,
        };
    }
    if root == RET && sources == Sources::ArgumentsAndResult {
        let ret = Ident::new(RET, span);
        if fields.is_empty() {
            return Part { name, value: quote!(*#ret), root: Some(ret), ty: None, span };
        }
        return Part { name, value: quote!(#ret #(.#fields)*), root: Some(ret), ty: None, span };
    }
    let known: Vec<String> =
        function.params().filter_map(|param| param.name.map(ToString::to_string)).collect();
    let in_pattern =
        function.params().any(|param| param.name.is_none() && mentions(param.pat.to_token_stream(), root));
    let (message, hint) = if in_pattern {
        (
            format!("key template names `<{root}>`, which `{owner}` takes apart in a pattern"),
            "give the parameter one name, and name its field: `<pair.0>`".to_owned(),
        )
    } else if root == RET {
        (
            "the key of a cached value is needed before there is a result".to_owned(),
            "only `#[invalidates]` can name `<ret.…>`".to_owned(),
        )
    } else {
        let hint = match (suggest(root, known.iter().map(String::as_str)), known.is_empty()) {
            (Some(similar), _) => format!("did you mean `<{similar}>`?"),
            (None, true) => "it has no parameters".to_owned(),
            (None, false) => {
                format!("its parameters are {}", crate::diag::list(known.iter().map(String::as_str)))
            }
        };
        (
            format!(
                "key template names `<{}>`, but `{owner}` has no parameter `{root}`",
                placeholder.path.text()
            ),
            hint,
        )
    };
    diag.error(span, draw(message, &hint));
    Part { name, root: Some(ident(root, span)), value: TokenStream::new(), ty: None, span }
}

fn check_raw_parts(parts: &[Part], diag: &mut Diag) {
    for part in parts.iter().rev().skip(1) {
        if part.ty.as_ref().is_some_and(|ty| mentions(ty.to_token_stream(), "RawPart")) {
            diag.error(
                part.span,
                "a `RawPart` is written unescaped, so it may stand only in the last placeholder; move it to the end",
            );
        }
    }
}

fn generics(function: &Function) -> impl Iterator<Item = String> {
    function.sig.generics.params.iter().chain(&function.extra_generics.params).filter_map(|param| match param
    {
        GenericParam::Type(param) => Some(param.ident.to_string()),
        GenericParam::Const(param) => Some(param.ident.to_string()),
        GenericParam::Lifetime(_) => None,
    })
}

/// A parameter's type as it stands in another signature: no outer reference, and every lifetime `'static`, since
/// only the kind of the part matters there.
fn plain_type(ty: &Type) -> Type {
    struct Elide;
    impl VisitMut for Elide {
        fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
            lifetime.ident = Ident::new("static", lifetime.ident.span());
        }

        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            reference.lifetime = Some(syn::Lifetime::new("'static", reference.and_token.span()));
            syn::visit_mut::visit_type_mut(self, &mut reference.elem);
        }
    }
    let mut inner = ungroup(ty);
    while let Type::Reference(reference) = inner {
        inner = ungroup(&reference.elem);
    }
    let mut inner = inner.clone();
    Elide.visit_type_mut(&mut inner);
    inner
}

impl TemplateKey {
    /// An expression that renders the key from references to the parameters.
    pub(crate) fn render(&self, private: &TokenStream, template: &TokenStream) -> TokenStream {
        let mut parts = self.parts.iter();
        let steps = self.template.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => quote!(.literal(#text)),
            Segment::Placeholder(_) => {
                let Some(part) = parts.next() else { return TokenStream::new() };
                let argument = part.argument(private);
                match &part.ty {
                    Some(ty) => {
                        let method = Ident::new("part", part.span);
                        quote!(.#method::<#ty>(#argument))
                    }
                    None => {
                        let method = Ident::new("any_part", part.span);
                        quote!(.#method(#argument))
                    }
                }
            }
        });
        quote!(#private::Render::new(#template) #(#steps)* .finish())
    }

    /// A call of the hidden function of the `#[cached]` method that has this template.
    pub(crate) fn call_hidden(&self, private: &TokenStream, cache: Option<&Expr>) -> TokenStream {
        let name = self.hidden_name(cache, Span::mixed_site());
        let arguments = self.parts.iter().map(|part| part.argument(private));
        quote!(Self::#name(#(#arguments),*))
    }

    /// The name of the hidden function: injective in the literals, the cache expression and, where two
    /// placeholders could be swapped, their names.
    pub(crate) fn hidden_name(&self, cache: Option<&Expr>, span: Span) -> Ident {
        let mut name = String::from("__key_");
        let named = self.parts.len() > 1;
        let mut parts = self.parts.iter();
        for segment in &self.template.segments {
            match segment {
                Segment::Literal(text) => encode(text, &mut name),
                Segment::Placeholder(_) => {
                    name.push_str("_p");
                    if let (Some(part), true) = (parts.next(), named) {
                        encode(&part.name, &mut name);
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

    /// The name of the hidden function that tells the value's type.
    pub(crate) fn hidden_value_name(&self, cache: Option<&Expr>, span: Span) -> Ident {
        format_ident!("{}_v", self.hidden_name(cache, span), span = span)
    }
}

impl Part {
    /// A reference to the part.
    pub(crate) fn argument(&self, private: &TokenStream) -> TokenStream {
        let value = &self.value;
        quote_spanned!(self.span=> #private::part(&#value))
    }
}

/// The text of a cache expression other than the default.
pub(crate) fn cache_text(cache: Option<&Expr>) -> Option<String> {
    let text = compact(&cache?.to_token_stream());
    (text != "self.cache").then_some(text)
}

/// The text of tokens, without spaces.
pub(crate) fn compact(tokens: &TokenStream) -> String {
    tokens.to_string().split_whitespace().collect()
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

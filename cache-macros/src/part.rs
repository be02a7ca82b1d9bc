//! What fills a placeholder: a parameter, a field, a constant, the result.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{GenericParam, LitStr, Type};

use crate::diag::{Diag, suggest};
use crate::expand::Runtime;
use crate::item::{Function, Param, mentions, start, ungroup};
use crate::template::{Placeholder, PlaceholderPath, draw};

/// The name that stands for the successful result.
pub(crate) const RET: &str = "ret";

/// What fills a placeholder.
pub(crate) struct Part {
    pub(crate) name: String,
    /// What tells it from another part of that name: the path, where the name is the end of that.
    pub(crate) whole_name: String,
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

/// An identifier, or the keyword `self` or `Self`; the template's parser has seen that it is one.
fn ident(text: &str, span: Span) -> Ident {
    match text.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, span),
        None => Ident::new(text, span),
    }
}

fn whole_name(placeholder: &Placeholder) -> String {
    match &placeholder.path {
        PlaceholderPath::Fields { root, fields } if fields.last() == Some(&placeholder.name) => {
            // The same entity by a parameter here and by a field or the result there.
            let root = (root != "self" && root != RET).then_some(root);
            root.into_iter().chain(fields).map(String::as_str).collect::<Vec<_>>().join(".")
        }
        _ => placeholder.name.clone(),
    }
}

/// Resolves a placeholder against the signature; reports one that names nothing.
pub(crate) fn resolve(
    placeholder: &Placeholder,
    literal: &LitStr,
    function: &Function,
    sources: Sources,
    diag: &mut Diag,
) -> Part {
    let span = literal.span();
    let name = placeholder.name.clone();
    let whole_name = whole_name(placeholder);
    let (root, fields) = match &placeholder.path {
        PlaceholderPath::Constant(segments) => {
            let segments = segments.iter().map(|segment| ident(segment, span));
            return Part { name, whole_name, root: None, value: quote!(#(#segments)::*), ty: None, span };
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
            // Not the author's token, or the compiler would suggest to replace the template by a field's name.
            Err(_) => ident(field, Span::call_site().located_at(span)).into(),
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
        return Part {
            name,
            whole_name,
            root: Some(this.clone()),
            value: quote!(#this #(.#fields)*),
            ty: None,
            span,
        };
    }
    if let Some(param) = function.params().find(|param| param.name.is_some_and(|name| name == root.as_str()))
    {
        let whole = fields.is_empty();
        let of_generic = |name: &Ident| mentions(param.ty.to_token_stream(), &name.to_string());
        let generic =
            function.generic_names().any(of_generic) || mentions(param.ty.to_token_stream(), "impl");
        let span = if whole { start(param.ty) } else { span };
        // The name is the parameter's own, though a macro may have written the type.
        let own = param.name.map_or(span, Ident::span);
        let root = ident(root, own.located_at(span));
        return Part {
            name,
            whole_name,
            value: quote_spanned!(span=> #root #(.#fields)*),
            root: Some(root),
            ty: (whole && !generic).then(|| plain_type(param.ty)),
            span,
        };
    }
    if root == RET && sources == Sources::ArgumentsAndResult {
        let ret = Ident::new(RET, span);
        if fields.is_empty() {
            return Part { name, whole_name, value: quote!(*#ret), root: Some(ret), ty: None, span };
        }
        return Part { name, whole_name, value: quote!(#ret #(.#fields)*), root: Some(ret), ty: None, span };
    }
    let ty = constant_parameter(root, function);
    if fields.is_empty() && (ty.is_some() || is_constant(root, function)) {
        return Part { name, whole_name, root: None, value: ident(root, span).into_token_stream(), ty, span };
    }
    unknown_name(root, placeholder, literal, function, diag);
    Part { name, whole_name, root: Some(ident(root, span)), value: TokenStream::new(), ty: None, span }
}

/// Reports a placeholder that names nothing.
fn unknown_name(
    root: &str,
    placeholder: &Placeholder,
    literal: &LitStr,
    function: &Function,
    diag: &mut Diag,
) {
    let owner = &function.sig.ident;
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
    } else if function.generic_names().any(|name| name == root) {
        (
            format!("key template names `<{root}>`, which is a type"),
            format!("name a constant of it, as in `<{root}::KIND>`"),
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
    diag.error(literal.span(), draw(&message, &literal.value(), placeholder.at, &hint));
}

pub(crate) fn check_raw_parts(parts: &[Part], diag: &mut Diag) {
    for part in parts.iter().rev().skip(1) {
        if part.ty.as_ref().is_some_and(|ty| mentions(ty.to_token_stream(), "RawPart")) {
            diag.error(
                part.span,
                "a `RawPart` is written unescaped, so it may stand only in the last placeholder; move it to the end",
            );
        }
    }
}

/// The type of the function's own constant parameter of that name.
fn constant_parameter(name: &str, function: &Function) -> Option<Type> {
    let mut generics = function.sig.generics.params.iter().chain(&function.extra_generics.params);
    generics.find_map(|param| match param {
        GenericParam::Const(param) if param.ident == name => Some(param.ty.clone()),
        _ => None,
    })
}

/// Whether a single word names a constant, by the case of its letters: one of the impl or the module.
fn is_constant(name: &str, function: &Function) -> bool {
    let is_same = |param: Param<'_>| param.name.is_some_and(|param| *param == name.to_ascii_lowercase());
    crate::args::is_constant_name(name)
        && !function.generic_names().any(|generic| generic == name)
        && !function.params().any(is_same)
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

impl Part {
    /// Whether the path to it begins so.
    pub(crate) fn begins_with(&self, name: &str) -> bool {
        matches!(self.value.clone().into_iter().next(), Some(TokenTree::Ident(first)) if first == name)
    }

    /// Whether it is a constant that is none of the function's parameters, nor of a type.
    pub(crate) fn is_lone_constant(&self) -> bool {
        self.root.is_none() && self.ty.is_none() && self.value.clone().into_iter().count() == 1
    }

    /// A reference to the part.
    pub(crate) fn argument(&self, private: &Runtime) -> TokenStream {
        let value = &self.value;
        // All of the path stands there, or the whole attribute would be underlined.
        let private = private.at(self.span);
        quote_spanned!(self.span=> #private::part(&#value))
    }
}

//! `#[cache_key]` and `#[cache_tag]`: a function without a body declares a key or a tag.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{ReturnType, Signature, Type, Visibility};

use crate::args::{Allowed, Args, CACHE_KEY, CACHE_TAG, KeyArg};
use crate::caching::{Block, check_type_parameters};
use crate::diag::Diag;
use crate::expand::declare::Declared;
use crate::expand::{self, Runtime};
use crate::item::{Function, Output, generic_name, only_argument};
use crate::key::{Key, TemplateKey};
use crate::part::Sources;
use crate::valid;

/// `#[cache_key(…)]` on a function without a body.
pub(crate) fn cache_key(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut diag = Diag::default();
    let args = Args::parse(tokens, &CACHE_KEY, &mut diag);
    let declaration = match Declaration::of(&CACHE_KEY, item) {
        Ok(declaration) => declaration,
        Err(error) => {
            diag.push(error);
            return diag.into_tokens();
        }
    };
    match expand_cache_key(&args, &declaration, &mut diag) {
        Some(tokens) if diag.is_empty() => tokens,
        _ => {
            let private = Runtime::new(args.krate.as_ref());
            let value = match &declaration.function.sig.output {
                ReturnType::Type(_, ty) => (**ty).clone(),
                ReturnType::Default => syn::parse_quote!(()),
            };
            declaration.stand_in(&private, &syn::parse_quote!(#private::Key<#value>), diag)
        }
    }
}

/// `#[cache_tag(…)]` on a function without a body.
pub(crate) fn cache_tag(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut diag = Diag::default();
    let args = Args::parse(tokens, &CACHE_TAG, &mut diag);
    let declaration = match Declaration::of(&CACHE_TAG, item) {
        Ok(declaration) => declaration,
        Err(error) => {
            diag.push(error);
            return diag.into_tokens();
        }
    };
    match expand_cache_tag(&args, &declaration, &mut diag) {
        Some(tokens) if diag.is_empty() => tokens,
        _ => {
            let private = Runtime::new(args.krate.as_ref());
            declaration.stand_in(&private, &syn::parse_quote!(#private::Tag), diag)
        }
    }
}

/// A function's head with a semicolon.
struct Declaration {
    function: Function,
}

impl Declaration {
    /// Parses the function below `#[cache_key]`, or below `#[cache_tag]`, where the words differ.
    fn of(allowed: &Allowed, item: TokenStream) -> syn::Result<Self> {
        syn::parse2(item).map_err(|error: syn::Error| {
            if allowed.attribute == CACHE_KEY.attribute {
                return error;
            }
            let text =
                error.to_string().replace("cache_key", "cache_tag").replace("declared key", "declared tag");
            syn::Error::new(
                error.span(),
                text.replace("fn project_key(id: u64) -> Project;", "fn org_tag(org_id: u64);"),
            )
        })
    }

    /// A function of the same signature, so that its callers have no errors of their own.
    fn stand_in(&self, private: &Runtime, returned: &Type, diag: Diag) -> TokenStream {
        let mut sig = self.function.sig.clone();
        sig.output = syn::parse_quote!(-> #returned);
        let (attrs, vis) = (&self.function.attrs, &self.function.vis);
        let errors = diag.into_tokens();
        quote!(#(#attrs)* #[allow(unused_variables)] #vis #sig { #private::typed() } #errors)
    }
}

impl syn::parse::Parse for Declaration {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(syn::Attribute::parse_outer)?;
        let vis: Visibility = input.parse()?;
        let sig: Signature = input.parse().map_err(|error| {
            syn::Error::new(
                error.span(),
                "`#[cache_key]` goes on a function without a body: `fn project_key(id: u64) -> Project;`",
            )
        })?;
        if !input.peek(syn::Token![;]) {
            return Err(syn::Error::new_spanned(
                sig,
                "a declared key has no body: end it with `;`, as in `fn project_key(id: u64) -> Project;`",
            ));
        }
        input.parse::<syn::Token![;]>()?;
        let output = match &sig.output {
            ReturnType::Type(_, ty) => Output::Async((**ty).clone()),
            ReturnType::Default => Output::Sync,
        };
        let body = proc_macro2::Group::new(proc_macro2::Delimiter::Brace, TokenStream::new());
        Ok(Self { function: Function { output, ..Function::new(attrs, vis, None, sig, body) } })
    }
}

fn expand_cache_key(args: &Args, declaration: &Declaration, diag: &mut Diag) -> Option<TokenStream> {
    let function = &declaration.function;
    let name = &function.sig.ident;
    if let Some(asyncness) = &function.sig.asyncness {
        diag.error(asyncness.span, "a key is rendered at once; remove `async`");
    }
    let value: Option<&Type> = match &function.output {
        Output::Async(ty) => Some(ty),
        Output::Boxed(_) | Output::Sync => {
            diag.error(
                name.span(),
                format!("which type of value is cached there? write `fn {name}(…) -> Value;`"),
            );
            None
        }
    };
    if let Some(value) = value {
        let inner = only_argument(value, "Result").or_else(|| only_argument(value, "Option"));
        if inner.is_some() {
            diag.error_at(value, "name the value that is cached, without `Result` or `Option` around it");
        }
    }
    if args.keys.is_empty() && diag.is_empty() {
        diag.error(
            Span::call_site(),
            "`#[cache_key]` needs a template: `#[cache_key(\"project:<id>\", ttl = 300)]`",
        );
    }
    if args.ttl.is_none() && !args.keys.is_empty() {
        diag.error(
            args.keys.first().map_or_else(|| name.span(), KeyArg::span),
            "how long may the value be served? add `ttl = 300` (seconds), `ttl = \"5m\"` or `ttl = Ttl::NEVER`",
        );
    }
    let key =
        args.keys.first().cloned().and_then(|key| Key::resolve(key, function, Sources::Arguments, diag))?;
    if let Key::Expression(expr) = &key {
        diag.error_at(expr, "`#[cache_key]` declares a key by a template, as in \"project:<id>\"");
        return None;
    }
    check_parameters("key", function, &key, diag);
    check_generics("key", function, &key, diag);
    if let Some(value) = value {
        let visible = Block { generics: Some(syn::Generics::default()), ..Block::default() };
        check_type_parameters(&visible, &key, function, value, diag);
    }
    let Key::Template(key) = key else { return None };
    diag.is_empty().then(|| expand::declare::expand(&declared(args, function, key)))
}

fn expand_cache_tag(args: &Args, declaration: &Declaration, diag: &mut Diag) -> Option<TokenStream> {
    let function = &declaration.function;
    if let Some(asyncness) = &function.sig.asyncness {
        diag.error(asyncness.span, "a tag is rendered at once; remove `async`");
    }
    if let ReturnType::Type(_, ty) = &function.sig.output {
        diag.error_at(ty, "a tag has no value; remove the return type");
    }
    if args.keys.is_empty() && diag.is_empty() {
        diag.error(Span::call_site(), "`#[cache_tag]` needs a template: `#[cache_tag(\"org:<org_id>\")]`");
    }
    let tag = Key::resolve_tags(&args.keys, function, Sources::Arguments, diag).pop()?;
    if let Key::Expression(expr) = &tag {
        diag.error_at(expr, "`#[cache_tag]` declares a tag by a template, as in \"org:<org_id>\"");
        return None;
    }
    check_parameters("tag", function, &tag, diag);
    check_generics("tag", function, &tag, diag);
    let Key::Template(tag) = tag else { return None };
    diag.is_empty().then(|| expand::declare::expand_tag(&declared(args, function, tag)))
}

/// A parameter that fills nothing has no use.
fn check_parameters(what: &str, function: &Function, key: &Key, diag: &mut Diag) {
    for param in function.params() {
        let Some(name) = param.name else { continue };
        if !key.uses(name) && !valid::was_meant(&name.to_string(), key, function) {
            diag.error(
                name.span(),
                format!(
                    "`{name}` is not in the {what}; add `<{name}>` to the template, or remove the parameter"
                ),
            );
        }
    }
}

/// The same of a generic, by which the author means two keys to differ.
fn check_generics(what: &str, function: &Function, key: &Key, diag: &mut Diag) {
    for param in valid::unknown_generics(function) {
        let Some(name) = generic_name(param) else { continue };
        if !key.names_generic(&name.to_string()) {
            let fix = match param {
                syn::GenericParam::Const(_) => format!("add `<{name}>` to the template"),
                _ => format!("add a constant of it to the template, as in `<{name}::KIND>`"),
            };
            diag.error(name.span(), format!("`{name}` is not in the {what}; {fix}, or remove it"));
        }
    }
}

fn declared<'a>(args: &'a Args, function: &'a Function, key: TemplateKey) -> Declared<'a> {
    let private = Runtime::new(args.krate.as_ref());
    Declared { private, args, attrs: &function.attrs, vis: &function.vis, sig: &function.sig, key }
}

//! From an attribute and the function below it to code: parse, resolve, check, expand.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{ReturnType, Signature, Type, Visibility};

use crate::args::{Allowed, Args, CACHE_KEY, CACHED, INVALIDATES, Keys, UPDATES};
use crate::caching::Block;
use crate::diag::Diag;
use crate::expand::cached::Cached;
use crate::expand::declare::Declared;
use crate::expand::write::Write;
use crate::expand::{Expanded, Runtime};
use crate::item::{Function, Output};
use crate::key::Key;
use crate::part::Sources;
use crate::returns::Returns;
use crate::{batch, caching, expand, valid};

/// `#[cached(…)]` on a function.
pub(crate) fn cached(tokens: TokenStream, item: &TokenStream) -> TokenStream {
    let site = Span::call_site();
    on_function(&CACHED, tokens, item, |args, function, diag| {
        expand_cached(args, function, &Block::default(), site, diag)
    })
}

/// `#[invalidates(…)]` on a function.
pub(crate) fn invalidates(tokens: TokenStream, item: &TokenStream) -> TokenStream {
    on_write(&INVALIDATES, tokens, item)
}

/// `#[updates(…)]` on a function.
pub(crate) fn updates(tokens: TokenStream, item: &TokenStream) -> TokenStream {
    on_write(&UPDATES, tokens, item)
}

fn on_write(allowed: &Allowed, tokens: TokenStream, item: &TokenStream) -> TokenStream {
    let site = Span::call_site();
    on_function(allowed, tokens, item, |args, function, diag| {
        expand_write(allowed, args, function, &Block::default(), site, diag)
    })
}

/// The function is emitted even when the attribute is wrong, so that no other error follows from its absence.
fn on_function(
    allowed: &Allowed,
    tokens: TokenStream,
    item: &TokenStream,
    expand: impl FnOnce(&Args, &Function, &mut Diag) -> Option<Expanded>,
) -> TokenStream {
    if tokens.to_string() == caching::USED {
        return TokenStream::new();
    }
    let mut diag = Diag::default();
    let args = Args::parse(tokens, allowed, &mut diag);
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            diag.push(not_a_function(allowed.attribute, item, error));
            let errors = diag.into_tokens();
            return quote!(#item #errors);
        }
    };
    match expand(&args, &function, &mut diag) {
        Some(Expanded { function, siblings }) if diag.is_empty() => quote!(#function #siblings),
        _ => {
            let (original, errors) = (function.original(), diag.into_tokens());
            quote!(#original #errors)
        }
    }
}

fn not_a_function(attribute: &str, item: &TokenStream, error: syn::Error) -> syn::Error {
    let of_impl = syn::parse2::<syn::ItemImpl>(item.clone()).is_ok();
    let other = of_impl
        || syn::parse2::<syn::Item>(item.clone())
            .is_ok_and(|item| !matches!(item, syn::Item::Fn(_) | syn::Item::Verbatim(_)));
    if of_impl {
        syn::Error::new_spanned(
            item,
            format!("`#[{attribute}]` goes on a method; on an impl block, `#[caching]` goes"),
        )
    } else if other {
        syn::Error::new_spanned(item, format!("`#[{attribute}]` goes on an `async fn`"))
    } else {
        error
    }
}

/// Checks and expands a `#[cached]` function.
pub(crate) fn expand_cached(
    args: &Args,
    function: &Function,
    block: &Block,
    attribute: Span,
    diag: &mut Diag,
) -> Option<Expanded> {
    if args.each_is_faulty {
        // What would be said of the key as that of a single id would mislead.
        return None;
    }
    if let Some(each) = &args.each {
        return batch::expand(args, each, function, block, attribute, diag);
    }
    valid::function(CACHED.attribute, args, function, diag);
    let missing = args.keys.is_empty() && diag.is_empty();
    if missing {
        diag.error(attribute, "`#[cached]` needs a key: `#[cached(key = \"project:<id>\", ttl = 300)]`");
    }
    let key =
        args.keys.first().cloned().and_then(|key| Key::resolve(key, function, Sources::Arguments, diag));
    let returns = returns(function, args, diag);
    let none_possible = returns.as_ref().is_none_or(Returns::may_be_none);
    let may_fail = returns.as_ref().is_none_or(Returns::may_fail);
    valid::cached(args, function, key.as_ref(), none_possible, may_fail, diag);
    if let (Some(key), Some(returns)) = (&key, &returns) {
        caching::check_tenant(block, key, diag);
        caching::check_type_parameters(block, key, function, &returns.value, diag);
    }
    if !diag.is_empty() {
        return None;
    }
    let cached =
        Cached { private: Runtime::new(args.krate.as_ref()), args, function, key: key?, returns: returns? };
    Some(expand::cached::expand(&cached))
}

/// Checks and expands a function with `#[invalidates]` or `#[updates]`.
pub(crate) fn expand_write(
    allowed: &Allowed,
    args: &Args,
    function: &Function,
    block: &Block,
    site: Span,
    diag: &mut Diag,
) -> Option<Expanded> {
    let attribute = allowed.attribute;
    valid::function(attribute, args, function, diag);
    if args.keys.is_empty() && diag.is_empty() {
        diag.error(site, format!("`#[{attribute}]` needs a key: `#[{attribute}(\"project:<id>\")]`"));
    }
    let sources = if allowed.keys == Keys::Many { Sources::ArgumentsAndResult } else { Sources::Arguments };
    let keys: Vec<Key> =
        args.keys.iter().filter_map(|key| Key::resolve(key.clone(), function, sources, diag)).collect();
    valid::write(attribute, args, function, &keys, diag);
    for key in &keys {
        caching::check_tenant(block, key, diag);
    }
    let returns = returns(function, args, diag);
    if !diag.is_empty() {
        return None;
    }
    let write = Write {
        private: Runtime::new(args.krate.as_ref()),
        args,
        function,
        keys,
        returns: returns?,
        known: &block.known,
    };
    Some(if allowed.keys == Keys::Many {
        expand::write::invalidates(&write)
    } else {
        expand::write::updates(&write)
    })
}

fn returns(function: &Function, args: &Args, diag: &mut Diag) -> Option<Returns> {
    match &function.output {
        Output::Async(ty) | Output::Boxed(ty) => Some(Returns::new(ty, args.value.as_ref(), diag)),
        Output::Sync => None,
    }
}

/// `#[cache_key(…)]` on a function without a body.
pub(crate) fn cache_key(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut diag = Diag::default();
    let args = Args::parse(tokens, &CACHE_KEY, &mut diag);
    let declaration = match syn::parse2::<Declaration>(item) {
        Ok(declaration) => declaration,
        Err(error) => {
            diag.push(error);
            return diag.into_tokens();
        }
    };
    match expand_cache_key(&args, &declaration, &mut diag) {
        Some(tokens) if diag.is_empty() => tokens,
        _ => {
            // A stand-in of the same signature, so that its callers have no errors of their own.
            let private = Runtime::new(args.krate.as_ref());
            let value = match &declaration.function.sig.output {
                ReturnType::Type(_, ty) => (**ty).clone(),
                ReturnType::Default => syn::parse_quote!(()),
            };
            let mut sig = declaration.function.sig.clone();
            sig.output = syn::parse_quote!(-> #private::Key<#value>);
            let (attrs, vis) = (&declaration.function.attrs, &declaration.function.vis);
            let errors = diag.into_tokens();
            quote!(#(#attrs)* #[allow(unused_variables)] #vis #sig { #private::typed() } #errors)
        }
    }
}

/// A function's head with a semicolon.
struct Declaration {
    function: Function,
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
        let inner = crate::item::only_argument(value, "Result")
            .or_else(|| crate::item::only_argument(value, "Option"));
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
            args.keys.first().map_or_else(|| name.span(), crate::args::KeyArg::span),
            "how long may the value be served? add `ttl = 300` (seconds), `ttl = \"5m\"` or `ttl = Ttl::NEVER`",
        );
    }
    let key =
        args.keys.first().cloned().and_then(|key| Key::resolve(key, function, Sources::Arguments, diag))?;
    if let Key::Expression(expr) = &key {
        diag.error_at(expr, "`#[cache_key]` declares a key by a template, as in \"project:<id>\"");
        return None;
    }
    for param in function.params() {
        let Some(name) = param.name else { continue };
        if !key.uses(name) && !valid::was_meant(&name.to_string(), &key, function) {
            diag.error(
                name.span(),
                format!(
                    "`{name}` is not in the key; add `<{name}>` to the template, or remove the parameter"
                ),
            );
        }
    }
    let Key::Template(key) = key else { return None };
    let declared = Declared {
        private: Runtime::new(args.krate.as_ref()),
        args,
        attrs: &function.attrs,
        vis: &function.vis,
        sig: &function.sig,
        key,
    };
    diag.is_empty().then(|| expand::declare::expand(&declared))
}

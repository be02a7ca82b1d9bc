//! From an attribute and the function below it to code: parse, resolve, check, expand.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::args::{Allowed, Args, CACHED, INVALIDATES, Keys, UPDATES};
use crate::caching::Block;
use crate::diag::Diag;
use crate::expand::cached::Cached;
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
    let expanded = expand(&args, &function, &mut diag);
    if !diag.is_empty() {
        let (original, siblings) = (function.original(), expanded.map(|expanded| expanded.siblings));
        let errors = diag.into_tokens();
        return quote!(#original #siblings #errors);
    }
    match expanded {
        Some(Expanded { function, siblings }) => [function, siblings].into_iter().collect(),
        None => function.original(),
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

/// Checks and expands a `#[cached]` function. Beside a wrong one, what others use of it stands all the same.
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
    let mut of_key = Diag::default();
    let key = args
        .keys
        .first()
        .cloned()
        .and_then(|key| Key::resolve(key, function, Sources::Arguments, &mut of_key));
    let is_key_known = of_key.is_empty();
    diag.append(of_key);
    let tags = Key::resolve_tags(&args.tags, function, Sources::Arguments, diag);
    valid::tags(args, key.as_ref(), &tags, diag);
    let returns = returns(function, args, diag);
    let none_possible = returns.as_ref().is_none_or(Returns::may_be_none);
    let may_fail = returns.as_ref().is_none_or(Returns::may_fail);
    valid::cached(args, function, key.as_ref(), &tags, none_possible, may_fail, diag);
    if let Some(returns) = &returns {
        valid::owned_value(&returns.value, diag);
    }
    if let (Some(key), Some(returns)) = (&key, &returns) {
        caching::check_tenant(block, key, diag);
        caching::check_type_parameters(block, key, function, &returns.value, diag);
    }
    if !is_key_known {
        return None;
    }
    let cached = Cached {
        private: Runtime::new(args.krate.as_ref()),
        args,
        function,
        key: key?,
        tags,
        returns: returns?,
        is_faulty: !diag.is_empty(),
        emitted: &block.emitted_tags,
    };
    if cached.is_faulty { expand::cached::siblings(&cached) } else { Some(expand::cached::expand(&cached)) }
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
    if args.keys.is_empty() && (args.tags.is_empty() || allowed.keys == Keys::One) && diag.is_empty() {
        diag.error(site, format!("`#[{attribute}]` needs a key: `#[{attribute}(\"project:<id>\")]`"));
    }
    let sources = if allowed.keys == Keys::Many { Sources::ArgumentsAndResult } else { Sources::Arguments };
    let keys: Vec<Key> =
        args.keys.iter().filter_map(|key| Key::resolve(key.clone(), function, sources, diag)).collect();
    let tags = Key::resolve_tags(&args.tags, function, sources, diag);
    valid::write(attribute, args, function, &keys, &tags, diag);
    for key in &keys {
        caching::check_tenant(block, key, diag);
    }
    let returns = returns(function, args, diag);
    if allowed.attribute == UPDATES.attribute
        && let Some(returns) = &returns
    {
        valid::owned_value(&returns.value, diag);
    }
    if !diag.is_empty() {
        return None;
    }
    let write = Write {
        private: Runtime::new(args.krate.as_ref()),
        args,
        function,
        keys,
        tags,
        returns: returns?,
        block,
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

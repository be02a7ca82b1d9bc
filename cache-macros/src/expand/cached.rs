//! `#[cached]`: look up; on a miss, load through the runtime.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::{Expanded, cache_handle, call_site, handle_span, refresh, siblings, typed_body};
use crate::args::Args;
use crate::duration::Ttl;
use crate::expand::Runtime;
use crate::item::{Function, start};
use crate::key::{Key, TemplateKey, compact};
use crate::overlap;
use crate::part::Part;
use crate::returns::Returns;

/// A `#[cached]` function that passed every check.
pub(crate) struct Cached<'a> {
    pub(crate) private: Runtime,
    pub(crate) args: &'a Args,
    pub(crate) function: &'a Function,
    pub(crate) key: Key,
    pub(crate) tags: Vec<Key>,
    pub(crate) returns: Returns,
    /// Some other check failed.
    pub(crate) is_faulty: bool,
    /// The hidden functions of tags that the type has already.
    pub(crate) emitted: &'a RefCell<BTreeSet<String>>,
}

/// What stands beside a function with mistakes in it, so that they are not reported again where its key is named.
pub(crate) fn siblings(cached: &Cached<'_>) -> Option<Expanded> {
    let Key::Template(key) = &cached.key else { return None };
    if !cached.returns.is_owned() {
        return None;
    }
    let template = template(&cached.private, cached.args, key, &cached.returns.value);
    Some(Expanded { function: TokenStream::new(), siblings: siblings::expand(cached, key, &template) })
}

pub(crate) fn expand(cached: &Cached<'_>) -> Expanded {
    let Cached { private, args, function, key, tags, returns, .. } = cached;
    let value = &returns.value;
    let (kept, handle) = handle(cached);
    let witness = returns.witness(private);
    let shape = returns.shape(private);
    let failures = returns.failures(private);
    let mut policy = policy(private, args, value, matches!(key, Key::Template(_)));
    if !tags.is_empty() {
        let tags = super::tags::expressions(private, function, args.cache.as_ref(), tags);
        policy = quote!(#policy.tags([#tags]));
    }
    // The body of a function that is refreshed is emitted once, in a function of its own.
    let loader = args.stale_while_revalidate.as_ref().map(|_| refresh::Loader::new(function, &returns.whole));
    let body = match &loader {
        Some(loader) => loader.call(),
        None => {
            let body = typed_body(private, function, &returns.whole);
            quote!(async move #body)
        }
    };

    let (stored, siblings, bounded) = match key {
        Key::Template(key) => {
            let template = template(private, args, key, value);
            let stored = if function.is_associated() {
                key.call_hidden(private, args.cache.as_ref())
            } else {
                let templates = super::tags::listed(&template, tags);
                let site = call_site(private, "cached", &templates, &function.sig.ident);
                let key = key.writer(private);
                quote!(#private::Stored::<(), _>::new(#site, #key))
            };
            let siblings = siblings::expand(cached, key, &template);
            (stored, siblings, assertion(private, function, key))
        }
        Key::Expression(expr) => {
            let mut template = named_template(expr, value);
            if !tags.is_empty() {
                template = quote!(#template.tagged());
            }
            let key = quote_spanned!(expr.span()=> #private::declared_key::<#value>(#expr));
            let templates = super::tags::listed(&template, tags);
            let site = call_site(private, "cached", &templates, &function.sig.ident);
            let stored = quote!(#private::Stored::<(), _>::new(#site, #key));
            (stored, siblings::of_tags(cached), None)
        }
    };
    // One place for all of it, the value's type: what is wrong with that is then one error.
    let at = Span::call_site().located_at(start(value));
    let private = private.at(at);
    // Not seen by the author's body, which may have such names of its own.
    let [hit, miss, refresh] =
        ["hit", "miss", "refresh"].map(|name| Ident::new(name, Span::mixed_site().located_at(at)));
    let load = match (&args.timeout, &loader) {
        // The usual one.
        (None, None) => quote_spanned!(at=> #miss.load(#policy, #failures, ::core::pin::pin!(#body)).await),
        (timeout, loader) => {
            let timer = Ident::new("timer", Span::mixed_site().located_at(at));
            let (bind, within) = match timeout {
                Some((_, limit)) => {
                    let limit = limit.tokens(&private);
                    let bind = quote_spanned!(at=> let #timer = #miss.timer(#limit););
                    (bind, Some(timer))
                }
                None => (TokenStream::new(), None),
            };
            let limited = |body: &TokenStream| match &within {
                Some(timer) => quote_spanned!(at=> ::core::clone::Clone::clone(&#timer).within(#body)),
                None => body.clone(),
            };
            let body = limited(&body);
            match loader {
                None => {
                    quote_spanned!(at=> { #bind #miss.load(#policy, #failures, ::core::pin::pin!(#body)).await })
                }
                Some(loader) => {
                    let (owned, body_again) = (loader.owned(&private), limited(&loader.call_owned()));
                    let within = within
                        .as_ref()
                        .map(|timer| quote_spanned!(at=> let #timer = ::core::clone::Clone::clone(&#timer);));
                    quote_spanned! {at=> {
                        #bind
                        #owned
                        let #refresh = { #within move || #body_again };
                        #miss.load_or_refresh(#policy, #failures, ::core::pin::pin!(#body), #refresh).await
                    }}
                }
            }
        }
    };
    // What was found is gone before the first await: its error need not be `Send`. The handle stays.
    let body = quote_spanned! {at=>
        #bounded
        #kept
        let #miss = match #private::cached(#handle, #stored, #witness, #shape).lookup() {
            ::core::result::Result::Ok(#hit) => return #hit.give(),
            ::core::result::Result::Err(#miss) => #miss,
        };
        #load
    };
    let Some(loader) = loader else { return Expanded { function: function.with_body(body), siblings } };
    let function = loader.caller().with_body(body);
    let loader = loader.sibling(&private);
    Expanded { function, siblings: quote!(#siblings #loader) }
}

/// What is asserted of a key: of a method's, where it is looked up by.
fn assertion(private: &Runtime, function: &Function, key: &TemplateKey) -> Option<TokenStream> {
    bounded(private, key)
        .or_else(|| if function.is_associated() { None } else { bounded_by_types(private, key) })
}

/// The handle; and where the call may have made it, a statement that keeps it, for what is found borrows it.
fn handle(cached: &Cached<'_>) -> (Option<TokenStream>, TokenStream) {
    let Cached { private, args, function, returns, .. } = cached;
    let cache = args.cache.as_ref();
    let handle = cache_handle(private, cache, function);
    if cache.is_none() && function.takes_shared_self() {
        return (None, handle);
    }
    let name = Ident::new("cache", Span::mixed_site().located_at(handle_span(cache, function)));
    let at = Span::call_site().located_at(start(&returns.value));
    (Some(quote_spanned!(at=> let #name = #handle;)), name.into_token_stream())
}

/// The declared template, as a constructor of the runtime's `Template` and what it is told.
pub(crate) fn template(private: &Runtime, args: &Args, key: &TemplateKey, value: &syn::Type) -> TokenStream {
    let text = &key.template.text;
    let kinds = overlap::kinds(key);
    let value = type_name(value);
    let seconds = args.ttl.as_ref().and_then(Ttl::seconds);
    let ttl = args.ttl.as_ref().filter(|ttl| ttl.is_literal() && seconds.is_none()).map(|ttl| {
        let ttl = ttl.tokens(private);
        quote!(.ttl(#ttl))
    });
    let seconds = seconds.iter();
    let none_ttl = args.none_ttl.as_ref().filter(|(_, ttl)| ttl.is_literal()).map(|(_, ttl)| {
        let ttl = ttl.tokens(private);
        quote!(.none_ttl(#ttl))
    });
    let version = args.version.map(|(_, version)| quote!(.version(#version)));
    let tagged = (!args.tags.is_empty()).then(|| quote!(.tagged()));
    let key_fn = args.key_fn.as_ref().map(|name| {
        let name = name.to_string();
        quote!(.key_fn(#name))
    });
    quote!(of(#text, #kinds, #value) #(.seconds(#seconds))* #ttl #none_ttl #version #key_fn #tagged)
}

/// An expression as it is written, without spaces.
pub(crate) fn compact_text(expr: &Expr) -> String {
    compact(&quote!(#expr))
}

/// A key expression, for listings.
pub(crate) fn named_template(expr: &Expr, value: &syn::Type) -> TokenStream {
    let (text, value) = (compact_text(expr), type_name(value));
    quote!(expression(#text).value(#value))
}

/// A type as it is written, without spaces where none are needed.
fn type_name(ty: &syn::Type) -> String {
    quote!(#ty).to_string().replace(" :: ", "::").replace(" < ", "<").replace(" >", ">").replace(" ,", ",")
}

/// What is not in the template already: with a template of its own, only what is computed.
pub(crate) fn policy(private: &Runtime, args: &Args, value: &syn::Type, has_template: bool) -> TokenStream {
    let told = |ttl: &Ttl| has_template && ttl.is_literal();
    // A closure's parameter needs the type said.
    let value = (args.cache_if.is_some() || args.ttl_from.is_some()).then(|| quote!(::<#value>));
    let ttl = args.ttl.as_ref().filter(|ttl| !told(ttl)).map(|ttl| ttl.tokens(private));
    let start = Ident::new(if ttl.is_some() { "new" } else { "declared" }, Span::call_site());
    let none_ttl = args.none_ttl.as_ref().filter(|(_, ttl)| !told(ttl)).map(|(_, ttl)| {
        let ttl = ttl.tokens(private);
        quote!(.none_ttl(#ttl))
    });
    let version = args.version.filter(|_| !has_template).map(|(_, version)| quote!(.version(#version)));
    let cache_if = args.cache_if.as_ref().map(|condition: &Expr| quote!(.cache_if(#condition)));
    let ttl_from = args.ttl_from.as_ref().map(|(_, ttl)| quote!(.ttl_from(#ttl)));
    let jitter = args.ttl_jitter.map(|percent| quote!(.ttl_jitter(#percent)));
    let window = |name, window: &Option<(Span, Ttl)>| {
        let (_, window) = window.as_ref()?;
        let (name, window) = (Ident::new(name, Span::mixed_site()), window.tokens(private));
        Some(quote!(.#name(#window)))
    };
    let stale_if_error = window("stale_if_error", &args.stale_if_error);
    let refreshed = window("stale_while_revalidate", &args.stale_while_revalidate);
    quote!(#private::Policy #value::#start(#ttl) #none_ttl #version #jitter #stale_if_error #refreshed #cache_if #ttl_from)
}

/// Whether a type has a longest text, by its name.
fn has_longest(part: &Part) -> Option<bool> {
    const BOUNDED: [&str; 15] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "bool",
        "char", "Uuid",
    ];
    const TEXTS: [&str; 6] = ["str", "String", "Cow", "Box", "Arc", "RawPart"];
    let Some(syn::Type::Path(path)) = &part.ty else { return None };
    let last = path.path.segments.last()?.ident.to_string();
    let is = |names: &[&str]| names.contains(&last.as_str());
    if is(&BOUNDED) { Some(true) } else { is(&TEXTS).then_some(false) }
}

/// A constant assertion that the longest key fits, where every part has a known length.
pub(crate) fn bounded(private: &Runtime, key: &TemplateKey) -> Option<TokenStream> {
    // Another type may be a generic of the impl, which an item in the body must not name.
    if key.parts.iter().any(|part| has_longest(part) != Some(true)) {
        return None;
    }
    let types = key.parts.iter().filter_map(|part| part.ty.as_ref());
    let assertion = fits(private, key, types, 40)?;
    Some(quote!(const _: () = #assertion;))
}

/// The same where the compiler knows the parts' types and the attribute does not: it tells when the key is used.
pub(crate) fn bounded_when_used<T: ToTokens>(
    private: &Runtime,
    key: &TemplateKey,
    types: impl ExactSizeIterator<Item = T>,
) -> Option<TokenStream> {
    let lengths: Vec<_> = key.parts.iter().map(has_longest).collect();
    if lengths.contains(&Some(false)) || lengths.iter().all(|length| *length == Some(true)) {
        return None;
    }
    let assertion = fits(private, key, types, 128)?;
    Some(quote!(const { #assertion };))
}

/// An assertion that no part but the last is raw, where the attribute does not see what they are. The runtime asserts it of
/// all keys; this one names the template.
pub(crate) fn escaped_when_used<T: ToTokens>(
    private: &Runtime,
    key: &TemplateKey,
    types: &[T],
) -> Option<TokenStream> {
    let before_last = key.parts.len().saturating_sub(1);
    // A field of `self`, as a tenant is, is seldom one: every method would pay for that.
    let is_seen = |part: &Part| part.root.as_ref().is_none_or(|root| root == "self");
    let unknown = |part: &Part| !is_seen(part) && has_longest(part).is_none();
    if !key.parts.iter().take(before_last).any(unknown) {
        return None;
    }
    let types = types.iter().take(before_last);
    let message = format!(
        "a `RawPart` is written unescaped, so it may stand only in the last placeholder of \"{}\"; move it to the end",
        key.template.text
    );
    Some(quote!(const { ::core::assert!(#(!<#types as #private::KeyPart>::IS_RAW)&&*, #message) };))
}

/// The same of parameters as they stand there.
pub(crate) fn bounded_by_types(private: &Runtime, key: &TemplateKey) -> Option<TokenStream> {
    let types: Option<Vec<_>> = key.parts.iter().map(|part| part.ty.as_ref()).collect();
    bounded_when_used(private, key, types?.into_iter())
}

/// The assertion, where parts of up to so many bytes could be too long together.
fn fits<T: ToTokens>(
    private: &Runtime,
    key: &TemplateKey,
    types: impl Iterator<Item = T>,
    at_most: usize,
) -> Option<TokenStream> {
    let literal: usize = key.template.literals().map(str::len).sum();
    // What no list of parts can reach needs no proof.
    if literal + at_most * key.parts.len() <= crate::template::MAX_LEN {
        return None;
    }
    let message = format!(
        "a key of the template \"{}\" can be longer than {} bytes, which leaves no room for the prefix; shorten the template",
        key.template.text,
        crate::template::MAX_LEN
    );
    let max = crate::template::MAX_LEN;
    Some(quote! {
        ::core::assert!(#private::fits(#max, #literal, &[#(<#types as #private::KeyPart>::MAX_LEN),*]), #message)
    })
}

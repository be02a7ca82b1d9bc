//! `#[cached(…, each(id in ids))]`: look up each; load what is missing, once, through the runtime.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Pat;
use syn::spanned::Spanned;

use super::cached::{named_template, policy, template};
use super::write::Caching;
use super::{Expanded, cache_handle, call_site};
use crate::batch::Batch;
use crate::item::mentions;
use crate::key::Key;

pub(crate) fn expand(batch: &Batch<'_>) -> Expanded {
    let Batch { private, args, each, function, key, tags, single, returns, block, .. } = batch;
    let value = &single.value;
    let handle = cache_handle(private, args.cache.as_ref(), function);
    let witness = single.witness(private);
    let shape = returns.shape(private);
    let failures = returns.failures(private);
    let policy = policy(private, args, value, false);
    let one = &each.one;

    let (template, key) = match key {
        Key::Template(key) => {
            let cache = args.cache.as_ref();
            let hint = "a batch shares the entries of a method of a single id: write that, as in `#[cached(key = \"project:<id>\", ttl = 300)]`, or name a declared key";
            // At the value's type, where another type than the cached one is.
            let at = Span::call_site().located_at(value.span());
            let mut stored = Caching { private, cache, block, hint }.stored(key);
            stored.set_span(at);
            let own = if args.ttl.is_some() { "batch_with_own_ttl" } else { "batch_with_declared_ttl" };
            let tagged = if tags.is_empty() { "batch_without_tags" } else { "batch_with_tags" };
            let [check, tagged] = [own, tagged].map(|name| Ident::new(name, value.span()));
            let here = private.at(at);
            let stored = quote_spanned!(at=> #here::declared::#tagged(#stored));
            let rendered = quote_spanned!(at=> #here::declared::#check::<#value, _>(#stored));
            (template(private, args, key, value), quote!(|#one| #rendered))
        }
        Key::Expression(expr) => {
            let key = quote_spanned!(expr.span()=> #private::declared_key::<#value>(#expr));
            let clone = quote!(let #one = ::core::clone::Clone::clone(#one););
            let mut template = named_template(expr, value);
            if !tags.is_empty() {
                template = quote!(#template.tagged());
            }
            (template, quote!(|#one| { #clone #key }))
        }
    };
    let template = super::tags::listed(&template, tags);
    let site = call_site(private, "cached", &template, &function.sig.ident);
    let tags = (!tags.is_empty()).then(|| {
        let tags = super::tags::expressions(private, function, args.cache.as_ref(), tags);
        if mentions(tags.clone(), &one.to_string()) {
            quote!(.tags(|#one| { let #one = ::core::clone::Clone::clone(#one); [#tags] }))
        } else {
            quote!(.tags(|_| [#tags]))
        }
    });
    let at = Span::call_site().located_at(value.span());
    // Not seen by the author's body, which may have such names of its own.
    let [hits, misses, missing] =
        ["hits", "misses", "missing"].map(|name| Ident::new(name, Span::mixed_site().located_at(at)));
    let body = body(batch, &missing);
    let private = private.at(at);
    let all = &each.all;
    let looked_up = quote_spanned! {at=>
        match #private::batch(#handle, #site, &#all[..], &#private::keys(&#all[..], #key), #witness, #shape) {
            #private::Batch::Hits(#hits) => #hits.wrap(),
            #private::Batch::Misses(#misses) => {
                #misses #tags.load(#policy, #failures, move |#missing| async move #body).await
            }
        }
    };
    // The body has its own binding of the ids, which is as mutable.
    let mutable = matches!(&batch.ids, Pat::Ident(pat) if pat.mutability.is_some());
    let allow = mutable.then(|| quote!(#[allow(unused_mut, clippy::allow_attributes)]));
    let function = function.with_body(looked_up);
    Expanded { function: quote!(#allow #function), siblings: TokenStream::new() }
}

/// The author's statements, with the ids that are missing in the place of all.
fn body(batch: &Batch<'_>, missing: &Ident) -> Group {
    let Batch { private, function, ids, borrows, returns, .. } = batch;
    let whole = &returns.whole;
    let span = Span::call_site().located_at(whole.span());
    let private = private.at(span);
    let rebound = if *borrows { quote!(&#missing[..]) } else { quote!(#missing) };
    let typed = quote_spanned! {span=>
        if false {
            return #private::typed::<#whole>();
        }
    };
    function.body_after(quote!(let #ids = #rebound; #typed))
}

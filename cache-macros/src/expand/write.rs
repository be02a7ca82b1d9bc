//! `#[invalidates]` and `#[updates]`: compute the keys, run the author's body between the two ends of a write.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::{Expanded, cache_handle, call_site, pinned_body};
use crate::args::{Args, When};
use crate::expand::Runtime;
use crate::item::Function;
use crate::key::{Key, TemplateKey};
use crate::part::{Part, RET};
use crate::returns::Returns;

/// An `#[invalidates]` or `#[updates]` function that passed every check.
pub(crate) struct Write<'a> {
    pub(crate) private: Runtime,
    pub(crate) args: &'a Args,
    pub(crate) function: &'a Function,
    pub(crate) keys: Vec<Key>,
    pub(crate) returns: Returns,
    /// Templates that the same block is known to cache, for the message of an unknown one.
    pub(crate) known: &'a [String],
}

pub(crate) fn invalidates(write: &Write<'_>) -> Expanded {
    let Write { private, args, function, keys, returns, .. } = write;
    // One place for the call, the return type: a bound that it does not meet is then one error.
    let at = Span::call_site().located_at(returns.whole.span());
    let handle = cache_handle(private, args.cache.as_ref(), function);
    let site = call_site(private, "invalidates", &templates(keys, &returns.value), &function.sig.ident);
    let (after, before): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(|key| key.needs_result(function));
    let before = before.into_iter().map(|key| write.key(key));
    let timeout = write_timeout(private, args);
    let sync = args.sync.map(|_| quote!(.sync()));
    let always = args.when.filter(|(_, when)| *when == When::Always).map(|_| quote!(.always()));
    let shape = returns.shape_by_type(&private.at(at));
    let body = pinned_body(private, function, &returns.whole);
    let run = run(args, at);

    let mut kept = Kept::default();
    let after: Vec<TokenStream> = after.into_iter().map(|key| kept.result_key(write, key)).collect();
    let kept = kept.bindings(private);
    let ret = Ident::new(
        RET,
        keys.iter().find(|key| key.needs_result(function)).map_or_else(Span::call_site, Key::span),
    );
    let ret = if after.is_empty() { quote!(_) } else { quote!(#ret) };
    let private = private.at(at);
    let written = quote_spanned! {at=>
        #private::write(#handle, #site, [#(#before),*]) #timeout #sync #always
            .#run(#shape, #body, |#ret| [#(#after),*])
            .await
    };
    let function = function.with_body(&quote!(#kept #written));
    Expanded { function, siblings: TokenStream::new() }
}

pub(crate) fn updates(write: &Write<'_>) -> Expanded {
    let Write { private, args, function, keys, returns, .. } = write;
    let at = Span::call_site().located_at(returns.value.span());
    let handle = cache_handle(private, args.cache.as_ref(), function);
    let site = call_site(private, "updates", &templates(keys, &returns.value), &function.sig.ident);
    let shape = returns.shape(&private.at(at));
    let witness = returns.witness(private);
    let value = &returns.value;
    let body = pinned_body(private, function, &returns.whole);
    let run = run(args, at);
    let span = value.span();
    let ttl = args.ttl.as_ref().map(|ttl| {
        let ttl = ttl.tokens(private);
        quote!(.ttl(#ttl))
    });
    let timeout = write_timeout(private, args);
    let sync = args.sync.map(|_| quote!(.sync()));
    let private = private.at(at);
    let keys = keys.iter().map(|key| match key {
        Key::Template(template) => {
            // At the value's type, where another type than the cached one is.
            let mut stored = write.stored(template);
            stored.set_span(at);
            let check =
                Ident::new(if args.ttl.is_some() { "with_own_ttl" } else { "with_declared_ttl" }, span);
            quote_spanned!(span=> #private::declared::#check::<#value, _>(#stored))
        }
        Key::Expression(expr) => {
            let private = &write.private;
            quote_spanned!(expr.span()=> #private::declared_key::<#value>(#expr))
        }
    });
    let function = function.with_body(&quote_spanned! {at=>
        #private::update(#handle, #site, #(#keys)*, #witness) #ttl #timeout #sync
            .#run(#shape, #body)
            .await
    });
    Expanded { function, siblings: TokenStream::new() }
}

fn run(args: &Args, at: Span) -> Ident {
    let name = if args.strict.is_some() { "run_strict" } else { "run" };
    Ident::new(name, at)
}

fn write_timeout(private: &Runtime, args: &Args) -> Option<TokenStream> {
    let (_, limit) = args.write_timeout.as_ref()?;
    let limit = limit.tokens(private);
    Some(quote!(.write_timeout(#limit)))
}

/// The templates of the attribute, for listings.
fn templates(keys: &[Key], value: &syn::Type) -> TokenStream {
    let templates = keys.iter().map(|key| match key {
        Key::Template(key) => {
            let text = &key.template.text;
            quote!(new(#text))
        }
        Key::Expression(expr) => super::cached::named_template(expr, value),
    });
    quote!(#(#templates),*)
}

impl Write<'_> {
    /// An expression of the key.
    fn key(&self, key: &Key) -> TokenStream {
        match key {
            Key::Template(key) => {
                let stored = self.stored(key);
                quote!(#stored.raw())
            }
            Key::Expression(expr) => {
                let private = &self.private;
                quote_spanned!(expr.span()=> #private::any_key(#expr))
            }
        }
    }

    fn stored(&self, key: &TemplateKey) -> Group {
        let hint = "to invalidate a key of another type, name its key function: `#[invalidates(OtherService::get_key(id))]`";
        let (private, cache, known) = (&self.private, self.args.cache.as_ref(), self.known);
        Caching { private, cache, known, hint }.stored(key)
    }
}

/// The methods of the type that cache something, of which one has to have a template.
pub(crate) struct Caching<'a> {
    pub(crate) private: &'a Runtime,
    pub(crate) cache: Option<&'a Expr>,
    /// Templates that the same block is known to cache.
    pub(crate) known: &'a [String],
    /// What to do where nothing is known to cache it.
    pub(crate) hint: &'a str,
}

impl Caching<'_> {
    /// A call of the hidden function of the method that caches this template. Where there is none, the fallback
    /// is found, whose bound nothing fulfils, and the bound's message is the error.
    pub(crate) fn stored(&self, key: &TemplateKey) -> Group {
        let Self { private, cache, known, hint } = *self;
        let span = key.literal.span();
        // One syntax context for the whole path, or the attribute would be underlined instead of the template.
        let at = Span::call_site().located_at(span);
        let name = key.hidden_name(cache, at);
        let text = key.template.text.replace('{', "{{").replace('}', "}}");
        let place = crate::key::cache_text(cache)
            .map(|cache| format!(" in the cache `{}`", cache.replace('{', "{{").replace('}', "}}")));
        let message = format!(
            "no `#[cached]` method of `{{Self}}` has the key template \"{text}\"{}",
            place.unwrap_or_default()
        );
        let note = match crate::diag::suggest(&key.template.text, known.iter().map(String::as_str)) {
            Some(similar) => format!("did you mean \"{}\"?", similar.replace('{', "{{").replace('}', "}}")),
            None if known.is_empty() => hint.replace('{', "{{").replace('}', "}}"),
            None => format!(
                "this block caches {}",
                crate::diag::list(known.iter().map(String::as_str)).replace('{', "{{").replace('}', "}}")
            ),
        };
        let generics = key
            .parts
            .iter()
            .enumerate()
            .map(|(index, _)| format_ident!("P{index}", span = Span::mixed_site()));
        let (generics, inputs): (Vec<_>, Vec<_>) =
            generics.map(|generic| (generic.clone(), quote!(_: #generic))).unzip();
        let fallback = quote_spanned! {Span::mixed_site()=>
            fn #name<#(#generics),*>(#(#inputs),*) -> #private::Stored<#private::declared::Unknown>
            where
                Self: Cached,
            {
                #private::typed()
            }
        };
        // The path carries the template's span, so that an unknown template is underlined.
        let this = Ident::new("Self", at);
        let arguments = key.parts.iter().map(|part| part.argument(private));
        let call = quote_spanned!(at=> #this::#name(#(#arguments),*));
        let block = quote! {
            #[diagnostic::on_unimplemented(
                message = #message,
                label = "nothing caches this key",
                note = #note,
                note = "a template of an impl with other bounds than this one is not visible here",
            )]
            trait Cached {}
            trait Fallback {
                #fallback
            }
            impl<T: ?::core::marker::Sized> Fallback for T {}
            #call
        };
        Group::new(Delimiter::Brace, block)
    }
}

/// Parts of a result's key that come from the arguments: the body may move those, so they are written before.
#[derive(Default)]
struct Kept(Vec<(Ident, TokenStream)>);

impl Kept {
    fn result_key(&mut self, write: &Write<'_>, key: &Key) -> TokenStream {
        let Key::Template(key) = key else { return write.key(key) };
        let mut parts = Vec::new();
        for part in &key.parts {
            let from_result = part.root.as_ref().is_some_and(|root| root == RET);
            let mut part = Part {
                name: part.name.clone(),
                value: part.value.clone(),
                root: part.root.clone(),
                ty: part.ty.clone(),
                span: part.span,
            };
            if !from_result {
                let name = format_ident!("kept_{}", self.0.len(), span = Span::mixed_site());
                self.0.push((name.clone(), part.argument(&write.private)));
                part.value = quote!(#name);
            }
            parts.push(part);
        }
        let (literal, template) = (key.literal.clone(), key.template.clone());
        write.key(&Key::Template(TemplateKey { literal, template, parts }))
    }

    fn bindings(&self, private: &Runtime) -> TokenStream {
        self.0.iter().map(|(name, argument)| quote!(let #name = #private::keep(#argument);)).collect()
    }
}

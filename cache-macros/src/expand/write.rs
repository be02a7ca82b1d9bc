//! `#[invalidates]` and `#[updates]`: compute the keys, run the author's body between the two ends of a write.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::{Expanded, cache_handle, call_site, pinned_body};
use crate::args::{Args, When};
use crate::caching::Block;
use crate::expand::Runtime;
use crate::item::{Function, start};
use crate::key::{Key, TemplateKey, cache_number, cache_of};
use crate::part::{Part, RET};
use crate::returns::Returns;

/// An `#[invalidates]` or `#[updates]` function that passed every check.
pub(crate) struct Write<'a> {
    pub(crate) private: Runtime,
    pub(crate) args: &'a Args,
    pub(crate) function: &'a Function,
    pub(crate) keys: Vec<Key>,
    pub(crate) tags: Vec<Key>,
    pub(crate) returns: Returns,
    pub(crate) block: &'a Block,
}

pub(crate) fn invalidates(write: &Write<'_>) -> Expanded {
    let Write { private, args, function, keys, tags, returns, .. } = write;
    // One place for the call, the return type: a bound that it does not meet is then one error.
    let at = Span::call_site().located_at(start(&returns.whole));
    let handle = cache_handle(private, args.cache.as_ref(), function);
    let listed = if keys.is_empty() {
        super::tags::templates(tags)
    } else {
        super::tags::listed(&templates(keys, &returns.value), tags)
    };
    let site = call_site(private, "invalidates", &listed, &function.sig.ident);
    let all = keys.iter().map(Stale::Key).chain(tags.iter().map(Stale::Tag));
    let (after, before): (Vec<Stale<'_>>, Vec<Stale<'_>>) =
        all.partition(|stale| stale.key().needs_result(function));
    let before = before.into_iter().map(|stale| write.stale(stale));
    let timeout = write_timeout(private, args);
    let sync = args.sync.map(|_| quote!(.sync()));
    let always = args.when.filter(|(_, when)| *when == When::Always).map(|_| quote!(.always()));
    let shape = returns.shape_by_type(&private.at(at));
    let body = pinned_body(private, function, &returns.whole);
    let run = run(args, at);

    let mut kept = Kept::default();
    let ret = after.first().map_or_else(Span::call_site, |stale| stale.key().span());
    let after: Vec<TokenStream> = after.into_iter().map(|stale| kept.of_result(write, stale)).collect();
    let kept = kept.bindings(private);
    let ret = Ident::new(RET, ret);
    let ret = if after.is_empty() { quote!(_) } else { quote!(#ret) };
    let private = private.at(at);
    let written = quote_spanned! {at=>
        #private::write(#handle, #site, [#(#before),*]) #timeout #sync #always
            .#run(#shape, #body, |#ret| [#(#after),*])
            .await
    };
    let function = function.with_body(quote!(#kept #written));
    Expanded { function, siblings: TokenStream::new() }
}

pub(crate) fn updates(write: &Write<'_>) -> Expanded {
    let Write { private, args, function, keys, tags, returns, .. } = write;
    let at = Span::call_site().located_at(start(&returns.value));
    let handle = cache_handle(private, args.cache.as_ref(), function);
    let listed = super::tags::listed(&templates(keys, &returns.value), tags);
    let site = call_site(private, "updates", &listed, &function.sig.ident);
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
    let carried = (!tags.is_empty()).then(|| {
        let tags = tags.iter().map(|tag| write.stale(Stale::Tag(tag)));
        quote!(.tags([#(#tags),*]))
    });
    let private = private.at(at);
    let keys = keys.iter().map(|key| match key {
        Key::Template(template) => {
            // At the value's type, where another type than the cached one is.
            let mut stored = write.stored(template);
            stored.set_span(at);
            let check = match (args.ttl.is_some(), tags.is_empty()) {
                (true, true) => "with_own_ttl",
                (false, true) => "with_declared_ttl",
                (true, false) => "tagged_with_own_ttl",
                (false, false) => "tagged_with_declared_ttl",
            };
            let check = Ident::new(check, span);
            quote_spanned!(span=> #private::declared::#check::<#value, _>(#stored))
        }
        Key::Expression(expr) => {
            let (private, in_cache) = (&write.private, write.in_same_cache(expr));
            let key = quote_spanned!(expr.span()=> #private::declared_key::<#value>(#expr));
            if in_cache.is_some() { quote!({ #in_cache #key }) } else { key }
        }
    });
    let function = function.with_body(quote_spanned! {at=>
        #private::update(#handle, #site, #(#keys)*, #witness) #carried #ttl #timeout #sync
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

/// What a write makes stale.
#[derive(Clone, Copy)]
enum Stale<'a> {
    Key(&'a Key),
    Tag(&'a Key),
}

impl<'a> Stale<'a> {
    const fn key(self) -> &'a Key {
        let (Self::Key(key) | Self::Tag(key)) = self;
        key
    }
}

impl Write<'_> {
    /// An expression of the key or tag.
    fn stale(&self, stale: Stale<'_>) -> TokenStream {
        let private = &self.private;
        match (stale, stale.key()) {
            (Stale::Key(_), Key::Template(key)) => {
                let stored = self.stored(key);
                quote!(#stored.raw())
            }
            (Stale::Key(_), Key::Expression(expr)) => {
                let in_cache = self.in_same_cache(expr);
                let key = quote_spanned!(expr.span()=> #private::any_key(#expr));
                if in_cache.is_some() { quote!({ #in_cache #key }) } else { key }
            }
            (Stale::Tag(_), Key::Template(key)) => {
                let hint = "declare a tag of several types once, as in `#[cache_tag(\"org:<org_id>\")] fn org_tag(org_id: u64);`, and name it: `tags = [org_tag(org_id)]`";
                let (cache, block) = (self.args.cache.as_ref(), self.block);
                let rendered = Caching { private, cache, block, hint }.stored(key);
                quote!(#rendered)
            }
            (Stale::Tag(_), Key::Expression(expr)) => {
                quote_spanned!(expr.span()=> #private::stale_tag(#expr))
            }
        }
    }

    /// A check that the method behind a key function of this type has the cache of this attribute. Where it has the
    /// default one, or the key is declared, the fallback is found.
    fn in_same_cache(&self, key: &Expr) -> Option<TokenStream> {
        let key_fn = match key {
            Expr::Call(call) => match &*call.func {
                Expr::Path(path)
                    if path.path.segments.len() == 2 && path.path.segments[0].ident == "Self" =>
                {
                    &path.path.segments[1].ident
                }
                _ => return None,
            },
            Expr::MethodCall(call) if matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident("self")) => {
                &call.method
            }
            _ => return None,
        };
        let at = Span::call_site().located_at(key.span());
        let name = cache_of(key_fn, at);
        let number = cache_number(self.args.cache.as_ref());
        let private = self.private.at(at);
        Some(quote_spanned! {at=>
            trait Fallback {
                fn #name() -> #private::declared::In<#number> {
                    #private::declared::In
                }
            }
            impl<T: ?::core::marker::Sized> Fallback for T {}
            #private::declared::in_same_cache::<#number, _>(&Self::#name());
        })
    }

    fn stored(&self, key: &TemplateKey) -> Group {
        let hint = "to invalidate a key of another type, name its key function: `#[invalidates(OtherService::get_key(id))]`";
        let (private, cache, block) = (&self.private, self.args.cache.as_ref(), self.block);
        Caching { private, cache, block, hint }.stored(key)
    }
}

/// The methods of the type that cache something, of which one has to have a template of a key or tag.
pub(crate) struct Caching<'a> {
    pub(crate) private: &'a Runtime,
    pub(crate) cache: Option<&'a Expr>,
    pub(crate) block: &'a Block,
    /// What to do where nothing is known to cache it.
    pub(crate) hint: &'a str,
}

impl Caching<'_> {
    /// A call of the hidden function of the method that caches this template. Where there is none, the fallback
    /// is found, whose bound nothing fulfils, and the bound's message is the error.
    pub(crate) fn stored(&self, key: &TemplateKey) -> Group {
        let Self { private, cache, block, hint } = *self;
        let span = key.literal.span();
        // One syntax context for the whole path, or the attribute would be underlined instead of the template.
        let at = Span::call_site().located_at(span);
        let name = key.hidden_name(cache, at);
        // The path carries the template's span, so that an unknown template is underlined.
        let this = Ident::new("Self", at);
        let arguments = key.parts.iter().map(|part| part.argument(private));
        let call = quote_spanned!(at=> #this::#name(#(#arguments),*));
        if block.hidden.contains(&name.to_string()) {
            return Group::new(Delimiter::Brace, call);
        }
        let known = if key.is_tag { &block.known_tags } else { &block.known };
        let text = key.template.text.replace('{', "{{").replace('}', "}}");
        let place = crate::key::cache_text(cache)
            .map(|cache| format!(" in the cache `{}`", cache.replace('{', "{{").replace('}', "}}")));
        let (what, does) = if key.is_tag { ("tag", "carries") } else { ("key", "caches") };
        let message = format!(
            "no `#[cached]` method of `{{Self}}` has the {what} template \"{text}\"{}",
            place.unwrap_or_default()
        );
        let label = format!("nothing {does} this {what}");
        let note = match crate::diag::suggest(&key.template.text, known.iter().map(String::as_str)) {
            Some(similar) => format!("did you mean \"{}\"?", similar.replace('{', "{{").replace('}', "}}")),
            None if known.is_empty() => hint.replace('{', "{{").replace('}', "}}"),
            None => format!(
                "this block {does} {}",
                crate::diag::list(known.iter().map(String::as_str)).replace('{', "{{").replace('}', "}}")
            ),
        };
        let elsewhere = "a template of an impl with other bounds than this one is not visible here";
        let generics = key
            .parts
            .iter()
            .enumerate()
            .map(|(index, _)| format_ident!("P{index}", span = Span::mixed_site()));
        let (generics, inputs): (Vec<_>, Vec<_>) =
            generics.map(|generic| (generic.clone(), quote!(_: #generic))).unzip();
        let found = if key.is_tag {
            quote!(#private::RawKey)
        } else {
            quote!(#private::Stored<#private::declared::Unknown>)
        };
        let fallback = quote_spanned! {Span::mixed_site()=>
            fn #name<#(#generics),*>(#(#inputs),*) -> #found
            where
                Self: Cached,
            {
                #private::typed()
            }
        };
        let block = quote! {
            #[diagnostic::on_unimplemented(
                message = #message,
                label = #label,
                note = #note,
                note = #elsewhere,
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
    fn of_result(&mut self, write: &Write<'_>, stale: Stale<'_>) -> TokenStream {
        let Key::Template(key) = stale.key() else { return write.stale(stale) };
        let mut parts = Vec::new();
        for part in &key.parts {
            let from_result = part.root.as_ref().is_some_and(|root| root == RET);
            let mut part = Part {
                name: part.name.clone(),
                whole_name: part.whole_name.clone(),
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
        let (literal, template, is_tag) = (key.literal.clone(), key.template.clone(), key.is_tag);
        let key = Key::Template(TemplateKey { literal, template, parts, is_tag });
        write.stale(match stale {
            Stale::Key(_) => Stale::Key(&key),
            Stale::Tag(_) => Stale::Tag(&key),
        })
    }

    fn bindings(&self, private: &Runtime) -> TokenStream {
        self.0.iter().map(|(name, argument)| quote!(let #name = #private::keep(#argument);)).collect()
    }
}

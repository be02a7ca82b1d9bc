//! What `#[cached]` with a template emits beside the method: the key function, and the hidden function that
//! `#[invalidates]` and `#[updates]` call, so that a template that nothing caches does not compile.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{GenericParam, Generics, Visibility, WherePredicate};

use super::cached::{Cached, bounded_when_used, escaped_when_used};
use crate::args::Args;
use crate::expand::Runtime;
use crate::item::{Function, mentions};
use crate::key::{Key, TemplateKey, cache_number, cache_of};

pub(crate) fn expand(cached: &Cached<'_>, key: &TemplateKey, template: &TokenStream) -> TokenStream {
    let key_fn = key_fn(cached, key, template);
    let hidden = hidden(cached, key, &super::tags::listed(template, &cached.tags));
    let of_tags = of_tags(cached);
    [key_fn, hidden, of_tags].into_iter().collect()
}

/// The hidden functions of the tags that the type has not yet.
pub(crate) fn of_tags(cached: &Cached<'_>) -> TokenStream {
    let Cached { private, args, function, tags, emitted, .. } = cached;
    let cache = args.cache.as_ref();
    let templates = tags.iter().filter_map(|tag| match tag {
        Key::Template(key) if function.is_associated() => Some(key),
        _ => None,
    });
    templates
        .filter(|key| emitted.borrow_mut().insert(key.hidden_name(cache, Span::call_site()).to_string()))
        .map(|key| super::tags::hidden(private, function, cache, key))
        .collect()
}

/// The key, rendered with a static template of its own.
pub(crate) fn render_with_static(
    private: &Runtime,
    template: &TokenStream,
    key: &TemplateKey,
) -> TokenStream {
    let writer = key.writer(private);
    // The author's constants are not looked for in this block.
    let template = quote!({
        static TEMPLATE: #private::Template = #private::Template::#template;
        &TEMPLATE
    });
    quote!(#private::RawKey::of(#template, #writer))
}

/// The name that the key function has, or is given.
pub(crate) fn key_fn_name(function: &Function, args: &Args) -> Ident {
    let method = &function.sig.ident;
    args.key_fn.clone().unwrap_or_else(|| {
        let text = method.to_string();
        format_ident!("{}_key", text.strip_prefix("r#").unwrap_or(&text), span = method.span())
    })
}

/// `fn get_project_key(id: u64) -> Key<Project>`
fn key_fn(cached: &Cached<'_>, key: &TemplateKey, template: &TokenStream) -> TokenStream {
    let Cached { private, args, function, returns, .. } = cached;
    let method = &function.sig.ident;
    let name = key_fn_name(function, args);
    let value = function.for_sibling(&returns.value);
    let uses_self = key.parts.iter().any(|part| part.root.as_ref().is_some_and(|root| root == "self"));
    let receiver = uses_self.then(|| {
        let this = Ident::new("self", function.self_span());
        quote!(&#this,)
    });
    let (names, types): (Vec<_>, Vec<_>) = function
        .params()
        .filter(|param| {
            param.name.is_some_and(|name| key.parts.iter().any(|part| part.root.as_ref() == Some(name)))
        })
        .map(|param| (param.name, function.for_sibling(param.ty)))
        .unzip();
    let constants = key.parts.iter().filter(|part| part.root.is_none()).map(|part| &part.value);
    let generics = used_generics(&function.sibling_generics(), || quote!(#(#types,)* #value #(#constants)*));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let rendered = if function.is_associated() {
        key.call_hidden(private, args.cache.as_ref())
    } else {
        render_with_static(private, template, key)
    };
    let text = &key.template.text;
    let doc = format!("The cache key of `{method}`: `{text}`.");
    let vis = visibility(function);
    let cfgs = function.cfgs().chain(function.allows());
    // At the method, for two of one name.
    let at = Span::call_site().located_at(method.span());
    let private = private.at(at);
    let number = cache_number(args.cache.as_ref());
    let in_cache = (number != 0 && function.is_associated()).then(|| {
        let (name, cfgs) = (cache_of(&name, at), function.cfgs());
        quote_spanned! {at=>
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(dead_code)]
            pub(crate) fn #name() -> #private::declared::In<#number> {
                #private::declared::In
            }
        }
    });
    quote_spanned! {at=>
        #in_cache
        #(#cfgs)*
        #[doc = #doc]
        #[must_use]
        #[allow(dead_code, non_snake_case, private_interfaces, clippy::all, clippy::pedantic)]
        #vis fn #name #impl_generics (#receiver #(#names: #types),*) -> #private::Key<#value> #where_clause {
            #rendered.typed()
        }
    }
}

/// The hidden function, found by name from the template of an `#[invalidates]`.
fn hidden(cached: &Cached<'_>, key: &TemplateKey, template: &TokenStream) -> TokenStream {
    let Cached { private, args, function, returns, .. } = cached;
    let name = key.hidden_name(args.cache.as_ref(), Span::call_site());
    let Inputs { names, types, bounds } = inputs(private, function, key);
    let (parts, of_types) = (nested(&names), nested(&types));
    // The value's type can be told only if no generic of the method is in it.
    let value = function.for_sibling(&returns.value);
    let generics = used_generics(&function.sibling_generics(), || value.to_token_stream());
    let generic = !generics.params.is_empty();
    let has_ttl = args.ttl.as_ref().is_some_and(crate::duration::Ttl::is_literal);
    let declared = match (generic, has_ttl) {
        (true, _) => quote!(Generic),
        (false, true) => quote!(Value<#value>),
        (false, false) => quote!(ValueWithoutTtl<#value>),
    };
    let declared = match (cached.is_faulty, args.tags.is_empty()) {
        // What is wrong may be just that.
        (true, _) => quote!(Unknown),
        (false, true) => declared,
        (false, false) => quote!(Tagged<#private::declared::#declared>),
    };
    let method = function.sig.ident.to_string();
    let cfgs = function.cfgs().chain(function.allows());
    let many = many(key);
    let bounded = bounded_when_used(private, key, types.iter());
    let escaped = escaped_when_used(private, key, &types);
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[inline]
        #many
        #[allow(dead_code, private_interfaces)]
        pub(crate) fn #name<#(#types: #bounds),*>(
            #(#names: #types),*
        ) -> #private::Stored<#private::declared::#declared, #private::Unwritten<#of_types>> {
            #bounded
            #escaped
            #private::stored!({ cached #method, #template } #parts)
        }
    }
}

/// A template may have more placeholders than clippy allows a function.
pub(crate) fn many(key: &TemplateKey) -> Option<TokenStream> {
    (key.parts.len() > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]))
}

/// The inputs of a hidden function: a name, a type and a bound for each part.
pub(crate) struct Inputs {
    pub(crate) names: Vec<Ident>,
    pub(crate) types: Vec<Ident>,
    pub(crate) bounds: Vec<TokenStream>,
}

/// Parts, or their types, as the runtime's `Parts`: `(first, (second, ()))`.
pub(crate) fn nested(parts: &[Ident]) -> Group {
    let end = Group::new(Delimiter::Parenthesis, TokenStream::new());
    parts.iter().rev().fold(end, |rest, part| Group::new(Delimiter::Parenthesis, quote!(#part, #rest)))
}

pub(crate) fn inputs(private: &Runtime, function: &Function, key: &TemplateKey) -> Inputs {
    let of_parts = |name: &str| -> Vec<Ident> {
        let ident = |index| format_ident!("{name}{index}", span = Span::mixed_site());
        (0..key.parts.len()).map(ident).collect()
    };
    let (names, types) = (of_parts("p"), of_parts("__P"));
    let bounds = key.parts.iter().map(|part| match &part.ty {
        Some(ty) => {
            let ty = function.for_sibling(ty);
            quote!(#private::PartOf<#ty>)
        }
        None => quote!(#private::KeyPart),
    });
    Inputs { names, types, bounds: bounds.collect() }
}

/// The visibility of the method; in a trait's impl, where methods have none, that of the crate.
fn visibility(function: &Function) -> &Visibility {
    function.sibling_vis.as_ref().unwrap_or(&function.vis)
}

/// The generics that `used` mentions, with the bounds on them.
pub(crate) fn used_generics(generics: &Generics, used: impl FnOnce() -> TokenStream) -> Generics {
    if generics.params.is_empty() {
        return Generics::default();
    }
    let used = used();
    // A bound may bring in another generic, so look until nothing is added.
    let mut kept: BTreeSet<String> = BTreeSet::new();
    loop {
        let before = kept.len();
        for param in &generics.params {
            let name = param_name(param);
            let in_kept = generics
                .params
                .iter()
                .any(|other| kept.contains(&param_name(other)) && mentions(other.to_token_stream(), &name));
            if mentions(used.clone(), &name) || in_kept {
                kept.insert(name);
            }
        }
        if kept.len() == before {
            break;
        }
    }
    let mut result = Generics {
        params: generics.params.iter().filter(|param| kept.contains(&param_name(param))).cloned().collect(),
        ..Generics::default()
    };
    if let Some(clause) = &generics.where_clause {
        let dropped: Vec<String> =
            generics.params.iter().map(param_name).filter(|name| !kept.contains(name)).collect();
        let predicates: Vec<&WherePredicate> = clause
            .predicates
            .iter()
            .filter(|predicate| {
                let tokens = predicate.to_token_stream();
                kept.iter().any(|name| mentions(tokens.clone(), name))
                    && !dropped.iter().any(|name| mentions(tokens.clone(), name))
            })
            .collect();
        result.make_where_clause().predicates.extend(predicates.into_iter().cloned());
    }
    result
}

fn param_name(param: &GenericParam) -> String {
    match param {
        GenericParam::Type(param) => param.ident.to_string(),
        GenericParam::Const(param) => param.ident.to_string(),
        GenericParam::Lifetime(param) => param.lifetime.ident.to_string(),
    }
}

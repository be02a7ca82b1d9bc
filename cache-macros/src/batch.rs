//! `#[cached(…, each(id in ids))]`: the function as the method of a single id, which it is checked as.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::{FnArg, GenericArgument, Pat, PathArguments, Type};

use crate::args::{Args, CACHED, Each, KeyArg};
use crate::caching::{self, Block};
use crate::diag::{Diag, list, suggest};
use crate::expand::{self, Expanded, Runtime};
use crate::item::{Function, Output, mentions, only_argument, ungroup};
use crate::key::{Key, compact};
use crate::part::Sources;
use crate::returns::Returns;
use crate::valid;

/// A batch that passed every check.
pub(crate) struct Batch<'a> {
    pub(crate) private: Runtime,
    pub(crate) args: &'a Args,
    pub(crate) each: &'a Each,
    pub(crate) function: &'a Function,
    /// The pattern of the parameter that holds the ids.
    pub(crate) ids: Pat,
    /// Whether it is a slice.
    pub(crate) borrows: bool,
    pub(crate) key: Key,
    pub(crate) tags: Vec<Key>,
    /// What the method of a single id would return.
    pub(crate) single: Returns,
    /// What this one does; its value is the map.
    pub(crate) returns: Returns,
    pub(crate) block: &'a Block,
}

/// Checks and expands a batch.
pub(crate) fn expand(
    args: &Args,
    each: &Each,
    function: &Function,
    block: &Block,
    attribute: Span,
    diag: &mut Diag,
) -> Option<Expanded> {
    valid::function(CACHED.attribute, args, function, diag);
    if args.keys.is_empty() && diag.is_empty() {
        diag.error(attribute, "`each` needs a key: `#[cached(key = \"project:<id>\", each(id in ids))]`");
    }
    let mut args_of_one = args.clone();
    arguments(args, each, diag);
    args_of_one.skip.retain(|name| *name != each.one && *name != each.all);
    let ids = parameter(each, function, diag);
    let value = value(function, diag);
    let (Some((place, borrows, one)), Some((whole, value))) = (ids, value) else { return None };
    let single = single(function, place, &each.one, &one, &value);
    if let Some(key) = args.keys.iter().find(|key| names(key, &each.all)) {
        let message =
            format!("the key is that of one id, and `{}` is all of them; write `<{}>`", each.all, each.one);
        diag.error(key.span(), message);
        return None;
    }
    let key = args.keys.first().cloned().and_then(|key| Key::resolve(key, &single, Sources::Arguments, diag));
    let tags = Key::resolve_tags(&args.tags, &single, Sources::Arguments, diag);
    valid::tags(args, key.as_ref(), &tags, diag);
    if let Some(key) = key.as_ref().filter(|key| !key.uses(&each.one)) {
        if !valid::was_meant(&each.one.to_string(), key, &single) {
            let message = format!(
                "`each` names `{0}`, but the key does not, so all ids would share one entry; add `<{0}>` to the key",
                each.one
            );
            diag.error(key.span(), message);
        }
        args_of_one.skip.push(each.one.clone());
    }
    valid::cached(&args_of_one, &single, key.as_ref(), &tags, true, true, diag);
    valid::looked_up(CACHED.attribute, key.iter().chain(&tags), &single, diag);
    let of_one = match &single.output {
        Output::Async(ty) | Output::Boxed(ty) => Returns::new(ty, None, diag),
        Output::Sync => return None,
    };
    valid::owned_value(&of_one.value, diag);
    let returns = Returns::new(whole, None, diag);
    if let Some(key) = &key {
        caching::check_tenant(block, key, diag);
        caching::check_type_parameters(block, key, &single, &value, diag);
    }
    let ids = function.sig.inputs.iter().nth(place).and_then(|input| match input {
        FnArg::Typed(typed) => Some((*typed.pat).clone()),
        FnArg::Receiver(_) => None,
    })?;
    if !diag.is_empty() {
        return None;
    }
    let private = Runtime::new(args.krate.as_ref());
    let batch = Batch {
        private,
        args,
        each,
        function,
        ids,
        borrows,
        key: key?,
        tags,
        single: of_one,
        returns,
        block,
    };
    Some(expand::batch::expand(&batch))
}

/// What makes no sense beside `each`.
fn arguments(args: &Args, each: &Each, diag: &mut Diag) {
    if let Some(name) = &args.key_fn {
        diag.error(
            name.span(),
            "a batch has no key function of its own, it shares the one of the method of a single id; remove `key_fn`",
        );
    }
    let of_a_load = [
        ("stale_if_error", args.stale_if_error.as_ref().map(|(span, _)| span)),
        ("stale_while_revalidate", args.stale_while_revalidate.as_ref().map(|(span, _)| span)),
        ("timeout", args.timeout.as_ref().map(|(span, _)| span)),
    ];
    for (name, span) in of_a_load {
        if let Some(span) = span {
            let message = format!(
                "`{name}` is of one load, and a batch is of many ids; leave it to the method of a single id"
            );
            diag.error(*span, message);
        }
    }
    if let Some(value) = &args.value {
        diag.error_at(value, "the value's type is that in the map which is returned; remove `value`");
    }
    for skipped in args.skip.iter().filter(|name| **name == each.one || **name == each.all) {
        diag.error(
            skipped.span(),
            format!("each of `{}` is in the key as `<{}>`; remove it from `skip`", each.all, each.one),
        );
    }
}

/// The place of the parameter that holds the ids, whether it is a slice, and the type of an id.
fn parameter(each: &Each, function: &Function, diag: &mut Diag) -> Option<(usize, bool, Type)> {
    let (all, name) = (&each.all, &function.sig.ident);
    let named = function.params().filter_map(|param| param.name.map(ToString::to_string));
    if function.params().any(|param| param.name.is_some_and(|name| *name == each.one)) {
        let message = format!("`{}` is a parameter already; give one of the ids another name", each.one);
        diag.error(each.one.span(), message);
        return None;
    }
    let found = function.sig.inputs.iter().enumerate().find_map(|(place, input)| match input {
        FnArg::Typed(typed) if matches!(&*typed.pat, Pat::Ident(pat) if pat.ident == *all) => {
            Some((place, &*typed.ty))
        }
        _ => None,
    });
    let Some((place, ty)) = found else {
        let named: Vec<String> = named.collect();
        let fix = match suggest(&all.to_string(), named.iter().map(String::as_str)) {
            Some(similar) => format!("; did you mean `{similar}`?"),
            None if named.is_empty() => String::new(),
            None => format!("; its parameters are {}", list(named.iter().map(String::as_str))),
        };
        diag.error(all.span(), format!("`each` names `{all}`, but `{name}` has no parameter `{all}`{fix}"));
        return None;
    };
    if let Type::Reference(reference) = ungroup(ty)
        && reference.mutability.is_none()
        && let Type::Slice(slice) = ungroup(&reference.elem)
    {
        return Some((place, true, (*slice.elem).clone()));
    }
    if let Some(one) = only_argument(ty, "Vec") {
        return Some((place, false, one.clone()));
    }
    let one = match ungroup(ty) {
        Type::Reference(reference) => only_argument(&reference.elem, "Vec"),
        _ => None,
    };
    let one = one.map_or_else(|| "u64".to_owned(), |one| compact(&one.to_token_stream()));
    diag.error_at(ty, format!("`each` takes the ids as a slice or a `Vec`: write `{all}: &[{one}]`"));
    None
}

/// The whole return type, and the type of the values in the map.
fn value<'a>(function: &'a Function, diag: &mut Diag) -> Option<(&'a Type, Type)> {
    let (Output::Async(whole) | Output::Boxed(whole)) = &function.output else { return None };
    let map = only_argument(whole, "Result").unwrap_or(whole);
    let Some(value) = value_of_map(map) else {
        diag.error_at(
            whole,
            "`each` needs a map from the ids to their values, written out; return a `HashMap<u64, Project>`, or a `Result` of one",
        );
        return None;
    };
    if only_argument(value, "Option").is_some() || only_argument(value, "Result").is_some() {
        diag.error_at(value, "an id that is not there is left out of the map; name the value alone");
        return None;
    }
    Some((whole, value.clone()))
}

/// `V` of `Map<K, V>`.
fn value_of_map(map: &Type) -> Option<&Type> {
    let Type::Path(path) = ungroup(map) else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.nth(1).filter(|_| last.ident != "Result")
}

/// The function with one id in the place of all, and what it would return.
fn single(function: &Function, place: usize, name: &Ident, one: &Type, value: &Type) -> Function {
    let mut sig = function.sig.clone();
    if let Some(FnArg::Typed(typed)) = sig.inputs.iter_mut().nth(place) {
        *typed.pat = syn::parse_quote!(#name);
        *typed.ty = one.clone();
    }
    Function {
        attrs: function.attrs.clone(),
        vis: function.vis.clone(),
        defaultness: None,
        sig,
        body: function.body.clone(),
        output: Output::Async(syn::parse_quote!(::core::option::Option<#value>)),
        extra_generics: function.extra_generics.clone(),
        sibling_vis: function.sibling_vis.clone(),
        siblings_of: function.siblings_of.clone(),
    }
}

/// Whether the key names the parameter that holds all ids.
fn names(key: &KeyArg, all: &Ident) -> bool {
    match key {
        KeyArg::Template(text) => {
            let text = text.value();
            [">", "."].iter().any(|end| text.contains(&format!("<{all}{end}")))
        }
        KeyArg::Expression(expr) => mentions(expr.to_token_stream(), &all.to_string()),
    }
}

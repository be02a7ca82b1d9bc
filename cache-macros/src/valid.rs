//! The checks of an attribute against the function below it. Each mistake has its own message, with the fix.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, GenericParam, Type};

use crate::args::{Args, When};
use crate::diag::{Diag, list, suggest};
use crate::item::{Function, Output, generic_name, mentions, ungroup, uses_variable};
use crate::key::{Key, TemplateKey, compact};
use crate::part::Part;
use crate::refresh;

/// What holds for every attribute on a function: it is `async`, and there is a cache.
pub(crate) fn function(attribute: &str, args: &Args, function: &Function, diag: &mut Diag) {
    let name = &function.sig.ident;
    if matches!(function.output, Output::Sync) {
        diag.error(
            function.sig.fn_token.span,
            format!(
                "`{name}` is not `async`, and `#[{attribute}]` awaits the cache; write `async fn {name}`"
            ),
        );
    }
    if args.cache.is_none() && function.receiver().is_none() {
        diag.error(
            name.span(),
            format!("`{name}` has no `self` to take `self.cache` from; say where the cache is: `#[{attribute}(…, cache = expression)]`"),
        );
    }
}

/// What holds for `#[cached]`.
pub(crate) fn cached(
    args: &Args,
    function: &Function,
    key: Option<&Key>,
    tags: &[Key],
    none_possible: bool,
    may_fail: bool,
    diag: &mut Diag,
) {
    let name = &function.sig.ident;
    let params: Vec<String> = function.skippable().collect();
    let mut meant: Vec<String> = args.misspelt.iter().map(ToString::to_string).collect();
    for (index, skipped) in args.skip.iter().enumerate() {
        let text = skipped.to_string();
        if !params.contains(&text) {
            let similar = suggest(&text, params.iter().map(String::as_str));
            meant.extend(similar.map(ToOwned::to_owned));
            let fix = match similar {
                Some(similar) => format!("; did you mean `{similar}`?"),
                None if params.is_empty() => String::new(),
                None => format!("; its parameters are {}", list(params.iter().map(String::as_str))),
            };
            diag.error(
                skipped.span(),
                format!("`skip` names `{text}`, but `{name}` has no parameter `{text}`{fix}"),
            );
        } else if args.skip[..index].contains(skipped) {
            diag.error(skipped.span(), format!("`skip` names `{text}` twice; remove one of them"));
        } else if key.is_some_and(|key| key.uses(skipped) || key.names_generic(&text)) {
            diag.error(skipped.span(), format!("`{text}` is in the key; remove it from `skip`"));
        }
    }
    if let Some(key) = key {
        parameters(args, &meant, function, key, tags, diag);
        generics(args, &meant, function, key, diag);
    }
    if let Some((span, _)) = &args.none_ttl
        && !none_possible
    {
        diag.error(
            *span,
            format!("`none_ttl` is how long a `None` is cached, but the return type has no `Option`; remove it, or return an `Option`{}", by_another_name(function)),
        );
    }
    if let (Some((span, _)), Some(_)) = (&args.ttl_from, &args.ttl) {
        diag.error(
            *span,
            "`ttl_from` computes the time to live from the value, and `ttl` gives it; remove one of them",
        );
    }
    if let Some((span, _)) = &args.stale_if_error
        && !may_fail
    {
        diag.error(
            *span,
            format!("`stale_if_error` is for a load that fails, but the return type has no `Result`; remove it, or return a `Result`{}", by_another_name(function)),
        );
    }
    if let Some((span, _)) = &args.timeout
        && !may_fail
    {
        diag.error(
            *span,
            format!("a load that has not ended in `timeout` is an error, but the return type has no `Result`; remove it, or return a `Result`{}", by_another_name(function)),
        );
    }
    if let Some((span, _)) = &args.stale_while_revalidate {
        refresh::check(*span, function, diag);
    }
    if args.ttl.is_none()
        && args.ttl_from.is_none()
        && args.each.is_none()
        && matches!(key, Some(Key::Template(_)))
    {
        diag.error(
            args.keys.first().map_or_else(|| name.span(), crate::args::KeyArg::span),
            "how long may the value be served? add `ttl = 300` (seconds), `ttl = \"5m\"` or `ttl = Ttl::NEVER`",
        );
    }
}

/// What to do where the return type may be a `Result` or an `Option` all the same.
fn by_another_name(function: &Function) -> String {
    let (Output::Async(ty) | Output::Boxed(ty)) = &function.output else { return String::new() };
    let Type::Path(path) = ungroup(ty) else { return String::new() };
    let name = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    let is_telling = ["Result", "Option", "Maybe"].iter().any(|word| name.contains(word));
    if is_telling {
        format!("; if `{name}` is another name for one, name what is cached, as in `value = Project`")
    } else {
        String::new()
    }
}

/// A value that is read back later borrows from nothing.
pub(crate) fn owned_value(value: &Type, diag: &mut Diag) {
    if !borrows(value.to_token_stream()) {
        return;
    }
    let fix = match value {
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => "return a `String`".to_owned(),
            Type::Slice(slice) => format!("return a `Vec<{}>`", compact(&slice.elem.to_token_stream())),
            other => format!("return a `{}`", compact(&other.to_token_stream())),
        },
        _ => "return an owned one, as a `String` for a `&str`".to_owned(),
    };
    diag.error_at(value, format!("a cached value outlives the call, so it cannot borrow; {fix}"));
}

/// Whether there is a `&`, or a lifetime other than `'static`.
pub(crate) fn borrows(tokens: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.iter().enumerate().any(|(index, token)| match (token, tokens.get(index + 1)) {
        (TokenTree::Group(group), _) => borrows(group.stream()),
        (TokenTree::Punct(punct), _) if punct.as_char() == '&' => true,
        (TokenTree::Punct(punct), Some(TokenTree::Ident(name))) => {
            punct.as_char() == '\'' && name != "static"
        }
        _ => false,
    })
}

/// The roots of the placeholders that name nothing, which has been reported.
fn unresolved(key: &Key) -> Vec<String> {
    let Key::Template(template) = key else { return Vec::new() };
    let unresolved = template.parts.iter().filter(|part| part.value.is_empty());
    unresolved.filter_map(|part| part.root.as_ref().map(ToString::to_string)).collect()
}

/// Whether a placeholder that names nothing was meant to name this parameter.
pub(crate) fn was_meant(name: &str, key: &Key, function: &Function) -> bool {
    let params: Vec<String> =
        function.params().filter_map(|param| param.name.map(ToString::to_string)).collect();
    unresolved(key)
        .iter()
        .any(|root| suggest(root, params.iter().map(String::as_str)).is_none_or(|meant| meant == name))
}

/// A parameter that is neither in the key nor skipped would make two calls share one entry.
fn parameters(args: &Args, meant: &[String], function: &Function, key: &Key, tags: &[Key], diag: &mut Diag) {
    let unresolved = unresolved(key);
    for param in function.params() {
        let Some(name) = param.name else {
            let text = param.pat.to_token_stream().to_string();
            let reported = unresolved.iter().any(|root| mentions(param.pat.to_token_stream(), root));
            if text != "_" && !reported {
                diag.error(
                    param.pat.span(),
                    "a parameter that is taken apart by a pattern cannot stand in the key; give it one name and take it apart in the body",
                );
            }
            continue;
        };
        let text = name.to_string();
        if key.uses(name)
            || args.skip.contains(name)
            || meant.contains(&text)
            || was_meant(&text, key, function)
        {
            continue;
        }
        match args.cache.as_ref().map(|cache| role(cache, &text)) {
            Some(Role::Holds) => continue,
            Some(Role::Chooses) => {
                let fix = match key {
                    Key::Template(_) => format!("add `<{name}>` to the key"),
                    Key::Expression(_) => "give it to the key function".to_owned(),
                };
                diag.error(
                    name.span(),
                    format!("`{name}` chooses the cache, but is not in the key: two of them with one cache would share one entry; {fix}, or, if each has a cache of its own, `skip({name})`"),
                );
                continue;
            }
            Some(Role::None) | None => {}
        }
        let is_in_tag = tags.iter().any(|tag| tag.uses(name));
        let fix = match key {
            Key::Template(_) if is_in_tag => {
                format!("add `<{name}>` to the key, since a tag has to follow from the key")
            }
            Key::Expression(_) if is_in_tag => {
                "give it to the key function, since a tag has to follow from the key".to_owned()
            }
            Key::Template(_) => format!("add `<{name}>` to the key, or `skip({name})`"),
            Key::Expression(_) => format!("give it to the key function, or add `skip({name})`"),
        };
        diag.error(
            name.span(),
            format!("`{name}` is not in the key: two calls that differ only in `{name}` would share one entry; {fix}"),
        );
    }
}

/// What a parameter is to the cache.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    None,
    /// It is the cache, or has it.
    Holds,
    /// Which cache it is follows from the parameter, and it may be the same one for two of them.
    Chooses,
}

fn role(cache: &Expr, name: &str) -> Role {
    let holder = match cache {
        Expr::Path(path) if path.path.is_ident(name) => return Role::Holds,
        Expr::Field(field) => Some(&field.base),
        Expr::MethodCall(call) => {
            // Given something, it may choose.
            if call.args.is_empty() { Some(&call.receiver) } else { None }
        }
        Expr::Index(index) if !uses_variable(index.index.to_token_stream(), name) => Some(&index.expr),
        Expr::Reference(reference) => Some(&reference.expr),
        Expr::Unary(unary) => Some(&unary.expr),
        Expr::Paren(paren) => Some(&paren.expr),
        Expr::Group(group) => Some(&group.expr),
        _ => None,
    };
    match holder {
        Some(holder) => role(holder, name),
        None if uses_variable(cache.to_token_stream(), name) => Role::Chooses,
        None => Role::None,
    }
}

/// The same of a generic that no argument and no result has as its type, or in it.
fn generics(args: &Args, meant: &[String], function: &Function, key: &Key, diag: &mut Diag) {
    for param in unknown_generics(function) {
        let Some(name) = generic_name(param) else { continue };
        let text = name.to_string();
        let was_meant = unresolved(key).contains(&text);
        if was_meant || key.names_generic(&text) || args.skip.contains(name) || meant.contains(&text) {
            continue;
        }
        let part = match (key, param) {
            (Key::Expression(_), _) => "give it to the key function".to_owned(),
            (Key::Template(_), GenericParam::Const(_)) => format!("add `<{name}>` to the key"),
            (Key::Template(_), _) => format!("add a constant of it to the key, as in `<{name}::KIND>`"),
        };
        diag.error(
            name.span(),
            format!("`{name}` is not in the key: two calls that differ only in `{name}` would share one entry; {part}, or `skip({name})`"),
        );
    }
}

/// The generics of a function, and of the trait that it is of, of which neither an argument nor the result tells what they
/// are.
pub(crate) fn unknown_generics(function: &Function) -> Vec<&GenericParam> {
    let all: Vec<&GenericParam> =
        function.sig.generics.params.iter().chain(&function.extra_generics.params).collect();
    if all.is_empty() {
        return Vec::new();
    }
    let clauses = [&function.sig.generics, &function.extra_generics].map(|generics| &generics.where_clause);
    let bounds = || {
        let clauses = clauses.iter().filter_map(|clause| clause.as_ref());
        let predicates = clauses.flat_map(|clause| &clause.predicates).map(ToTokens::to_token_stream);
        all.iter().map(ToTokens::to_token_stream).chain(predicates)
    };
    let (inputs, output) = (function.sig.inputs.to_token_stream(), function.sig.output.to_token_stream());
    let is_shown = |param: &&GenericParam| match generic_name(param).map(ToString::to_string) {
        Some(name) => {
            let in_output = matches!(param, GenericParam::Type(_)) && is_whole(output.clone(), &name);
            in_output || is_whole(inputs.clone(), &name)
        }
        None => true,
    };
    let mut known: Vec<String> = all
        .iter()
        .copied()
        .filter(|param| is_shown(param))
        .filter_map(|param| Some(generic_name(param)?.to_string()))
        .collect();
    // What a bound on one of them names follows from it.
    loop {
        let follows = |param: &&GenericParam| {
            let Some(name) = generic_name(param).map(ToString::to_string) else { return false };
            let is_known = |bound: &TokenStream| known.iter().any(|known| mentions(bound.clone(), known));
            !known.contains(&name) && bounds().any(|bound| mentions(bound.clone(), &name) && is_known(&bound))
        };
        let Some(name) = all.iter().copied().find(follows).and_then(generic_name) else { break };
        known.push(name.to_string());
    }
    all.into_iter()
        .filter(|param| generic_name(param).is_some_and(|name| !known.contains(&name.to_string())))
        .collect()
}

/// Whether the generic itself occurs in types, and not only something of it, as `T::Id`.
fn is_whole(types: TokenStream, name: &str) -> bool {
    let tokens: Vec<TokenTree> = types.into_iter().collect();
    let is_colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    tokens.iter().enumerate().any(|(index, token)| match token {
        TokenTree::Ident(ident) => ident == name && !(is_colon(index + 1) && is_colon(index + 2)),
        TokenTree::Group(group) => is_whole(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// What holds for the tags of `#[cached]`: they follow from the key, or calls that share an entry could have different
/// tags, and the invalidation of the one's would leave what the other stored.
pub(crate) fn tags(args: &Args, key: Option<&Key>, tags: &[Key], diag: &mut Diag) {
    for tag in tags {
        if let Some(skipped) =
            args.skip.iter().find(|skipped| tag.uses(skipped) || tag.names_generic(&skipped.to_string()))
        {
            diag.error(
                tag.span(),
                format!(
                    "`{skipped}` is skipped in the key, so two calls that share an entry could have different tags; add `<{skipped}>` to the key, or leave it out of the tag"
                ),
            );
        } else if let Some(part) = key.and_then(|key| beyond(key, tag)) {
            diag.error(
                tag.span(),
                format!(
                    "`{part}` stands in the tag but not in the key, so two calls that share an entry could have different tags; add it to the key, or leave it out of the tag"
                ),
            );
        }
    }
}

/// What of a tag does not follow from the key, though its parameter, or `self`, may stand there; that a parameter does
/// not is reported with the parameter.
fn beyond(key: &Key, tag: &Key) -> Option<String> {
    const SELF: &str = "self";
    let has_self = match key {
        Key::Template(key) => {
            key.parts.iter().any(|part| part.root.as_ref().is_some_and(|root| root == SELF))
        }
        Key::Expression(expr) => mentions(expr.to_token_stream(), SELF),
    };
    match (key, tag) {
        (_, Key::Expression(tag)) => {
            (!has_self && mentions(tag.to_token_stream(), SELF)).then(|| SELF.to_owned())
        }
        (Key::Expression(_), Key::Template(tag)) => {
            let own = |part: &&Part| part.root.as_ref().is_some_and(|root| root == SELF);
            tag.parts.iter().find(own).filter(|_| !has_self).map(|part| compact(&part.value))
        }
        (Key::Template(key), Key::Template(tag)) => {
            let in_key: Vec<String> = key.parts.iter().map(|part| compact(&part.value)).collect();
            let follows = |path: &str| {
                in_key.iter().any(|known| {
                    path.strip_prefix(known.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
            };
            let known_root = |root: &Ident| root == SELF || tag_root_in(key, root);
            tag.parts
                .iter()
                .filter(|part| part.root.as_ref().is_some_and(known_root))
                .map(|part| compact(&part.value))
                .find(|path| !path.is_empty() && !follows(path))
        }
    }
}

fn tag_root_in(key: &TemplateKey, root: &Ident) -> bool {
    key.parts.iter().any(|part| part.root.as_ref() == Some(root))
}

/// What holds for `#[invalidates]` and `#[updates]`.
pub(crate) fn write(
    attribute: &str,
    args: &Args,
    function: &Function,
    keys: &[Key],
    tags: &[Key],
    diag: &mut Diag,
) {
    looked_up(attribute, keys.iter().chain(tags), function, diag);
    let always = args.when.filter(|(_, when)| *when == When::Always);
    for key in keys.iter().chain(tags) {
        if always.is_some() && key.needs_result(function) {
            diag.error(
                key.span(),
                "with `when = \"always\"` there may be no result to take `ret` from; name parameters only, or use a second `#[invalidates]`",
            );
        }
    }
}

/// A template that another method caches is found among the methods of the type.
pub(crate) fn looked_up<'a>(
    attribute: &str,
    keys: impl Iterator<Item = &'a Key>,
    function: &Function,
    diag: &mut Diag,
) {
    for key in keys {
        if let Key::Template(template) = key
            && !function.is_associated()
        {
            let fix = if template.is_tag {
                "declare the tag by `#[cache_tag]`, and name it: `tags = [org_tag(org_id)]`".to_owned()
            } else {
                format!("name the key function: `#[{attribute}(get_key(id))]`")
            };
            diag.error(
                key.span(),
                format!(
                    "the template \"{}\" is looked up among the methods of a type, and `{}` has no `self`; {fix}",
                    template.template.text, function.sig.ident
                ),
            );
        }
    }
}

//! `#[caching]` on an impl block: what one attribute on one method cannot do. Shared defaults, a mandatory tenant,
//! methods of a trait's impl, and the checks between the templates of the block.

mod checks;

use std::cell::RefCell;
use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, GenericParam, Generics, ImplItem, ItemImpl, Type};

use crate::args::{Allowed, Args, CACHED, CACHING, INVALIDATES, KeyArg, UPDATES};
use crate::diag::Diag;
use crate::expand::{Expanded, siblings};
use crate::item::{Function, mentions, uses_variable};
use crate::key::{Key, compact};
use crate::method::{expand_cached, expand_write};
use crate::overlap;
use crate::part::Sources;
use crate::template::{Placeholder, PlaceholderPath, Template};
use checks::{check_skip, check_unseen, in_cfg_attr};
pub(crate) use checks::{check_tenant, check_type_parameters};

/// The argument by which an attribute is used for its name only.
pub(crate) const USED: &str = "__used";

/// What the block tells each of its methods.
#[derive(Default)]
pub(crate) struct Block {
    /// The templates that the block caches, for suggestions.
    pub(crate) known: Vec<String>,
    /// The key functions of the block's own methods.
    pub(crate) key_fns: BTreeSet<String>,
    /// The hidden functions that are there in every configuration.
    pub(crate) hidden: BTreeSet<String>,
    /// The same of tags.
    pub(crate) known_tags: Vec<String>,
    /// The hidden functions of tags that have been emitted: several methods may have one tag.
    pub(crate) emitted_tags: RefCell<BTreeSet<String>>,
    /// What every key must carry, as text without spaces.
    pub(crate) tenant: Option<String>,
    /// The generics of the impl, where the attribute can see it.
    pub(crate) generics: Option<Generics>,
}

/// An item of the block.
enum Item {
    Function(Box<Function>),
    Other(Box<ImplItem>),
}

/// `#[caching(…)]` on an impl block.
pub(crate) fn caching(tokens: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diag = Diag::default();
    let defaults = Args::parse(tokens, &CACHING, &mut diag);
    let Some((header, body)) = parse_impl(item, &mut diag) else {
        let errors = diag.into_tokens();
        return quote!(#item #errors);
    };
    let mut unread = Diag::default();
    let items = match Parser::parse2(|input: ParseStream<'_>| parse_items(input, &mut unread), body.stream())
    {
        Ok(items) => items,
        Err(error) => {
            diag.push(error);
            let errors = diag.into_tokens();
            return quote!(#item #errors);
        }
    };
    let cached = cached_methods(&items);
    let mut block = describe(&defaults, &header, &cached);
    check_templates(&cached, &defaults, &mut block, &mut diag);
    drop(cached);
    check_unseen(&items, &block, &mut diag);
    check_skip(&defaults, &items, &mut diag);
    check_blanket(&header, &mut diag);
    // Then the methods are emitted as they are, after a look for their own mistakes, so that nothing follows.
    let faulty = !diag.is_empty();
    diag.append(unread);

    let associated: Vec<String> = items.iter().filter_map(associated_name).collect();
    let uses = uses(&items);
    // Put together at the end: to add to a stream costs as much as is in it.
    let mut inside = Vec::new();
    let mut beside = Vec::new();
    for item in items {
        match item {
            Item::Other(item) => inside.push(item.into_token_stream()),
            Item::Function(mut function) => {
                if let Some((path, _)) = &header.trait_ {
                    in_trait(&mut function, &header, path, &associated);
                }
                let plain = faulty.then(|| without_ours(&mut function));
                let expanded = expand_all(*function, &defaults, &block, &mut diag);
                let Expanded { function, siblings } = match plain {
                    Some(function) => Expanded { function, siblings: TokenStream::new() },
                    None => expanded,
                };
                inside.push(function);
                if !siblings.is_empty() {
                    if header.trait_.is_some() { beside.push(siblings) } else { inside.push(siblings) }
                }
            }
        }
    }
    let mut group = Group::new(Delimiter::Brace, inside.into_iter().collect());
    group.set_span(body.span());
    let head = impl_head(&header);
    let separate = (!beside.is_empty()).then(|| inherent_impl(&header, &beside.into_iter().collect()));
    let errors = diag.into_tokens();
    quote!(#head #group #separate #uses #errors)
}

/// Uses of the attributes' names: the compiler sees none in the block, which this attribute has processed, and
/// would call their imports unused.
fn uses(items: &[Item]) -> TokenStream {
    let mut seen = Vec::new();
    items
        .iter()
        .filter_map(|item| if let Item::Function(function) = item { Some(function) } else { None })
        .flat_map(|function| &function.attrs)
        .filter(|attribute| ours(attribute).is_some())
        .filter_map(|attribute| {
            let path = attribute.path();
            let text = compact(&path.to_token_stream());
            let marker = Ident::new(USED, Span::call_site());
            (!seen.contains(&text)).then(|| {
                seen.push(text);
                quote!(#[#path(#marker)] const _: () = ();)
            })
        })
        .collect()
}

/// The impl without its items, and the items' braces.
fn parse_impl(item: &TokenStream, diag: &mut Diag) -> Option<(ItemImpl, Group)> {
    let mut tokens: Vec<TokenTree> = item.clone().into_iter().collect();
    let body = match tokens.pop() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => group,
        _ => Group::new(Delimiter::Brace, TokenStream::new()),
    };
    let head: TokenStream = tokens.into_iter().collect();
    match syn::parse2::<ItemImpl>(quote!(#head {})) {
        Ok(header) => Some((header, body)),
        Err(_) => {
            diag.error_at(item, "`#[caching]` goes on an impl block");
            None
        }
    }
}

/// The items; the bodies of functions stay as tokens. One that cannot be parsed is reported, and what of it is ours left
/// out, so that the others are as they would be without it.
fn parse_items(input: ParseStream<'_>, diag: &mut Diag) -> syn::Result<Vec<Item>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        let ahead = input.fork();
        match ahead.parse() {
            Ok(function) => {
                input.advance_to(&ahead);
                items.push(Item::Function(Box::new(function)));
            }
            Err(_) => {
                let ahead = input.fork();
                match ahead.parse() {
                    Ok(item) => {
                        input.advance_to(&ahead);
                        items.push(Item::Other(Box::new(item)));
                    }
                    Err(error) => {
                        diag.push(error);
                        items.push(Item::Other(Box::new(ImplItem::Verbatim(skip_item(input)?))));
                    }
                }
            }
        }
    }
    Ok(items)
}

/// The tokens up to where an item may end, without our attributes.
fn skip_item(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = Vec::new();
    while !input.is_empty() {
        if input.peek(syn::Token![#]) {
            let attributes = input.fork();
            if let Ok(attributes_here) = attributes.call(Attribute::parse_outer) {
                input.advance_to(&attributes);
                let kept = attributes_here.iter().filter(|attribute| ours(attribute).is_none());
                tokens.extend(kept.map(ToTokens::to_token_stream));
                continue;
            }
        }
        let token: TokenTree = input.parse()?;
        let is_end = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Ident(_) | TokenTree::Literal(_) => false,
        };
        tokens.push(token.into());
        if is_end {
            break;
        }
    }
    Ok(tokens.into_iter().collect())
}

fn associated_name(item: &Item) -> Option<String> {
    match item {
        Item::Other(item) => match &**item {
            ImplItem::Type(item) => Some(item.ident.to_string()),
            ImplItem::Const(item) => Some(item.ident.to_string()),
            _ => None,
        },
        Item::Function(_) => None,
    }
}

/// Which of our attributes this is.
fn ours(attribute: &Attribute) -> Option<&'static Allowed> {
    let last = attribute.path().segments.last()?.ident.to_string();
    [&CACHED, &INVALIDATES, &UPDATES].into_iter().find(|allowed| allowed.attribute == last)
}

fn arguments(attribute: &Attribute, allowed: &Allowed, diag: &mut Diag) -> Args {
    match &attribute.meta {
        syn::Meta::List(list) => Args::parse(list.tokens.clone(), allowed, diag),
        syn::Meta::Path(_) => Args::default(),
        syn::Meta::NameValue(meta) => {
            diag.error_at(meta, format!("write `#[{}(…)]`", allowed.attribute));
            Args::default()
        }
    }
}

/// The block's `#[cached]` methods, with the arguments. Mistakes in them are reported where the method is expanded.
fn cached_methods(items: &[Item]) -> Vec<(&Function, Args)> {
    let functions = items.iter().filter_map(|item| match item {
        Item::Function(function) => Some(&**function),
        Item::Other(_) => None,
    });
    functions
        .filter_map(|function| {
            let is_cached = |ours: &Allowed| ours.attribute == CACHED.attribute;
            let attribute = function.attrs.iter().find(|attribute| ours(attribute).is_some_and(is_cached))?;
            Some((function, arguments(attribute, &CACHED, &mut Diag::default())))
        })
        .collect()
}

fn describe(defaults: &Args, header: &ItemImpl, cached: &[(&Function, Args)]) -> Block {
    let text = |arg: &KeyArg| match arg {
        KeyArg::Template(text) => Some(text.value()),
        KeyArg::Expression(_) => None,
    };
    let known = templates(cached).map(|(_, _, text)| text.value()).collect();
    let mut known_tags: Vec<String> =
        cached.iter().flat_map(|(_, args)| &args.tags).filter_map(text).collect();
    known_tags.sort_unstable();
    known_tags.dedup();
    let key_fns = templates(cached)
        .map(|(function, args, _)| siblings::key_fn_name(function, args).to_string())
        .collect();
    let tenant = defaults.tenant.as_ref().map(|tenant| compact(&tenant.to_token_stream()));
    Block { known, known_tags, key_fns, tenant, generics: Some(header.generics.clone()), ..Block::default() }
}

/// The methods that have a template of their own.
fn templates<'a>(
    cached: &'a [(&Function, Args)],
) -> impl Iterator<Item = (&'a Function, &'a Args, &'a syn::LitStr)> {
    cached.iter().filter_map(|(function, args)| match args.keys.last()? {
        // A batch has the template of another method.
        KeyArg::Template(text) if args.each.is_none() => Some((*function, args, text)),
        _ => None,
    })
}

/// Two templates of one cache that can give the same key would serve one method's value to the other.
fn check_templates(cached: &[(&Function, Args)], defaults: &Args, block: &mut Block, diag: &mut Diag) {
    let resolved: Vec<_> = templates(cached)
        .filter_map(|(function, args, text)| {
            let mut silent = Diag::default();
            let key = KeyArg::Template(text.clone());
            let Key::Template(key) = Key::resolve(key, function, Sources::Arguments, &mut silent)? else {
                return None;
            };
            let cache = args.cache.as_ref().or(defaults.cache.as_ref());
            let name = key.hidden_name(cache, Span::call_site()).to_string();
            let is_conditional = function.cfgs().next().is_some();
            if silent.is_empty() && !is_conditional {
                block.hidden.insert(name.clone());
            }
            Some((&function.sig.ident, crate::key::cache_text(cache), name, key, is_conditional))
        })
        .collect();
    for (index, (method, cache, name, key, is_conditional)) in resolved.iter().enumerate() {
        for (other_method, other_cache, other_name, other, is_other_conditional) in &resolved[..index] {
            // The two forms of one method, of which a program has one.
            let are_forms = *is_conditional && *is_other_conditional && method == other_method;
            if cache != other_cache || are_forms {
                continue;
            }
            let message = if name == other_name {
                format!(
                    "`{other_method}` caches the template \"{}\" already, and `{method}` would share its entries; give one of them another literal",
                    other.template.text
                )
            } else if overlap::possible(key, other) {
                format!(
                    "a key of \"{}\" can be a key of \"{}\" too, and `{method}` and `{other_method}` would share an entry; give one of them another literal",
                    key.template.text, other.template.text
                )
            } else {
                continue;
            };
            diag.error(key.literal.span(), message);
        }
    }
    // The names are known; what is still missing is left out of suggestions.
    block.known.dedup();
}

/// Expands our attributes on a function, from the outermost in.
fn expand_all(mut function: Function, defaults: &Args, block: &Block, diag: &mut Diag) -> Expanded {
    let mut siblings = TokenStream::new();
    while let Some(index) = function.attrs.iter().position(|attribute| ours(attribute).is_some()) {
        let attribute = function.attrs.remove(index);
        let Some(allowed) = ours(&attribute) else { break };
        let mut own = Diag::default();
        let mut args = arguments(&attribute, allowed, &mut own);
        with_defaults(&mut args, defaults, allowed, &function);
        let site = attribute.pound_token.span;
        let expanded = if allowed.attribute == CACHED.attribute {
            expand_cached(&args, &function, block, site, &mut own)
        } else {
            expand_write(allowed, &args, &function, block, site, &mut own)
        };
        let failed = !own.is_empty();
        diag.append(own);
        let Some(expanded) = expanded else { continue };
        siblings.extend(expanded.siblings);
        if failed {
            continue;
        }
        if !function.attrs.iter().any(|attribute| ours(attribute).is_some()) {
            return Expanded { function: expanded.function, siblings };
        }
        match syn::parse2::<Function>(expanded.function.clone()) {
            Ok(next) => {
                function = Function {
                    extra_generics: function.extra_generics,
                    sibling_vis: function.sibling_vis,
                    siblings_of: function.siblings_of,
                    ..next
                }
            }
            Err(_) => return Expanded { function: expanded.function, siblings },
        }
    }
    Expanded { function: function.original(), siblings }
}

fn with_defaults(args: &mut Args, defaults: &Args, allowed: &Allowed, function: &Function) {
    let takes = |name: &str| allowed.named.contains(&name);
    let has_template = matches!(args.keys.first(), Some(KeyArg::Template(_)));
    args.cache = args.cache.take().or_else(|| defaults.cache.clone());
    args.krate = args.krate.take().or_else(|| defaults.krate.clone());
    if allowed.attribute == CACHED.attribute && has_template {
        if args.ttl_from.is_none() {
            args.ttl = args.ttl.take().or_else(|| defaults.ttl.clone());
        }
        let may_be_none = mentions(function.sig.output.to_token_stream(), "Option") || args.value.is_some();
        if may_be_none {
            args.none_ttl = args.none_ttl.take().or_else(|| defaults.none_ttl.clone());
        }
    }
    if takes("skip") {
        let in_template = |name: &Ident| match args.keys.first() {
            Some(KeyArg::Template(text)) => Template::parse(&text.value()).is_ok_and(|template| {
                let root = |placeholder: &Placeholder| match &placeholder.path {
                    PlaceholderPath::Fields { root, .. } => name == root.as_str(),
                    PlaceholderPath::Constant(segments) => {
                        segments.first().is_some_and(|first| name == first)
                    }
                };
                template.placeholders().any(root)
            }),
            Some(KeyArg::Expression(expr)) => uses_variable(expr.to_token_stream(), &name.to_string()),
            None => false,
        };
        let meant: Vec<Ident> = defaults
            .skip
            .iter()
            .filter(|name| function.skippable().any(|param| *name == &param))
            .filter(|name| !in_template(name))
            .cloned()
            .collect();
        args.skip.extend(meant);
    }
}

/// Prepares a method of a trait's impl: what is emitted beside it stands in an inherent impl, where the trait's
/// own generics and associated items have no name of their own.
fn in_trait(function: &mut Function, header: &ItemImpl, path: &syn::Path, associated: &[String]) {
    let of_self = header.self_ty.to_token_stream();
    let moved = header.generics.params.iter().filter(|param| match param {
        GenericParam::Type(param) => !mentions(of_self.clone(), &param.ident.to_string()),
        GenericParam::Const(param) => !mentions(of_self.clone(), &param.ident.to_string()),
        GenericParam::Lifetime(param) => !mentions(of_self.clone(), &param.lifetime.ident.to_string()),
    });
    function.extra_generics.params = moved.cloned().collect();
    function.extra_generics.where_clause.clone_from(&header.generics.where_clause);
    let at = Span::call_site().located_at(function.sig.ident.span());
    function.sibling_vis = Some(syn::parse_quote_spanned!(at=> pub(crate)));
    function.siblings_of = Some((path.clone(), associated.to_vec()));
}

/// `impl<…> Trait for Type where …`, without its braces.
fn impl_head(header: &ItemImpl) -> TokenStream {
    let mut tokens: Vec<TokenTree> = header.to_token_stream().into_iter().collect();
    tokens.pop();
    tokens.into_iter().collect()
}

/// A blanket impl has no type of its own.
fn check_blanket(header: &ItemImpl, diag: &mut Diag) {
    if let Type::Path(path) = &*header.self_ty
        && header.generics.type_params().any(|param| path.path.is_ident(&param.ident))
    {
        diag.error_at(
            path,
            "a blanket impl has no type to put key functions on; declare the keys with `#[cache_key]`, name them, as in `#[cached(project_key(id))]`, and leave out `#[caching]`",
        );
    }
}

/// The function as its author wrote it, without our attributes.
fn without_ours(function: &mut Function) -> TokenStream {
    let all = std::mem::take(&mut function.attrs);
    let is_plain = |attribute: &&Attribute| ours(attribute).is_none() && in_cfg_attr(attribute).is_none();
    function.attrs = all.iter().filter(is_plain).cloned().collect();
    let plain = function.original();
    function.attrs = all;
    plain
}

fn inherent_impl(header: &ItemImpl, siblings: &TokenStream) -> TokenStream {
    let (self_ty, attrs) = (&*header.self_ty, header.attrs.iter().filter(|attr| attr.path().is_ident("cfg")));
    let of_self = self_ty.to_token_stream();
    let generics = crate::expand::siblings::used_generics(&header.generics, || of_self);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #(#attrs)*
        impl #impl_generics #self_ty #where_clause {
            #siblings
        }
    }
}

//! The annotated function: its signature is parsed, its body stays as the author's tokens.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, Generics, Pat, Path, PathArguments, Receiver,
    ReceiverKind, ReturnType, Signature, Type, Visibility,
};

/// A function with its body.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<syn::Token![default]>,
    pub(crate) sig: Signature,
    /// The body's braces and tokens; inside `Box::pin(async move { … })` where `#[async_trait]` has been.
    pub(crate) body: Group,
    /// The output of the future that the function returns.
    pub(crate) output: Output,
    /// Generics of the trait's impl that its type does not have: siblings carry them themselves.
    pub(crate) extra_generics: Generics,
    /// The visibility of the key function, where it is not that of the method.
    pub(crate) sibling_vis: Option<Visibility>,
    /// The trait and its associated types and constants: siblings stand outside its impl.
    pub(crate) siblings_of: Option<(Path, Vec<String>)>,
}

/// What awaiting the function gives, and how the function is asynchronous.
#[derive(Clone)]
pub(crate) enum Output {
    /// `async fn … -> R`
    Async(Type),
    /// `fn … -> Pin<Box<dyn Future<Output = R>>>`, as `#[async_trait]` writes it.
    Boxed(Type),
    /// Not asynchronous.
    Sync,
}

/// A parameter that is not a receiver.
pub(crate) struct Param<'a> {
    /// `None` for a pattern such as `(a, b)` or `_`.
    pub(crate) name: Option<&'a Ident>,
    pub(crate) pat: &'a Pat,
    pub(crate) ty: &'a Type,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let defaultness = if input.peek(syn::Token![default]) { Some(input.parse()?) } else { None };
        let sig: Signature = input.parse()?;
        let body = match input.parse::<TokenTree>() {
            Ok(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => group,
            _ => return Err(syn::Error::new_spanned(sig, "the function has no body to cache")),
        };
        Ok(Self::new(attrs, vis, defaultness, sig, body))
    }
}

impl Function {
    pub(crate) fn new(
        attrs: Vec<Attribute>,
        vis: Visibility,
        defaultness: Option<syn::Token![default]>,
        sig: Signature,
        body: Group,
    ) -> Self {
        let (extra_generics, sibling_vis, siblings_of) = (Generics::default(), None, None);
        let unit = || {
            Type::Tuple(syn::TypeTuple {
                attrs: Vec::new(),
                paren_token: syn::token::Paren::default(),
                elems: syn::punctuated::Punctuated::new(),
            })
        };
        if sig.asyncness.is_some() {
            let output = match &sig.output {
                ReturnType::Type(_, ty) => (**ty).clone(),
                ReturnType::Default => unit(),
            };
            return Self {
                attrs,
                vis,
                defaultness,
                sig,
                body,
                output: Output::Async(output),
                extra_generics,
                sibling_vis,
                siblings_of,
            };
        }
        if let (Some(output), Some(inner)) = (boxed_output(&sig.output), boxed_body(&body)) {
            return Self {
                attrs,
                vis,
                defaultness,
                sig,
                body: inner,
                output: Output::Boxed(output),
                extra_generics,
                sibling_vis,
                siblings_of,
            };
        }
        Self {
            attrs,
            vis,
            defaultness,
            sig,
            body,
            output: Output::Sync,
            extra_generics,
            sibling_vis,
            siblings_of,
        }
    }

    /// The function with `body` in the place of its own.
    pub(crate) fn with_body(&self, body: TokenStream) -> TokenStream {
        let body = match self.output {
            Output::Boxed(_) => quote!(::std::boxed::Box::pin(async move { #body })),
            Output::Async(_) | Output::Sync => body,
        };
        let mut body = Group::new(Delimiter::Brace, body);
        if let Output::Async(ty) = &self.output {
            body.set_span(Span::call_site().located_at(start(ty)));
        }
        self.with_braces(&body)
    }

    fn with_braces(&self, body: &Group) -> TokenStream {
        let Self { attrs, vis, defaultness, sig, .. } = self;
        quote!(#(#attrs)* #vis #defaultness #sig #body)
    }

    /// The function as its author wrote it.
    pub(crate) fn original(&self) -> TokenStream {
        match self.output {
            Output::Boxed(_) => self.with_body(self.body.stream()),
            Output::Async(_) | Output::Sync => self.with_braces(&self.body),
        }
    }

    /// The author's block, untouched, after `first`. In new braces the compiler would not know an error of syntax
    /// in it for the one that it has reported already; and outside of a `match` it would call the braces of a body
    /// on one line unnecessary.
    pub(crate) fn body_after(&self, first: TokenStream) -> Group {
        let body = &self.body;
        let mut tokens = first;
        tokens.extend(quote!(match () { () => #body }));
        let mut group = Group::new(Delimiter::Brace, tokens);
        // rustc loses its `dead_code` lint of the whole impl if the braces come from the macro.
        group.set_span(self.body.span());
        group
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.sig.receiver()
    }

    /// Whether it takes `&self`, or `&'a self`.
    pub(crate) fn takes_shared_self(&self) -> bool {
        self.receiver().is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Reference(_, _, None)))
    }

    pub(crate) fn params(&self) -> impl Iterator<Item = Param<'_>> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(typed) => {
                let name = match &*typed.pat {
                    Pat::Ident(pat) if pat.subpat.is_none() => Some(&pat.ident),
                    _ => None,
                };
                Some(Param { name, pat: &typed.pat, ty: &typed.ty })
            }
        })
    }

    /// The names of its type parameters and constant ones.
    pub(crate) fn generic_names(&self) -> impl Iterator<Item = &Ident> {
        self.sig.generics.params.iter().chain(&self.extra_generics.params).filter_map(generic_name)
    }

    /// The names of all that two calls may differ in, generics included.
    pub(crate) fn skippable(&self) -> impl Iterator<Item = String> {
        let params = self.params().filter_map(|param| param.name);
        params.chain(self.generic_names()).map(ToString::to_string)
    }

    /// The generics that a sibling may need.
    pub(crate) fn sibling_generics(&self) -> Generics {
        let mut generics = self.sig.generics.clone();
        // Lifetimes come first.
        let (lifetimes, others): (Vec<_>, Vec<_>) = self
            .extra_generics
            .params
            .iter()
            .chain(&self.sig.generics.params)
            .cloned()
            .partition(|param| matches!(param, syn::GenericParam::Lifetime(_)));
        generics.params = lifetimes.into_iter().chain(others).collect();
        if let Some(clause) = &self.extra_generics.where_clause {
            generics.make_where_clause().predicates.extend(clause.predicates.iter().cloned());
        }
        generics
    }

    /// A type of the signature as a sibling may write it: `Self::X` of a trait is `<Self as Trait>::X`.
    pub(crate) const fn for_sibling<'a>(&'a self, ty: &'a Type) -> OfSibling<'a> {
        OfSibling(self, ty)
    }

    /// Whether the signature mentions `Self`, which only a function of an impl or a trait may.
    pub(crate) fn is_associated(&self) -> bool {
        self.receiver().is_some() || mentions(self.sig.to_token_stream(), "Self")
    }

    /// What the author allows in the function: it is allowed in what is emitted beside it, too.
    pub(crate) fn allows(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("allow"))
    }

    /// The `#[cfg]`s that hold for the function: they hold for what is emitted beside it, too.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }

    pub(crate) fn self_span(&self) -> Span {
        self.receiver().map_or_else(Span::call_site, |receiver| receiver.self_token.span())
    }
}

/// A type as a sibling may write it. Not a `TokenStream`: see [`Runtime`](crate::expand::Runtime).
#[derive(Clone, Copy)]
pub(crate) struct OfSibling<'a>(&'a Function, &'a Type);

impl ToTokens for OfSibling<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self(function, ty) = self;
        match &function.siblings_of {
            Some((path, associated)) if !associated.is_empty() => {
                tokens.extend(qualify(ty.to_token_stream(), path, associated));
            }
            _ => ty.to_tokens(tokens),
        }
    }
}

fn qualify(tokens: TokenStream, path: &Path, associated: &[String]) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out = TokenStream::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        match (token, tokens.get(index + 1), tokens.get(index + 2), tokens.get(index + 3)) {
            (
                TokenTree::Ident(this),
                Some(TokenTree::Punct(first)),
                Some(TokenTree::Punct(second)),
                Some(TokenTree::Ident(name)),
            ) if this == "Self"
                && first.as_char() == ':'
                && second.as_char() == ':'
                && associated.contains(&name.to_string()) =>
            {
                out.extend(quote!(<#this as #path>::#name));
                index += 4;
                continue;
            }
            (TokenTree::Group(group), ..) => {
                let mut inner = Group::new(group.delimiter(), qualify(group.stream(), path, associated));
                inner.set_span(group.span());
                out.extend([TokenTree::Group(inner)]);
            }
            (other, ..) => out.extend([other.clone()]),
        }
        index += 1;
    }
    out
}

/// Where a type begins. On a stable compiler that is all that `Spanned::span` tells, which writes out all of the type.
pub(crate) fn start(ty: &Type) -> Span {
    match ty {
        Type::Path(path) => match (&path.qself, path.path.leading_colon, path.path.segments.first()) {
            (None, None, Some(first)) => first.ident.span(),
            _ => ty.span(),
        },
        Type::Reference(reference) => reference.and_token.span,
        _ => ty.span(),
    }
}

/// The name of a generic that is no lifetime.
pub(crate) const fn generic_name(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

/// Whether `word` occurs in the tokens as an identifier.
pub(crate) fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether the name occurs in the tokens as a path, or as the first segment of one.
pub(crate) fn names_path(tokens: TokenStream, name: &str) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let follows_on = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        matches!(before, Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), ':' | '.'))
    };
    tokens.iter().enumerate().any(|(index, token)| match token {
        TokenTree::Ident(ident) => ident == name && !follows_on(index),
        TokenTree::Group(group) => names_path(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether the variable of that name occurs in the tokens: not as the field of something.
pub(crate) fn uses_variable(tokens: TokenStream, name: &str) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_dot = |at: Option<usize>| {
        let token = at.and_then(|at| tokens.get(at));
        matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
    };
    tokens.iter().enumerate().any(|(index, token)| match token {
        // After two dots it is the end of a range.
        TokenTree::Ident(ident) => {
            ident == name && (!is_dot(index.checked_sub(1)) || is_dot(index.checked_sub(2)))
        }
        TokenTree::Group(group) => uses_variable(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// `R` of `Pin<Box<dyn Future<Output = R> + …>>`.
fn boxed_output(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = output else { return None };
    let pinned = only_argument(ty, "Pin")?;
    let boxed = only_argument(pinned, "Box")?;
    let Type::TraitObject(object) = boxed else { return None };
    object.bounds.iter().find_map(|bound| {
        let syn::TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last().filter(|segment| segment.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
            _ => None,
        })
    })
}

/// `T` of a path that ends in `name<T>` or `name<T, …>`.
pub(crate) fn only_argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ungroup(ty) else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The type inside the invisible groups that macro variables leave.
pub(crate) fn ungroup(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungroup(&group.elem),
        Type::Paren(paren) => ungroup(&paren.elem),
        other => other,
    }
}

/// The `{ … }` of `{ Box::pin(async move { … }) }`.
fn boxed_body(body: &Group) -> Option<Group> {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let [path @ .., TokenTree::Ident(pin), TokenTree::Group(call)] = tokens.as_slice() else { return None };
    // Nothing but the path: what stands before it would be lost.
    let is_path = path.iter().all(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == ':',
        TokenTree::Ident(ident) => ["std", "alloc", "boxed", "Box"].iter().any(|name| ident == name),
        TokenTree::Group(_) | TokenTree::Literal(_) => false,
    });
    if !is_path || pin != "pin" || call.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    let inner: Vec<TokenTree> = call.stream().into_iter().collect();
    match inner.as_slice() {
        [TokenTree::Ident(first), TokenTree::Ident(second), TokenTree::Group(block)]
            if first == "async" && second == "move" && block.delimiter() == Delimiter::Brace =>
        {
            Some(block.clone())
        }
        _ => None,
    }
}

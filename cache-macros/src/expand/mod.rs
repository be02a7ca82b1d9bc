//! Checked attributes become code. Nothing here can fail, and logic lives in the runtime.

pub(crate) mod batch;
pub(crate) mod cached;
pub(crate) mod declare;
pub(crate) mod refresh;
pub(crate) mod siblings;
pub(crate) mod tags;
pub(crate) mod write;

use proc_macro2::{Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Path};

use crate::item::{Function, mentions, start};

/// A processed function, and what is emitted beside it.
pub(crate) struct Expanded {
    pub(crate) function: TokenStream,
    pub(crate) siblings: TokenStream,
}

/// The path of the runtime's private module, or of something in it. As single tokens: to write a `TokenStream` into
/// another costs a way to the compiler and back, and this is written dozens of times.
#[derive(Clone)]
pub(crate) struct Runtime(Vec<TokenTree>);

impl Runtime {
    pub(crate) fn new(krate: Option<&Path>) -> Self {
        let (path, names): (_, &[_]) = match krate {
            Some(path) => (path.to_token_stream().into_iter().collect(), &["__private"]),
            None => (Vec::new(), &["cache_runtime", "__private"]),
        };
        Self(path).path(names, Span::call_site())
    }

    /// The path of what is below it.
    pub(crate) fn path(mut self, names: &[&str], span: Span) -> Self {
        for name in names {
            for spacing in [Spacing::Joint, Spacing::Alone] {
                let mut colon = Punct::new(':', spacing);
                colon.set_span(span);
                self.0.push(colon.into());
            }
            self.0.push(Ident::new(name, span).into());
        }
        self
    }

    /// The same, all of it at `span`, so that an error about the path underlines just that.
    pub(crate) fn at(&self, span: Span) -> Self {
        let mut tokens = self.0.clone();
        for token in &mut tokens {
            token.set_span(span);
        }
        Self(tokens)
    }
}

impl ToTokens for Runtime {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.0.iter().cloned());
    }
}

/// A static call site of `function`, as a block that gives a reference to it.
fn call_site(private: &Runtime, kind: &str, templates: &TokenStream, function: &Ident) -> TokenStream {
    let name = function.to_string();
    let kind = Ident::new(kind, Span::mixed_site());
    quote!(#private::site!(#kind #name, #templates))
}

/// A reference to the cache. The handle is cloned where the author's body could move or borrow what it is in.
fn cache_handle(private: &Runtime, cache: Option<&Expr>, function: &Function) -> TokenStream {
    let at = Span::call_site().located_at(handle_span(cache, function));
    let shared = function.takes_shared_self();
    let this = Ident::new("self", function.self_span());
    let cache = match cache {
        Some(cache) => quote!(#cache),
        None if shared => return quote_spanned!(at=> &#this.cache),
        None => quote_spanned!(at=> #this.cache),
    };
    let of_parameter = function
        .params()
        .any(|param| param.name.is_some_and(|name| mentions(cache.clone(), &name.to_string())));
    if of_parameter || (function.receiver().is_some() && !shared) {
        let private = private.at(at);
        quote_spanned!(at=> &#private::own(&#cache))
    } else {
        quote_spanned!(at=> &#cache)
    }
}

/// Where the cache is named: at `self`, for a type without the field or with another one of that name.
fn handle_span(cache: Option<&Expr>, function: &Function) -> Span {
    cache.map_or_else(|| function.self_span(), Spanned::span)
}

/// The author's statements as a pinned future.
fn pinned_body(private: &Runtime, function: &Function, whole: &syn::Type) -> TokenStream {
    let body = typed_body(private, function, whole);
    quote!(::core::pin::pin!(async move #body))
}

/// The author's statements as the block of a future. The dead edge gives the compiler the type that they return, so that
/// a type error in them reads as in a plain `async fn`.
fn typed_body(private: &Runtime, function: &Function, whole: &syn::Type) -> Group {
    // At the return type, which is where an error of types then says that its type comes from.
    let span = Span::call_site().located_at(start(whole));
    let private = private.at(span);
    function.body_after(quote_spanned! {span=>
        if false {
            return #private::typed::<#whole>();
        }
    })
}

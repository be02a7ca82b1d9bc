//! Checked attributes become code. Nothing here can fail, and logic lives in the runtime.

pub(crate) mod cached;
pub(crate) mod declare;
pub(crate) mod refresh;
pub(crate) mod siblings;
pub(crate) mod write;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Path};

use crate::diag::located;
use crate::item::{Function, mentions};

/// A processed function, and what is emitted beside it.
pub(crate) struct Expanded {
    pub(crate) function: TokenStream,
    pub(crate) siblings: TokenStream,
}

/// The path of the runtime's private module.
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    match krate {
        Some(path) => quote!(#path::__private),
        None => quote!(::cache_runtime::__private),
    }
}

/// A static call site of `function`, as a block that gives a reference to it.
fn call_site(private: &TokenStream, kind: &str, templates: &TokenStream, function: &Ident) -> TokenStream {
    let name = function.to_string();
    let kind = Ident::new(kind, Span::mixed_site());
    quote!({
        static SITE: #private::CallSite = #private::CallSite::#kind(
            &[#templates],
            ::core::concat!(::core::module_path!(), "::", #name),
            ::core::file!(),
            ::core::line!(),
        );
        #private::register!(SITE);
        &SITE
    })
}

/// A reference to the cache. The handle is cloned where the author's body could move or borrow what it is in.
fn cache_handle(private: &TokenStream, cache: Option<&Expr>, function: &Function) -> TokenStream {
    let default;
    let cache = match cache {
        Some(cache) => quote!(#cache),
        None => {
            let this = Ident::new("self", function.self_span());
            default = quote!(#this.cache);
            default
        }
    };
    let shared = function
        .receiver()
        .is_some_and(|receiver| matches!(receiver.kind, syn::ReceiverKind::Reference(_, _, None)));
    let of_parameter = function
        .params()
        .any(|param| param.name.is_some_and(|name| mentions(cache.clone(), &name.to_string())));
    if of_parameter || (function.receiver().is_some() && !shared) {
        quote!(&#private::own(&#cache))
    } else {
        quote!(&#cache)
    }
}

/// The author's statements as a pinned future.
fn pinned_body(private: &TokenStream, function: &Function, whole: &syn::Type) -> TokenStream {
    let body = body_future(private, function, whole);
    quote!(::core::pin::pin!(#body))
}

/// The author's statements as a future. The dead edge gives the compiler the type that they return, so that a type
/// error in them reads as in a plain `async fn`.
fn body_future(private: &TokenStream, function: &Function, whole: &syn::Type) -> TokenStream {
    // At the return type, which is where an error of types then says that its type comes from.
    let span = Span::call_site().located_at(whole.span());
    let private = located(private, span);
    let body = function.body_after(quote_spanned! {span=>
        if false {
            return #private::typed::<#whole>();
        }
    });
    quote!(async move #body)
}

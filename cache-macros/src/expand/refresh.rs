//! `stale_while_revalidate`: the body in a function of its own, which the call and the refresh await.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, GenericParam, Signature, Type};

use super::Runtime;
use crate::item::Function;
use crate::refresh::{Given, given};

/// The function with the body, and how to call it.
pub(crate) struct Loader<'a> {
    function: &'a Function,
    name: Ident,
    whole: &'a Type,
    params: Vec<(Ident, &'a Type)>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(function: &'a Function, whole: &'a Type) -> Self {
        let method = &function.sig.ident;
        let text = method.to_string();
        let name = format_ident!("__load_{}", text.strip_prefix("r#").unwrap_or(&text), span = method.span());
        let params = function.params().enumerate().map(|(index, param)| {
            let unnamed = || format_ident!("unnamed_{index}", span = Span::mixed_site());
            (param.name.cloned().unwrap_or_else(unnamed), param.ty)
        });
        Self { function, name, whole, params: params.collect() }
    }

    /// The author's function as one whose body only hands its parameters on.
    pub(crate) fn caller(&self) -> Function {
        let mut function = self.function.clone();
        let mut names = self.params.iter().map(|(name, _)| name);
        for input in &mut function.sig.inputs {
            match input {
                FnArg::Receiver(receiver) => unmut(receiver),
                FnArg::Typed(typed) => {
                    if let Some(name) = names.next() {
                        *typed.pat = syn::parse_quote!(#name);
                    }
                }
            }
        }
        function
    }

    /// The function with the body.
    pub(crate) fn sibling(&self, private: &Runtime) -> TokenStream {
        let Self { function, name, whole, .. } = self;
        let sig = Signature { ident: name.clone(), ..function.sig.clone() };
        let span = Span::call_site().located_at(whole.span());
        let private = private.at(span);
        // A parameter that only the key names is used.
        let used = function.params().filter_map(|param| param.name);
        let body = function.body_after(quote_spanned! {span=>
            if false {
                let _ = (#(&#used,)*);
                return #private::typed::<#whole>();
            }
        });
        let levels = ["cfg", "allow", "expect", "warn", "deny", "forbid"];
        let attrs =
            function.attrs.iter().filter(|attr| levels.iter().any(|level| attr.path().is_ident(level)));
        quote!(#(#attrs)* #[doc(hidden)] #sig #body)
    }

    /// The future of the call's own load.
    pub(crate) fn call(&self) -> TokenStream {
        let this = self.this().map(|this| quote!(#this,));
        let names = self.params.iter().map(|(name, _)| name);
        self.path(&quote!(#this #(#names),*))
    }

    /// Statements that make what a refresh owns.
    pub(crate) fn owned(&self, private: &Runtime) -> TokenStream {
        let this = self.this().map(|this| {
            let owned = owned_self();
            let of = if self.is_shared() { quote!(#this) } else { quote!(&#this) };
            quote!(let #owned = #private::for_refresh(#of);)
        });
        let params = self.params.iter().enumerate().map(|(index, (name, ty))| {
            let owned = owned_name(index);
            let span = Span::call_site().located_at(ty.span());
            let private = private.at(span);
            match given(ty) {
                Given::Borrowed => quote_spanned!(span=> let #owned = #private::owned_for_refresh(#name);),
                Given::Owned => quote_spanned!(span=> let #owned = #private::for_refresh(&#name);),
            }
        });
        quote!(#this #(#params)*)
    }

    /// The future of a refresh, from what it owns.
    pub(crate) fn call_owned(&self) -> TokenStream {
        let this = self.this().map(|_| {
            let owned = owned_self();
            if self.is_shared() { quote!(&#owned,) } else { quote!(#owned,) }
        });
        let params = self.params.iter().enumerate().map(|(index, (_, ty))| {
            let owned = owned_name(index);
            match given(ty) {
                Given::Borrowed => quote!(::core::borrow::Borrow::borrow(&#owned)),
                Given::Owned => quote!(#owned),
            }
        });
        let call = self.path(&quote!(#this #(#params),*));
        quote!(async move { #call.await })
    }

    fn path(&self, arguments: &TokenStream) -> TokenStream {
        let name = &self.name;
        let generics: Vec<TokenStream> = self
            .function
            .sig
            .generics
            .params
            .iter()
            .filter_map(|param| match param {
                GenericParam::Type(param) => Some(param.ident.to_token_stream()),
                GenericParam::Const(param) => Some(param.ident.to_token_stream()),
                GenericParam::Lifetime(_) => None,
            })
            .collect();
        let turbofish = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
        let of = self.function.is_associated().then(|| quote!(Self::));
        quote!(#of #name #turbofish (#arguments))
    }

    fn this(&self) -> Option<Ident> {
        self.function.receiver().map(|_| Ident::new("self", self.function.self_span()))
    }

    /// Whether the receiver is `&self`, or `self: &…`.
    fn is_shared(&self) -> bool {
        self.function.receiver().is_some_and(crate::refresh::is_reference)
    }
}

fn owned_self() -> Ident {
    Ident::new("owned_self", Span::mixed_site())
}

fn owned_name(index: usize) -> Ident {
    format_ident!("owned_{index}", span = Span::mixed_site())
}

/// `mut self` is for the body.
fn unmut(receiver: &mut syn::Receiver) {
    receiver.mutability = None;
}

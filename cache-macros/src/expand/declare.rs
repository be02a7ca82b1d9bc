//! `#[cache_key]`: a function without a body becomes the function that renders the key.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, ReturnType, Signature, Visibility};

use super::cached::{bounded, template};
use crate::args::Args;
use crate::expand::Runtime;
use crate::key::TemplateKey;

/// A declared key that passed every check.
pub(crate) struct Declared<'a> {
    pub(crate) private: Runtime,
    pub(crate) args: &'a Args,
    pub(crate) attrs: &'a [Attribute],
    pub(crate) vis: &'a Visibility,
    pub(crate) sig: &'a Signature,
    pub(crate) key: TemplateKey,
}

pub(crate) fn expand(declared: &Declared<'_>) -> TokenStream {
    let Declared { private, args, attrs, vis, sig, key } = declared;
    let value = match &sig.output {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => syn::parse_quote!(()),
    };
    let template = template(private, args, key, &value);
    let site = super::call_site(private, "declares", &template, &sig.ident);
    let rendered = key.render(private, &quote!(#site.key()));
    let mut sig = (*sig).clone();
    sig.output = syn::parse_quote!(-> #private::Key<#value>);
    let bounded = bounded(private, key);
    quote! {
        #(#attrs)*
        #[must_use]
        #[allow(clippy::needless_pass_by_value, clippy::trivially_copy_pass_by_ref, clippy::allow_attributes, clippy::allow_attributes_without_reason)]
        #vis #sig {
            #bounded
            #rendered.typed()
        }
    }
}

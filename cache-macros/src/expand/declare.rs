//! `#[cache_key]` and `#[cache_tag]`: a function without a body becomes the function that renders the key or tag.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, ReturnType, Signature, Visibility};

use super::cached::{bounded, bounded_by_types, template};
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
    let Declared { private, args, sig, key, .. } = declared;
    let value = match &sig.output {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => syn::parse_quote!(()),
    };
    let template = template(private, args, key, &value);
    let site = super::call_site(private, "declares", &template, &sig.ident);
    let writer = key.writer(private);
    declared.function(&quote!(#private::Key<#value>), &quote!(#site.write(#writer).typed()))
}

pub(crate) fn expand_tag(declared: &Declared<'_>) -> TokenStream {
    let Declared { private, key, .. } = declared;
    let rendered = super::tags::rendered(private, key);
    declared.function(&quote!(#private::Tag), &rendered)
}

impl Declared<'_> {
    /// The function with its return type and body.
    fn function(&self, returned: &TokenStream, body: &TokenStream) -> TokenStream {
        let Self { private, attrs, vis, sig, key, .. } = self;
        let mut sig = (*sig).clone();
        sig.output = syn::parse_quote!(-> #returned);
        let bounded = bounded(private, key).or_else(|| bounded_by_types(private, key));
        quote! {
            #(#attrs)*
            #[must_use]
            #[allow(clippy::needless_pass_by_value, clippy::trivially_copy_pass_by_ref, clippy::allow_attributes, clippy::allow_attributes_without_reason)]
            #vis #sig {
                #bounded
                #body
            }
        }
    }
}

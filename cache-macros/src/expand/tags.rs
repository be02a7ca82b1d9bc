//! The tags of a `#[cached]`: rendered on a miss, before the body may move what they name; and the hidden functions by
//! which `#[invalidates]` finds that some method has them.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::cached::compact_text;
use super::siblings::{Inputs, inputs, many, nested, render_with_static};
use crate::expand::Runtime;
use crate::item::Function;
use crate::key::{Key, TemplateKey};

/// Expressions of the tags, with a comma after each.
pub(crate) fn expressions(
    private: &Runtime,
    function: &Function,
    cache: Option<&Expr>,
    tags: &[Key],
) -> TokenStream {
    let tags = tags.iter().map(|tag| match tag {
        Key::Template(key) => {
            if function.is_associated() {
                let hidden = key.call_hidden(private, cache);
                quote!(#private::tag(#hidden))
            } else {
                rendered(private, key)
            }
        }
        Key::Expression(expr) => quote_spanned!(expr.span()=> #private::any_tag(#expr)),
    });
    quote!(#(#tags),*)
}

/// The tag, rendered where it stands.
pub(crate) fn rendered(private: &Runtime, key: &TemplateKey) -> TokenStream {
    let rendered = render_with_static(private, &template(key), key);
    quote!(#private::tag(#rendered))
}

/// The templates, for listings.
pub(crate) fn templates(tags: &[Key]) -> TokenStream {
    let templates = tags.iter().map(|tag| match tag {
        Key::Template(key) => template(key),
        Key::Expression(expr) => {
            let text = compact_text(expr);
            quote!(expression(#text).tag())
        }
    });
    quote!(#(#templates),*)
}

/// The templates of a key, or several, and those of tags.
pub(crate) fn listed(keys: &TokenStream, tags: &[Key]) -> TokenStream {
    if tags.is_empty() {
        return keys.clone();
    }
    let tags = templates(tags);
    quote!(#keys, #tags)
}

fn template(key: &TemplateKey) -> TokenStream {
    let text = &key.template.text;
    quote!(new(#text).tag())
}

/// The hidden function of a template: it renders the tag.
pub(crate) fn hidden(
    private: &Runtime,
    function: &Function,
    cache: Option<&Expr>,
    key: &TemplateKey,
) -> TokenStream {
    // At the template, for two of one name.
    let name = key.hidden_name(cache, Span::call_site().located_at(key.literal.span()));
    let Inputs { names, types, bounds } = inputs(private, function, key);
    let parts = nested(&names);
    let template = template(key);
    let cfgs = function.cfgs();
    let many = many(key);
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[inline]
        #many
        #[allow(dead_code, private_interfaces)]
        pub(crate) fn #name<#(#types: #bounds),*>(#(#names: #types),*) -> #private::RawKey {
            static TEMPLATE: #private::Template = #private::Template::#template;
            #private::write_parts(&TEMPLATE, &#parts)
        }
    }
}

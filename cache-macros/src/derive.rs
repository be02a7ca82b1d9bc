//! `#[derive(KeyPart)]` for newtypes of key parts and for field-less enums.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, GenericParam};

use crate::diag::Diag;
use crate::expand::Runtime;
use crate::item::mentions;

/// `#[derive(KeyPart)]`
pub(crate) fn key_part(input: TokenStream) -> TokenStream {
    let mut diag = Diag::default();
    let expanded = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => expand(&input, &mut diag),
        Err(error) => {
            diag.push(error);
            None
        }
    };
    let errors = diag.into_tokens();
    quote!(#expanded #errors)
}

fn expand(input: &DeriveInput, diag: &mut Diag) -> Option<TokenStream> {
    let private = Runtime::new(None);
    let name = &input.ident;
    let (max_len, write) = match &input.data {
        Data::Struct(data) => newtype(&data.fields, &private, input, diag)?,
        Data::Enum(data) => field_less(data, input, diag)?,
        Data::Union(data) => {
            diag.error(data.union_token.span, format!("`{name}` is a union, of which nobody knows which field is set; a key part is a newtype or a field-less enum"));
            return None;
        }
    };
    // Two parts that borrow for different times are of one kind.
    let arguments = input.generics.params.iter().map(|param| match param {
        GenericParam::Lifetime(_) => quote!('static),
        GenericParam::Type(param) => param.ident.to_token_stream(),
        GenericParam::Const(param) => param.ident.to_token_stream(),
    });
    let generics = &input.generics;
    let kind = match &input.data {
        // It need not outlive the lifetime's end, so there is no type of that kind: it counts as what is inside.
        Data::Struct(data)
            if generics.lifetimes().next().is_some() && generics.type_params().next().is_some() =>
        {
            let inside = data.fields.iter().map(|field| &field.ty);
            quote!(#(<#inside as #private::KeyPart>::Kind)*)
        }
        _ => quote!(#name<#(#arguments),*>),
    };
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let is_raw = match &input.data {
        Data::Struct(data) => data.fields.iter().next().map(|field| {
            let ty = &field.ty;
            let span = ty.span();
            quote_spanned!(span=> const IS_RAW: bool = <#ty as #private::KeyPart>::IS_RAW;)
        }),
        _ => None,
    };
    Some(quote! {
        impl #impl_generics #private::KeyPart for #name #type_generics #where_clause {
            type Kind = #kind;
            const MAX_LEN: ::core::option::Option<usize> = #max_len;
            #is_raw

            fn write(&self, out: &mut #private::PartWriter<'_>) {
                #write
            }
        }
    })
}

fn newtype(
    fields: &Fields,
    private: &Runtime,
    input: &DeriveInput,
    diag: &mut Diag,
) -> Option<(TokenStream, TokenStream)> {
    let name = &input.ident;
    let mut all = fields.iter();
    let (Some(field), None) = (all.next(), all.next()) else {
        let count = fields.len();
        diag.error(
            name.span(),
            format!("`{name}` has {count} fields, and a key part is one value; put its fields into the key one by one, as in `<{}.field>`", to_snake(&name.to_string())),
        );
        return None;
    };
    let ty = &field.ty;
    let member = match &field.ident {
        Some(ident) => quote!(#ident),
        None => quote!(0),
    };
    if mentions(ty.to_token_stream(), "RawPart") {
        diag.error_at(
            ty,
            format!(
                "a `RawPart` is written unescaped, so it may stand only in the last placeholder, and in `{name}` it is not to be seen there; let the newtype hold a `String`, and the parameter be a `RawPart<…>`"
            ),
        );
        return None;
    }
    let span = ty.span();
    let write = quote_spanned!(span=> <#ty as #private::KeyPart>::write(&self.#member, out));
    Some((quote!(<#ty as #private::KeyPart>::MAX_LEN), write))
}

fn field_less(
    data: &syn::DataEnum,
    input: &DeriveInput,
    diag: &mut Diag,
) -> Option<(TokenStream, TokenStream)> {
    let name = &input.ident;
    if data.variants.is_empty() {
        diag.error(name.span(), format!("`{name}` has no variants, so there is nothing to write into a key"));
        return None;
    }
    let mut texts = Vec::new();
    for variant in &data.variants {
        if !variant.fields.is_empty() {
            diag.error(
                variant.span(),
                format!("`{}` has fields; only an enum without fields is a key part. Put what tells two values apart into a newtype", variant.ident),
            );
        }
        texts.push(variant.ident.to_string().trim_start_matches("r#").to_owned());
    }
    // Unicode letters pass the escape as they are, and an identifier has nothing else.
    let longest = texts.iter().map(String::len).max().unwrap_or_default();
    let variants = data.variants.iter().map(|variant| &variant.ident);
    diag.is_empty().then(|| {
        (
            quote!(::core::option::Option::Some(#longest)),
            quote!(out.text(match self { #(Self::#variants { .. } => #texts,)* });),
        )
    })
}

/// `OrderId` as a parameter would be named.
fn to_snake(name: &str) -> String {
    let mut snake = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(char.to_lowercase());
    }
    snake
}

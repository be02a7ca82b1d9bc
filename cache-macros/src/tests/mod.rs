//! The macros called as functions: what they expand to, and that nothing makes them panic.

mod corpus;
mod errors;
mod fuzz;
mod snapshots;

use proc_macro2::TokenStream;

/// An attribute, or the function below it, as tokens.
fn tokens(text: &str) -> TokenStream {
    text.parse().expect("the text is made of tokens")
}

/// Code as `rustfmt` would about write it. Methods are shown in an impl block.
fn pretty(tokens: &TokenStream, in_impl: bool) -> String {
    let tokens = if in_impl { quote::quote!(impl Service { #tokens }) } else { tokens.clone() };
    let file = syn::parse2(tokens).expect("the expansion is a list of items");
    prettyplease::unparse(&file)
}

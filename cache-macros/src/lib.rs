//! The attribute macros of `cache-runtime`, which re-exports and documents them: depend on that crate, not on
//! this one.
//
// One file a stage: `template` and `duration` read texts, `args` the attribute, `item` the function; `part`, `key`
// and `returns` resolve the one against the other, `valid` and `overlap` check, `expand` writes code. `method` runs
// the stages, `caching` runs them for a whole block, `declare` for what has no body, and `diag` collects every error on the way.

#![expect(missing_docs, reason = "`cache_runtime` documents what it re-exports")]

mod args;
mod batch;
mod caching;
mod declare;
mod derive;
mod diag;
mod duration;
mod expand;
mod item;
mod key;
mod method;
mod overlap;
mod part;
mod refresh;
mod returns;
mod template;
mod valid;

use proc_macro::TokenStream;

// Documented where `cache_runtime` re-exports it.
#[proc_macro_attribute]
pub fn cached(args: TokenStream, item: TokenStream) -> TokenStream {
    method::cached(args.into(), &item.into()).into()
}

// Documented where `cache_runtime` re-exports it.
#[proc_macro_attribute]
pub fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    method::invalidates(args.into(), &item.into()).into()
}

// Documented where `cache_runtime` re-exports it.
#[proc_macro_attribute]
pub fn updates(args: TokenStream, item: TokenStream) -> TokenStream {
    method::updates(args.into(), &item.into()).into()
}

// Documented where `cache_runtime` re-exports it.
#[proc_macro_attribute]
pub fn caching(args: TokenStream, item: TokenStream) -> TokenStream {
    caching::caching(args.into(), &item.into()).into()
}

// Documented where `cache_runtime` re-exports it.
#[proc_macro_derive(KeyPart)]
pub fn derive_key_part(input: TokenStream) -> TokenStream {
    derive::key_part(input.into()).into()
}

// Documented where `cache_runtime` re-exports it.
#[proc_macro_attribute]
pub fn cache_key(args: TokenStream, item: TokenStream) -> TokenStream {
    declare::cache_key(args.into(), item.into()).into()
}

// Documented where `cache_runtime` re-exports it.
#[proc_macro_attribute]
pub fn cache_tag(args: TokenStream, item: TokenStream) -> TokenStream {
    declare::cache_tag(args.into(), item.into()).into()
}

#[cfg(test)]
mod tests;

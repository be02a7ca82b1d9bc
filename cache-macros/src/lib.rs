//! The attribute macros of `cache-runtime`, which re-exports and documents them: depend on that crate, not on
//! this one.
//!
//! One file a stage: [`template`] and [`duration`] read texts, [`args`] the attribute, [`item`] the function;
//! [`key`] and [`returns`] resolve the one against the other, [`valid`] checks, [`expand`] writes code, and
//! [`method`] runs the stages. [`diag`] collects every error on the way.

mod args;
mod caching;
mod derive;
mod diag;
mod duration;
mod expand;
mod item;
mod key;
mod method;
mod overlap;
mod part;
mod returns;
mod template;
mod valid;

use proc_macro::TokenStream;

/// Serves a method's value from the cache, and runs the method on a miss. See `cache_runtime`.
#[proc_macro_attribute]
pub fn cached(args: TokenStream, item: TokenStream) -> TokenStream {
    method::cached(args.into(), &item.into()).into()
}

/// Makes cached values stale when the method has written their source. See `cache_runtime`.
#[proc_macro_attribute]
pub fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    method::invalidates(args.into(), &item.into()).into()
}

/// Stores the method's result where a `#[cached]` method reads it. See `cache_runtime`.
#[proc_macro_attribute]
pub fn updates(args: TokenStream, item: TokenStream) -> TokenStream {
    method::updates(args.into(), &item.into()).into()
}

/// Shared defaults and checks for an impl block. See `cache_runtime`.
#[proc_macro_attribute]
pub fn caching(args: TokenStream, item: TokenStream) -> TokenStream {
    caching::caching(args.into(), &item.into()).into()
}

/// Makes a newtype or a field-less enum a part of keys. See `cache_runtime`.
#[proc_macro_derive(KeyPart)]
pub fn derive_key_part(input: TokenStream) -> TokenStream {
    derive::key_part(input.into()).into()
}

/// Declares a key, to be named by its path. See `cache_runtime`.
#[proc_macro_attribute]
pub fn cache_key(args: TokenStream, item: TokenStream) -> TokenStream {
    method::cache_key(args.into(), item.into()).into()
}

#[cfg(test)]
mod tests;

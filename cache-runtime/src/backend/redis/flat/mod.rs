//! Lists of strings, flattened: each comes from the connection as one string, which is its elements as the server sent
//! them.
//!
//! The client makes a value of its own of every element, which costs a gathered read a fifth of its time. Of a flattened
//! list it makes one, and [`Elements`] takes slices of that. Nothing else changes on the way, and nothing is to be
//! remembered: a command that is answered by a list is never answered by a string.

mod elements;
mod scanner;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use elements::Elements;
pub(super) use stream::Flat;

//! What the compiler says: each mistake has its own message, at its own place, with a fix; and what is meant to
//! work compiles in silence.
//!
//! One file a mistake in `ui/fail`, with the message beside it; one a shape that works in `ui/pass`. After a change
//! of a message: `TRYBUILD=overwrite cargo test -p cache-tests --test ui`, and read the difference.

#[path = "ui/pass/mod.rs"]
pub mod pass;

#[test]
fn mistakes_are_explained() {
    // Without cases that pass, the cases are one build: that is why `pass` is modules of this file.
    trybuild::TestCases::new().compile_fail("ui/fail/*.rs");
}

//! What the compiler says: each mistake has its own message, at its own place, with a fix; and what must compile
//! does, in silence.
//!
//! One file a mistake in `ui/fail`, with the message beside it; `ui/pass` holds what is meant to work. After a
//! change of a message: `TRYBUILD=overwrite cargo test -p cache-tests --test ui`, and read the difference.

#[test]
fn mistakes_are_explained() {
    // Without cases that pass, the cases are one build.
    trybuild::TestCases::new().compile_fail("ui/fail/*.rs");
}

#[test]
fn what_is_meant_to_work_compiles_in_silence() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}

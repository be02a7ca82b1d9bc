//! What the compiler says: each mistake has its own message, at its own place, with a fix; and what must compile
//! does, in silence.
//!
//! One file a mistake in `ui/fail`, with the message beside it; `ui/pass` holds what is meant to work. After a
//! change of a message: `TRYBUILD=overwrite cargo test -p cache-tests --test ui`, and read the difference.

#[test]
fn mistakes_are_explained_and_the_rest_compiles() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
    cases.pass("ui/pass/*.rs");
}

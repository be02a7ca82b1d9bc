//! What each attribute expands to, in its main shapes. `UPDATE_EXPECT=1 cargo test -p cache-macros` refreshes them.

use expect_test::{Expect, expect_file};
use proc_macro2::TokenStream;

use super::{pretty, tokens};
use crate::{caching, derive, method};

type Attribute = fn(TokenStream, TokenStream) -> TokenStream;

/// Compares the expansion of a method.
fn method(attribute: Attribute, args: &str, item: &str, expected: &Expect) {
    expected.assert_eq(&pretty(&attribute(tokens(args), tokens(item)), true));
}

/// Compares the expansion of anything but a method.
fn item(attribute: Attribute, args: &str, item: &str, expected: &Expect) {
    expected.assert_eq(&pretty(&attribute(tokens(args), tokens(item)), false));
}

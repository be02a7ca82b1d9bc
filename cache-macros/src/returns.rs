//! What a return type says about the value that is cached.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Type;

use crate::diag::Diag;
use crate::expand::Runtime;
use crate::item::{mentions, only_argument, start, ungroup};

/// The whole return type, the value in it, and how the one holds the other.
pub(crate) struct Returns {
    pub(crate) whole: Type,
    pub(crate) value: Type,
    shape: Shape,
    /// Whether something in it is borrowed.
    borrows: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Option,
    Result,
    ResultOption,
    /// The author named the value; the compiler finds the shape.
    Probed,
}

impl Returns {
    pub(crate) fn new(whole: &Type, value: Option<&Type>, diag: &mut Diag) -> Self {
        let tokens = whole.to_token_stream();
        let borrows = borrows(tokens.clone());
        if mentions(tokens, "impl") {
            diag.error_at(
                whole,
                "the type behind `impl Trait` has no name to store and read it by; return a named type",
            );
        }
        let build = |value: &Type, shape| Self {
            whole: whole.clone(),
            value: ungroup(value).clone(),
            shape,
            borrows,
        };
        if let Some(value) = value {
            return build(value, Shape::Probed);
        }
        match only_argument(whole, "Result") {
            Some(ok) => match only_argument(ok, "Option") {
                Some(some) => build(some, Shape::ResultOption),
                None => build(ok, Shape::Result),
            },
            None => match only_argument(whole, "Option") {
                Some(some) => {
                    if only_argument(some, "Result").is_some() {
                        diag.error_at(
                            whole,
                            "an `Err` inside an `Option` would be cached; return `Result<Option<…>, …>`",
                        );
                    }
                    build(some, Shape::Option)
                }
                None => build(whole, Shape::Plain),
            },
        }
    }

    /// Whether the value's type has a name, and borrows nothing.
    pub(crate) fn is_owned(&self) -> bool {
        !mentions(self.value.to_token_stream(), "impl") && !borrows(self.value.to_token_stream())
    }

    /// Whether a "not there" can be told from a value, or cannot be known here.
    pub(crate) fn may_be_none(&self) -> bool {
        !matches!(self.shape, Shape::Plain | Shape::Result)
    }

    /// Whether a failure can be told from a value, or cannot be known here.
    pub(crate) fn may_fail(&self) -> bool {
        !matches!(self.shape, Shape::Plain | Shape::Option)
    }

    /// The runtime's marker of the shape. Where the signature does not show it, the compiler is asked.
    pub(crate) fn shape(&self, private: &Runtime) -> Box<dyn ToTokens> {
        let name = match self.shape {
            Shape::Plain => "Plain",
            Shape::Option => "Option",
            Shape::Result => "Result",
            Shape::ResultOption => "ResultOption",
            Shape::Probed => {
                let whole = &self.whole;
                return Box::new(quote!({
                    use #private::probe::{NoOption as _, NoResult as _};
                    #private::probe::of::<#whole>().result().option()
                }));
            }
        };
        Box::new(private.clone().path(&["shape", name], Span::call_site()))
    }

    /// The marker for a write, whose value need not be named: an alias is seen through.
    pub(crate) fn shape_by_type(&self, private: &Runtime) -> Box<dyn ToTokens> {
        match self.shape {
            Shape::Plain => {
                let (whole, value) = (self.whole.clone(), self.value.clone());
                Self { shape: Shape::Probed, whole, value, borrows: self.borrows }.shape(private)
            }
            _ => self.shape(private),
        }
    }

    /// The runtime's marker of whether an error can be cloned for those who wait for a load.
    pub(crate) fn failures(&self, private: &Runtime) -> TokenStream {
        let whole = &self.whole;
        // An error that borrows cannot be shared, and asking would demand that it does not borrow.
        if !self.may_fail() || self.borrows {
            return quote!(#private::Own);
        }
        quote!(#private::probe::of::<#whole>().failures())
    }

    /// The witness that the value can be stored, and that it is neither a `Result` nor an `Option` by another
    /// name: the one place that states either, so that each is reported once, at the return type.
    pub(crate) fn witness(&self, private: &Runtime) -> TokenStream {
        let value = &self.value;
        // One place and one syntax context for all of it: the same error at the same place is reported once.
        let span = Span::call_site().located_at(start(value));
        let private = &private.at(span);
        if self.shape == Shape::Probed {
            return quote::quote_spanned!(span=> #private::value::<#value>());
        }
        quote::quote_spanned!(span=> #private::probe::of::<#value>().witness())
    }
}

fn borrows(tokens: TokenStream) -> bool {
    use proc_macro2::TokenTree;
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
        TokenTree::Group(group) => borrows(group.stream()),
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    })
}

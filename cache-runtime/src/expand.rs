//! Parts of an expansion in which nothing of the author's can be wrong. As macros by example: the compiler writes their
//! tokens many times faster than the attributes could, which every `cargo check` would pay for.

/// A static call site, as a block that gives a reference to it.
#[doc(hidden)]
#[macro_export]
macro_rules! __site {
    ($kind:ident $function:literal, $($constructor:ident $text:tt $(.$setter:ident $argument:tt)*),*) => {{
        static SITE: $crate::__private::CallSite = $crate::__private::CallSite::$kind(
            &[$($crate::__private::Template::$constructor $text $(.$setter $argument)*),*],
            ::core::concat!(::core::module_path!(), "::", $function),
        );
        $crate::__private::register!(SITE);
        &SITE
    }};
}

/// The body of the hidden function that a template is looked up by: its call site, and the key of its parts.
#[doc(hidden)]
#[macro_export]
macro_rules! __stored {
    ({ $($site:tt)* } $parts:tt) => {
        $crate::__private::Stored::of_parts($crate::__private::site!($($site)*), $parts)
    };
}

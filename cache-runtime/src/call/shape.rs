//! How a return type holds the value: plain, in an `Option`, in a `Result`, or in both.

use std::convert::Infallible;

use crate::error::CacheError;
use crate::value::Value;

/// A return value, taken apart.
#[derive(Debug)]
pub enum Outcome<V, R> {
    /// The value.
    Value(V),
    /// It is not there; the function makes the return value that says so.
    None(fn() -> R),
    /// It failed: the return value as it was.
    Failed(R),
}

/// How a return type holds its value, whatever the type.
pub trait ShapeKind: Copy + Send + Sync {
    /// What says "not there". Of a type without values where nothing can: the compiler then knows it.
    #[doc(hidden)]
    type Absent: Copy;
    #[doc(hidden)]
    const ABSENT: Option<Self::Absent>;
    /// Whether it can say "not there".
    const OPTIONAL: bool = Self::ABSENT.is_some();
}

impl ShapeKind for shapes::Plain {
    type Absent = Infallible;
    const ABSENT: Option<Infallible> = None;
}

impl ShapeKind for shapes::Option {
    type Absent = ();
    const ABSENT: Option<()> = Some(());
}

impl ShapeKind for shapes::Result {
    type Absent = Infallible;
    const ABSENT: Option<Infallible> = None;
}

impl ShapeKind for shapes::ResultOption {
    type Absent = ();
    const ABSENT: Option<()> = Some(());
}

/// A return type `R` and the value in it.
pub trait Shape<R>: ShapeKind {
    /// The value's type.
    type Value;
    #[doc(hidden)]
    fn split(self, whole: R) -> Outcome<Self::Value, R>;
    #[doc(hidden)]
    fn wrap(self, value: Self::Value) -> R;
    /// The return value that says "not there".
    #[doc(hidden)]
    fn none(self, absent: Self::Absent) -> R;
}

/// A return type that can say that the cache refused a strict write.
#[diagnostic::on_unimplemented(
    message = "`strict` needs a return type that can hold a `CacheError`",
    label = "not a `Result<_, E>` with `E: From<CacheError>`",
    note = "the call fails before the body runs when the cache cannot be told of the write; implement `From<cache_runtime::CacheError>` for the error, or leave out `strict`"
)]
pub trait StrictShape<R>: Shape<R> {
    #[doc(hidden)]
    fn refused(self, error: CacheError) -> R;
}

/// The markers.
pub mod shapes {
    /// `T`
    #[derive(Debug, Clone, Copy)]
    pub struct Plain;
    /// `Option<T>`
    #[derive(Debug, Clone, Copy)]
    pub struct Option;
    /// `Result<T, E>`
    #[derive(Debug, Clone, Copy)]
    pub struct Result;
    /// `Result<Option<T>, E>`
    #[derive(Debug, Clone, Copy)]
    pub struct ResultOption;
}

impl<T> Shape<T> for shapes::Plain {
    type Value = T;

    fn split(self, whole: T) -> Outcome<T, T> {
        Outcome::Value(whole)
    }

    fn wrap(self, value: T) -> T {
        value
    }

    fn none(self, absent: Infallible) -> T {
        match absent {}
    }
}

impl<T> Shape<Option<T>> for shapes::Option {
    type Value = T;

    fn split(self, whole: Option<T>) -> Outcome<T, Option<T>> {
        whole.map_or(Outcome::None(|| None), Outcome::Value)
    }

    fn wrap(self, value: T) -> Option<T> {
        Some(value)
    }

    fn none(self, (): ()) -> Option<T> {
        None
    }
}

impl<T, E> Shape<Result<T, E>> for shapes::Result {
    type Value = T;

    fn split(self, whole: Result<T, E>) -> Outcome<T, Result<T, E>> {
        match whole {
            Ok(value) => Outcome::Value(value),
            failed => Outcome::Failed(failed),
        }
    }

    fn wrap(self, value: T) -> Result<T, E> {
        Ok(value)
    }

    fn none(self, absent: Infallible) -> Result<T, E> {
        match absent {}
    }
}

impl<T, E> Shape<Result<Option<T>, E>> for shapes::ResultOption {
    type Value = T;

    fn split(self, whole: Result<Option<T>, E>) -> Outcome<T, Result<Option<T>, E>> {
        match whole {
            Ok(Some(value)) => Outcome::Value(value),
            Ok(None) => Outcome::None(|| Ok(None)),
            failed @ Err(_) => Outcome::Failed(failed),
        }
    }

    fn wrap(self, value: T) -> Result<Option<T>, E> {
        Ok(Some(value))
    }

    fn none(self, (): ()) -> Result<Option<T>, E> {
        Ok(None)
    }
}

#[diagnostic::do_not_recommend]
impl<T, E: From<CacheError>> StrictShape<Result<T, E>> for shapes::Result {
    fn refused(self, error: CacheError) -> Result<T, E> {
        Err(error.into())
    }
}

#[diagnostic::do_not_recommend]
impl<T, E: From<CacheError>> StrictShape<Result<Option<T>, E>> for shapes::ResultOption {
    fn refused(self, error: CacheError) -> Result<Option<T>, E> {
        Err(error.into())
    }
}

/// Asks a type whether it is a `Result` or an `Option`, whatever it is called.
///
/// An inherent method on `Probe<Result<T, E>>` wins over a trait's method on every `Probe<R>`, and over one of what it
/// derefs to: the technique of autoref specialization, with no autoref.
#[expect(missing_docs, reason = "the steps of one expression that the macros emit")]
pub mod probe {
    use std::marker::PhantomData;
    use std::ops::Deref;
    use std::sync::Arc;

    use super::{Named, shapes};
    use crate::call::{Cloned, Own};
    use crate::value::{AsIs, InArc, Value, ValueOps, Witness};

    /// The question.
    pub struct Probe<R: ?Sized>(PhantomData<fn() -> Box<R>>);
    /// The answer to the first step: a `Result` of these.
    pub struct InResult<T, E>(PhantomData<fn() -> (T, E)>);
    /// The answer to the first step: no `Result`.
    pub struct Bare<R>(PhantomData<fn() -> R>);

    /// Asks.
    #[must_use]
    pub const fn of<R>() -> Probe<R> {
        Probe(PhantomData)
    }

    impl<T, E: Clone + Send + Sync + 'static> Probe<Result<T, E>> {
        #[must_use]
        pub const fn failures(self) -> Cloned {
            Cloned
        }
    }

    impl<T, E> Probe<Result<T, E>> {
        #[must_use]
        pub const fn result(self) -> InResult<T, E> {
            InResult(PhantomData)
        }
    }

    // The witness that the value can be stored, and that it is neither a `Result` nor an `Option` by another name. One
    // bound says it, so that a fault is one error: what is returned does not repeat it.

    impl<T, E> Probe<Result<T, E>> {
        #[must_use]
        pub fn witness(self) -> impl ValueOps<Result<T, E>> + use<T, E>
        where
            Result<T, E>: Named,
        {
            Witness::<_, InArc>::new()
        }
    }

    impl<T> Probe<Option<T>> {
        #[must_use]
        pub fn witness(self) -> impl ValueOps<Option<T>> + use<T>
        where
            Option<T>: Named,
        {
            Witness::<_, InArc>::new()
        }
    }

    impl<T> Probe<Arc<T>> {
        #[must_use]
        pub fn witness(self) -> impl ValueOps<Arc<T>> + use<T>
        where
            Arc<T>: Value,
            T: Send + Sync + 'static,
        {
            Witness::<_, AsIs>::new()
        }
    }

    /// The answer of every other type. A method that `Probe` has not for the type is looked for here, so that no
    /// trait need be imported beside the question.
    pub struct Any<R: ?Sized>(PhantomData<fn() -> Box<R>>);

    impl<R> Any<R> {
        #[must_use]
        pub const fn failures(&self) -> Own {
            Own
        }

        #[must_use]
        pub fn witness(&self) -> impl ValueOps<R> + use<R>
        where
            R: Value,
        {
            Witness::<_, InArc>::new()
        }
    }

    impl<R: ?Sized> Deref for Probe<R> {
        type Target = Any<R>;

        fn deref(&self) -> &Any<R> {
            &Any(PhantomData)
        }
    }

    pub trait NoResult<R> {
        fn result(self) -> Bare<R>;
    }

    impl<R> NoResult<R> for Probe<R> {
        fn result(self) -> Bare<R> {
            Bare(PhantomData)
        }
    }

    impl<T, E> InResult<Option<T>, E> {
        #[must_use]
        pub const fn option(self) -> shapes::ResultOption {
            shapes::ResultOption
        }
    }

    impl<T> Bare<Option<T>> {
        #[must_use]
        pub const fn option(self) -> shapes::Option {
            shapes::Option
        }
    }

    pub trait NoOption {
        type Shape;
        fn option(self) -> Self::Shape;
    }

    impl<T, E> NoOption for InResult<T, E> {
        type Shape = shapes::Result;
        fn option(self) -> shapes::Result {
            shapes::Result
        }
    }

    impl<R> NoOption for Bare<R> {
        type Shape = shapes::Plain;
        fn option(self) -> shapes::Plain {
            shapes::Plain
        }
    }
}

/// The value that was read from a signature is not itself a `Result` or an `Option` by another name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is another name for a `Result` or an `Option`, so the cached value cannot be read from the signature",
    label = "which type of value is cached?",
    note = "name it in the attribute: `#[cached(…, value = Project)]`, or write the `Result` or `Option` out in the signature"
)]
pub trait Named: Value {}

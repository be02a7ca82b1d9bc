//! What can be cached.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::classify::{Class, classify};
use crate::codec::Codec;
use crate::error::Result;
use crate::store::Shared;

/// A value that can be cached: `Serialize + DeserializeOwned + Clone + Send + Sync + 'static`.
///
/// Implemented for every such type; there is nothing to implement by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "not a value that can be stored and read back",
    note = "a cached value is `Serialize + DeserializeOwned + Clone + Send + Sync + 'static`; on your own type: `#[derive(Clone, serde::Serialize, serde::Deserialize)]`",
    note = "a value that borrows cannot outlive the call: return an owned one (`String` for `&str`)"
)]
pub trait Value: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Value for T {}

/// What can be done with a value, for code that does not repeat the bound: an unfit type is one error, not many.
pub trait ValueOps<V>: Copy + Send + Sync + 'static {
    /// How the value is held in this process: cheap to clone.
    type Held: Clone + Send + Sync + 'static;

    #[doc(hidden)]
    fn hold(self, value: V) -> Self::Held;
    #[doc(hidden)]
    fn give(self, held: Self::Held) -> V;
    #[doc(hidden)]
    fn view(self, held: &Self::Held) -> &V;
    /// What is held, for the local tier, which holds values of all types.
    #[doc(hidden)]
    fn share(self, held: &Self::Held) -> Shared;
    /// The value itself, from the local tier; `None` where it holds one of another type.
    #[doc(hidden)]
    fn read(self, shared: &Shared) -> Option<V>;
    #[doc(hidden)]
    fn unshare(self, shared: &Shared) -> Option<Self::Held>;
    #[doc(hidden)]
    fn encode(self, codec: Codec, value: &V, limit: usize) -> Result<Bytes>;
    #[doc(hidden)]
    fn decode(self, codec: Codec, bytes: &[u8]) -> Option<V>;
    #[doc(hidden)]
    fn classify(self, value: &V) -> Class;
    #[doc(hidden)]
    fn type_id(self) -> TypeId;
}

/// The witness that `V` is a [`Value`], held in this process as `H` says.
pub(crate) struct Witness<V, H = InArc>(PhantomData<fn() -> (V, H)>);

/// The value is held in an `Arc` and cloned out of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InArc;

/// The value is an `Arc` and held as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsIs;

impl<V: Value, H> Witness<V, H> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<V, H> Clone for Witness<V, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V, H> Copy for Witness<V, H> {}

/// What is held for a value of type `V`.
pub(crate) trait Hold<V> {
    #[doc(hidden)]
    type Held: Clone + Send + Sync + 'static;
    #[doc(hidden)]
    fn hold(value: V) -> Self::Held;
    #[doc(hidden)]
    fn give(held: Self::Held) -> V;
    #[doc(hidden)]
    fn view(held: &Self::Held) -> &V;
    #[doc(hidden)]
    fn share(held: &Self::Held) -> Shared;
    #[doc(hidden)]
    fn read(shared: &Shared) -> Option<V>;
    #[doc(hidden)]
    fn unshare(shared: &Shared) -> Option<Self::Held>;
}

impl<V: Value> Hold<V> for InArc {
    type Held = Arc<V>;

    fn hold(value: V) -> Arc<V> {
        Arc::new(value)
    }

    #[inline]
    fn give(held: Arc<V>) -> V {
        Arc::unwrap_or_clone(held)
    }

    fn view(held: &Arc<V>) -> &V {
        held
    }

    fn share(held: &Arc<V>) -> Shared {
        Arc::<V>::clone(held)
    }

    #[inline]
    fn read(shared: &Shared) -> Option<V> {
        (**shared).downcast_ref::<V>().cloned()
    }

    fn unshare(shared: &Shared) -> Option<Arc<V>> {
        Shared::clone(shared).downcast().ok()
    }
}

impl<T: Send + Sync + 'static> Hold<Arc<T>> for AsIs
where
    Arc<T>: Value,
{
    type Held = Arc<T>;

    fn hold(value: Arc<T>) -> Arc<T> {
        value
    }

    #[inline]
    fn give(held: Arc<T>) -> Arc<T> {
        held
    }

    fn view(held: &Arc<T>) -> &Arc<T> {
        held
    }

    fn share(held: &Arc<T>) -> Shared {
        Arc::<T>::clone(held)
    }

    #[inline]
    fn read(shared: &Shared) -> Option<Arc<T>> {
        Shared::clone(shared).downcast().ok()
    }

    fn unshare(shared: &Shared) -> Option<Arc<T>> {
        Self::read(shared)
    }
}

impl<V: Value, H: Hold<V> + 'static> ValueOps<V> for Witness<V, H> {
    type Held = H::Held;

    fn hold(self, value: V) -> H::Held {
        H::hold(value)
    }

    #[inline]
    fn give(self, held: H::Held) -> V {
        H::give(held)
    }

    fn view(self, held: &H::Held) -> &V {
        H::view(held)
    }

    fn share(self, held: &H::Held) -> Shared {
        H::share(held)
    }

    #[inline]
    fn read(self, shared: &Shared) -> Option<V> {
        H::read(shared)
    }

    fn unshare(self, shared: &Shared) -> Option<H::Held> {
        H::unshare(shared)
    }

    fn encode(self, codec: Codec, value: &V, limit: usize) -> Result<Bytes> {
        codec.encode(value, limit, "cached call")
    }

    fn decode(self, codec: Codec, bytes: &[u8]) -> Option<V> {
        codec.decode(bytes)
    }

    fn classify(self, value: &V) -> Class {
        classify(value)
    }

    fn type_id(self) -> TypeId {
        TypeId::of::<V>()
    }
}

/// States that `V` can be cached.
#[must_use]
pub fn value<V: Value>() -> impl ValueOps<V> {
    Witness::<V>::new()
}

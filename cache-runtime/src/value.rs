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
pub struct Witness<V, H = InArc>(PhantomData<fn() -> (V, H)>);

/// The value is held in an `Arc` and cloned out of it.
#[derive(Debug, Clone, Copy)]
pub struct InArc;

/// The value is held as it is: cloning it is nearly free, as of an `Arc` or a number.
#[derive(Debug, Clone, Copy)]
pub struct AsIs;

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
pub trait Hold<V> {
    #[doc(hidden)]
    type Held: Clone + Send + Sync + 'static;
    #[doc(hidden)]
    fn hold(value: V) -> Self::Held;
    #[doc(hidden)]
    fn give(held: Self::Held) -> V;
    #[doc(hidden)]
    fn view(held: &Self::Held) -> &V;
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
}

impl<V: Value> Hold<V> for AsIs {
    type Held = V;

    fn hold(value: V) -> V {
        value
    }

    #[inline]
    fn give(held: V) -> V {
        held
    }

    fn view(held: &V) -> &V {
        held
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

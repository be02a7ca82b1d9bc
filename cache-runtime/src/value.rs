//! What can be cached.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use serde_core::Serialize;
use serde_core::de::DeserializeOwned;

use crate::classify::{Class, classify};
use crate::codec::Codec;
use crate::error::Result;
use crate::store::{Shared, Tier};

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
    /// A value that the local tier holds, and that is not cloned yet.
    type Lent;

    /// Takes the value from its place in the mirror, or from `NOWHERE`, if it is of the type. To be brought back there.
    #[doc(hidden)]
    fn borrow(self, shared: &mut Option<Shared>, place: usize) -> Option<Self::Lent>;
    /// Clones the value, and brings what was borrowed back.
    #[doc(hidden)]
    fn give_lent(self, lent: Self::Lent) -> V;
    #[doc(hidden)]
    fn unshare(self, shared: &Shared) -> Option<Self::Held>;
    #[doc(hidden)]
    fn encode(self, codec: Codec, value: &V, limit: usize) -> Result<Bytes>;
    #[doc(hidden)]
    fn decode(self, codec: Codec, bytes: &[u8]) -> Option<V>;
    #[doc(hidden)]
    fn classify(self, value: &V) -> Class;
    #[doc(hidden)]
    fn value_type(self) -> ValueType;
}

/// The type of a value.
#[derive(Debug, Clone, Copy)]
pub struct ValueType {
    id: TypeId,
    /// Its path, for people.
    pub(crate) name: &'static str,
}

impl ValueType {
    pub(crate) fn of<V: 'static>() -> Self {
        Self { id: TypeId::of::<V>(), name: std::any::type_name::<V>() }
    }
}

impl PartialEq for ValueType {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
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
    fn unshare(shared: &Shared) -> Option<Self::Held>;
    #[doc(hidden)]
    type Lent;
    #[doc(hidden)]
    fn borrow(shared: &mut Option<Shared>, place: usize) -> Option<Self::Lent>;
    #[doc(hidden)]
    fn give_lent(lent: Self::Lent) -> V;
}

/// The place of a value that comes from the tier itself.
pub(crate) const NOWHERE: usize = usize::MAX;

/// A value that was taken out of its place in this thread's mirror.
pub(crate) struct Lent<V> {
    value: Arc<V>,
    place: usize,
}

impl<V: Value> Hold<V> for InArc {
    type Held = Arc<V>;
    type Lent = Lent<V>;

    #[inline]
    fn borrow(shared: &mut Option<Shared>, place: usize) -> Option<Lent<V>> {
        match shared.take()?.downcast() {
            Ok(value) => Some(Lent { value, place }),
            Err(other) => {
                *shared = Some(other);
                None
            }
        }
    }

    #[inline]
    fn give_lent(lent: Lent<V>) -> V {
        // Whether or not the clone panics; and so the clone, which comes last, is written where the caller wants it.
        let lent = scopeguard::guard(lent, |Lent { value, place }| Tier::give_back(place, value));
        V::clone(&lent.value)
    }

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

    fn unshare(shared: &Shared) -> Option<Arc<V>> {
        Shared::clone(shared).downcast().ok()
    }
}

impl<T: Send + Sync + 'static> Hold<Arc<T>> for AsIs
where
    Arc<T>: Value,
{
    type Held = Arc<T>;
    type Lent = Arc<T>;

    #[inline]
    fn borrow(shared: &mut Option<Shared>, _: usize) -> Option<Arc<T>> {
        shared.as_ref().and_then(Self::unshare)
    }

    #[inline]
    fn give_lent(lent: Arc<T>) -> Arc<T> {
        lent
    }

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
    fn unshare(shared: &Shared) -> Option<Arc<T>> {
        Shared::clone(shared).downcast().ok()
    }
}

impl<V: Value, H: Hold<V> + 'static> ValueOps<V> for Witness<V, H> {
    type Held = H::Held;
    type Lent = H::Lent;

    #[inline]
    fn borrow(self, shared: &mut Option<Shared>, place: usize) -> Option<H::Lent> {
        H::borrow(shared, place)
    }

    #[inline]
    fn give_lent(self, lent: H::Lent) -> V {
        H::give_lent(lent)
    }

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

    fn value_type(self) -> ValueType {
        ValueType::of::<V>()
    }
}

/// States that `V` can be cached.
#[must_use]
pub fn value<V: Value>() -> impl ValueOps<V> {
    Witness::<V>::new()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use serde::{Deserialize, Serialize};

    use super::{Hold, InArc, NOWHERE};
    use crate::key::identify_text;
    use crate::store::{Deadlines, LocalTier, Prepared, Shared, Sought};

    #[derive(Serialize, Deserialize)]
    struct Fragile {
        #[serde(skip)]
        breaks: Arc<AtomicBool>,
    }

    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(!self.breaks.load(Ordering::Relaxed));
            Self { breaks: Arc::clone(&self.breaks) }
        }
    }

    #[test]
    fn a_clone_that_panics_takes_nothing_from_the_mirror_and_one_that_does_not_adds_no_owner() {
        let tier = LocalTier::new(100).build();
        let breaks = Arc::new(AtomicBool::new(true));
        let value = Arc::new(Fragile { breaks: Arc::clone(&breaks) });
        let always = Deadlines { fresh_until: u64::MAX, stale_until: u64::MAX };
        drop(tier.insert(Prepared::new(1, "key", Some(value.clone()), always, 0, 8)));
        let identity = identify_text("key", 0);
        let sought = Sought { namespace: 1, key: &identity, now_ms: 0 };
        assert!(tier.get(&sought, "key", 0, || false, |_| true).is_some());
        // Here, in the tier and in the mirror.
        let owners = || Arc::strong_count(&value);
        assert_eq!(owners(), 3);
        let borrow = || tier.lent(&sought, <InArc as Hold<Fragile>>::borrow);
        let lent = borrow().expect("it is mirrored");
        assert_eq!(owners(), 3);
        assert!(catch_unwind(AssertUnwindSafe(|| InArc::give_lent(lent))).is_err());
        breaks.store(false, Ordering::Relaxed);
        let lent = borrow().expect("it is mirrored as before");
        drop(InArc::give_lent(lent));
        assert_eq!(owners(), 3);
        assert!(tier.lent(&sought, <InArc as Hold<u64>>::borrow).is_none(), "of another type");
        assert!(borrow().is_some());
        // Of the tier itself.
        let before = owners();
        let held: Shared = value.clone();
        let lent = <InArc as Hold<Fragile>>::borrow(&mut Some(held), NOWHERE).expect("it is of the type");
        drop(InArc::give_lent(lent));
        assert_eq!(owners(), before);
    }
}

//! Values of several types behind one template: none is given the value of another.

#![deny(warnings, unused, clippy::pedantic)]

use cache_runtime::{KvCacheService, Value, cache_key, cached};

struct Versioned<E> {
    cache: KvCacheService,
    of: std::marker::PhantomData<fn() -> E>,
}

impl<E> Versioned<E> {
    const VERSION: &'static str = "v1";
}

impl<E: Value + From<u8>> Versioned<E> {
    #[cached(key = "<Self::VERSION>:entity:<id>", ttl = 60)]
    async fn entity(&self, id: u8) -> E {
        let _ = self.of;
        E::from(id)
    }
}

/// A constant of `Self` is in the key, but need not tell the types apart.
#[tokio::test]
async fn a_generic_method_with_one_key_for_two_types_gives_neither_the_value_of_the_other() {
    let cache = KvCacheService::in_memory();
    let numbers: Versioned<u64> = Versioned { cache: cache.clone(), of: std::marker::PhantomData };
    let floats: Versioned<f64> = Versioned { cache, of: std::marker::PhantomData };
    assert_eq!(numbers.entity(7).await, 7);
    assert_eq!(floats.entity(7).await.to_bits(), 7.0_f64.to_bits());
    assert_eq!(numbers.entity(7).await, 7);
}

/// What tells no types apart, though it is a constant of a type.
struct Unit;

impl Unit {
    const KIND: &'static str = "entity";
}

struct OfOneKind<E, const N: usize> {
    cache: KvCacheService,
    of: std::marker::PhantomData<fn() -> E>,
}

impl<E: Value + From<u8>, const N: usize> OfOneKind<E, N> {
    #[cached(key = "<Unit::KIND>:<id>", ttl = 60)]
    async fn entity(&self, id: u8) -> E {
        let _ = self.of;
        E::from(id)
    }

    #[cached(key = "size:<N>:<id>", ttl = 60)]
    async fn size(&self, id: usize) -> usize {
        N + id
    }
}

#[tokio::test]
async fn a_constant_of_another_type_tells_no_types_apart() {
    let cache = KvCacheService::in_memory();
    let numbers: OfOneKind<u64, 1> = OfOneKind { cache: cache.clone(), of: std::marker::PhantomData };
    let floats: OfOneKind<f64, 2> = OfOneKind { cache, of: std::marker::PhantomData };
    assert_eq!(numbers.entity(7).await, 7);
    assert_eq!(floats.entity(7).await.to_bits(), 7.0_f64.to_bits());
    assert_eq!(numbers.entity(7).await, 7);
    let site = cache_runtime::call_sites().into_iter().find(|site| site.template() == "<Unit::KIND>:<id>");
    assert_eq!(site.map(|site| (site.stats().hits, site.stats().uncached)), Some((1, 1)));
    assert_eq!((numbers.size(7).await, floats.size(7).await), (8, 9));
    assert_eq!(OfOneKind::<u64, 2>::size_key(7).as_str(), "size:2:7");
}

trait Kind: Value + From<u8> {
    const KIND: &'static str;
}

impl Kind for u64 {
    const KIND: &'static str = "number";
}

impl Kind for f64 {
    const KIND: &'static str = "number";
}

#[cache_key("kind:<T::KIND>:<id>", ttl = 60)]
fn kind_key<T: Kind>(id: u8) -> T;

struct Kinds {
    cache: KvCacheService,
}

impl Kinds {
    #[cached(kind_key::<u64>(id))]
    async fn number(&self, id: u8) -> u64 {
        id.into()
    }

    #[cached(kind_key::<f64>(id))]
    async fn float(&self, id: u8) -> f64 {
        id.into()
    }
}

#[tokio::test]
async fn a_declared_key_with_one_constant_for_two_types_is_of_the_first() {
    let kinds = Kinds { cache: KvCacheService::in_memory() };
    assert_eq!((kinds.number(7).await, kinds.number(7).await), (7, 7));
    assert_eq!(kinds.float(7).await.to_bits(), 7.0_f64.to_bits());
    assert_eq!((kinds.number(7).await, kinds.float(7).await.to_bits()), (7, 7.0_f64.to_bits()));
    let uncached = |name: &str| {
        let site = cache_runtime::call_sites().into_iter().find(|site| site.function().ends_with(name));
        site.map(|site| site.stats().uncached)
    };
    assert_eq!((uncached("::number"), uncached("::float")), (Some(0), Some(2)));
}

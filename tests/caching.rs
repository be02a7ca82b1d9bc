//! `#[caching]` on impl blocks: defaults, traits, tenants, and both orders with `#[async_trait]`.

#![deny(warnings, missing_docs, unused, clippy::pedantic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use cache_runtime::{KeyPart, KvCacheService, cache_key, cached, caching, invalidates, updates};

#[derive(Clone)]
struct Service {
    store: KvCacheService,
    tenant: String,
    loads: Arc<AtomicU64>,
}

fn service() -> Service {
    Service { store: KvCacheService::in_memory(), tenant: "acme".to_owned(), loads: Arc::default() }
}

impl Service {
    fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, KeyPart)]
struct ItemId(u64);

#[derive(Debug, Clone, Copy, KeyPart)]
enum Kind {
    Small,
    Large,
}

#[caching(cache = self.store, ttl = 60, skip(verbose), tenant = self.tenant)]
impl Service {
    #[cached(key = "item:<self.tenant>:<id>:<kind>")]
    async fn item(&self, id: ItemId, kind: Kind, verbose: bool) -> u64 {
        let _ = (id, kind, verbose);
        self.load()
    }

    #[cached(key = "items:<self.tenant>", ttl = 5)]
    async fn items(&self) -> Option<u64> {
        Some(self.load())
    }

    const LIMIT: u64 = 3;

    #[invalidates("item:<self.tenant>:<id>:<kind>", "items:<self.tenant>")]
    async fn change(&self, id: ItemId, kind: Kind) -> u64 {
        let _ = (id, kind);
        Self::LIMIT
    }

    #[updates("item:<self.tenant>:<id>:<kind>")]
    async fn replace(&self, id: ItemId, kind: Kind, value: u64) -> u64 {
        let _ = (id, kind);
        value
    }

    fn plain(&self) -> u64 {
        self.load()
    }
}

#[tokio::test]
async fn a_block_shares_cache_ttl_and_skip() {
    let s = service();
    let first = s.item(ItemId(1), Kind::Small, true).await;
    assert_eq!(s.item(ItemId(1), Kind::Small, false).await, first);
    assert_ne!(s.item(ItemId(1), Kind::Large, false).await, first);
    s.items().await;
    assert_eq!(
        s.store.keys("*").await.expect("memory answers"),
        ["item:acme:1:Large", "item:acme:1:Small", "items:acme"]
    );
    assert_eq!(s.change(ItemId(1), Kind::Small).await, 3);
    assert_eq!(s.store.keys("*").await.expect("memory answers"), ["item:acme:1:Large"]);
    assert_eq!(s.replace(ItemId(1), Kind::Small, 99).await, 99);
    assert_eq!(s.item(ItemId(1), Kind::Small, true).await, 99);
    assert_ne!(s.plain(), s.plain());
    assert_eq!(s.item_key(ItemId(7), Kind::Small).as_str(), "item:acme:7:Small");
}

trait Native {
    type Id;
    async fn native(&self, id: Self::Id) -> u64;
    async fn forget_native(&self, id: Self::Id);
}

#[caching(cache = self.store, ttl = 60)]
impl Native for Service {
    type Id = u32;

    #[cached(key = "native:<id>")]
    async fn native(&self, id: Self::Id) -> u64 {
        let _ = id;
        self.load()
    }

    #[invalidates("native:<id>")]
    async fn forget_native(&self, id: Self::Id) {
        let _ = id;
    }
}

#[async_trait]
trait Above {
    async fn above(&self, id: &str) -> Result<u64, String>;
    async fn forget_above(&self, id: &str);
}

#[caching(cache = self.store, ttl = 60)]
#[async_trait]
impl Above for Service {
    #[cached(key = "above:<id>")]
    async fn above(&self, id: &str) -> Result<u64, String> {
        if id.is_empty() {
            return Err(id.to_owned());
        }
        Ok(self.load())
    }

    #[invalidates("above:<id>")]
    async fn forget_above(&self, id: &str) {
        let _ = id;
    }
}

#[async_trait]
trait Below<T: Send + Sync> {
    async fn below(&self, id: u64, of: T) -> u64;
    async fn forget_below(&self, id: u64, of: T);
}

#[async_trait]
#[caching(cache = self.store, ttl = 60)]
impl<T: Send + Sync + KeyPart + 'static> Below<T> for Service {
    #[cached(key = "below:<id>:<of>")]
    async fn below(&self, id: u64, of: T) -> u64 {
        drop(of);
        let _ = id;
        self.load()
    }

    #[invalidates("below:<id>:<of>")]
    async fn forget_below(&self, id: u64, of: T) {
        drop(of);
        let _ = id;
    }
}

/// A declared key.
#[cache_key("rewritten:<id>", ttl = 60)]
pub fn rewritten_key(id: u64) -> u64;

#[async_trait]
trait Rewritten {
    async fn rewritten(&self, id: u64) -> u64;
    async fn forget_rewritten(&self, id: u64);
}

#[async_trait]
impl Rewritten for Service {
    #[cached(rewritten_key(id), cache = self.store)]
    async fn rewritten(&self, id: u64) -> u64 {
        let _ = id;
        self.load()
    }

    #[invalidates(rewritten_key(id), cache = self.store)]
    async fn forget_rewritten(&self, id: u64) {
        let _ = id;
    }
}

#[tokio::test]
async fn methods_of_trait_impls_are_cached_and_invalidated() {
    let s = service();
    let round = async || {
        (
            s.native(1).await,
            s.above("a:b").await.expect("it loads"),
            s.below(1, "t".to_owned()).await,
            s.rewritten(1).await,
        )
    };
    let first = round().await;
    assert_eq!(round().await, first);
    assert_eq!(
        s.store.keys("*").await.expect("memory answers"),
        ["above:a%3Ab", "below:1:t", "native:1", "rewritten:1"]
    );
    s.forget_native(1).await;
    s.forget_above("a:b").await;
    s.forget_below(1, "t".to_owned()).await;
    s.forget_rewritten(1).await;
    assert!(s.store.keys("*").await.expect("memory answers").is_empty());
    assert!(s.above("").await.is_err());
    let second = round().await;
    assert!(second.0 != first.0 && second.1 != first.1 && second.2 != first.2 && second.3 != first.3);
    assert_eq!(Service::native_key(3).as_str(), "native:3");
}

trait Entity: cache_runtime::Value {
    const KIND: &'static str;
    fn make(id: u64) -> Self;
}

impl Entity for u64 {
    const KIND: &'static str = "number";
    fn make(id: u64) -> Self {
        id
    }
}

impl Entity for String {
    const KIND: &'static str = "text";
    fn make(id: u64) -> Self {
        id.to_string()
    }
}

struct Repo<E> {
    cache: KvCacheService,
    entity: std::marker::PhantomData<fn() -> E>,
}

#[caching(ttl = 60)]
impl<E: Entity> Repo<E> {
    #[cached(key = "entity:<E::KIND>:<id>")]
    async fn get(&self, id: u64) -> E {
        E::make(id)
    }
}

#[tokio::test]
async fn a_constant_of_the_type_in_the_key_keeps_two_types_apart() {
    let cache = KvCacheService::in_memory();
    let numbers = Repo::<u64> { cache: cache.clone(), entity: std::marker::PhantomData };
    let texts = Repo::<String> { cache: cache.clone(), entity: std::marker::PhantomData };
    for _ in 0..2 {
        assert_eq!(numbers.get(7).await, 7);
        assert_eq!(texts.get(7).await, "7");
    }
    assert_eq!(cache.keys("*").await.expect("memory answers"), ["entity:number:7", "entity:text:7"]);
    assert_eq!(Repo::<u64>::get_key(7).as_str(), "entity:number:7");
}

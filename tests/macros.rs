//! What the attributes do: each shape of function, parameter, return type and argument.

#![deny(warnings, missing_docs, unused, clippy::pedantic)]

use std::borrow::Cow;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{
    CacheError, KvCacheService, LocalKvNamespace, Ttl, cache_key, cached, invalidates, updates,
};
use cache_tests::elsewhere::{self, Prices, stock_key};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Project {
    id: u64,
    org_id: u64,
    name: String,
}

fn project(id: u64, name: &str) -> Project {
    Project { id, org_id: id / 10, name: name.to_owned() }
}

#[derive(Debug, Clone, PartialEq)]
struct Failure(String);

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        Self(error.to_string())
    }
}

type Outcome<T> = Result<T, Failure>;
type Maybe<T> = Option<T>;

/// Counts the author's bodies that ran.
#[derive(Clone)]
struct Service {
    cache: KvCacheService,
    loads: Arc<AtomicU64>,
    tenant: String,
}

fn service() -> Service {
    Service { cache: KvCacheService::in_memory(), loads: Arc::default(), tenant: "acme".to_owned() }
}

fn service_at(time: &ManualClock) -> Service {
    let backend = LocalKvNamespace::builder().clock(time.clock()).build();
    let cache =
        KvCacheService::builder(Arc::new(backend)).clock(time.clock()).build().expect("a valid service");
    Service { cache, ..service() }
}

impl Service {
    fn loaded(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    #[cached(key = "plain:<id>", ttl = 300)]
    async fn plain(&self, id: u64) -> u64 {
        self.loaded();
        id * 2
    }

    // On one line: its braces are not "unnecessary".
    #[rustfmt::skip]
    #[cached(key = "line:<id>", ttl = 300)]
    async fn line(&self, id: u64) -> u64 { self.plain(id).await }

    #[cached(key = "option:<id>", ttl = 300)]
    async fn option(&self, id: u64) -> Option<Project> {
        self.loaded();
        (id != 0).then(|| project(id, "a"))
    }

    #[cached(key = "result:<id>", ttl = 300)]
    async fn result(&self, id: u64) -> Result<Project, Failure> {
        self.loaded();
        if id == 0 {
            return Err(Failure("no".to_owned()));
        }
        Ok(project(id, "a"))
    }

    #[cached(key = "both:<id>", ttl = 300, none_ttl = 2)]
    async fn both(&self, id: u64) -> Result<Option<Project>, Failure> {
        self.loaded();
        match id {
            0 => Err(Failure("no".to_owned())),
            1 => Ok(None),
            _ => Ok(Some(project(id, "a"))),
        }
    }

    #[cached(key = "alias:<id>", ttl = 300, value = Project)]
    async fn alias(&self, id: u64) -> Outcome<Project> {
        self.loaded();
        if id == 0 { Err(Failure("no".to_owned())) } else { Ok(project(id, "a")) }
    }

    #[cached(key = "aliases:<id>", ttl = 300, none_ttl = "1s", value = Project)]
    async fn aliases(&self, id: u64) -> Outcome<Maybe<Project>> {
        self.loaded();
        match id {
            0 => Err(Failure("no".to_owned())),
            1 => Ok(None),
            _ => Ok(Some(project(id, "a"))),
        }
    }

    #[cached(key = "early:<id>", ttl = 300, skip(text))]
    async fn early(&self, id: u64, text: &str) -> Result<u64, Failure>
    where
        Self: Sized,
    {
        self.loaded();
        if id > 10 {
            return Ok(10);
        }
        let parsed: u64 = text.parse().map_err(|_| Failure(text.to_owned()))?;
        Ok(parsed)
    }

    #[cached(key = "slug:<slug>:<self.tenant>", ttl = "5m")]
    async fn by_slug(&self, slug: &str) -> String {
        self.loaded();
        format!("{slug} of {}", self.tenant)
    }

    #[cached(key = "owned:<name>:<project.id>", ttl = 300, key_fn = owned_cache_key)]
    async fn owned(&self, name: String, project: Project) -> String {
        self.loaded();
        drop(project);
        name + "!"
    }

    #[cached(key = "cow:<text>", ttl = Duration::from_secs(3))]
    async fn cow<'a>(&'a self, text: Cow<'a, str>) -> String {
        self.loaded();
        text.into_owned()
    }

    #[cached(key = "generic:<id>:<N>", ttl = 300, skip(label))]
    async fn generic<T: Display + Sync, const N: usize>(&self, id: u64, label: &T) -> String {
        self.loaded();
        format!("{id} {label} {N}")
    }

    #[cached(key = "odd:<id>", ttl = 300, cache_if = |n| n % 2 == 1)]
    async fn odd(&self, id: u64) -> u64 {
        self.loaded();
        id
    }

    #[cached(key = "renamed:<user = user_id>", ttl = self.tenant.len() as u64)]
    async fn renamed(&self, user_id: u64) -> u64 {
        self.loaded();
        user_id
    }

    #[cached(key = "rc:<id>", ttl = 300)]
    async fn error_is_not_send(&self, id: u64) -> Result<u64, Rc<str>> {
        self.loaded();
        if id == 0 { Err("no".into()) } else { Ok(id) }
    }

    #[cached(key = "by-value:<id>", ttl = 300)]
    async fn by_value(self, id: u64) -> u64 {
        self.loaded();
        drop(self);
        id
    }

    #[cached(key = "by-arc:<id>", ttl = 300)]
    async fn by_arc(self: Arc<Self>, id: u64) -> u64 {
        self.loaded();
        drop(self);
        id
    }

    #[cached(key = "by-mut:<id>", ttl = 300)]
    async fn by_mut(&mut self, id: u64) -> u64 {
        self.loaded();
        self.tenant.push('!');
        id
    }

    #[cached(key = "all", ttl = Ttl::NEVER)]
    async fn all(&self) -> Vec<Project> {
        self.loaded();
        vec![project(1, "a")]
    }

    #[cached(project_key(id))]
    async fn declared(&self, id: u64) -> Result<Project, Failure> {
        self.loaded();
        Ok(project(id, "a"))
    }

    #[invalidates("result:<id>", "all")]
    async fn rename(&self, id: u64, name: String) -> Result<Project, Failure> {
        if name.is_empty() {
            return Err(Failure(name));
        }
        Ok(project(id, &name))
    }

    #[invalidates("result:<id>", when = "always")]
    async fn try_rename(&self, id: u64) -> Result<(), Failure> {
        Err(Failure(id.to_string()))
    }

    #[invalidates("result:<ret.id>", "slug:<slug>:<self.tenant>")]
    async fn move_slug(&self, slug: String, id: u64) -> Outcome<Project> {
        drop(slug);
        Ok(project(id, "a"))
    }

    #[invalidates(project_key(id), Self::all_key())]
    #[invalidates("result:<id>")]
    async fn several(&self, id: u64) {
        let _ = id;
    }

    #[invalidates("result:<id>", strict)]
    async fn strictly(&self, id: u64) -> Result<(), Failure> {
        self.loaded();
        let _ = id;
        Ok(())
    }

    #[updates("result:<id>")]
    async fn replace(&self, id: u64, name: &str) -> Result<Project, Failure> {
        if name.is_empty() {
            return Err(Failure(String::new()));
        }
        Ok(project(id, name))
    }
}

/// A project, by id.
#[cache_key("declared:<id>", ttl = 60)]
pub fn project_key(id: u64) -> Project;

#[cached(key = "free:<id>", ttl = 300, cache = cache, skip(loads))]
async fn free(cache: &KvCacheService, id: u64, loads: &AtomicU64) -> u64
where
    u64: Copy,
{
    loads.fetch_add(1, Ordering::Relaxed);
    id
}

#[tokio::test]
async fn a_second_call_is_a_hit_for_every_shape() {
    let s = service();
    for round in 1..=2 {
        assert_eq!(s.plain(4).await, 8, "{round}");
        assert_eq!(s.line(4).await, 8);
        assert_eq!(s.option(4).await, Some(project(4, "a")));
        assert_eq!(s.result(4).await, Ok(project(4, "a")));
        assert_eq!(s.both(4).await, Ok(Some(project(4, "a"))));
        assert_eq!(s.alias(4).await, Ok(project(4, "a")));
        assert_eq!(s.aliases(4).await, Ok(Some(project(4, "a"))));
        assert_eq!(s.by_slug("x").await, "x of acme");
        assert_eq!(s.owned("n".to_owned(), project(4, "a")).await, "n!");
        assert_eq!(s.cow("t".into()).await, "t");
        assert_eq!(s.generic::<_, 3>(4, &"l").await, "4 l 3");
        assert_eq!(s.generic::<_, 5>(4, &"l").await, "4 l 5");
        assert_eq!(s.renamed(4).await, 4);
        assert_eq!(s.error_is_not_send(4).await, Ok(4));
        assert_eq!(s.clone().by_value(4).await, 4);
        assert_eq!(Arc::new(s.clone()).by_arc(4).await, 4);
        assert_eq!(s.clone().by_mut(4).await, 4);
        assert_eq!(s.all().await, [project(1, "a")]);
        assert_eq!(s.declared(4).await, Ok(project(4, "a")));
        assert_eq!(s.loads(), 18, "round {round}");
    }
}

#[tokio::test]
async fn an_err_is_never_cached() {
    let s = service();
    for _ in 0..2 {
        assert!(s.result(0).await.is_err());
        assert!(s.both(0).await.is_err());
        assert!(s.alias(0).await.is_err());
        assert!(s.aliases(0).await.is_err());
        assert!(s.error_is_not_send(0).await.is_err());
    }
    assert_eq!(s.loads(), 10);
    assert!(s.cache.keys("*").await.expect("memory answers").is_empty());
}

#[tokio::test]
async fn a_none_is_cached_only_with_none_ttl_and_only_that_long() {
    let time = ManualClock::new();
    let s = service_at(&time);
    assert_eq!((s.option(0).await, s.option(0).await), (None, None));
    assert_eq!(s.loads(), 2);
    assert_eq!((s.both(1).await, s.both(1).await), (Ok(None), Ok(None)));
    assert_eq!((s.aliases(1).await, s.aliases(1).await), (Ok(None), Ok(None)));
    assert_eq!(s.loads(), 4);
    assert!(!s.cache.exists(Service::both_key(1)).await.expect("memory answers"));
    assert_eq!(s.cache.get(Service::both_key(1)).await.expect("memory answers"), None);
    time.advance(Duration::from_millis(1_999));
    assert_eq!(s.both(1).await, Ok(None));
    assert_eq!(s.loads(), 4);
    time.advance(Duration::from_millis(1));
    assert_eq!(s.both(1).await, Ok(None));
    assert_eq!(s.loads(), 5);
}

#[tokio::test]
async fn a_value_lives_for_its_ttl() {
    let time = ManualClock::new();
    let s = service_at(&time);
    s.by_slug("x").await;
    s.declared(1).await.expect("it loads");
    time.advance(Duration::from_secs(59));
    s.declared(1).await.expect("it loads");
    assert_eq!(s.loads(), 2);
    time.advance(Duration::from_secs(1));
    s.declared(1).await.expect("it loads");
    s.by_slug("x").await;
    assert_eq!(s.loads(), 3);
    time.advance(Duration::from_mins(4));
    s.by_slug("x").await;
    assert_eq!(s.loads(), 4);
    s.renamed(1).await;
    let left = s.cache.ttl(Service::renamed_key(1)).await.expect("memory answers");
    assert_eq!(left, Some(Ttl::from(4)), "an expression in `self`");
}

#[tokio::test]
async fn an_early_return_and_a_question_mark_neither_skip_the_fill_nor_cache_the_error() {
    let s = service();
    assert_eq!((s.early(11, "x").await, s.early(11, "x").await), (Ok(10), Ok(10)));
    assert_eq!(s.loads(), 1);
    assert!(s.early(1, "x").await.is_err());
    assert_eq!(s.early(1, "7").await, Ok(7));
    assert_eq!(s.early(1, "x").await, Ok(7));
    assert_eq!(s.loads(), 3);
}

#[tokio::test]
async fn cache_if_decides_what_is_stored() {
    let s = service();
    for _ in 0..2 {
        s.odd(2).await;
        s.odd(3).await;
    }
    assert_eq!(s.loads(), 3);
}

#[tokio::test]
async fn a_free_function_names_its_cache() {
    let (s, loads) = (service(), AtomicU64::new(0));
    for _ in 0..2 {
        assert_eq!(free(&s.cache, 3, &loads).await, 3);
    }
    assert_eq!(loads.into_inner(), 1);
    assert_eq!(free_key(3).as_str(), "free:3");
}

#[tokio::test]
async fn two_tenants_of_one_cache_do_not_share_an_entry() {
    let acme = service();
    let other = Service { tenant: "other".to_owned(), ..acme.clone() };
    assert_eq!(acme.by_slug("x").await, "x of acme");
    assert_eq!(other.by_slug("x").await, "x of other");
    assert_eq!(other.by_slug_key("x").as_str(), "slug:x:other");
}

#[tokio::test]
async fn an_invalidation_makes_the_next_call_load() {
    let s = service();
    s.result(4).await.expect("it loads");
    s.all().await;
    s.rename(4, "b".to_owned()).await.expect("it writes");
    s.result(4).await.expect("it loads");
    s.all().await;
    assert_eq!(s.loads(), 4);
    s.rename(4, String::new()).await.expect_err("it fails");
    s.all().await;
    assert_eq!(s.loads(), 5, "a barrier removes the value even if the write fails");
    s.try_rename(4).await.expect_err("it fails");
    s.result(4).await.expect("it loads");
    assert_eq!(s.loads(), 6);
}

#[tokio::test]
async fn a_key_of_the_result_and_of_an_argument_that_the_body_moves() {
    let s = service();
    s.result(4).await.expect("it loads");
    s.by_slug("x").await;
    s.move_slug("x".to_owned(), 4).await.expect("it writes");
    s.result(4).await.expect("it loads");
    s.by_slug("x").await;
    assert_eq!(s.loads(), 4);
}

#[tokio::test]
async fn several_attributes_and_declared_keys_invalidate_all_that_they_name() {
    let s = service();
    s.result(4).await.expect("it loads");
    s.declared(4).await.expect("it loads");
    s.all().await;
    s.several(4).await;
    assert_eq!(s.cache.keys("*").await.expect("memory answers"), [""; 0]);
    s.strictly(4).await.expect("memory is up");
}

#[tokio::test]
async fn updates_writes_what_the_cached_method_reads() {
    let s = service();
    s.result(4).await.expect("it loads");
    s.replace(4, "new").await.expect("it writes");
    assert_eq!(s.result(4).await, Ok(project(4, "new")));
    assert_eq!(s.loads(), 1);
    assert_eq!(
        s.cache
            .ttl(Service::result_key(4))
            .await
            .expect("memory answers")
            .map(|ttl| ttl.as_duration().map(|left| left.as_secs() >= 299)),
        Some(Some(true))
    );
    s.replace(4, "").await.expect_err("it fails");
    assert_eq!(s.result(4).await, Ok(project(4, "a")));
}

#[test]
fn futures_are_send_where_the_authors_are() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let s = service();
    let error_need_not_be_send = |s: &'static Service| is_send(s.error_is_not_send(1));
    let _ = error_need_not_be_send;
    drop(is_send(s.result(1)));
    drop(is_send(s.rename(1, String::new())));
    drop(is_send(s.move_slug(String::new(), 1)));
    drop(is_send(s.replace(1, "")));
}

/// Reads and writes what another crate declares and caches.
struct Buyers {
    prices: Prices,
    stock: AtomicU64,
}

impl Buyers {
    #[cached(stock_key(id), cache = self.prices.cache)]
    async fn stock(&self, id: u64) -> u64 {
        let _ = id;
        self.stock.load(Ordering::SeqCst)
    }

    #[invalidates(elsewhere::stock_key(id), Prices::price_key(shop, id), cache = self.prices.cache)]
    async fn buy(&self, shop: &str, id: u64) {
        let _ = (shop, id);
        self.stock.fetch_sub(1, Ordering::SeqCst);
        self.prices.price.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn keys_of_another_crate_are_cached_and_invalidated_by_their_path() {
    let prices = Prices { cache: KvCacheService::in_memory(), price: AtomicU64::new(100) };
    let buyers = Buyers { prices, stock: AtomicU64::new(5) };
    assert_eq!((buyers.stock(7).await, buyers.prices.price("north", 7).await), (5, 100));
    buyers.stock.store(9, Ordering::SeqCst);
    assert_eq!(buyers.stock(7).await, 5, "it is cached");
    buyers.buy("north", 7).await;
    assert_eq!((buyers.stock(7).await, buyers.prices.price("north", 7).await), (8, 101));
    assert_eq!(buyers.prices.cache.get(elsewhere::stock_key(7)).await.expect("memory answers"), Some(8));
}

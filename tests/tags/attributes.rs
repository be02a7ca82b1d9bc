//! Tags by the attributes.
#![expect(clippy::erasing_op, reason = "a parameter of a key is named in the body")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use cache_runtime::{
    CacheError, KvCacheService, LocalKvNamespace, cache_key, cache_tag, cached, caching, invalidates,
    key_map, updates,
};
use tokio::sync::Semaphore;

/// All that belongs to a user.
#[cache_tag("user:<user_id>")]
fn user_tag(user_id: u64);

#[cache_key("badge:<user_id>", ttl = 300)]
fn badge_key(user_id: u64) -> u64;

struct Projects {
    cache: KvCacheService,
    source: AtomicU64,
    fails: AtomicBool,
    gate: Semaphore,
    tenant: &'static str,
}

#[derive(Debug)]
struct Failed;

impl From<CacheError> for Failed {
    fn from(_: CacheError) -> Self {
        Self
    }
}

struct Written {
    org_id: u64,
}

#[caching(ttl = 300)]
impl Projects {
    fn new() -> Self {
        Self::over(KvCacheService::in_memory())
    }

    fn over(cache: KvCacheService) -> Self {
        Self {
            cache,
            source: AtomicU64::new(0),
            fails: AtomicBool::new(false),
            gate: Semaphore::new(0),
            tenant: "acme",
        }
    }

    fn now(&self) -> u64 {
        self.source.load(Ordering::SeqCst)
    }

    #[cached(key = "project:<org_id>:<id>", tags = ["org:<org_id>"])]
    async fn project(&self, org_id: u64, id: u64) -> u64 {
        self.now() + (org_id + id) * 0
    }

    #[cached(key = "projects:<org_id>:<id>", tags = ["org:<org_id>"], none_ttl = 300)]
    async fn maybe(&self, org_id: u64, id: u64) -> Option<u64> {
        Some(self.now()).filter(|_| org_id != id)
    }

    #[cached(key = "project:<org_id>:<id>", each(id in ids), tags = ["org:<org_id>"])]
    async fn projects(&self, org_id: u64, ids: &[u64]) -> HashMap<u64, u64> {
        ids.iter().map(|id| (*id, self.now() + org_id * 0)).collect()
    }

    #[cached(key = "title:<self.tenant>:<slug>", tags = ["slug:<slug>", "tenant:<self.tenant>"])]
    async fn title(&self, slug: String) -> Arc<u64> {
        drop(slug);
        Arc::new(self.now())
    }

    #[cached(badge_key(user_id), tags = [user_tag(user_id)])]
    async fn badge(&self, user_id: u64) -> u64 {
        self.now() + user_id * 0
    }

    #[invalidates(tags = ["org:<org_id>"])]
    async fn write(&self, org_id: u64) -> Result<u64, Failed> {
        let now = self.source.fetch_add(1, Ordering::SeqCst) + 1 + org_id * 0;
        if self.fails.load(Ordering::SeqCst) { Err(Failed) } else { Ok(now) }
    }

    #[invalidates(tags = ["org:<org_id>"], when = "always", strict)]
    async fn write_always(&self, org_id: u64) -> Result<u64, Failed> {
        let _ = org_id;
        Err(Failed)
    }

    #[invalidates(tags = ["org:<ret.org_id>"])]
    async fn write_some(&self) -> Result<Written, Failed> {
        self.source.fetch_add(1, Ordering::SeqCst);
        Ok(Written { org_id: 5 })
    }

    #[invalidates("title:<self.tenant>:<slug>", tags = ["org:<org_id>", user_tag(user_id)])]
    async fn write_several(&self, slug: &str, org_id: u64, user_id: u64) {
        let _ = (slug, org_id, user_id);
        self.source.fetch_add(1, Ordering::SeqCst);
    }

    #[invalidates(tags = ["tenant:<self.tenant>"])]
    async fn write_tenant(&self) {
        self.source.fetch_add(1, Ordering::SeqCst);
    }

    #[updates("project:<org_id>:<id>", tags = ["org:<org_id>"])]
    async fn replace(&self, org_id: u64, id: u64) -> u64 {
        self.source.fetch_add(1, Ordering::SeqCst) + 1 + (org_id + id) * 0
    }

    #[updates("project:<org_id>:<id>", tags = ["org:<org_id>"], strict, ttl = 600)]
    async fn replace_slowly(&self, org_id: u64, id: u64) -> Result<u64, Failed> {
        let now = self.source.fetch_add(1, Ordering::SeqCst) + 1 + (org_id + id) * 0;
        self.gate.acquire().await.expect("it stays").forget();
        Ok(now)
    }

    #[updates(badge_key(user_id), tags = [user_tag(user_id)])]
    async fn replace_badge(&self, user_id: u64) -> u64 {
        self.source.fetch_add(1, Ordering::SeqCst) + 1 + user_id * 0
    }

    #[invalidates(tags = ["org:<org_id>"])]
    async fn write_slowly(&self, org_id: u64) {
        self.source.fetch_add(1 + org_id * 0, Ordering::SeqCst);
        self.gate.acquire().await.expect("it stays").forget();
    }
}

#[tokio::test]
async fn what_carries_a_tag_is_stale_when_the_write_has_returned() {
    let shop = Projects::new();
    assert_eq!(
        (shop.project(5, 1).await, shop.maybe(5, 1).await, shop.maybe(5, 5).await),
        (0, Some(0), None)
    );
    assert_eq!(shop.project(6, 1).await, 0);
    for now in 1..4 {
        assert_eq!(shop.write(5).await.expect("it works"), now);
        assert_eq!((shop.project(5, 1).await, shop.maybe(5, 1).await), (now, Some(now)));
        assert_eq!(shop.project(6, 1).await, 0, "of another organisation");
    }
}

#[tokio::test]
async fn a_batch_shares_entries_and_tags_with_the_method_of_one_id() {
    let shop = Projects::new();
    assert_eq!(shop.project(5, 1).await, 0);
    shop.source.fetch_add(1, Ordering::SeqCst);
    assert_eq!(shop.projects(5, &[1, 2]).await, HashMap::from([(1, 0), (2, 1)]));
    assert_eq!(shop.project(5, 2).await, 1);
    shop.write(5).await.expect("it works");
    assert_eq!(shop.projects(5, &[1, 2]).await, HashMap::from([(1, 2), (2, 2)]));
}

#[tokio::test]
async fn tags_of_fields_texts_and_other_types_work() {
    let shop = Projects::new();
    let read = async || (*shop.title("a:b".into()).await, shop.badge(7).await, shop.project(5, 1).await);
    assert_eq!(read().await, (0, 0, 0));
    assert_eq!(shop.cache.keys("title:*").await.expect("it answers"), ["title:acme:a%3Ab"]);
    shop.write_several("a:b", 5, 7).await;
    assert_eq!(read().await, (1, 1, 1));
    shop.write_tenant().await;
    assert_eq!(read().await, (2, 1, 1));
    shop.source.fetch_add(1, Ordering::SeqCst);
    shop.cache.invalidate_tag("slug:a%3Ab").await.expect("it answers");
    shop.cache.invalidate_tag(user_tag(7)).await.expect("it answers");
    assert_eq!(read().await, (3, 3, 1));
}

#[tokio::test]
async fn a_write_that_fails_leaves_no_barrier_on_the_tag() {
    let shop = Projects::new();
    shop.project(5, 1).await;
    shop.fails.store(true, Ordering::SeqCst);
    shop.write(5).await.expect_err("the test says so");
    shop.write_always(5).await.expect_err("the test says so");
    assert_eq!(shop.project(5, 1).await, 1, "a barrier has removed the generation, as it removes values");
    shop.source.fetch_add(1, Ordering::SeqCst);
    assert_eq!(shop.project(5, 1).await, 1, "it is cached again");
}

#[tokio::test]
async fn a_tag_of_the_result_is_invalidated_after_the_write() {
    let shop = Projects::new();
    shop.project(5, 1).await;
    shop.project(6, 1).await;
    shop.write_some().await.expect("it works");
    assert_eq!((shop.project(5, 1).await, shop.project(6, 1).await), (1, 0));
}

#[tokio::test]
async fn while_a_write_of_a_tag_runs_nothing_that_carries_it_is_stored() {
    let shop = Arc::new(Projects::new());
    shop.project(5, 1).await;
    let writer = Arc::clone(&shop);
    let writer = tokio::spawn(async move { writer.write_slowly(5).await });
    while shop.now() == 0 {
        tokio::task::yield_now().await;
    }
    shop.source.store(2, Ordering::SeqCst);
    assert_eq!(shop.project(5, 1).await, 2);
    shop.source.store(3, Ordering::SeqCst);
    assert_eq!(shop.project(5, 1).await, 3, "it loads again");
    shop.gate.add_permits(1);
    writer.await.expect("it does not panic");
    assert_eq!(shop.project(5, 1).await, 3);
    shop.source.store(4, Ordering::SeqCst);
    assert_eq!(shop.project(5, 1).await, 3, "it is stored again");
}

/// Whether what is cached carries no generation of the prefix, or does.
fn shops() -> [Projects; 2] {
    let whole = KvCacheService::builder(Arc::new(LocalKvNamespace::new())).prefix_generation(true).build();
    [Projects::new(), Projects::over(whole.expect("a valid prefix"))]
}

#[tokio::test]
async fn an_update_stores_its_value_with_its_tags() {
    for shop in shops() {
        for _ in 0..2 {
            let now = shop.replace(5, 1).await;
            shop.source.fetch_add(1, Ordering::SeqCst);
            assert_eq!(shop.project(5, 1).await, now, "it is stored");
            shop.cache.invalidate_tag("org:5").await.expect("memory answers");
            assert_eq!(shop.project(5, 1).await, now + 1);

            let now = shop.replace_badge(7).await;
            shop.source.fetch_add(1, Ordering::SeqCst);
            assert_eq!(shop.badge(7).await, now, "it is stored");
            shop.cache.invalidate_tag(user_tag(7)).await.expect("memory answers");
            assert_eq!(shop.badge(7).await, now + 1);
        }
    }
}

#[tokio::test]
async fn an_update_during_which_its_tag_or_all_was_invalidated_leaves_nothing_old_behind() {
    for (shop, all) in shops().into_iter().zip([false, true]) {
        let shop = Arc::new(shop);
        shop.project(5, 1).await;
        let writer = Arc::clone(&shop);
        let writer = tokio::spawn(async move { writer.replace_slowly(5, 1).await });
        while shop.now() == 0 {
            tokio::task::yield_now().await;
        }
        // What the update returns is older than this change.
        shop.source.store(9, Ordering::SeqCst);
        if all {
            shop.cache.invalidate_all().await.expect("memory answers");
        } else {
            shop.write(5).await.expect("it works");
        }
        let newest = shop.now();
        shop.gate.add_permits(1);
        assert_eq!(writer.await.expect("it does not panic").expect("it works"), 1);
        assert_eq!(shop.project(5, 1).await, newest);
    }
}

#[tokio::test]
async fn an_update_beside_the_barrier_of_its_tag_stores_nothing() {
    let shop = Arc::new(Projects::new());
    let writer = Arc::clone(&shop);
    let writer = tokio::spawn(async move { writer.write_slowly(5).await });
    while shop.now() == 0 {
        tokio::task::yield_now().await;
    }
    let updated = shop.replace(5, 1).await;
    shop.source.store(updated + 5, Ordering::SeqCst);
    assert_eq!(shop.project(5, 1).await, updated + 5);
    shop.gate.add_permits(1);
    writer.await.expect("it does not panic");
    assert_eq!(shop.project(5, 1).await, updated + 5);
}

#[tokio::test]
async fn inside_a_scope_what_carries_a_written_tag_is_loaded() {
    let shop = Projects::new();
    shop.project(5, 1).await;
    let seen = shop.cache.deferring(async {
        shop.write(5).await?;
        Ok::<_, Failed>(shop.project(5, 1).await)
    });
    assert_eq!(seen.await.expect("it works"), 1);
    assert_eq!(shop.project(5, 1).await, 1);
}

#[cached(key = "square:<n>", ttl = 300, cache = cache, skip(loads), tags = ["squares:<n>", user_tag(n)])]
async fn square(cache: &KvCacheService, n: u64, loads: &AtomicU64) -> u64 {
    n * n + loads.fetch_add(1, Ordering::SeqCst) * 0
}

#[invalidates(tags = [user_tag(n)], cache = cache)]
async fn forget(cache: &KvCacheService, n: u64) {
    let _ = n;
}

#[tokio::test]
async fn free_functions_have_tags() {
    let (cache, loads) = (KvCacheService::in_memory(), AtomicU64::new(0));
    for expected in 1..4 {
        assert_eq!((square(&cache, 3, &loads).await, square(&cache, 3, &loads).await), (9, 9));
        assert_eq!(loads.load(Ordering::SeqCst), expected);
        match expected {
            1 => forget(&cache, 3).await,
            _ => cache.invalidate_tag("squares:3").await.expect("it answers"),
        }
    }
}

#[async_trait]
trait Reads {
    async fn read(&self, id: u64) -> u64;
    async fn change(&self, id: u64);
}

#[caching(ttl = 300)]
#[async_trait]
impl Reads for Projects {
    #[cached(key = "read:<id>", tags = ["reads:<id>"])]
    async fn read(&self, id: u64) -> u64 {
        self.now() + id * 0
    }

    #[invalidates(tags = ["reads:<id>"])]
    async fn change(&self, id: u64) {
        self.source.fetch_add(1 + id * 0, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn methods_of_a_traits_impl_have_tags() {
    let shop = Projects::new();
    assert_eq!(shop.read(1).await, 0);
    shop.change(1).await;
    assert_eq!(shop.read(1).await, 1);
}

#[tokio::test]
async fn the_key_map_lists_tags() {
    let shop = Projects::new();
    shop.project(5, 1).await;
    shop.write(5).await.expect("it works");
    let map = key_map();
    let tag = map.entries().iter().find(|entry| entry.is_tag && entry.template == "org:<org_id>");
    let tag = tag.expect("it is listed");
    assert!(tag.sites.iter().any(|site| site.function().ends_with("::project")));
    assert!(tag.sites.iter().any(|site| site.tags().any(|tag| tag == "org:<org_id>")));
    assert!(map.to_string().contains("carried by"), "{map}");
    assert!(map.problems().iter().all(|problem| !problem.contains("org:<org_id>\"")), "{:?}", map.problems());
}

#[tokio::test]
async fn a_memory_of_cloudflares_limits_can_hold_the_generations() {
    let backend = LocalKvNamespace::builder().cloudflare_limits().build();
    let cache = KvCacheService::builder(Arc::new(backend)).build().expect("it is valid");
    let shop = Projects { cache, ..Projects::new() };
    shop.project(5, 1).await;
    shop.write(5).await.expect("it works");
    assert_eq!(shop.project(5, 1).await, 1);
}

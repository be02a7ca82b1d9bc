//! The forms that a batch may have.

use std::collections::{BTreeMap, HashMap};

use cache_runtime::{KeyPart, KvCacheService, cache_key, cached};
use serde::{Deserialize, Serialize};

use super::world::ready;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, KeyPart)]
struct PageId(u32);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Page {
    title: String,
}

/// A page by its name.
#[cache_key("page-by-name:<name>", ttl = 60, none_ttl = 5)]
fn name_key(name: &str) -> Page;

struct Pages {
    cache: KvCacheService,
    owner: String,
}

impl Pages {
    fn new() -> Self {
        Self { cache: KvCacheService::in_memory(), owner: "ann".to_owned() }
    }

    #[cached(key = "page:<self.owner>:<lang>:<id>", ttl = 60, version = 3)]
    async fn page(&self, lang: &str, id: PageId) -> Option<Page> {
        Some(page(lang, id))
    }

    #[cached(key = "page:<self.owner>:<lang>:<id>", each(id in ids), none_ttl = 5, version = 3)]
    async fn pages(&self, lang: &str, mut ids: Vec<PageId>) -> BTreeMap<PageId, Page> {
        ids.sort_unstable();
        ids.into_iter().map(|id| (id, page(lang, id))).collect()
    }

    #[cached(name_key(&name), each(name in names), skip(verbose))]
    async fn by_name(&self, names: &[String], verbose: bool) -> Result<HashMap<String, Page>, String> {
        let _ = verbose;
        if names.is_empty() {
            return Err("never asked for nothing".to_owned());
        }
        Ok(names.iter().map(|name| (name.clone(), Page { title: name.clone() })).collect())
    }

    #[cached(key = "hit:<row.0>", ttl = 60)]
    async fn hit(&self, row: (u64, bool)) -> u64 {
        row.0
    }

    #[cached(key = "hit:<row.0>", each(row in rows))]
    async fn hits(&self, rows: &[(u64, bool)]) -> HashMap<(u64, bool), u64> {
        rows.iter().map(|row| (*row, row.0)).collect()
    }
}

fn page(lang: &str, id: PageId) -> Page {
    Page { title: format!("{lang} {}", id.0) }
}

#[test]
fn ids_may_come_as_a_vec_and_the_values_go_as_any_map() {
    let pages = Pages::new();
    let ids = vec![PageId(3), PageId(1)];
    let found = ready(pages.pages("en", ids.clone()));
    assert_eq!(found, ids.iter().map(|id| (*id, page("en", *id))).collect());
    assert_eq!(ready(pages.page("en", PageId(1))), Some(page("en", PageId(1))));
    assert_eq!(ready(pages.cache.keys("*")).expect("memory answers"), ["page:ann:en:1", "page:ann:en:3"]);
}

#[test]
fn ids_may_be_named_by_a_declared_key() {
    let pages = Pages::new();
    let names = ["a:b".to_owned(), "c".to_owned()];
    for verbose in [false, true] {
        assert_eq!(ready(pages.by_name(&names, verbose)).expect("it loads").len(), 2);
    }
    assert!(ready(pages.by_name(&[], false)).expect("it does not run").is_empty());
    let held: Option<Page> = ready(pages.cache.get(name_key("a:b"))).expect("memory answers");
    assert_eq!(held, Some(Page { title: "a:b".to_owned() }));
}

#[test]
fn a_field_of_an_id_may_stand_in_the_key() {
    let pages = Pages::new();
    assert_eq!(ready(pages.hits(&[(1, true), (2, false)])).len(), 2);
    assert_eq!(ready(pages.hit((1, false))), 1);
}

#[test]
fn a_batch_may_be_sent_to_another_thread() {
    fn is_send(_: impl Send) {}
    let pages = Pages::new();
    is_send(pages.pages("en", Vec::new()));
    is_send(pages.by_name(&[], true));
}

#[test]
fn the_future_of_a_batch_is_small() {
    let pages = Pages::new();
    let size = size_of_val(&pages.by_name(&[], true));
    let single = size_of_val(&pages.page("en", PageId(1)));
    println!("the future of a batch: {size} bytes, of a single call: {single} bytes");
    assert!(size < 1_024, "{size}");
}

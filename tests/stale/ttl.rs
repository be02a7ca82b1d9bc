//! Times to live.

use std::collections::HashSet;
use std::time::Duration;

use cache_runtime::Ttl;

use crate::shop::{Shop, stats};

#[tokio::test]
async fn a_ttl_from_the_value_is_in_seconds_or_whatever_else_is_a_ttl() {
    let shop = Shop::new();
    shop.set(7);
    assert_eq!(shop.by_value(1).await, Ok(7));
    assert_eq!(shop.cache.ttl(Shop::by_value_key(1)).await.expect("memory serves"), Some(Ttl::from(7)));
    shop.by_function(1).await;
    assert_eq!(shop.cache.ttl(Shop::by_function_key(1)).await.expect("memory serves"), Some(Ttl::NEVER));
    shop.pass(7);
    shop.by_value(1).await.expect("the source serves");
    assert_eq!(shop.loads(), 3, "the first value's time was over");
}

#[tokio::test]
async fn a_value_whose_ttl_is_zero_is_not_stored_and_no_error() {
    let shop = Shop::new();
    let before = stats("by_value");
    shop.set(0);
    for _ in 0..2 {
        assert_eq!(shop.by_value(2).await, Ok(0));
    }
    assert_eq!(shop.loads(), 2);
    let after = stats("by_value");
    assert_eq!(after.errors, before.errors);
    assert!(after.uncached >= before.uncached + 2);
}

#[tokio::test]
async fn a_ttl_from_the_value_that_is_too_long_is_an_error_that_costs_the_store_only() {
    let shop = Shop::new();
    let before = stats("by_value").errors;
    shop.set(u64::MAX);
    assert_eq!(shop.by_value(3).await, Ok(u64::MAX));
    assert_eq!(shop.cache.get(Shop::by_value_key(3)).await.expect("memory serves"), None);
    assert_eq!(stats("by_value").errors, before + 1);
}

#[tokio::test]
async fn jitter_shortens_each_ttl_by_another_part_and_lengthens_none() {
    let shop = Shop::new();
    let mut seen = HashSet::new();
    for id in 0..100 {
        shop.jittered(id).await;
        let ttl = shop.cache.ttl(Shop::jittered_key(id)).await.expect("memory serves").expect("it is there");
        let ttl = ttl.as_duration().expect("it has an end");
        assert!((Duration::from_secs(900)..=Duration::from_secs(1000)).contains(&ttl), "{ttl:?}");
        seen.insert(ttl);
    }
    assert!(seen.len() > 90, "{} different", seen.len());
}

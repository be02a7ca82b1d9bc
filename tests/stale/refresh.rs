//! `stale_while_revalidate`.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use crate::shop::{Failure, Shop, Source, stats};

/// A shop with a stale value 1, whose source has 2.
async fn stale() -> Shop {
    let shop = Shop::new();
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.pass(61);
    shop.set(2);
    shop
}

#[tokio::test]
async fn a_stale_value_is_served_at_once_and_refreshed_behind() {
    let shop = stale().await;
    let before = stats("refreshed");
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.idle().await;
    assert_eq!(shop.refreshed(1, "a").await, Ok(2));
    assert_eq!(shop.loads(), 2);
    let after = stats("refreshed");
    assert!(after.stale > before.stale && after.refreshes > before.refreshes);
}

#[tokio::test]
async fn many_stale_readers_start_one_refresh() {
    let shop = stale().await;
    shop.source(Source::Waits);
    for _ in 0..100 {
        assert_eq!(shop.refreshed(1, "a").await, Ok(1));
        shop.idle().await;
    }
    assert_eq!(shop.loads(), 2);
    shop.open_gate();
    shop.idle().await;
    assert_eq!(shop.refreshed(1, "a").await, Ok(2));
}

#[tokio::test]
async fn at_most_64_refreshes_run_at_once_and_the_others_are_served_all_the_same() {
    let shop = Shop::new();
    for id in 0..100 {
        assert_eq!(shop.refreshed(id, "a").await, Ok(1));
    }
    shop.pass(61);
    shop.source(Source::Waits);
    for id in 0..100 {
        assert_eq!(shop.refreshed(id, "a").await, Ok(1));
    }
    shop.idle().await;
    assert_eq!(shop.loads(), 164);
}

#[tokio::test]
async fn after_the_window_a_call_loads() {
    let shop = stale().await;
    shop.pass(59);
    assert_eq!(shop.refreshed(1, "a").await, Ok(2));
}

#[tokio::test]
async fn a_method_without_stale_arguments_loads_what_is_stale() {
    let shop = stale().await;
    assert_eq!(shop.without_stale(1).await, Ok(2));
    assert_eq!(shop.loads(), 2);
}

#[tokio::test]
async fn a_stale_value_is_not_served_after_an_invalidation() {
    let shop = stale().await;
    shop.write(1, "a", 3).await;
    assert_eq!(shop.refreshed(1, "a").await, Ok(3));
}

#[tokio::test]
async fn a_refresh_does_not_store_over_what_was_written_after_it_began() {
    let shop = stale().await;
    shop.source(Source::Waits);
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.idle().await;
    shop.source(Source::Serves);
    shop.write(1, "a", 3).await;
    assert_eq!(shop.refreshed(1, "a").await, Ok(3));
    shop.open_gate();
    shop.idle().await;
    assert_eq!(shop.refreshed(1, "a").await, Ok(3));
    assert_eq!(shop.cache.get(Shop::refreshed_key(1, "a")).await.expect("memory serves"), Some(3));
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_stale_value_and_pauses() {
    let shop = stale().await;
    shop.source(Source::Fails);
    for _ in 0..10 {
        assert_eq!(shop.refreshed(1, "a").await, Ok(1));
        shop.idle().await;
    }
    assert_eq!(shop.loads(), 2, "no second try within the pause");
    shop.pass(1);
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.idle().await;
    assert_eq!(shop.loads(), 3);
    shop.pass(60);
    assert_eq!(shop.refreshed(1, "a").await, Err(Failure::Source));
}

#[tokio::test]
async fn a_refresh_that_panics_harms_no_caller() {
    let shop = stale().await;
    shop.source(Source::Panics);
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.idle().await;
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.source(Source::Serves);
    shop.pass(1);
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.idle().await;
    assert_eq!(shop.refreshed(1, "a").await, Ok(2));
}

#[tokio::test]
async fn a_refresh_that_hangs_ends_by_itself() {
    let shop = stale().await;
    shop.source(Source::Hangs);
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.idle().await;
    shop.pass(30);
    shop.idle().await;
    shop.source(Source::Serves);
    shop.pass(1);
    assert_eq!(shop.refreshed(1, "a").await, Ok(1));
    shop.idle().await;
    assert_eq!(shop.refreshed(1, "a").await, Ok(2));
}

#[test]
fn a_runtime_that_ends_during_a_refresh_leaves_the_key_to_others() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let first = runtime();
    let shop = first.block_on(async {
        let shop = stale().await;
        shop.source(Source::Hangs);
        assert_eq!(shop.refreshed(1, "a").await, Ok(1));
        shop.idle().await;
        shop
    });
    drop(first);
    shop.source(Source::Serves);
    shop.pass(1);
    runtime().block_on(async {
        assert_eq!(shop.refreshed(1, "a").await, Ok(1));
        shop.idle().await;
        assert_eq!(shop.refreshed(1, "a").await, Ok(2));
    });
}

#[test]
fn without_a_runtime_a_stale_value_counts_as_expired() {
    let shop = futures_executor(stale());
    assert_eq!(futures_executor(shop.refreshed(1, "a")), Ok(2));
}

/// Polls to the end what is never pending.
fn futures_executor<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let std::task::Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

#[tokio::test]
async fn the_other_arguments_keep_their_meaning_beside_stale_values() {
    let shop = Shop::new();
    shop.set(0);
    assert_eq!(shop.both(1).await, Ok(None));
    assert_eq!(shop.both(1).await, Ok(None));
    assert_eq!(shop.loads(), 1, "none_ttl");
    shop.pass(5);
    shop.set(13);
    assert_eq!(shop.both(1).await, Ok(Some(13)), "a cached \"not there\" is never stale");
    shop.set(5);
    assert_eq!(shop.both(1).await, Ok(Some(5)), "cache_if");
    shop.pass(61);
    shop.set(6);
    assert_eq!(shop.both(1).await, Ok(Some(5)));
    shop.idle().await;
    assert_eq!(shop.both(1).await, Ok(Some(6)));
    shop.pass(121);
    shop.source(Source::Fails);
    assert_eq!(shop.both(1).await, Ok(Some(6)), "beyond the one window and within the other");
    shop.pass(540);
    assert_eq!(shop.both(1).await, Err(Failure::Source));
}

#[tokio::test]
async fn a_stale_call_that_is_dropped_at_any_poll_leaves_everything_in_order() {
    for polls in 0..6 {
        let shop = stale().await;
        shop.source(Source::Waits);
        {
            let mut call = pin!(shop.refreshed(1, "a"));
            for _ in 0..polls {
                if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                shop.idle().await;
            }
        }
        shop.open_gate();
        shop.open_gate();
        shop.idle().await;
        shop.refreshed(1, "a").await.expect("the source serves");
        shop.idle().await;
        assert_eq!(shop.refreshed(1, "a").await, Ok(2), "after {polls} polls");
    }
}

#[tokio::test]
async fn a_refresh_that_is_dropped_at_any_poll_leaves_everything_in_order() {
    for polls in 0..6 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it starts");
        let shop = stale().await;
        shop.source(Source::Waits);
        let of_runtime = shop.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                assert_eq!(of_runtime.refreshed(1, "a").await, Ok(1));
                for _ in 0..polls {
                    tokio::task::yield_now().await;
                }
            });
        })
        .join()
        .expect("the first reader is served");
        shop.source(Source::Serves);
        shop.pass(1);
        assert_eq!(shop.refreshed(1, "a").await, Ok(1));
        shop.idle().await;
        assert_eq!(shop.refreshed(1, "a").await, Ok(2), "after {polls} polls");
    }
}

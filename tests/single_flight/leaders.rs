//! What becomes of the waiters when their leader, or one of them, goes away.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;

use super::shop::{PATIENCE, Shop, end_by_steps, others, poll, shop, within};

/// Spawns so many callers of a key and lets each of them take its place.
async fn callers(shop: &Shop, many: usize) -> Vec<tokio::task::JoinHandle<u64>> {
    let calls = (0..many)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.price(7).await })
        })
        .collect();
    others().await;
    calls
}

#[tokio::test]
async fn when_the_leader_is_dropped_one_waiter_loads_anew_for_all() {
    within(async {
        let shop = shop();
        let leader = callers(&shop, 1).await;
        let waiters = callers(&shop, 100).await;
        for leader in leader {
            leader.abort();
            assert!(leader.await.expect_err("it was aborted").is_cancelled());
        }
        others().await;
        assert_eq!(shop.loads(), 2, "not all at once");
        shop.open();
        for waiter in waiters {
            assert_eq!(waiter.await.expect("it ends"), 1);
        }
        assert_eq!(shop.loads(), 2);
        assert_eq!(shop.price(7).await, 1);
        assert_eq!(shop.loads(), 2, "what was loaded anew is stored");
    })
    .await;
}

#[tokio::test]
async fn leaders_that_are_dropped_one_after_another_leave_the_load_to_the_next() {
    within(async {
        let shop = shop();
        let mut calls = callers(&shop, 20).await;
        let last = calls.pop().expect("there are 20");
        for (dropped, call) in calls.into_iter().enumerate() {
            assert_eq!(shop.loads(), dropped as u64 + 1);
            call.abort();
            others().await;
        }
        shop.open();
        assert_eq!(last.await.expect("it ends"), 1);
        assert_eq!(shop.loads(), 20);
    })
    .await;
}

#[tokio::test]
async fn when_the_leader_panics_one_waiter_loads_anew_for_all() {
    within(async {
        let shop = shop();
        let call = |shop: Shop| tokio::spawn(async move { shop.panics_below(7, 2).await });
        let leader = call(shop.clone());
        others().await;
        let waiters: Vec<_> = (0..100).map(|_| call(shop.clone())).collect();
        others().await;
        shop.set_source(2);
        shop.let_end(1);
        assert!(leader.await.expect_err("it panicked").is_panic());
        others().await;
        assert_eq!(shop.loads(), 2, "not all at once");
        shop.open();
        for waiter in waiters {
            assert_eq!(waiter.await.expect("it ends"), 2);
        }
        assert_eq!(shop.loads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_leader_that_is_pinned_in_a_select_and_no_longer_polled_holds_nobody_up_for_ever() {
    within(async {
        let shop = shop();
        let mut leader = pin!(shop.price(7));
        tokio::select! {
            biased;
            _ = &mut leader => panic!("the load has not ended"),
            () = std::future::ready(()) => {}
        }
        let waiters = callers(&shop, 100).await;
        assert_eq!(shop.loads(), 1);
        shop.open();
        let (prices, waited) = end_by_steps(&shop, PATIENCE, 10, join_all(waiters)).await;
        assert!(prices.into_iter().all(|price| price.expect("it ends") == 1));
        assert!(waited <= 2 * PATIENCE, "{waited:?}");
        assert!(shop.loads() <= 64, "{} loads, not all at once", shop.loads());
        // The leader is still good when it is polled again.
        assert_eq!(leader.await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_pinned_leader_that_ends_after_an_invalidation_stores_nothing() {
    within(async {
        let shop = shop();
        let mut leader = pin!(shop.price(7));
        assert_eq!(poll(&mut leader), Poll::Pending);
        shop.open();
        let (beside, _) = end_by_steps(&shop, PATIENCE, 10, shop.price(7)).await;
        assert_eq!(beside, 1);
        shop.reprice(7, 2).await;
        assert_eq!(shop.price(7).await, 2);
        assert_eq!(leader.await, 1, "it came before");
        assert_eq!(shop.price(7).await, 2);
        assert_eq!(shop.cache.get(Shop::price_key(7)).await.expect("memory answers"), Some(2));
    })
    .await;
}

#[tokio::test]
async fn a_waiter_that_is_dropped_takes_nothing_with_it() {
    within(async {
        let shop = shop();
        let leader = callers(&shop, 1).await;
        let (dropped, kept) = (callers(&shop, 10).await, callers(&shop, 10).await);
        dropped.iter().for_each(tokio::task::JoinHandle::abort);
        others().await;
        shop.open();
        for call in leader.into_iter().chain(kept) {
            assert_eq!(call.await.expect("it ends"), 1);
        }
        assert_eq!(shop.loads(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_waiter_that_is_dropped_when_it_was_to_load_leaves_the_load_to_the_next() {
    within(async {
        let shop = shop();
        let leader = callers(&shop, 1).await;
        let chosen = callers(&shop, 1).await;
        let last = callers(&shop, 10).await;
        // Both before anybody is polled: the chosen one has been woken, and never comes.
        leader.iter().chain(&chosen).for_each(tokio::task::JoinHandle::abort);
        shop.open();
        for call in last {
            assert_eq!(call.await.expect("it ends"), 1);
        }
        assert_eq!(shop.loads(), 2);
    })
    .await;
}

#[tokio::test]
async fn when_leader_and_waiters_are_all_dropped_the_next_caller_loads_at_once() {
    let shop = shop();
    let calls = callers(&shop, 10).await;
    for call in &calls {
        call.abort();
    }
    others().await;
    shop.open();
    let (price, waited) = end_by_steps(&shop, PATIENCE, 1, shop.price(7)).await;
    assert_eq!((price, waited), (1, Duration::ZERO));
    assert_eq!(shop.price(7).await, 1);
    assert_eq!(shop.loads(), 2, "the lease of the dropped leader was given back");
}

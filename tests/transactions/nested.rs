//! A scope inside a scope is a part of it.

use std::panic::AssertUnwindSafe;

use cache_runtime::KvCacheService;
use futures_util::FutureExt;

use crate::bank::{Bank, By};

#[tokio::test]
async fn an_inner_scope_ends_with_the_outer_one() {
    let bank = Bank::new(KvCacheService::in_memory());
    for id in [1, 2] {
        bank.assert_fresh(id, "at first").await;
    }
    let outer = bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        let inner = bank.cache.deferring(async {
            bank.set(2, 7).await?;
            assert_eq!(bank.balance(By::Transaction, 1).await, Ok(70), "it sees what the outer one wrote");
            Ok::<_, String>(())
        });
        inner.await?;
        assert_eq!(bank.balance(By::Transaction, 2).await, Ok(7), "and the outer one what it wrote");
        assert_eq!(bank.cached(2).await, None, "not before the commit");
        bank.commit();
        Ok::<_, String>(())
    });
    outer.await.expect("it commits");
    assert_eq!(bank.cached(2).await, Some(7));
    bank.assert_fresh(1, "after the commit").await;
    bank.assert_fresh(2, "after the commit").await;
}

#[tokio::test]
async fn an_inner_scope_that_fails_in_a_way_is_stale_when_the_outer_one_commits() {
    // Whether its error, its end by a drop or its panic rolled back to a savepoint or not, only the source knows.
    for (way, savepoint) in [(0, true), (0, false), (1, true), (1, false), (2, true), (2, false)] {
        let bank = Bank::new(KvCacheService::in_memory());
        bank.assert_fresh(1, "at first").await;
        let outer = bank.cache.deferring(async {
            bank.begin();
            bank.execute("savepoint inner_one");
            {
                let inner = bank.cache.deferring(async {
                    bank.set(1, 7).await?;
                    match way {
                        0 => {}
                        1 => std::future::pending().await,
                        _ => panic!("the test says so"),
                    }
                    Err::<(), _>("no".to_owned())
                });
                let mut inner = Box::pin(AssertUnwindSafe(inner).catch_unwind());
                for _ in 0..10 {
                    if inner.as_mut().now_or_never().is_some() {
                        break;
                    }
                }
            }
            if savepoint {
                bank.execute("rollback to inner_one");
            }
            let left = bank.stored(By::Transaction, 1);
            assert_eq!(bank.balance(By::Transaction, 1).await, Ok(left), "it is pending still");
            assert_eq!(left, if savepoint { 100 } else { 7 });
            bank.commit();
            Ok::<_, String>(())
        });
        outer.await.expect("it commits");
        bank.assert_fresh(1, &format!("way {way}, savepoint {savepoint}")).await;
    }
}

#[tokio::test]
async fn a_bypass_inside_a_scope_and_a_scope_inside_a_bypass_hold_both() {
    let bank = Bank::new(KvCacheService::in_memory());
    bank.assert_fresh(1, "at first").await;
    bank.assert_fresh(2, "at first").await;
    let inner = async {
        bank.begin();
        bank.cache.bypass(bank.pay(1, -30)).await?;
        let before = bank.loads();
        bank.cache.bypass(bank.balance(By::Transaction, 2)).await?;
        assert_eq!(bank.loads(), before + 1);
        assert_eq!(bank.balance(By::Others, 1).now_or_never(), Some(Ok(100)));
        bank.commit();
        Ok::<_, String>(())
    };
    bank.cache.deferring(inner).await.expect("it commits");
    bank.assert_fresh(1, "the bypass inside").await;

    let outer = bank.cache.bypass(bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        let before = bank.loads();
        bank.balance(By::Transaction, 2).await?;
        assert_eq!(bank.loads(), before + 1, "still inside the bypass");
        bank.commit();
        Ok::<_, String>(())
    }));
    outer.await.expect("it commits");
    bank.assert_fresh(1, "the scope inside").await;
}

//! Writes in transactions: what they make stale is invalidated when the transaction is over, and not before.

#[path = "faults/backend.rs"]
mod backend;
#[path = "transactions/bank.rs"]
mod bank;
#[path = "transactions/basic.rs"]
mod basic;
#[path = "transactions/cancellation.rs"]
mod cancellation;
#[path = "transactions/nested.rs"]
mod nested;
#[path = "transactions/on_redis.rs"]
mod on_redis;
#[path = "redis/server.rs"]
#[expect(dead_code, reason = "the tests that it was made for use the rest")]
mod server;

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{KvCacheService, LocalKvNamespace, LocalTier, RedisBackend};
use futures_util::FutureExt;
use tokio::sync::Barrier;

use backend::{Faulty, pend};
use bank::{Bank, By};
use basic::Basic;
use server::{Kind, database};

/// How long a barrier stands without renewal.
const LIFE: Duration = Duration::from_secs(40);

/// A bank over memory, over a backend without a local tier, and, where there is a server, over Redis with one.
async fn banks() -> Vec<Bank> {
    let memory = KvCacheService::in_memory();
    let behind = KvCacheService::builder(Arc::new(Faulty::new(LocalKvNamespace::new()))).build();
    let mut caches = vec![memory, behind.expect("a valid prefix")];
    if let Some((server, database)) = database(Kind::Redis) {
        let backend = RedisBackend::builder(&server.url(database)).connect().await.expect("it answers");
        let cache = KvCacheService::builder(Arc::new(backend)).local_tier(LocalTier::new(100)).build();
        caches.push(cache.expect("a valid prefix"));
    }
    caches.into_iter().map(Bank::new).collect()
}

/// A bank on a clock that is moved by hand.
fn bank_in_memory() -> (Bank, ManualClock) {
    let time = ManualClock::new();
    let memory = LocalKvNamespace::builder().clock(time.clock()).build();
    let cache = KvCacheService::builder(Arc::new(memory)).clock(time.clock()).build();
    (Bank::new(cache.expect("a valid prefix")), time)
}

#[tokio::test]
async fn a_reader_between_a_write_and_its_commit_leaves_nothing_stale() {
    for bank in banks().await {
        for write in 0..4 {
            bank.assert_fresh(1, "at first").await;
            let (written, read) = (Barrier::new(2), Barrier::new(2));
            let transaction = bank.cache.deferring(async {
                bank.begin();
                match write {
                    0 => bank.pay(1, -30).await?,
                    1 => bank.pay_by_hook(1, -30).await?,
                    2 => drop(bank.set(1, 7).await?),
                    _ => drop(bank.pay_the_poorest(-30).await?),
                }
                written.wait().await;
                read.wait().await;
                bank.commit();
                Ok::<_, String>(())
            });
            let reader = async {
                written.wait().await;
                let stored = bank.stored(By::Others, 1);
                assert_eq!(
                    bank.balance(By::Others, 1).await,
                    Ok(stored),
                    "the old value is the committed one"
                );
                assert_eq!(bank.balances(By::Others, &[1, 2]).await.expect("it loads")[&1], stored);
                read.wait().await;
            };
            let (committed, ()) = tokio::join!(transaction, reader);
            committed.expect("it commits");
            bank.assert_fresh(1, &format!("after write {write}")).await;
        }
    }
}

#[tokio::test]
async fn without_a_scope_a_reader_before_the_commit_leaves_its_value() {
    // What the other tests have to catch.
    let bank = Bank::new(KvCacheService::in_memory());
    bank.begin();
    bank.pay(1, -30).await.expect("it writes");
    assert_eq!(bank.balance(By::Others, 1).await, Ok(100));
    bank.commit();
    assert_eq!(bank.balance(By::Others, 1).await, Ok(100), "stale");
}

#[tokio::test]
async fn a_rollback_ends_the_barriers_and_leaves_the_source_as_it_was() {
    for bank in banks().await {
        bank.assert_fresh(1, "at first").await;
        let rolled_back = bank.cache.deferring(async {
            bank.begin();
            bank.pay(1, -30).await?;
            bank.set(2, 7).await?;
            bank.roll_back();
            Err::<(), _>("no".to_owned())
        });
        assert_eq!(rolled_back.await, Err("no".to_owned()));
        for id in [1, 2] {
            let caches = async {
                // The end of a barrier is sent in the background.
                loop {
                    let before = bank.loads();
                    for _ in 0..2 {
                        assert_eq!(bank.balance(By::Others, id).await, Ok(100));
                    }
                    if bank.loads() < before + 2 {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            // Well before the barrier would have ended by itself.
            tokio::time::timeout(LIFE / 3, caches).await.expect("caching goes on");
        }
    }
}

#[tokio::test]
async fn a_rollback_invalidates_nothing_where_there_are_no_barriers() {
    let bank = Bank::new(no_barriers());
    bank.assert_fresh(1, "at first").await;
    let before = bank.loads();
    let write = async |hook: bool| {
        let rolled_back = bank.cache.deferring(async {
            bank.begin();
            let paid = if hook { bank.pay_by_hook(1, -30).await } else { bank.pay(1, -30).await };
            bank.roll_back();
            paid?;
            Err::<(), _>("no".to_owned())
        });
        rolled_back.await.expect_err("it fails");
        bank.balance(By::Others, 1).await.expect("it loads");
    };
    write(false).await;
    assert_eq!(bank.loads(), before, "the value stayed");
    write(true).await;
    assert_eq!(bank.loads(), before + 1, "`when = \"always\"` invalidates");
}

#[tokio::test]
async fn a_commit_invalidates_where_there_are_no_barriers_and_pending_keys_are_not_read_before() {
    let bank = Bank::new(no_barriers());
    bank.assert_fresh(1, "at first").await;
    let committed = bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        // Somebody else has put the old value back.
        bank.cache.set("balance:1", &100, 300).await.map_err(|error| error.to_string())?;
        let inside = bank.balance(By::Transaction, 1).await?;
        bank.commit();
        Ok::<_, String>(inside)
    });
    assert_eq!(committed.await, Ok(70));
    bank.assert_fresh(1, "after the commit").await;
}

/// A cache over an engine without barriers and leases.
fn no_barriers() -> KvCacheService {
    let engine = Basic(LocalKvNamespace::new());
    KvCacheService::builder(Arc::new(engine))
        .local_tier(LocalTier::new(100).local_ttl(Duration::MAX))
        .build()
        .expect("a valid prefix")
}

#[tokio::test]
async fn reads_inside_see_the_transaction_and_nobody_else_does() {
    for bank in banks().await {
        for id in [1, 2, 3] {
            bank.assert_fresh(id, "at first").await;
        }
        let before = bank.loads();
        let committed = bank.cache.deferring(async {
            bank.begin();
            bank.pay(1, -30).await?;
            // Not by an annotated method, so that the cache knows nothing of it.
            bank.execute("update account set balance = 1 where id = 4");
            assert_eq!(bank.balance(By::Transaction, 1).await, Ok(70));
            assert_eq!(bank.balance(By::Transaction, 2).await, Ok(100), "from the cache");
            assert_eq!(bank.loads(), before + 1);
            assert_eq!(bank.balance(By::Transaction, 4).await, Ok(1));
            let several = bank.balances(By::Transaction, &[1, 2, 4]).await?;
            assert_eq!(several.into_values().collect::<Vec<_>>(), [70, 100, 1]);
            assert_eq!(bank.cached(1).await, None);
            assert_eq!(bank.cache.get_shared::<i64>("balance:1").await.expect("it asks"), None);
            assert!(!bank.cache.exists("balance:1").await.expect("it asks"));
            bank.roll_back();
            Err::<(), _>("no".to_owned())
        });
        assert_eq!(committed.await, Err("no".to_owned()));
        for id in [1, 2, 3, 4] {
            assert_eq!(bank.balance(By::Others, id).await, Ok(100), "nothing of it was kept");
        }
    }
}

#[tokio::test]
async fn another_task_does_not_share_a_load_inside() {
    let bank = Bank::new(KvCacheService::in_memory());
    let committed = bank.cache.deferring(async {
        bank.begin();
        bank.execute("update account set balance = 1 where id = 4");
        let inside = bank.cache.get_or_load("balance:4", 300, async || {
            pend(1).await;
            Ok::<_, String>(bank.stored(By::Transaction, 4))
        });
        let inside = inside.await?;
        bank.commit();
        Ok::<_, String>(inside)
    });
    let mut committed = std::pin::pin!(committed);
    assert!(committed.as_mut().now_or_never().is_none(), "its load is under way");
    let outside = bank.balance(By::Others, 4).now_or_never().expect("it does not wait for the one inside");
    assert_eq!(outside, Ok(100));
    assert_eq!(committed.await, Ok(1));
}

#[tokio::test]
async fn the_value_of_an_update_is_stored_after_the_commit() {
    for bank in banks().await {
        let committed = bank.cache.deferring(async {
            bank.begin();
            let set = bank.set(1, 7).await?;
            assert_eq!(bank.cached(1).await, None, "not before");
            bank.commit();
            Ok::<_, String>(set)
        });
        assert_eq!(committed.await, Ok(7));
        assert_eq!(bank.cached(1).await, Some(7));
        assert_eq!((bank.balance(By::Others, 1).await, bank.loads()), (Ok(7), 0));
    }
}

#[tokio::test]
async fn of_two_updates_in_one_transaction_none_is_stored() {
    for bank in banks().await {
        let committed = bank.cache.deferring(async {
            bank.begin();
            bank.set(1, 7).await?;
            bank.set(1, 8).await?;
            bank.commit();
            Ok::<_, String>(())
        });
        committed.await.expect("it commits");
        bank.assert_fresh(1, "after two updates").await;
    }
}

#[tokio::test]
async fn a_write_that_failed_is_stale_with_the_others() {
    for bank in banks().await {
        bank.assert_fresh(1, "at first").await;
        let committed = bank.cache.deferring(async {
            bank.begin();
            bank.pay_and_fail(1, -30).await.expect_err("it is declined");
            bank.commit();
            Ok::<_, String>(())
        });
        committed.await.expect("it commits");
        assert_eq!(bank.stored(By::Others, 1), 70);
        bank.assert_fresh(1, "after a write that was declined").await;
    }
}

#[tokio::test]
async fn the_barriers_of_a_long_transaction_stand_until_it_ends() {
    let (bank, time) = bank_in_memory();
    bank.assert_fresh(1, "at first").await;
    let transaction = bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        bank.pay_the_poorest(-30).await?;
        bank.execute("update account set balance = balance - 30 where id = 1");
        for _ in 0..30 {
            time.advance(LIFE / 8);
            pend(5).await;
        }
        bank.commit();
        Ok::<_, String>(())
    });
    let mut transaction = std::pin::pin!(transaction);
    let mut polls = 0;
    while transaction.as_mut().now_or_never().is_none() {
        let stored = bank.stored(By::Others, 1);
        assert_eq!(bank.balance(By::Others, 1).await, Ok(stored));
        polls += 1;
    }
    assert!(polls > 100 && time.clock().now() > LIFE * 3);
    bank.assert_fresh(1, "after the commit").await;
}

#[tokio::test]
async fn a_write_that_outlives_its_scope_is_invalidated_all_the_same() {
    let bank = Bank::new(KvCacheService::in_memory());
    bank.assert_fresh(1, "at first").await;
    let mut late = None;
    let committed = bank.cache.deferring(async {
        let mut write = Box::pin(bank.pay(1, -30));
        assert!(write.as_mut().now_or_never().is_none(), "it has begun");
        late = Some(write);
        Ok::<_, String>(())
    });
    committed.await.expect("it ends");
    late.expect("it has begun").await.expect("it writes");
    bank.assert_fresh(1, "after the late write").await;
}

#[tokio::test]
async fn a_task_that_is_spawned_inside_is_not_inside() {
    let bank = Arc::new(Bank::new(KvCacheService::in_memory()));
    let committed = bank.cache.deferring(async {
        let spawned = tokio::spawn({
            let bank = Arc::clone(&bank);
            async move { bank.set(1, 7).await }
        });
        spawned.await.expect("it does not panic")?;
        assert_eq!(bank.cached(1).await, Some(7), "its write has ended");
        Ok::<_, String>(())
    });
    committed.await.expect("it ends");
}

#[tokio::test]
async fn the_scope_of_one_cache_holds_for_another_in_the_same_transaction() {
    let (here, there) = (Bank::new(KvCacheService::in_memory()), Bank::new(KvCacheService::in_memory()));
    here.assert_fresh(1, "here").await;
    there.assert_fresh(1, "there").await;
    let committed = here.cache.deferring(async {
        there.begin();
        there.pay(1, -30).await?;
        assert_eq!(here.balance(By::Others, 1).await, Ok(100), "the same key of another cache");
        assert_eq!(here.loads(), 1);
        assert_eq!(there.balance(By::Others, 1).await, Ok(100), "not stored");
        there.commit();
        Ok::<_, String>(())
    });
    committed.await.expect("it commits");
    there.assert_fresh(1, "there, after the commit").await;
}

#[test]
fn a_scope_can_be_sent_between_threads_whatever_its_error_is() {
    fn assert_send<T: Send>(_: T) {}
    let cache = KvCacheService::in_memory();
    assert_send(cache.deferring(async { Err::<u8, std::rc::Rc<u8>>(std::rc::Rc::new(1)) }));
    assert_send(cache.bypass(async {}));
}

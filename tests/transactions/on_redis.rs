//! The barriers of a transaction on Redis, as another process meets them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::{KvCacheService, RedisBackend, cached};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::bank::{Bank, By};
use crate::server::{Kind, database};

/// For what a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Another process: the same accounts, and a connection of its own to the same server.
struct Elsewhere<'a> {
    bank: &'a Bank,
    cache: KvCacheService,
}

impl Elsewhere<'_> {
    #[cached(key = "balance:<id>", ttl = 300)]
    async fn balance(&self, id: u64) -> Result<i64, String> {
        Ok(self.bank.stored(By::Others, id))
    }

    /// Reads what is committed. Whether that is stored now.
    async fn read(&self, id: u64) -> bool {
        let stored = self.bank.stored(By::Others, id);
        assert_eq!(self.balance(id).await, Ok(stored));
        match self.cache.get::<i64>(format!("balance:{id}")).await.expect("the server answers") {
            Some(cached) => {
                assert_eq!(cached, stored);
                true
            }
            None => false,
        }
    }

    /// Reads until what is read is stored.
    async fn read_until_stored(&self, id: u64) {
        let reads = async {
            while !self.read(id).await {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, reads).await.expect("caching goes on");
    }
}

/// A bank and the cache of another process on one server.
async fn bank(write_timeout: Duration) -> Option<(Bank, KvCacheService)> {
    let (server, database) = database(Kind::Redis)?;
    let url = server.url(database);
    let connect = async || {
        let backend = RedisBackend::builder(&url).connect().await.expect("the server answers");
        let cache = KvCacheService::builder(Arc::new(backend)).write_timeout(write_timeout);
        cache.build().expect("a valid prefix")
    };
    Some((Bank::new(connect().await), connect().await))
}

#[tokio::test]
async fn another_process_stores_nothing_until_a_long_transaction_is_over() {
    let write_timeout = Duration::from_secs(1);
    let Some((bank, cache)) = bank(write_timeout).await else { return };
    let elsewhere = Elsewhere { bank: &bank, cache };
    elsewhere.read_until_stored(1).await;
    let transaction = bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        let start = Instant::now();
        while start.elapsed() < write_timeout * 2 {
            assert!(!elsewhere.read(1).await, "the barrier stands");
            sleep(Duration::from_millis(20)).await;
        }
        bank.commit();
        Ok::<_, String>(())
    });
    transaction.await.expect("it commits");
    elsewhere.read_until_stored(1).await;
    assert_eq!(elsewhere.balance(1).await, Ok(70));
}

#[tokio::test]
async fn a_rollback_ends_the_barriers_for_another_process() {
    // By themselves they would stand for longer than the test waits.
    let Some((bank, cache)) = bank(PATIENCE * 10).await else { return };
    let elsewhere = Elsewhere { bank: &bank, cache };
    elsewhere.read_until_stored(1).await;
    let transaction = bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        assert!(!elsewhere.read(1).await, "the barrier stands");
        bank.roll_back();
        Err::<(), _>("no".to_owned())
    });
    transaction.await.expect_err("it rolls back");
    elsewhere.read_until_stored(1).await;
    assert_eq!(elsewhere.balance(1).await, Ok(100));
}

#[tokio::test]
async fn a_dropped_transaction_keeps_another_process_from_storing_until_its_barriers_end() {
    let write_timeout = Duration::from_secs(1);
    let Some((bank, cache)) = bank(write_timeout).await else { return };
    let elsewhere = Elsewhere { bank: &bank, cache };
    elsewhere.read_until_stored(1).await;
    let written = Notify::new();
    let transaction = bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        written.notify_one();
        std::future::pending::<Result<(), String>>().await
    });
    tokio::select! {
        result = transaction => panic!("{result:?}"),
        () = written.notified() => {}
    }
    let dropped = Instant::now();
    assert!(bank.is_in_transaction() && !elsewhere.read(1).await);
    sleep(write_timeout / 2).await;
    assert!(!elsewhere.read(1).await || dropped.elapsed() > write_timeout, "the barrier stands");
    // What was sent to the database before the drop is committed after it.
    bank.commit();
    elsewhere.read_until_stored(1).await;
    assert!(dropped.elapsed() > write_timeout, "{:?}", dropped.elapsed());
    assert_eq!(elsewhere.balance(1).await, Ok(70));
}

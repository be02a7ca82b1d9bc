//! Accounts in `SQLite`, written in transactions, and a cache of their balances.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cache_runtime::{KvCacheService, cached, invalidates, updates};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::backend::pend;

/// Which connection is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum By {
    /// The one of the transaction, which sees what that has written.
    Transaction,
    /// Another one, which sees what has been committed.
    Others,
}

pub(crate) struct Bank {
    pub(crate) cache: KvCacheService,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    loads: AtomicU64,
    // After the connections, so that no file is open when it is removed.
    _directory: TempDir,
}

impl Bank {
    /// A bank whose accounts 1 to 4 hold 100 each.
    pub(crate) fn new(cache: KvCacheService) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let open = || {
            let connection = Connection::open(directory.path().join("bank")).expect("SQLite opens");
            // Readers see what is committed while a transaction is open.
            connection
                .execute_batch("pragma journal_mode = wal; pragma synchronous = off")
                .expect("it is set");
            Mutex::new(connection)
        };
        let (writer, reader) = (open(), open());
        let bank = Self { cache, writer, reader, loads: AtomicU64::new(0), _directory: directory };
        bank.execute("create table account (id integer primary key, balance integer not null)");
        bank.execute("insert into account values (1, 100), (2, 100), (3, 100), (4, 100)");
        bank
    }

    fn connection(&self, by: By) -> MutexGuard<'_, Connection> {
        let connection = if by == By::Transaction { &self.writer } else { &self.reader };
        connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a statement by the connection of transactions.
    pub(crate) fn execute(&self, sql: &str) {
        self.connection(By::Transaction).execute_batch(sql).expect("SQLite runs it");
    }

    /// The balance in the database, past every cache.
    pub(crate) fn stored(&self, by: By, id: u64) -> i64 {
        let sql = "select balance from account where id = ?";
        self.connection(by).query_row(sql, [id], |row| row.get(0)).expect("the account is there")
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(&self) {
        self.execute("begin immediate");
    }

    pub(crate) fn commit(&self) {
        self.execute("commit");
    }

    pub(crate) fn roll_back(&self) {
        self.execute("rollback");
    }

    /// The balance in the cache.
    pub(crate) async fn cached(&self, id: u64) -> Option<i64> {
        self.cache.get::<i64>(format!("balance:{id}")).await.expect("the cache answers")
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        !self.connection(By::Transaction).is_autocommit()
    }

    /// What everybody reads, twice: the second time from the cache.
    pub(crate) async fn assert_fresh(&self, id: u64, why: &str) {
        let stored = self.stored(By::Others, id);
        assert_eq!(self.balance(By::Others, id).await, Ok(stored), "{why}");
        let before = self.loads();
        assert_eq!(self.balance(By::Others, id).await, Ok(stored), "{why}");
        assert_eq!(self.loads(), before, "caching goes on: {why}");
    }

    /// The balance, loaded by one connection or the other.
    #[cached(key = "balance:<id>", ttl = 300, skip(by))]
    pub(crate) async fn balance(&self, by: By, id: u64) -> Result<i64, String> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        Ok(self.stored(by, id))
    }

    /// Balances of several accounts.
    #[cached(key = "balance:<id>", each(id in ids), ttl = 300, skip(by))]
    pub(crate) async fn balances(
        &self,
        by: By,
        ids: &[u64],
    ) -> Result<std::collections::BTreeMap<u64, i64>, String> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        Ok(ids.iter().map(|id| (*id, self.stored(by, *id))).collect())
    }

    async fn add(&self, id: u64, amount: i64) {
        pend(1).await;
        self.execute(&format!("update account set balance = balance + {amount} where id = {id}"));
        pend(1).await;
    }

    #[invalidates("balance:<id>")]
    pub(crate) async fn pay(&self, id: u64, amount: i64) -> Result<(), String> {
        self.add(id, amount).await;
        Ok(())
    }

    /// Writes, and fails all the same.
    #[invalidates("balance:<id>")]
    pub(crate) async fn pay_and_fail(&self, id: u64, amount: i64) -> Result<(), String> {
        self.add(id, amount).await;
        Err("declined".into())
    }

    #[invalidates("balance:<id>", when = "always")]
    pub(crate) async fn pay_by_hook(&self, id: u64, amount: i64) -> Result<(), String> {
        self.add(id, amount).await;
        Ok(())
    }

    #[updates("balance:<id>", ttl = 300)]
    pub(crate) async fn set(&self, id: u64, balance: i64) -> Result<i64, String> {
        pend(1).await;
        self.execute(&format!("update account set balance = {balance} where id = {id}"));
        pend(1).await;
        Ok(balance)
    }

    /// Pays to the account with the least, which is known only afterwards.
    #[invalidates("balance:<ret>")]
    pub(crate) async fn pay_the_poorest(&self, amount: i64) -> Result<u64, String> {
        let sql = "update account set balance = balance + ? where id = \
            (select id from account order by balance, id limit 1) returning id";
        let id = self.connection(By::Transaction).query_row(sql, [amount], |row| row.get(0));
        pend(1).await;
        id.map_err(|error| error.to_string())
    }
}

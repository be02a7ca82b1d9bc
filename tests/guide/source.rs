//! A source of projects that counts its loads, and holds them back between their reading and their answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, RwLockWriteGuard};

pub(crate) type DbError = Infallible;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) name: String,
}

pub(crate) struct Db {
    names: Mutex<HashMap<u64, String>>,
    loads: AtomicU64,
    held: RwLock<()>,
}

impl Default for Db {
    fn default() -> Self {
        let names = Mutex::new(HashMap::from([(7, "Apollo".to_owned())]));
        Self { names, loads: AtomicU64::new(0), held: RwLock::new(()) }
    }
}

impl Db {
    pub(crate) async fn project(&self, id: u64) -> Result<Option<Project>, DbError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let name = self.names.lock().expect("nobody panics").get(&id).cloned();
        tokio::task::yield_now().await;
        let _ = self.held.read().await;
        Ok(name.map(|name| Project { name }))
    }

    pub(crate) async fn rename(&self, id: u64, name: &str) -> Result<(), DbError> {
        tokio::task::yield_now().await;
        self.names.lock().expect("nobody panics").insert(id, name.to_owned());
        Ok(())
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Until the guard goes, a load has read but does not answer.
    pub(crate) async fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.held.write().await
    }
}

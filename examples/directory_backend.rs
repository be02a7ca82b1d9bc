//! A backend of your own: a directory with a file for each key.
//!
//! ```sh
//! cargo run --example directory_backend
//! ```
//!
//! `Backend` asks for five methods, here in less than 60 lines; what the others do by default rests on these. The
//! contract that every backend of this library passes runs on this one too (`tests/contract.rs`), and can run on
//! yours.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind::NotFound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::{
    Backend, BackendError, Capabilities, Clock, Entry, KvCacheService, ListOptions, ListPage, ListedKey,
    PutOptions, SetOutcome,
};
use tokio::fs;

/// A file's first line holds the key, the end of its life and the metadata; the rest is the value.
pub(crate) struct DirectoryBackend {
    pub(crate) root: PathBuf,
    pub(crate) clock: Clock,
}

#[async_trait]
impl Backend for DirectoryBackend {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        Ok(self.load(&self.path(key)).await?.map(|(_, entry)| entry))
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let deadline = options.ttl.map(|ttl| self.clock.unix_time().saturating_add(ttl));
        let first_line =
            serde_json::to_string(&(key, deadline, options.metadata.as_deref())).map_err(failed)?;
        let (file, number) = (self.path(key), COUNT.fetch_add(1, Ordering::Relaxed));
        let temporary = file.with_extension(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(file.parent().unwrap_or(&self.root)).await.map_err(failed)?;
        fs::write(&temporary, [first_line.as_bytes(), b"\n", &value].concat()).await.map_err(failed)?;
        // A reader finds the old file or the new one, never a part of it.
        fs::rename(temporary, file).await.map(|()| SetOutcome::Stored).map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        let was_there = self.get(key).await?.is_some();
        match fs::remove_file(self.path(key)).await {
            Err(error) if error.kind() == NotFound => Ok(false),
            removed => removed.map(|()| was_there).map_err(failed),
        }
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        let (mut found, mut directories) = (BTreeMap::new(), vec![self.root.clone()]);
        while let Some(directory) = directories.pop() {
            let mut files = fs::read_dir(directory).await.map_err(failed)?;
            while let Some(file) = files.next_entry().await.map_err(failed)?.map(|file| file.path()) {
                match file.extension() {
                    None => directories.push(file),
                    Some(extension) if extension == "entry" => found.extend(self.load(&file).await?),
                    Some(_) => {} // being written
                }
            }
        }
        let after = options.cursor.unwrap_or_default();
        found.retain(|name, _| name.starts_with(&options.prefix) && *name > after);
        let mut rest = found.into_iter().map(|(name, Entry { expires_in, metadata, .. })| ListedKey {
            name,
            expires_in,
            metadata,
        });
        let keys: Vec<ListedKey> = rest.by_ref().take(options.limit.unwrap_or(1_000)).collect();
        let cursor = rest.next().and(keys.last()).map(|last| last.name.clone());
        Ok(ListPage { keys, cursor })
    }
}

impl DirectoryBackend {
    /// The key, escaped, in pieces: a file name is shorter than a key may be.
    fn path(&self, key: &str) -> PathBuf {
        let escape = |byte: u8| match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            _ => format!("_{byte:02x}"),
        };
        let name: Vec<char> = key.bytes().map(escape).collect::<String>().chars().collect();
        let pieces: PathBuf = name.chunks(200).map(String::from_iter).collect();
        self.root.join(pieces).with_extension("entry")
    }

    async fn load(&self, file: &Path) -> Result<Option<(String, Entry)>, BackendError> {
        let bytes = match fs::read(file).await {
            Err(error) if error.kind() == NotFound => return Ok(None),
            bytes => bytes.map_err(failed)?,
        };
        let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
        let (first_line, value) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let (key, deadline, metadata): (String, Option<Duration>, Option<String>) =
            serde_json::from_slice(first_line).map_err(failed)?;
        let expires_in = deadline.map(|deadline| deadline.saturating_sub(self.clock.unix_time()));
        let (value, metadata) = (Bytes::copy_from_slice(value), metadata.map(Into::into));
        let is_over = expires_in == Some(Duration::ZERO);
        Ok((!is_over).then_some((key, Entry { value, expires_in, metadata, revision: 0 })))
    }
}

/// Keeps the cause; `std`'s errors name no file and so no key.
fn failed(error: impl Error + Send + Sync + 'static) -> BackendError {
    BackendError::Unavailable(error.into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::temp_dir().join("directory-backend");
    fs::create_dir_all(&root).await?;
    let backend = DirectoryBackend { root, clock: Clock::system() };
    let cache = KvCacheService::builder(Arc::new(backend)).build()?;

    println!("projects left from the last run: {:?}", cache.keys("project:*").await?);
    println!("name of project 7: {:?}", cache.get::<String>("project:7:name").await?);
    let _ = cache.set("project:7:name", &"apollo".to_string(), Duration::from_mins(5)).await?;
    println!("name of project 7: {:?}", cache.get::<String>("project:7:name").await?);
    println!("runs so far: {}", cache.increment("runs", 1).await?);
    Ok(())
}

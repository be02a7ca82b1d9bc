//! Plain mode: a JavaScript client reads what we store, and we read what it stores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{BackendError, KvCacheService, PutOptions, RedisBackend, cached, invalidates};
use serde::{Deserialize, Serialize};

use crate::server::{Kind, database};

/// The pinned release of the client; `tests/run` installs it.
const CLIENT: &str = "js-redis-6.3.1";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Project {
    id: u64,
    name: String,
    tags: BTreeMap<String, Option<f64>>,
}

fn project() -> Project {
    let tags = [("größe".to_owned(), Some(1.5)), ("none".to_owned(), None)].into();
    Project { id: 9_007_199_254_740_991, name: "Apollo \"11\"\n\u{1F680}".into(), tags }
}

/// Where the client is; a line says so where it is not.
fn client() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-servers").join(CLIENT);
    let module = folder.join("node_modules/redis");
    let runs = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !runs || !module.is_dir() {
        println!("skipped: node or its package redis is not there; tests/run installs the package");
        return None;
    }
    Some(module)
}

/// Runs a piece of JavaScript with a connected `client`; returns what it prints.
fn javascript(module: &Path, url: &str, code: &str) -> String {
    let program = format!(
        "const {{ createClient }} = require(process.argv[1]);
         (async () => {{
            const client = await createClient({{ url: process.argv[2] }}).connect();
            {code}
            await client.close();
         }})().catch(error => {{ console.error(error); process.exit(1); }});"
    );
    let output =
        Command::new("node").arg("-e").arg(program).arg(module).arg(url).output().expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text").trim().to_owned()
}

#[derive(Clone)]
struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> Result<Option<Project>, String> {
        let _ = id;
        Ok(Some(project()))
    }

    #[invalidates("project:<id>")]
    async fn change(&self, id: u64) -> Result<(), String> {
        let _ = id;
        Ok(())
    }
}

async fn connected() -> Option<(Projects, String)> {
    let (server, number) = database(Kind::Redis)?;
    let url = server.url(number);
    let backend = RedisBackend::builder(&url).connect().await.expect("the server answers").plain();
    let cache = KvCacheService::builder(Arc::new(backend)).build().expect("a valid prefix");
    Some((Projects { cache }, url))
}

#[tokio::test]
async fn a_javascript_client_reads_what_we_store() {
    let (Some(module), Some((projects, url))) = (client(), connected().await) else { return };
    projects.get(7).await.expect("it loads");
    projects.cache.set("n", &41, 60).await.expect("it is stored");
    let seen = javascript(
        &module,
        &url,
        "const project = JSON.parse(await client.get('app:project:7'));
         const ttl = await client.ttl('app:project:7');
         const n = await client.incr('app:n');
         console.log(JSON.stringify([project, ttl > 290 && ttl <= 300, n]));",
    );
    let seen: (Project, bool, u64) = serde_json::from_str(&seen).expect("it is JSON");
    assert_eq!(seen, (project(), true, 42));
    assert_eq!(projects.cache.get("n").await.expect("it is read"), Some(42));
    projects.change(7).await.expect("it is written");
    assert_eq!(javascript(&module, &url, "console.log(await client.get('app:project:7'));"), "null");
}

#[tokio::test]
async fn we_read_what_a_javascript_client_stores() {
    let (Some(module), Some((projects, url))) = (client(), connected().await) else { return };
    let mut other = project();
    other.name = "Gemini".into();
    let text = serde_json::to_string(&other).expect("it is JSON");
    javascript(
        &module,
        &url,
        &format!(
            "await client.set('app:project:7', JSON.stringify({text}), {{ EX: 100 }});
             await client.set('app:n', 5); await client.incrBy('app:n', 2);"
        ),
    );
    assert_eq!(projects.get(7).await, Ok(Some(other)), "served, not loaded");
    assert_eq!(projects.cache.increment("n", 1).await.expect("it counts"), 8);
    let left = projects.cache.ttl(Projects::get_key(7)).await.expect("it is read").expect("it is there");
    let left = left.as_duration().expect("it has an end");
    assert!(left > Duration::from_secs(90) && left <= Duration::from_secs(100), "{left:?}");
    assert_eq!(projects.cache.keys("*").await.expect("they are listed"), ["n", "project:7"]);
}

/// What cannot be told from another value without metadata.
struct Maybe {
    cache: KvCacheService,
}

impl Maybe {
    #[cached(key = "maybe", ttl = 300, none_ttl = 300)]
    async fn maybe(&self) -> Option<u8> {
        None
    }

    #[cached(key = "old", ttl = "1s", stale_if_error = "1h", version = 2)]
    async fn versioned(&self) -> Result<u8, String> {
        Ok(1)
    }

    #[cached(key = "brief", ttl = "200ms", stale_if_error = "1h")]
    async fn brief(&self) -> Result<u8, String> {
        Ok(1)
    }
}

#[tokio::test]
async fn plain_mode_says_what_it_cannot_do() {
    let Some((projects, url)) = connected().await else { return };
    let backend = projects.cache.backend();
    let capabilities = backend.capabilities();
    assert!(!capabilities.leases && !capabilities.barriers && !capabilities.epoch && !capabilities.metadata);
    let options = PutOptions { ttl: None, metadata: Some("{}".into()) };
    let refused = backend.put("k", "v".into(), options).await.expect_err("there is no room for metadata");
    assert!(matches!(refused, BackendError::Rejected(_)), "{refused}");
    // What needs metadata to be told from a value is not stored.
    let maybe = Maybe { cache: projects.cache.clone() };
    assert_eq!((maybe.maybe().await, maybe.versioned().await, maybe.brief().await), (None, Ok(1), Ok(1)));
    assert_eq!(maybe.cache.keys("*").await.expect("they are listed"), ["brief"]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(maybe.cache.keys("*").await.expect("they are listed").is_empty(), "kept for its ttl, no longer");
    assert!(!url.is_empty());
}

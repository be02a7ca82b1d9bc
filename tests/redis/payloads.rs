//! What may stand under a key that a method caches: too large, of another type, of another version of the program, or
//! damaged. A call returns what its body gives, whatever it finds.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::{CacheError, KvCacheService, RedisBackend, cached, invalidates};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, cmd};

use crate::kinds::on_each_kind;
use crate::server::{Kind, database};

on_each_kind!(
    a_value_over_the_limit_is_returned_and_neither_stored_nor_decoded,
    a_list_or_a_hash_under_the_key_is_left_until_it_is_invalidated,
    a_value_of_another_version_of_the_program_is_loaded_anew_and_replaced,
    whatever_is_cut_off_or_changed_of_a_value_a_call_loads_or_hits,
);

/// The limit of the service that has one.
const LIMIT: usize = 100;

/// One program.
struct Program {
    cache: KvCacheService,
    loads: AtomicU64,
}

impl Program {
    #[cached(key = "text:<length>", ttl = 300)]
    async fn text(&self, length: usize) -> String {
        self.loads.fetch_add(1, Ordering::SeqCst);
        "x".repeat(length)
    }

    #[invalidates("text:<length>")]
    async fn change(&self, length: usize) -> Result<(), Infallible> {
        let _ = length;
        Ok(())
    }

    #[cached(key = "versioned", ttl = 300, version = 1)]
    async fn older(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::SeqCst);
        17
    }

    /// How many loads there were since the last question.
    fn loads(&self) -> u64 {
        self.loads.swap(0, Ordering::SeqCst)
    }
}

/// Its next version.
struct Newer<'a>(&'a Program);

impl Newer<'_> {
    #[cached(key = "versioned", ttl = 300, version = 2, cache = self.0.cache)]
    async fn newer(&self) -> u64 {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        170
    }
}

/// A program whose values are limited, one whose are not, and a client beside them.
async fn programs(kind: Kind) -> Option<([Program; 2], MultiplexedConnection)> {
    let (server, number) = database(kind)?;
    let backend = RedisBackend::builder(&server.url(number)).connect().await.expect("the server answers");
    let backend = Arc::new(backend);
    let program = |limit: Option<usize>| {
        let cache = KvCacheService::builder(Arc::clone(&backend) as _);
        let cache = match limit {
            Some(limit) => cache.value_limit(limit),
            None => cache,
        };
        Program { cache: cache.build().expect("a valid prefix"), loads: AtomicU64::new(0) }
    };
    Some(([program(Some(LIMIT)), program(None)], server.client(number).await))
}

async fn ask<T: FromRedisValue>(client: &mut MultiplexedConnection, question: &Cmd) -> T {
    question.query_async(client).await.expect("the server answers")
}

/// Soon, not when a lease ends by itself: it is given back beside the call.
async fn nothing_is_left(client: &mut MultiplexedConnection, key: &str) {
    let start = Instant::now();
    while ask(client, cmd("EXISTS").arg(key)).await {
        assert!(start.elapsed() < Duration::from_secs(2), "{key} is there");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn a_value_over_the_limit_is_returned_and_neither_stored_nor_decoded(kind: Kind) {
    let Some(([limited, other], mut client)) = programs(kind).await else { return };
    let length = 2 * LIMIT;
    for _ in 0..2 {
        assert_eq!(limited.text(length).await.len(), length);
        assert_eq!(limited.loads(), 1);
        nothing_is_left(&mut client, "app:text:200").await;
    }
    let key = Program::text_key(length);
    let refused = limited.cache.set(&key, &"x".repeat(length), 300).await;
    assert!(matches!(refused, Err(CacheError::ValueTooLarge { limit: LIMIT, .. })), "{refused:?}");
    // One that another program stored, whose limit is larger.
    assert_eq!(other.text(length).await.len(), length);
    assert!(other.cache.exists(&key).await.expect("the server answers"));
    let refused = limited.cache.get(&key).await;
    assert!(matches!(refused, Err(CacheError::ValueTooLarge { limit: LIMIT, .. })), "{refused:?}");
    assert_eq!(limited.text(length).await.len(), length);
    assert_eq!(limited.loads(), 1);
    // What is within it is stored and served.
    assert_eq!((limited.text(LIMIT / 2).await, limited.text(LIMIT / 2).await.len()), ("x".repeat(50), 50));
    assert_eq!(limited.loads(), 1);
}

async fn a_list_or_a_hash_under_the_key_is_left_until_it_is_invalidated(kind: Kind) {
    let Some(([_, program], mut client)) = programs(kind).await else { return };
    let made: [(&str, &[&str]); 2] = [("RPUSH", &["element"]), ("HSET", &["field", "value"])];
    for (length, (command, arguments)) in made.into_iter().enumerate() {
        let name = format!("app:text:{length}");
        let _: u64 = ask(&mut client, cmd(command).arg(&name).arg(arguments)).await;
        let before: String = ask(&mut client, cmd("TYPE").arg(&name)).await;
        for _ in 0..2 {
            assert_eq!(program.text(length).await.len(), length, "{command}");
            assert_eq!(program.loads(), 1, "{command}: it is no place to fill");
        }
        let after: String = ask(&mut client, cmd("TYPE").arg(&name)).await;
        assert_eq!(before, after);
        let error = program.cache.get(Program::text_key(length)).await.expect_err("it is no value");
        println!("{command}: {error}");
        program.change(length).await.expect("no body fails");
        for _ in 0..2 {
            assert_eq!(program.text(length).await.len(), length, "{command}");
        }
        assert_eq!(program.loads(), 1, "{command}: it is gone");
    }
}

async fn a_value_of_another_version_of_the_program_is_loaded_anew_and_replaced(kind: Kind) {
    let Some(([_, program], _)) = programs(kind).await else { return };
    let next = Newer(&program);
    // Both during a deployment, and back again. The number would decode in either.
    for _ in 0..2 {
        assert_eq!((program.older().await, program.older().await), (17, 17));
        assert_eq!(program.loads(), 1);
        assert_eq!((next.newer().await, next.newer().await), (170, 170));
        assert_eq!(program.loads(), 1);
    }
}

async fn whatever_is_cut_off_or_changed_of_a_value_a_call_loads_or_hits(kind: Kind) {
    let Some(([_, program], mut client)) = programs(kind).await else { return };
    let length = 5;
    program.text(length).await;
    let whole: Vec<u8> = ask(&mut client, cmd("GET").arg("app:text:5")).await;
    let cut = (0..whole.len()).map(|at| whole[..at].to_vec());
    let changed = (0..whole.len()).flat_map(|at| {
        // A byte of the text itself is data like any other.
        let is_text = whole[at] == b'x';
        (0..8).filter(move |_| !is_text).map({
            let whole = whole.clone();
            move |bit| {
                let mut raw = whole.clone();
                raw[at] ^= 1 << bit;
                raw
            }
        })
    });
    program.loads();
    let mut damaged = 0;
    for raw in cut.chain(changed) {
        let _: () = ask(&mut client, cmd("SET").arg("app:text:5").arg(&raw)).await;
        assert_eq!(program.text(length).await, "xxxxx", "{raw:?}");
        damaged += 1;
    }
    println!("{damaged} damaged values on {kind:?}: {} were loaded anew", program.loads());
    let _: () = ask(&mut client, cmd("SET").arg("app:text:5").arg(&whole)).await;
    assert_eq!((program.text(length).await.as_str(), program.loads()), ("xxxxx", 0), "it is whole again");
}

//! `/contract`: one operation of the backend a request, for the contract of backends, which runs outside of workerd.
//!
//! The request is `{"call": "put", "key": …, …}`; bytes are lists of numbers. `now` is the test's clock.

use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{
    Backend, BackendError, CacheError, CloudflareContext, Entry, KvNamespace, ListOptions, PutOptions,
    WorkerBackend,
};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Env, Request, Response};

#[derive(Deserialize)]
struct Call {
    #[serde(rename = "call")]
    name: String,
    now: Duration,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    values: Vec<Put>,
    #[serde(default)]
    prefix: String,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Put {
    value: Vec<u8>,
    ttl: Option<Duration>,
    metadata: Option<String>,
}

impl From<Put> for (bytes::Bytes, PutOptions) {
    fn from(Put { value, ttl, metadata }: Put) -> Self {
        (value.into(), PutOptions { ttl, metadata: metadata.map(Into::into) })
    }
}

pub async fn answer(request: &mut Request, env: &Env) -> worker::Result<Response> {
    let call: Call = request.json().await?;
    if call.name == "context" {
        let binding = call.keys.first().map(String::as_str).unwrap_or_default();
        return match in_context(env, binding).await {
            Ok((before, backend)) => Response::from_json(&json!({ "before": before, "backend": backend })),
            Err(error) => Response::from_json(&json!({ "error": error.to_string() })),
        };
    }
    let time = ManualClock::new();
    time.set_unix_time(call.now);
    let backend = WorkerBackend::from_env(env, "CACHE").map_err(crate::failed)?.with_clock(time.clock());
    let answer = match carry_out(&backend, call).await {
        Ok(answer) => json!({ "ok": answer }),
        Err(BackendError::Rejected(words)) => json!({ "rejected": words }),
        Err(error) => json!({ "failed": error.to_string() }),
    };
    Response::from_json(&answer)
}

async fn carry_out(backend: &WorkerBackend, call: Call) -> Result<Value, BackendError> {
    let keys: Vec<&str> = call.keys.iter().map(String::as_str).collect();
    let first = keys.first().copied().unwrap_or_default();
    match call.name.as_str() {
        "get" => Ok(backend.get(first).await?.as_ref().map_or(Value::Null, entry)),
        "get_many" => {
            let found = backend.get_many(&keys).await?;
            Ok(found.iter().map(|found| found.as_ref().map_or(Value::Null, entry)).collect())
        }
        "put" => {
            let Some(put) = call.values.into_iter().next() else { return Ok(Value::Null) };
            let (value, options) = put.into();
            backend.put(first, value, options).await?;
            Ok(Value::Null)
        }
        "put_many" => {
            let entries = call.keys.into_iter().zip(call.values).map(|(key, put)| {
                let (value, options) = put.into();
                (key, value, options)
            });
            backend.put_many(entries.collect()).await?;
            Ok(Value::Null)
        }
        "delete" => Ok(backend.delete(first).await?.into()),
        "delete_many" => Ok(backend.delete_many(&keys).await?.into()),
        "list" => {
            let options = ListOptions { prefix: call.prefix, limit: call.limit, cursor: call.cursor };
            let page = backend.list(options).await?;
            let keys = page.keys.into_iter().map(|key| {
                json!({ "name": key.name, "expires_in": key.expires_in, "metadata": key.metadata.as_deref() })
            });
            Ok(json!({ "keys": keys.collect::<Value>(), "cursor": page.cursor }))
        }
        "stream" => stream(backend, first, call.limit.unwrap_or_default()).await,
        _ => Err(BackendError::Unsupported("this call")),
    }
}

/// Counts the calls in the namespace of a binding: what stood there before, and whose it is.
async fn in_context(env: &Env, binding: &str) -> Result<(u64, &'static str), CacheError> {
    let kv = CloudflareContext::from_env(env, binding)?;
    let before = kv.get("calls").json::<u64>().await?.unwrap_or_default();
    let _ = kv.put("calls", (before + 1).to_string()).execute().await?;
    Ok((before, kv.backend().name()))
}

/// Stores a value of so many bytes, and reads it as a stream: how many pieces there were, how long and how right.
async fn stream(backend: &WorkerBackend, key: &str, length: usize) -> Result<Value, BackendError> {
    let kv = KvNamespace::new(std::sync::Arc::new(backend.clone()));
    let byte = |at: usize| u8::try_from(at % 251).unwrap_or_default();
    let refuse = |error: CacheError| BackendError::Other(error.into());
    let put = kv.put(key, (0..length).map(byte).collect::<Vec<u8>>());
    let _ = put.metadata(&"m").map_err(refuse)?.execute().await.map_err(refuse)?;
    let found = kv.get(key).cache_ttl(60).stream_with_metadata().await.map_err(refuse)?;
    let Some(mut found) = found else { return Ok(Value::Null) };
    let (mut pieces, mut read, mut is_same) = (0, 0, true);
    while let Some(piece) = found.value.next().await {
        let piece = piece.map_err(refuse)?;
        is_same &= piece.iter().enumerate().all(|(at, found)| *found == byte(read + at));
        pieces += 1;
        read += piece.len();
    }
    let metadata: Option<String> = found.metadata().map_err(refuse)?;
    Ok(json!({ "pieces": pieces, "length": read, "same": is_same, "metadata": metadata }))
}

fn entry(entry: &Entry) -> Value {
    json!({
        "value": &*entry.value,
        "expires_in": entry.expires_in,
        "metadata": entry.metadata.as_deref(),
    })
}

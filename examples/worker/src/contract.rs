//! `/contract`: one operation of the backend a request, for the contract of backends, which runs outside of workerd.
//!
//! The request is `{"call": "put", "key": …, …}`; bytes are lists of numbers. `now` is the test's clock.

use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{Backend, BackendError, Entry, ListOptions, PutOptions, WorkerBackend};
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
        _ => Err(BackendError::Unsupported("this call")),
    }
}

fn entry(entry: &Entry) -> Value {
    json!({
        "value": &*entry.value,
        "expires_in": entry.expires_in,
        "metadata": entry.metadata.as_deref(),
    })
}

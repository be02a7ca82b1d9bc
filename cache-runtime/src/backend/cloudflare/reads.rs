//! Values: by bulk reads, which tell the metadata with the value, and in streams.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::Method;
use serde_json::json;
use serde_json::value::RawValue;

use super::api::{Api, failed};
use super::fault::Fault;
use super::reply::{self, Found, FoundEntry, Values};
use super::request::{Body, Request};
use crate::backend::limits::{BULK_KEYS, Request as Kind};
use crate::backend::stamp::{self, Told};
use crate::backend::{ByteStream, Entry, StreamedEntry};
use crate::error::BackendError;

/// How many bulk requests are under way at once.
const AT_ONCE: usize = 4;

/// One value.
pub(super) async fn get(api: &Api, key: &str) -> Result<Option<Entry>, BackendError> {
    Kind::Get.check_key(key)?;
    let mut found = bulk(api, Kind::Get, &[key]).await?;
    Ok(found.remove(key))
}

/// Several values, in the order of their keys.
pub(super) async fn get_many(api: &Api, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
    Kind::Get.check_keys(keys)?;
    let mut different = keys.to_vec();
    different.sort_unstable();
    different.dedup();
    let parts: Vec<_> = different.chunks(BULK_KEYS).map(|some| bulk(api, Kind::GetBulk, some)).collect();
    let parts: Vec<HashMap<_, _>> = stream::iter(parts).buffered(AT_ONCE).try_collect().await?;
    Ok(keys.iter().map(|key| parts.iter().find_map(|part| part.get(*key)).cloned()).collect())
}

/// Up to 100 values, those that are there and live. Values of more than 25 MiB together are read by halves.
async fn bulk(api: &Api, kind: Kind, keys: &[&str]) -> Result<HashMap<String, Entry>, BackendError> {
    let mut entries = HashMap::with_capacity(keys.len());
    let mut parts = vec![keys];
    while let Some(part) = parts.pop() {
        let body = json!({ "keys": part, "type": "text", "withMetadata": true }).to_string();
        let request =
            Request::new(kind, Method::POST, "/bulk/get").with_keys(part).with_body(Body::Json(body.into()));
        match (api.ask::<Values>(&request).await, part) {
            (Ok(answer), _) => {
                let values = answer.result.map(|result| result.values).unwrap_or_default();
                for (key, found) in values {
                    let Some(found) = found.filter(|_| part.contains(&key.as_str())) else { continue };
                    let entry = match Found::of(&found).map_err(failed(&request))? {
                        Found::Entry(found) => entry(api, &key, found).await?,
                        Found::Bare => alone(api, &key).await?,
                    };
                    if let Some(entry) = entry {
                        entries.insert(key, entry);
                    }
                }
            }
            (Err(fault), [key]) if fault.is_too_large() => {
                if let Some(entry) = alone(api, key).await? {
                    entries.insert((*key).into(), entry);
                }
            }
            (Err(fault), _) if fault.is_too_large() => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([first, second]);
            }
            (Err(fault), _) => return Err(failed(&request)(fault)),
        }
    }
    Ok(entries)
}

/// An entry of a bulk read, unless its time is over.
async fn entry(api: &Api, key: &str, found: FoundEntry) -> Result<Option<Entry>, BackendError> {
    let told = Told::by(found.metadata.as_deref().map(RawValue::get));
    let Ok(expires_in) = told.expires_in(reply::second(found.expiration), &api.clock) else {
        return Ok(None);
    };
    let text = if told.base64 || stamp::is_exact(&found.value) {
        Bytes::from(found.value)
    } else {
        // What could be bytes that are no text is read again as it is.
        match exact(api, key).await? {
            Some(value) => value,
            None => return Ok(None),
        }
    };
    Ok(Some(Entry { value: told.bytes(text)?, expires_in, metadata: told.metadata, revision: 0 }))
}

/// The bytes under a key.
async fn exact(api: &Api, key: &str) -> Result<Option<Bytes>, BackendError> {
    let request = Request::on_key(Kind::Get, Method::GET, "values", &key);
    match api.call(&request).await {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.is_missing_key() => Ok(None),
        Err(fault) => Err(failed(&request)(fault)),
    }
}

/// One value that a bulk read does not give: too large for it, or empty.
async fn alone(api: &Api, key: &str) -> Result<Option<Entry>, BackendError> {
    let Some(StreamedEntry { value, expires_in, metadata }) = get_stream(api, key).await? else {
        return Ok(None);
    };
    let value = crate::backend::collect(value).await?;
    Ok(Some(Entry { value, expires_in, metadata, revision: 0 }))
}

/// A value as it comes, with its metadata, which is asked for before it.
pub(super) async fn get_stream(api: &Api, key: &str) -> Result<Option<StreamedEntry>, BackendError> {
    Kind::Get.check_key(key)?;
    let request = Request::on_key(Kind::Get, Method::GET, "metadata", &key);
    let metadata = match api.ask::<Box<RawValue>>(&request).await {
        Ok(answer) => answer.result,
        Err(fault) if fault.is_missing_key() => return Ok(None),
        Err(fault) => return Err(failed(&request)(fault)),
    };
    let told = Told::by(metadata.as_deref().map(RawValue::get));
    let request = Request::on_key(Kind::Get, Method::GET, "values", &key);
    let response = match api.open(&request).await {
        Ok(response) => response,
        Err(fault) if fault.is_missing_key() => return Ok(None),
        Err(fault) => return Err(failed(&request)(fault)),
    };
    let kvs_own = response.headers().get("expiration").and_then(|value| value.to_str().ok()?.parse().ok());
    let Ok(expires_in) = told.expires_in(kvs_own, &api.clock) else { return Ok(None) };
    let pieces = bounded(response, api.attempt_timeout, api.clock.clone());
    let value: ByteStream = if told.base64 {
        let bytes = told.bytes(crate::backend::collect(pieces).await?)?;
        Box::pin(stream::iter([Ok(bytes)]))
    } else {
        pieces
    };
    Ok(Some(StreamedEntry { value, expires_in, metadata: told.metadata }))
}

/// The pieces of an answer, each of which has to come within `limit`. Ends after a failure.
fn bounded(response: reqwest::Response, limit: Duration, clock: crate::clock::Clock) -> ByteStream {
    let next = move |state: Option<reqwest::Response>| {
        let clock = clock.clone();
        async move {
            let mut response = state?;
            let piece = crate::rt::at_most(&clock, limit, response.chunk()).await;
            match piece {
                Some(Ok(piece)) => piece.map(|piece| (Ok(piece), Some(response))),
                Some(Err(error)) => Some((Err(Fault::of_client(&error).into_error(Kind::Get, &[])), None)),
                None => Some((Err(BackendError::Timeout(limit)), None)),
            }
        }
    };
    Box::pin(stream::unfold(Some(response), next))
}

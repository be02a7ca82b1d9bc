//! Writes and removals, alone and in bulk.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::Method;
use serde::Serialize;
use serde_json::value::RawValue;

use super::api::{Api, failed};
use super::fault::Fault;
use super::reply::Done;
use super::request::{Body, Request};
use crate::backend::limits::{self, Request as Kind};
use crate::backend::stamp::{self, Stamped};
use crate::backend::{ByteStream, Expiration, NativePut, PutOptions, ValueBody};
use crate::error::BackendError;

/// The most pairs, or keys, in a bulk request.
const BULK: usize = 10_000;
/// The most bytes in one; KV takes 100 MB.
const BULK_BYTES: usize = 90_000_000;

/// A pair of a bulk write.
#[derive(Serialize)]
struct Pair<'a> {
    key: &'a str,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

/// Stores a value, with its true end beside it.
pub(super) async fn put(
    api: &Api,
    key: &str,
    value: &Bytes,
    options: &PutOptions,
) -> Result<(), BackendError> {
    Kind::Put.check_key(key)?;
    let stamped = stamp::stamp(value, options.metadata.as_deref(), options.ttl, &api.clock)?;
    let end = stamped.ttl.map(|ttl| ("expiration_ttl", ttl));
    send(api, key, end, Body::Value(stamped.text, stamped.metadata)).await
}

/// Stores a value as it is given.
pub(super) async fn put_native(
    api: &Api,
    key: &str,
    value: ValueBody,
    options: NativePut,
) -> Result<(), BackendError> {
    Kind::Put.check_key(key)?;
    limits::check_metadata(options.metadata.as_deref())?;
    let end = match options.expiration {
        Expiration::Never => None,
        Expiration::In(seconds) => {
            if i32::try_from(seconds).is_err() {
                limits::check_expiration(options.expiration, &api.clock, true)?;
            }
            Some(("expiration_ttl", seconds))
        }
        Expiration::At(second) => Some(("expiration", second)),
    };
    let metadata = options.metadata.as_deref().map(str::to_owned);
    match value {
        ValueBody::Whole(value) => {
            limits::check_value(value.len())?;
            send(api, key, end, Body::Value(value, metadata)).await
        }
        ValueBody::Stream(stream) => put_stream(api, key, end, stream, metadata).await,
    }
}

/// Sends a stream, and keeps what ended it early: the client's own error would not say.
async fn put_stream(
    api: &Api,
    key: &str,
    end: Option<(&'static str, u64)>,
    stream: ByteStream,
    metadata: Option<String>,
) -> Result<(), BackendError> {
    let failure = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&failure);
    let mut length = 0;
    let checked = stream.map(move |piece| {
        let piece = piece.and_then(|piece| {
            length += piece.len();
            limits::check_value(length).map(|()| piece)
        });
        piece.map_err(|error| {
            if let Ok(mut kept) = kept.lock() {
                *kept = Some(error);
            }
            BackendError::Other(Box::new(Fault::Stream))
        })
    });
    let body = Body::Stream(Mutex::new(Some(Box::pin(checked))), metadata);
    let sent = send(api, key, end, body).await;
    match failure.lock().ok().and_then(|mut failure| failure.take()) {
        Some(error) => Err(error),
        None => sent,
    }
}

async fn send(
    api: &Api,
    key: &str,
    end: Option<(&'static str, u64)>,
    body: Body,
) -> Result<(), BackendError> {
    let mut request = Request::on_key(Kind::Put, Method::PUT, "values", &key).with_body(body);
    if let Some((name, seconds)) = end {
        request = request.with_query(name, seconds.to_string());
    }
    api.ask::<serde::de::IgnoredAny>(&request).await.map(drop).map_err(failed(&request))
}

/// Stores several values.
pub(super) async fn put_many(api: &Api, entries: &[(String, Bytes, PutOptions)]) -> Result<(), BackendError> {
    let mut pairs = Vec::with_capacity(entries.len());
    for (key, value, options) in entries {
        Kind::Put.check_key(key)?;
        let Stamped { text, metadata, ttl } =
            stamp::stamp(value, options.metadata.as_deref(), options.ttl, &api.clock)?;
        let metadata = metadata.map(RawValue::from_string).transpose();
        let metadata = metadata.map_err(|_| Kind::Put.refuse("400 the metadata is not JSON"))?;
        let pair = Pair {
            key,
            value: std::str::from_utf8(&text).unwrap_or_default(),
            expiration_ttl: ttl,
            metadata: metadata.as_deref(),
        };
        let pair = serde_json::to_string(&pair).map_err(|error| BackendError::Other(error.into()))?;
        pairs.push((key.as_str(), pair));
    }
    bulk(api, Kind::Put, (Method::PUT, "/bulk"), pairs).await
}

/// Removes a key. Whether it was there cannot be told.
pub(super) async fn delete(api: &Api, key: &str) -> Result<bool, BackendError> {
    Kind::Delete.check_key(key)?;
    let request = Request::on_key(Kind::Delete, Method::DELETE, "values", &key);
    match api.ask::<serde::de::IgnoredAny>(&request).await {
        Ok(_) => Ok(true),
        Err(fault) if fault.is_missing_key() => Ok(false),
        Err(fault) => Err(failed(&request)(fault)),
    }
}

/// Removes several keys.
pub(super) async fn delete_many(api: &Api, keys: &[&str]) -> Result<u64, BackendError> {
    Kind::Delete.check_keys(keys)?;
    let name = |key: &&str| serde_json::to_string(key).map_err(|error| BackendError::Other(error.into()));
    let names = keys.iter().map(|key| Ok((*key, name(key)?))).collect::<Result<Vec<_>, BackendError>>()?;
    bulk(api, Kind::Delete, (Method::POST, "/bulk/delete"), names).await?;
    Ok(keys.len() as u64)
}

/// Sends items, each with its key, in as many requests as their limits ask for; those that were left out again.
async fn bulk(
    api: &Api,
    kind: Kind,
    (method, path): (Method, &'static str),
    mut items: Vec<(&str, String)>,
) -> Result<(), BackendError> {
    for _ in 0..api.attempts {
        let mut left_out = Vec::new();
        let mut rest = items.as_slice();
        while !rest.is_empty() {
            let (part, after) = rest.split_at(fitting(rest));
            rest = after;
            let body =
                format!("[{}]", part.iter().map(|(_, item)| item.as_str()).collect::<Vec<_>>().join(","));
            let request = Request::new(kind, method.clone(), path).with_body(Body::Json(body.into()));
            let answer = api.ask::<Done>(&request).await.map_err(|fault| {
                let keys: Vec<&str> = part.iter().map(|(key, _)| *key).collect();
                fault.into_error(kind, &keys)
            })?;
            left_out.extend(answer.result.unwrap_or_default().unsuccessful_keys);
        }
        items.retain(|(key, _)| left_out.iter().any(|left| left == key));
        if items.is_empty() {
            return Ok(());
        }
        api.clock.sleep(Duration::from_millis(200)).await;
    }
    Err(Fault::LeftOut(items.len()).into_error(kind, &[]))
}

/// How many of the items one request takes: at least one.
fn fitting(items: &[(&str, String)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, item): &&(&str, String)| {
        bytes += item.len() + 1;
        bytes <= BULK_BYTES
    };
    items.iter().take(BULK).take_while(fits).count().max(1)
}

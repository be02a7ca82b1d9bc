//! The service's answers: the envelope, and what is in it.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::fault::Fault;

/// More than the largest right answer: 25 MiB of values, each byte of which may be written as six.
const LARGEST: usize = 200 * 1024 * 1024;

/// What every answer but a value is in.
#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) success: bool,
    pub(super) result: Option<T>,
    pub(super) result_info: Option<PageInfo>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    code: u64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
pub(super) struct PageInfo {
    pub(super) cursor: Option<String>,
}

/// A key of a listing.
#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) expiration: Option<f64>,
    pub(super) metadata: Option<Box<RawValue>>,
}

/// The values of a bulk read.
#[derive(Deserialize)]
pub(super) struct Values {
    pub(super) values: HashMap<String, Option<Box<RawValue>>>,
}

/// What a bulk read found under a key.
pub(super) enum Found {
    Entry(FoundEntry),
    /// workerd leaves out the metadata of an empty value.
    Bare,
}

#[derive(Deserialize)]
pub(super) struct FoundEntry {
    pub(super) value: String,
    pub(super) metadata: Option<Box<RawValue>>,
    pub(super) expiration: Option<f64>,
}

impl Found {
    pub(super) fn of(json: &RawValue) -> Result<Self, Fault> {
        if json.get().starts_with('"') {
            return Ok(Self::Bare);
        }
        serde_json::from_str(json.get()).map(Self::Entry).map_err(|_| Fault::Answer)
    }
}

/// What became of a bulk write.
#[derive(Deserialize, Default)]
pub(super) struct Done {
    #[serde(default)]
    pub(super) unsuccessful_keys: Vec<String>,
}

/// A second of the calendar that came as JSON's kind of number.
pub(super) fn second(number: Option<f64>) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time is rounded to its range"
    )]
    number.filter(|second| *second > 0.0).map(|second| second as u64)
}

/// All of an answer's body.
pub(super) async fn body(mut response: reqwest::Response) -> Result<Bytes, Fault> {
    let mut all = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| Fault::of_client(&error))? {
        if all.len() + piece.len() > LARGEST {
            return Err(Fault::TooLarge);
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.freeze())
}

/// The answer in its envelope.
pub(super) fn open<T: DeserializeOwned>(body: &[u8]) -> Result<Envelope<T>, Fault> {
    match serde_json::from_slice::<Envelope<T>>(body) {
        Ok(envelope) if envelope.success => Ok(envelope),
        Ok(_) => Err(refused(200, None, body)),
        Err(_) => Err(Fault::Answer),
    }
}

/// The refusal in an answer.
pub(super) async fn refusal(response: reqwest::Response) -> Fault {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    // The status counts, whatever becomes of the rest.
    let body = body(response).await.unwrap_or_default();
    refused(status, retry_after, &body)
}

fn refused(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Fault {
    let errors = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.errors).unwrap_or_default();
    let first = errors.into_iter().next().unwrap_or(Message { code: 0, message: String::new() });
    Fault::Refused { status, code: first.code, message: first.message, retry_after }
}

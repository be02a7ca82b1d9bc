//! What Cloudflare KV refuses, in its own words.

use std::time::Duration;

use crate::backend::PutOptions;
use crate::error::BackendError;

const KEY_BYTES: usize = 512;
const VALUE_BYTES: usize = 26_214_400;
const METADATA_BYTES: usize = 1_024;
const PAGE_KEYS: usize = 1_000;
/// The shortest time to live on Cloudflare.
pub(super) const MINIMUM_TTL: Duration = Duration::from_mins(1);

/// What a refusal says was tried.
#[derive(Clone, Copy)]
pub(super) enum Request {
    Get,
    Put,
    Delete,
}

impl Request {
    fn refuse(self, why: impl std::fmt::Display) -> BackendError {
        let name = match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        };
        BackendError::Rejected(format!("KV {name} failed: {why}"))
    }

    /// Checks the name of a key.
    pub(super) fn check_key(self, key: &str) -> Result<(), BackendError> {
        match key {
            "" => Err(BackendError::Rejected("Key name cannot be empty.".into())),
            "." | ".." => Err(BackendError::Rejected(format!("{key:?} is not allowed as a key name."))),
            _ => self.check_length(key),
        }
    }

    /// Checks the names of several keys.
    pub(super) fn check_keys(self, keys: &[&str]) -> Result<(), BackendError> {
        keys.iter().try_for_each(|key| self.check_key(key))
    }

    /// Checks the length of a key or a prefix.
    pub(super) fn check_length(self, text: &str) -> Result<(), BackendError> {
        let length = text.len();
        if length > KEY_BYTES {
            let limit = format_args!("exceeds key length limit of {KEY_BYTES}.");
            return Err(self.refuse(format_args!("414 UTF-8 encoded length of {length} {limit}")));
        }
        Ok(())
    }
}

/// Checks all of a write.
pub(super) fn check_put(key: &str, value: &[u8], options: &PutOptions) -> Result<(), BackendError> {
    Request::Put.check_key(key)?;
    let too_long = |what, length, limit| {
        Request::Put.refuse(format_args!("413 {what} length of {length} exceeds limit of {limit}."))
    };
    if value.len() > VALUE_BYTES {
        return Err(too_long("Value", value.len(), VALUE_BYTES));
    }
    match options.metadata.as_deref().map(str::len) {
        Some(length) if length > METADATA_BYTES => Err(too_long("Metadata", length, METADATA_BYTES)),
        _ => Ok(()),
    }
}

/// Checks a time to live; with Cloudflare's limits also rounds it down to whole seconds, as Cloudflare does.
pub(super) fn check_ttl(ttl: Option<Duration>, cloudflare: bool) -> Result<Option<Duration>, BackendError> {
    let Some(length) = ttl else { return Ok(None) };
    let seconds = length.as_secs();
    let refuse =
        |why| Err(Request::Put.refuse(format_args!("400 Invalid expiration_ttl of {seconds}. {why}")));
    if length.is_zero() || cloudflare && seconds == 0 {
        return refuse("Please specify integer greater than 0.");
    }
    if !cloudflare {
        return Ok(ttl);
    }
    if length < MINIMUM_TTL {
        return refuse("Expiration TTL must be at least 60.");
    }
    if i32::try_from(seconds).is_err() {
        let range = "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).";
        return Err(BackendError::Rejected(range.into()));
    }
    Ok(Some(Duration::from_secs(seconds)))
}

/// The number of keys in a page: 1,000 where none, or none that makes sense, was asked for.
pub(super) fn page_size(limit: Option<usize>, cloudflare: bool) -> Result<usize, BackendError> {
    match limit.unwrap_or(0) {
        0 => Ok(PAGE_KEYS),
        limit if cloudflare && limit > PAGE_KEYS => Err(Request::Get.refuse(format_args!(
            "400 Invalid key_count_limit of {limit}. Please specify an integer less than {PAGE_KEYS}."
        ))),
        limit => Ok(limit.min(PAGE_KEYS)),
    }
}

//! What Cloudflare KV refuses, in its own words.

use std::time::Duration;

use super::{Expiration, PutOptions};
use crate::clock::Clock;
use crate::error::BackendError;

const KEY_BYTES: usize = 512;
/// The longest value.
pub(crate) const VALUE_BYTES: usize = 26_214_400;
/// The longest metadata.
pub(crate) const METADATA_BYTES: usize = 1_024;
/// The most keys in a page of a listing.
pub(crate) const PAGE_KEYS: usize = 1_000;
/// The most keys that a bulk read may ask for.
pub(crate) const BULK_KEYS: usize = 100;
const MINIMUM_CACHE_TTL: u64 = 30;
/// The shortest time to live on Cloudflare.
pub(super) const MINIMUM_TTL: Duration = Duration::from_mins(1);

/// What a refusal says was tried.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    Get,
    GetBulk,
    Put,
    Delete,
}

impl Request {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::GetBulk => "GET_BULK",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    pub(crate) fn refuse(self, why: impl std::fmt::Display) -> BackendError {
        BackendError::Rejected(format!("KV {} failed: {why}", self.name()))
    }

    /// Checks the name of a key.
    pub(crate) fn check_key(self, key: &str) -> Result<(), BackendError> {
        match (self, key) {
            (Self::GetBulk, "") => Err(self.refuse("400 Key names must not be empty")),
            (Self::GetBulk, "." | "..") => {
                Err(self.refuse(format_args!("400 Illegal key name {key:?}. Please use a different name.")))
            }
            (_, "") => Err(BackendError::Rejected("Key name cannot be empty.".into())),
            (_, "." | "..") => Err(BackendError::Rejected(format!("{key:?} is not allowed as a key name."))),
            _ => self.check_length(key),
        }
    }

    /// Checks the names of several keys.
    pub(crate) fn check_keys(self, keys: &[&str]) -> Result<(), BackendError> {
        keys.iter().try_for_each(|key| self.check_key(key))
    }

    /// Checks the length of a key or a prefix.
    pub(crate) fn check_length(self, text: &str) -> Result<(), BackendError> {
        let length = text.len();
        if length > KEY_BYTES {
            let limit = format_args!("exceeds key length limit of {KEY_BYTES}.");
            return Err(self.refuse(format_args!("414 UTF-8 encoded length of {length} {limit}")));
        }
        Ok(())
    }

    /// Checks for how long a copy may be served.
    pub(crate) fn check_cache_ttl(self, seconds: Option<u64>) -> Result<Option<Duration>, BackendError> {
        match seconds {
            Some(seconds) if seconds < MINIMUM_CACHE_TTL => Err(self.refuse(format_args!(
                "400 Invalid cache_ttl of {seconds}. Cache TTL must be at least {MINIMUM_CACHE_TTL}."
            ))),
            seconds => Ok(seconds.map(Duration::from_secs)),
        }
    }
}

fn check_size(what: &str, length: usize, limit: usize) -> Result<(), BackendError> {
    if length > limit {
        let why = format_args!("413 {what} length of {length} exceeds limit of {limit}.");
        return Err(Request::Put.refuse(why));
    }
    Ok(())
}

/// Checks the length of a value.
pub(crate) fn check_value(length: usize) -> Result<(), BackendError> {
    check_size("Value", length, VALUE_BYTES)
}

/// Checks the length of metadata.
pub(crate) fn check_metadata(metadata: Option<&str>) -> Result<(), BackendError> {
    check_size("Metadata", metadata.map_or(0, str::len), METADATA_BYTES)
}

/// Checks all of a write but its end.
pub(crate) fn check_put(key: &str, value: &[u8], options: &PutOptions) -> Result<(), BackendError> {
    Request::Put.check_key(key)?;
    check_value(value.len())?;
    check_metadata(options.metadata.as_deref())
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

/// Checks an end, and turns it into a time to live.
pub(crate) fn check_expiration(
    end: Expiration,
    clock: &Clock,
    cloudflare: bool,
) -> Result<Option<Duration>, BackendError> {
    let at = match end {
        Expiration::Never => return Ok(None),
        Expiration::In(seconds) => return check_ttl(Some(Duration::from_secs(seconds)), cloudflare),
        Expiration::At(at) => at,
    };
    let now = clock.unix_time();
    let refuse = |why| Err(Request::Put.refuse(format_args!("400 Invalid expiration of {at}. {why}")));
    if at <= now.as_secs() {
        let since = "current number of seconds since the UNIX epoch.";
        return refuse(format_args!("Please specify integer greater than the {since}"));
    }
    if cloudflare && at - now.as_secs() < MINIMUM_TTL.as_secs() {
        return refuse(format_args!("Expiration times must be at least 60 seconds in the future."));
    }
    Ok(Some(Duration::from_secs(at).saturating_sub(now)))
}

/// The number of keys in a page: 1,000 where none, or none that makes sense, was asked for.
pub(crate) fn page_size(limit: Option<usize>, cloudflare: bool) -> Result<usize, BackendError> {
    match limit.unwrap_or(0) {
        0 => Ok(PAGE_KEYS),
        limit if cloudflare && limit > PAGE_KEYS => Err(Request::Get.refuse(format_args!(
            "400 Invalid key_count_limit of {limit}. Please specify an integer less than {PAGE_KEYS}."
        ))),
        limit => Ok(limit.min(PAGE_KEYS)),
    }
}

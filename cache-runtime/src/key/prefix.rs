//! The prefix that keeps one service's keys apart from another's.

use std::fmt;
use std::sync::Arc;

use super::{FullKey, InvalidKey, check};
use crate::error::{CacheError, Result};

/// A prefix: `app` in `app:project:7`.
///
/// It matches `[A-Za-z0-9._-]{1,64}`, so it holds no colon and no prefix's keys lie inside another's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The prefix and its colon.
    with_colon: Arc<str>,
}

impl Prefix {
    /// What follows a prefix, before the colon, in the keys of the generations of its tags. No prefix holds a `!`.
    pub(crate) const GENERATIONS: &str = "!g";

    /// Checks a prefix.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidPrefix`] says what is wrong with it.
    pub fn new(prefix: &str) -> Result<Self> {
        let invalid = |reason| Err(CacheError::InvalidPrefix { reason });
        if prefix.is_empty() {
            return invalid("it is empty");
        }
        if prefix.len() > 64 {
            return invalid("it is longer than 64 bytes");
        }
        if !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return invalid("it holds another character than those allowed");
        }
        Ok(Self { with_colon: format!("{prefix}:").into() })
    }

    /// The prefix, without its colon.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.with_colon.strip_suffix(':').unwrap_or(&self.with_colon)
    }

    /// The prefix with its colon: what every full key of it starts with.
    pub(crate) fn with_colon(&self) -> &str {
        &self.with_colon
    }

    /// The full key.
    pub(crate) fn full(&self, key: &str) -> Result<FullKey, InvalidKey> {
        check(key, self.with_colon.len())?;
        Ok(FullKey::of([&self.with_colon, key]))
    }

    /// Whether this is the full key of the generation of one of its tags.
    pub(crate) fn is_generation(&self, full_key: &str) -> bool {
        full_key.strip_prefix(self.as_str()).is_some_and(|rest| rest.starts_with(Self::GENERATIONS))
    }

    /// The full key of the generation of the whole prefix. No tag is empty.
    pub(crate) fn whole(&self) -> String {
        [self.as_str(), Self::GENERATIONS, ":"].concat()
    }

    /// The full key of a tag's generation.
    pub(crate) fn generation(&self, tag: &str) -> Result<String, InvalidKey> {
        check(tag, self.with_colon.len() + Self::GENERATIONS.len())?;
        Ok([self.as_str(), Self::GENERATIONS, ":", tag].concat())
    }
}

impl Default for Prefix {
    /// `app`
    fn default() -> Self {
        Self { with_colon: concat!("app", ":").into() }
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

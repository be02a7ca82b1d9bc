//! The token of a session, and the key that its hash gives.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::{CacheError, Result};

/// What a token holds: 256 bits.
const BYTES: usize = 32;
/// Its characters.
const LENGTH: usize = 43;

/// The secret that a client shows to be let into its session: 256 bits from the operating system, as 43 characters of
/// base64url.
///
/// It is returned when a session is created or rotated, and nowhere else: the store holds only its hash. `Debug` does
/// not show it, and nothing prints it but what [`expose`](Self::expose) is given to.
#[derive(Clone)]
pub struct SessionToken(String);

impl SessionToken {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<BYTES>()?)))
    }

    /// The text to send to the client, in a cookie that is `Secure`, `HttpOnly` and `SameSite`.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// Bytes that nobody can guess.
pub(super) fn random<const SIZE: usize>() -> Result<[u8; SIZE]> {
    let mut bytes = [0; SIZE];
    getrandom::fill(&mut bytes)
        .map_err(|_| CacheError::Configuration("the operating system gives no random bytes".into()))?;
    Ok(bytes)
}

/// Where a session stands: the SHA-256 of its token, so that who reads the store cannot log in.
///
/// A session is found by this hash and its token is compared with nothing, so there is no comparison to be timed. What
/// an engine compares on the way are hashes, whose bytes nobody can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionId(String);

impl SessionId {
    /// `None` for a text that no token can be: there is nothing to ask the backend for.
    pub(super) fn of(token: &str) -> Option<Self> {
        if token.len() != LENGTH {
            return None;
        }
        let mut bytes = [0; BYTES];
        // Refuses other characters, and bits beyond the last byte: no two texts are one token.
        let decoded = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
        (decoded == BYTES).then(|| Self(hash(token.as_bytes())))
    }

    pub(super) fn of_token(token: &SessionToken) -> Self {
        Self(hash(token.0.as_bytes()))
    }

    /// One whose hash is known.
    pub(super) fn of_hash(hash: String) -> Self {
        Self(hash)
    }

    /// The hash.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of the session.
    pub(super) fn key(&self) -> String {
        format!("session:{}", self.0)
    }

    /// The key of what says that it is over, where the engine could not keep that under the other one.
    pub(super) fn grave(&self) -> String {
        format!("over:{}", self.0)
    }
}

/// SHA-256, as 43 characters.
pub(super) fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::{SessionId, SessionToken};

    #[test]
    fn a_token_is_43_characters_that_no_other_token_has() {
        let tokens: Vec<_> = (0..1_000).map(|_| SessionToken::new().expect("there is chance")).collect();
        let mut texts: Vec<_> = tokens.iter().map(SessionToken::expose).collect();
        assert!(texts.iter().all(|text| text.len() == 43 && SessionId::of(text).is_some()));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 1_000);
        assert_eq!(format!("{:?}", tokens[0]), "SessionToken(…)");
    }

    #[test]
    fn the_key_is_the_sha_256_of_the_token() {
        let id = SessionId::of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").expect("it has the shape");
        // printf %s AAAA… | openssl dgst -sha256 -binary | basenc --base64url
        assert_eq!(id.as_str(), "DwBzhbb51LfusnSGBa_hqYSgo7-j8BTQnip4TOnlzRo");
    }

    #[test]
    fn a_text_of_another_shape_is_no_token() {
        let token = SessionToken::new().expect("there is chance");
        let (all_but_last, last) = token.expose().split_at(42);
        // Of the last character four bits count: the others are another way to write the same bytes.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let likes = alphabet.chars().filter(|char| SessionId::of(&format!("{all_but_last}{char}")).is_some());
        assert_eq!(likes.count(), 16);
        for other in ["", "=", last, all_but_last, &format!("{}=", token.expose()), &"+".repeat(43)] {
            assert_eq!(SessionId::of(other), None, "{other}");
        }
        for other in ["ä".repeat(21) + "a", " ".repeat(43), "\0".repeat(43), "a".repeat(100_000)] {
            assert_eq!(SessionId::of(&other), None);
        }
    }
}

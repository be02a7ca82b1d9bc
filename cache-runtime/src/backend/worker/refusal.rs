//! What a binding says when it refuses, told apart by its words: it has no codes.

use crate::backend::limits::Request;
use crate::error::BackendError;

/// The backend's error of a message such as `KV PUT failed: 429 Too Many Requests`.
pub(super) fn error(request: Request, message: &str) -> BackendError {
    match told(message) {
        Some((429, words)) => unavailable(format!("too many requests: {words}")),
        Some((status @ 500.., words)) => unavailable(format!("the service failed: {status} {words}")),
        Some((status, words)) => request.refuse(format_args!("{status} {words}")),
        // Keys that are refused before anything is sent, and options of the wrong type.
        None => BackendError::Rejected(message.into()),
    }
}

/// Whether the answer would be larger than KV gives at once.
pub(super) fn is_too_large(message: &str) -> bool {
    matches!(told(message), Some((413, _)))
}

/// Whether the key was written within the last second.
pub(super) fn is_too_soon(message: &str) -> bool {
    matches!(told(message), Some((429, _)))
}

fn unavailable(words: String) -> BackendError {
    BackendError::Unavailable(words.into())
}

/// The status and the words after it.
fn told(message: &str) -> Option<(u16, &str)> {
    let (what, rest) = message.split_once(" failed: ")?;
    let (status, words) = rest.split_once(' ')?;
    let is_ours = what.strip_prefix("KV ").is_some_and(|name| !name.contains(' '));
    (is_ours && status.len() == 3).then(|| status.parse().ok().map(|status| (status, words)))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(message: &str) -> String {
        error(Request::Put, message).to_string()
    }

    #[test]
    fn a_refusal_is_told_by_its_status() {
        let busy = error(Request::Put, "KV PUT failed: 429 Too Many Requests");
        assert!(matches!(busy, BackendError::Unavailable(_)), "{busy}");
        let broken = error(Request::Get, "KV GET failed: 500 Internal Error");
        assert!(matches!(broken, BackendError::Unavailable(_)), "{broken}");
        let words = "KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.";
        assert_eq!(text(words), format!("rejected: {words}"));
        assert_eq!(text("Key name cannot be empty."), "rejected: Key name cannot be empty.");
        assert!(
            is_too_soon("KV DELETE failed: 429 Too Many Requests") && !is_too_soon("429 Too Many Requests")
        );
        assert!(is_too_large("KV GET_BULK failed: 413 The response is too large"));
        assert!(!is_too_large("KV GET_BULK failed: 400 no"));
    }

    proptest! {
        #[test]
        fn any_message_is_read_without_a_panic(message in "(KV )?[A-Z]{0,4}( failed: )?[0-9]{0,4}.{0,20}") {
            let _ = error(Request::Get, &message);
        }
    }
}

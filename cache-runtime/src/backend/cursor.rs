//! The cursor of a listing in the order of keys: the last key of the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The key in base64, as Cloudflare's own simulation has it, so that nobody takes the cursor for a key.
pub(crate) fn encode(key: &str) -> String {
    STANDARD.encode(key)
}

/// The key of a cursor; nothing where it is none.
pub(crate) fn decode(cursor: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(cursor).ok()?).ok()
}

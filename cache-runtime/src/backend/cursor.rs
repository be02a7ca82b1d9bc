//! The cursor of a listing in the order of keys: the last key of the page.

use std::fmt::Write;

/// The key in hexadecimal, so that nobody takes the cursor for a key.
pub(super) fn encode(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The key of a cursor; nothing where it is none.
pub(super) fn decode(cursor: &str) -> Option<String> {
    let digits: Vec<u8> =
        cursor.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

//! Which slot a key is in, and which node has it (Redis Cluster specification).

use redis::Value;

use super::super::fault::Fault;
use super::super::reply;

/// How many slots there are.
pub(super) const SLOTS: usize = 16_384;

/// A range of slots, and the host and port of the primary that has it. Without a host it is the one that was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) host: Option<String>,
    pub(super) port: u16,
}

/// What a node says instead of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// The slot is on another node now.
    Moved { host: Option<String>, port: u16 },
    /// This key may have gone ahead to another node.
    Ask { host: Option<String>, port: u16 },
    /// Not now.
    Later,
}

/// CRC-16/XMODEM of each byte.
const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "it is below 256")]
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The slot of a key: of what stands in its first braces, if anything does, else of all of it.
pub(super) fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    let crc = hashed
        .bytes()
        .fold(0_u16, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) ^ u16::from(byte)) & 0xFF]);
    crc % 16_384
}

/// The answer of `CLUSTER SLOTS`.
pub(super) fn ranges(answer: Value) -> Result<Vec<Range>, Fault> {
    reply::list(answer)?.into_iter().map(range).collect()
}

fn range(answer: Value) -> Result<Range, Fault> {
    let mut parts = reply::list(answer)?.into_iter();
    let mut next = || parts.next().unwrap_or_default();
    let number = |value| u16::try_from(reply::integer(value)?).map_err(|_| Fault::Answer);
    let (first, last) = (number(next())?, number(next())?);
    let mut primary = reply::list(next())?.into_iter();
    let host = host(match primary.next() {
        Some(Value::Nil) | None => String::new(),
        Some(text) => reply::text(text)?,
    });
    let port = number(primary.next().unwrap_or_default())?;
    if usize::from(last) >= SLOTS || first > last {
        return Err(Fault::Answer);
    }
    Ok(Range { first, last, host, port })
}

/// A node that does not know its own name says nothing, or `?`.
fn host(text: String) -> Option<String> {
    (!text.is_empty() && text != "?").then_some(text)
}

/// The redirection that an answer is, if it is one.
pub(super) fn redirect(answer: &Value) -> Option<Redirect> {
    let Value::ServerError(error) = answer else { return None };
    let to = || {
        let (_, address) = error.details()?.split_once(' ')?;
        let (name, port) = address.rsplit_once(':')?;
        Some((host(name.into()), port.parse().ok()?))
    };
    match error.code() {
        "MOVED" => to().map(|(host, port)| Redirect::Moved { host, port }),
        "ASK" => to().map(|(host, port)| Redirect::Ask { host, port }),
        "TRYAGAIN" | "CLUSTERDOWN" => Some(Redirect::Later),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Range, Value, ranges, slot};

    #[test]
    fn slots_are_those_of_the_specification() {
        for (key, expected) in [
            ("123456789", 0x31C3),
            ("foo", 12_182),
            ("{foo}bar", 12_182),
            ("a{foo}{bar}", 12_182),
            ("{}foo", 9_500),
            ("foo{", 7_673),
            ("", 0),
        ] {
            assert_eq!(slot(key), expected, "{key}");
        }
    }

    #[test]
    fn slots_are_read_and_garbage_is_refused() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host, port| Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(vec![])]);
        let range = |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let answer = Value::Array(vec![
            range(0, 8_000, node(text("10.0.0.1"), 6_379)),
            range(8_001, 16_383, node(Value::Nil, 6_380)),
        ]);
        let expected = [
            Range { first: 0, last: 8_000, host: Some("10.0.0.1".into()), port: 6_379 },
            Range { first: 8_001, last: 16_383, host: None, port: 6_380 },
        ];
        assert_eq!(ranges(answer), Ok(expected.into()));
        for garbage in [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![range(-1, 5, node(text("h"), 1))]),
            Value::Array(vec![range(0, 16_384, node(text("h"), 1))]),
            Value::Array(vec![range(5, 4, node(text("h"), 1))]),
            Value::Array(vec![range(0, 1, node(text("h"), 70_000))]),
        ] {
            assert!(ranges(garbage.clone()).is_err(), "{garbage:?}");
        }
    }
}

//! Answers, taken for what they should be.

use bytes::Bytes;
use redis::Value;

use super::fault::Fault;
use super::flat::Elements;

/// The answer, unless it is an error.
fn accepted(answer: Value) -> Result<Value, Fault> {
    match answer {
        Value::ServerError(error) => Err(Fault::of_server(&error)),
        answer => Ok(answer),
    }
}

/// Bytes, or nothing.
pub(super) fn bytes(answer: Value) -> Result<Option<Bytes>, Fault> {
    match accepted(answer)? {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        _ => Err(Fault::Answer),
    }
}

/// Text.
pub(super) fn text(answer: Value) -> Result<String, Fault> {
    match accepted(answer)? {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| Fault::Answer),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text),
        _ => Err(Fault::Answer),
    }
}

/// A whole number.
pub(super) fn integer(answer: Value) -> Result<i64, Fault> {
    match accepted(answer)? {
        Value::Int(number) => Ok(number),
        _ => Err(Fault::Answer),
    }
}

/// How many there were.
pub(super) fn count(answer: Value) -> Result<u64, Fault> {
    integer(answer).and_then(|number| u64::try_from(number).map_err(|_| Fault::Answer))
}

/// Whether a script did it: 1 or 0.
pub(super) fn flag(answer: Value) -> Result<bool, Fault> {
    integer(answer).map(|number| number == 1)
}

/// A list, flattened or not.
pub(super) fn list(answer: Value) -> Result<Vec<Value>, Fault> {
    match accepted(answer)? {
        Value::Array(answers) => Ok(answers),
        Value::BulkString(list) => {
            let value =
                |element: Option<Bytes>| element.map_or(Value::Nil, |bytes| Value::BulkString(bytes.into()));
            Elements::of(list).map(|element| element.map(value)).collect()
        }
        _ => Err(Fault::Answer),
    }
}

/// Whether a conditional `SET` stored: `OK` or nothing.
pub(super) fn was_set(answer: Value) -> Result<bool, Fault> {
    match accepted(answer)? {
        Value::Okay => Ok(true),
        Value::Nil => Ok(false),
        _ => Err(Fault::Answer),
    }
}

/// Nothing but that it is done.
pub(super) fn okay(answer: Value) -> Result<(), Fault> {
    match accepted(answer)? {
        Value::Okay => Ok(()),
        _ => Err(Fault::Answer),
    }
}

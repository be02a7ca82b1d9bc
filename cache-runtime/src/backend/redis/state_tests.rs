//! States as bytes: whatever was written is read, and nothing that is read panics.

use bytes::Bytes;
use proptest::prelude::*;

use super::state::{Head, State, Value, is_canonical_integer, write};

fn executions() -> u32 {
    std::env::var("FUZZ_EXECUTIONS").map_or(50_000, |text| text.parse().expect("FUZZ_EXECUTIONS is a number"))
}

fn values() -> impl Strategy<Value = Value> {
    let metadata = prop_oneof![Just(None), "[^\0]{1,40}".prop_map(|text| Some(text.as_str().into()))];
    let bytes = proptest::collection::vec(any::<u8>(), 0..64).prop_map(Bytes::from);
    (any::<u64>(), any::<u64>(), any::<u64>(), metadata, bytes)
        .prop_map(|(id, epoch, deadline, metadata, bytes)| Value { id, epoch, deadline, metadata, bytes })
}

fn states() -> impl Strategy<Value = State> {
    prop_oneof![
        any::<u128>().prop_map(State::Lease),
        values().prop_map(State::Value),
        (any::<u128>(), any::<u64>(), values()).prop_map(|(token, deadline, value)| State::Refresh {
            token,
            deadline,
            value
        }),
        (any::<bool>(), proptest::collection::vec(any::<(u128, u64)>(), 1..5))
            .prop_map(|(contended, writers)| State::Barrier { contended, writers }),
    ]
}

/// Bytes that are nearly a state.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let cut = (states(), any::<prop::sample::Index>()).prop_map(|(state, at)| {
        let raw = write(&state);
        raw[..at.index(raw.len())].to_vec()
    });
    let changed = (states(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(state, at, byte)| {
        let mut raw = write(&state);
        let at = at.index(raw.len());
        raw[at] = byte;
        raw
    });
    let marked = (prop::sample::select(b"LVRB".to_vec()), proptest::collection::vec(any::<u8>(), 0..80))
        .prop_map(|(letter, rest)| [&[letter, 1], rest.as_slice()].concat());
    prop_oneof![cut, changed, marked, proptest::collection::vec(any::<u8>(), 0..80)]
}

#[test]
fn a_state_is_read_as_it_was_written() {
    proptest!(ProptestConfig::with_cases(executions()), |(state in states())| {
        prop_assert_eq!(State::parse(write(&state).into()), state);
    });
}

#[test]
fn damaged_bytes_are_another_state_or_foreign_and_never_a_panic() {
    proptest!(ProptestConfig::with_cases(executions()), |(raw in damaged())| {
        let state = State::parse(Bytes::from(raw.clone()));
        // What was taken for a state is exactly these bytes.
        prop_assert_eq!(write(&state), raw.clone());
        if let State::Value(value) = &state {
            let head = Head::parse(&raw).expect("a value has a head");
            prop_assert_eq!((head.epoch, head.deadline), (value.epoch, value.deadline));
        }
    });
}

#[test]
fn text_of_other_programs_is_foreign() {
    for text in ["", "L", "Lorem ipsum dolor", "Lorem ipsum dolor!", "Value", "Bytes", "{\"a\":1}", "R", "17"]
    {
        let bytes = Bytes::from_static(text.as_bytes());
        assert_eq!(State::parse(bytes.clone()), State::Foreign(bytes));
    }
}

#[test]
fn an_integer_is_what_redis_writes_for_it() {
    for text in ["0", "-1", "42", "9223372036854775807", "-9223372036854775808"] {
        assert!(is_canonical_integer(text.as_bytes()), "{text}");
    }
    for text in ["", "-", "-0", "+1", "01", " 1", "1 ", "1.0", "9223372036854775808", "\"1\"", "x"] {
        assert!(!is_canonical_integer(text.as_bytes()), "{text}");
    }
}

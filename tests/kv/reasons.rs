//! The calls of `semantics.txt` that make no sense in Rust, each with the reason.

const WHOLE_SECONDS: &str = "seconds are a `u64`: nothing below zero, no fraction, no text";
const WHOLE_KEYS: &str = "a limit is a `usize`: nothing below zero, no fraction, no text";
const BYTES: &str = "a value is bytes: the caller says how anything else becomes them";
const METHODS: &str = "each form of a read is a method of its own";
const JSON_TYPES: &str = "what is `Serialize` is a tree of plain values";

const REASONS: [(&str, &str); 32] = [
    ("lone surrogate key", "a `str` holds no lone surrogate"),
    ("put expirationTtl=-1 (number)", WHOLE_SECONDS),
    ("put expirationTtl=60.9 (number)", WHOLE_SECONDS),
    ("put expirationTtl=60 (string)", WHOLE_SECONDS),
    ("put expirationTtl=abc (string)", WHOLE_SECONDS),
    ("put expirationTtl=NaN (number)", WHOLE_SECONDS),
    ("put expirationTtl=Infinity (number)", WHOLE_SECONDS),
    ("put expirationTtl=null (object)", WHOLE_SECONDS),
    ("get cacheTtl=-1", WHOLE_SECONDS),
    ("metadata cyclic", JSON_TYPES),
    ("metadata bigint", JSON_TYPES),
    ("metadata function", JSON_TYPES),
    ("put value number", BYTES),
    ("put value object", BYTES),
    ("put value null", BYTES),
    ("put value undefined", BYTES),
    ("put value bool", BYTES),
    ("put value blob", BYTES),
    ("put stream FixedLength", "a stream declares no length"),
    ("get type bogus", METHODS),
    ("get type undefined", METHODS),
    ("get type null", METHODS),
    ("bulk get arrayBuffer", METHODS),
    ("bulk get stream", METHODS),
    ("list limit -1 number", WHOLE_KEYS),
    ("list limit 1.5 number", WHOLE_KEYS),
    ("list limit 2 string", WHOLE_KEYS),
    ("list limit abc string", WHOLE_KEYS),
    ("list limit null object", WHOLE_KEYS),
    (
        "get json of non-json",
        "an error that quotes the value would put it into logs; see `handle.rs` for ours",
    ),
    ("deleteBulk?", "the question is about JavaScript's object"),
    ("methods", "the question is about JavaScript's object"),
];

/// Why a call is not made; `None` for those that are.
pub(crate) fn of(call: &str) -> Option<&'static str> {
    REASONS.iter().find(|(name, _)| *name == call).map(|(_, reason)| *reason)
}

#[test]
fn every_reason_is_about_a_recorded_call() {
    for (call, reason) in REASONS {
        let recorded = include_str!("semantics.txt").lines().any(|line| line.contains(call));
        assert!(recorded && !reason.is_empty(), "{call}");
    }
}

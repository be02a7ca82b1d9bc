//! What stands in the metadata of a Cloudflare KV entry beside what the caller gave: its true end, which KV keeps by
//! the whole second and for no less than a minute, and how its bytes were made into text.
//!
//! `{"e":1795463060123}` is an end, in milliseconds of the Unix calendar, and goes into the caller's object in the
//! first place: `{"e":1795463060123,"n":1}`. What is no object, or has such fields of its own, is put inside:
//! `{"e":1795463060123,"m":[1]}`. `"b":1` says that the bytes are in base64. An end of 0 is none.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::limits;
use crate::clock::{Clock, millis};
use crate::error::BackendError;

/// The shortest and the longest time to live that KV takes, in seconds.
const SHORTEST: u64 = 60;
const LONGEST: u64 = i32::MAX as u64;

/// An entry as KV is to store it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamped {
    /// Text, since a bulk read answers with nothing else.
    pub(crate) text: Bytes,
    pub(crate) metadata: Option<String>,
    /// In seconds.
    pub(crate) ttl: Option<u64>,
}

/// What metadata tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// What the caller gave.
    pub(crate) metadata: Option<Arc<str>>,
    /// The end, since the beginning of the Unix calendar.
    end: Option<Duration>,
    pub(crate) base64: bool,
}

struct Fields<'a> {
    end: u64,
    base64: u8,
    inner: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    /// Our marks, if these are any: of a time in this millennium, or of none for a reason.
    fn of(metadata: &'a str) -> Option<Self> {
        const MILLENNIUM: u64 = 1_000_000_000_000;
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(metadata).ok()?;
        let fields = Self {
            end: fields.get("e")?.get().parse().ok()?,
            base64: fields.get("b").map_or(Some(0), |base64| base64.get().parse().ok())?,
            inner: fields.get("m").copied().filter(|inner| inner.get() != "null"),
        };
        let has_reason = fields.base64 == 1 || fields.inner.is_some();
        (fields.end >= MILLENNIUM || fields.end == 0 && has_reason).then_some(fields)
    }
}

/// Makes an entry for KV of a value with a time to live.
pub(crate) fn stamp(
    value: &Bytes,
    metadata: Option<&str>,
    ttl: Option<Duration>,
    clock: &Clock,
) -> Result<Stamped, BackendError> {
    let base64 = !is_plain(value);
    let text = if base64 { STANDARD.encode(value).into() } else { value.clone() };
    limits::check_value(text.len())?;
    limits::check_metadata(metadata)?;
    let end = ttl.map(|ttl| millis(clock.unix_time().saturating_add(ttl)).max(1));
    let seconds = ttl.map(|ttl| {
        let whole = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        whole.clamp(SHORTEST, LONGEST)
    });
    let stamped = mark(metadata, end, base64);
    if stamped.as_ref().is_some_and(|stamped| stamped.len() > limits::METADATA_BYTES) {
        // Without the mark KV's own end has to do, which is there for whole minutes and to the second.
        let plain = mark(metadata, None, base64).filter(|plain| plain.len() <= limits::METADATA_BYTES);
        if let (Some(plain), Some(ttl)) = (plain, ttl.filter(|ttl| ttl.as_secs() >= SHORTEST)) {
            return Ok(Stamped { text, metadata: Some(plain), ttl: Some(ttl.as_secs().min(LONGEST)) });
        }
        limits::check_metadata(stamped.as_deref())?;
    }
    Ok(Stamped { text, metadata: stamped, ttl: seconds })
}

/// Whether a bulk read gives these bytes back as they are: it decodes them as UTF-8, which swallows a byte order mark,
/// and what does not decode cannot be told from U+FFFD.
fn is_plain(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| !text.starts_with('\u{feff}') && is_exact(text))
}

/// Whether a text that was read is certainly the bytes that were stored.
pub(crate) fn is_exact(text: &str) -> bool {
    !text.contains('\u{fffd}')
}

/// Metadata with its marks.
fn mark(metadata: Option<&str>, end: Option<u64>, base64: bool) -> Option<String> {
    let fields = |end: u64| {
        let mut fields = format!("{{\"e\":{end}");
        fields += if base64 { ",\"b\":1" } else { "" };
        fields
    };
    let Some(metadata) = metadata else {
        return (end.is_some() || base64).then(|| fields(end.unwrap_or(0)) + "}");
    };
    let looks_marked = Fields::of(metadata).is_some();
    if end.is_none() && !base64 && !looks_marked {
        return Some(metadata.into());
    }
    let mut marked = fields(end.unwrap_or(0));
    let object = serde_json::from_str::<BTreeMap<String, &RawValue>>(metadata).ok();
    let takes_marks = |object: BTreeMap<String, &RawValue>| {
        !object.is_empty() && ["e", "b", "m"].iter().all(|name| !object.contains_key(*name))
    };
    match metadata.trim_start().strip_prefix('{') {
        Some(rest) if object.is_some_and(takes_marks) => {
            marked.push(',');
            marked += rest;
        }
        _ => {
            // Writing to a string does not fail.
            let _ = write!(marked, ",\"m\":{metadata}}}");
        }
    }
    Some(marked)
}

impl Told {
    /// Reads metadata; what is not ours is the caller's.
    pub(crate) fn by(metadata: Option<&str>) -> Self {
        let Some(metadata) = metadata.filter(|metadata| *metadata != "null") else { return Self::default() };
        let Some(fields) = Fields::of(metadata) else {
            return Self { metadata: Some(metadata.into()), ..Self::default() };
        };
        let inner = match fields.inner {
            Some(inner) => Some(inner.get().into()),
            None => without_marks(metadata),
        };
        let end = (fields.end > 0).then(|| Duration::from_millis(fields.end));
        Self { metadata: inner, end, base64: fields.base64 != 0 }
    }

    /// How long the entry still lives (`Ok(None)`: it has no end); `Err` when its time is over. KV's own end, in
    /// seconds of the calendar, is taken where there is no mark.
    pub(crate) fn expires_in(&self, kvs_own: Option<u64>, clock: &Clock) -> Result<Option<Duration>, Over> {
        let Some(end) = self.end.or(kvs_own.map(Duration::from_secs)) else { return Ok(None) };
        match end.saturating_sub(clock.unix_time()) {
            Duration::ZERO => Err(Over),
            left => Ok(Some(left)),
        }
    }

    /// The bytes of a text.
    pub(crate) fn bytes(&self, text: Bytes) -> Result<Bytes, BackendError> {
        if !self.base64 {
            return Ok(text);
        }
        let decoded = STANDARD.decode(&text);
        decoded
            .map(Bytes::from)
            .map_err(|_| BackendError::Other("the value is not the base64 that it was".into()))
    }
}

/// The time of an entry is over, though KV still has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Over;

/// The caller's object, without our marks; `None` if nothing is left.
fn without_marks(metadata: &str) -> Option<Arc<str>> {
    // As we wrote it, the rest is as the caller wrote it.
    let rest =
        metadata.strip_prefix("{\"e\":").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let rest = rest.map(|rest| rest.strip_prefix(",\"b\":1").unwrap_or(rest));
    match rest.and_then(|rest| rest.strip_prefix([',', '}'])) {
        Some("") => None,
        Some(rest) => Some(format!("{{{rest}").into()),
        // Somebody has written it anew.
        None => {
            let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(metadata).unwrap_or_default();
            fields.retain(|name, _| name != "e" && name != "b");
            (!fields.is_empty()).then(|| serde_json::to_string(&fields).ok()).flatten().map(Into::into)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::ManualClock;

    fn told(stamped: &Stamped) -> Told {
        Told::by(stamped.metadata.as_deref())
    }

    #[test]
    fn a_mark_stands_first_in_an_object_and_around_anything_else() {
        let mark = |metadata, end| mark(metadata, end, false);
        let end = Some(1_795_463_060_123);
        assert_eq!(mark(None, None), None);
        assert_eq!(mark(None, end).as_deref(), Some(r#"{"e":1795463060123}"#));
        assert_eq!(mark(Some(r#"{"n":1}"#), end).as_deref(), Some(r#"{"e":1795463060123,"n":1}"#));
        assert_eq!(mark(Some("[1]"), end).as_deref(), Some(r#"{"e":1795463060123,"m":[1]}"#));
        assert_eq!(mark(Some("{}"), end).as_deref(), Some(r#"{"e":1795463060123,"m":{}}"#));
        assert_eq!(mark(Some(r#"{"n":1}"#), None).as_deref(), Some(r#"{"n":1}"#));
    }

    #[test]
    fn marks_that_a_service_in_another_language_wrote_anew_are_read() {
        let told = Told::by(Some(r#"{ "n": 1, "e": 1795463060123 }"#));
        assert_eq!(told.metadata.as_deref(), Some(r#"{"n":1}"#));
        assert_eq!(told.end, Some(Duration::from_millis(1_795_463_060_123)));
    }

    #[test]
    fn metadata_of_others_is_not_taken_for_marks() {
        for metadata in [r#"{"e":5}"#, r#"{"e":0}"#, r#"{"e":"x"}"#, r#"{"m":1}"#, "5", "[]", "not json"] {
            let told = Told::by(Some(metadata));
            assert_eq!((told.metadata.as_deref(), told.end, told.base64), (Some(metadata), None, false));
        }
        assert_eq!(Told::by(Some("null")), Told::default());
    }

    #[test]
    fn an_entry_is_over_at_its_end_and_kvs_own_end_is_second_to_the_mark() {
        let time = ManualClock::new();
        let stamped =
            stamp(&Bytes::new(), None, Some(Duration::from_millis(1_500)), &time.clock()).expect("it fits");
        assert_eq!(stamped.ttl, Some(60));
        let told = told(&stamped);
        time.advance(Duration::from_millis(1_499));
        assert_eq!(told.expires_in(Some(1), &time.clock()), Ok(Some(Duration::from_millis(1))));
        time.advance(Duration::from_millis(1));
        assert_eq!(told.expires_in(Some(u64::MAX / 2), &time.clock()), Err(Over));
        assert_eq!(Told::default().expires_in(Some(1), &time.clock()), Err(Over));
    }

    #[test]
    fn metadata_that_leaves_no_room_for_the_mark_needs_whole_minutes() {
        let clock = ManualClock::new().clock();
        let longest = format!("{:?}", "m".repeat(limits::METADATA_BYTES - 2));
        let try_with = |ttl| stamp(&Bytes::new(), Some(&longest), Some(Duration::from_millis(ttl)), &clock);
        let stamped = try_with(90_500).expect("it fits");
        assert_eq!((stamped.metadata.as_deref(), stamped.ttl), (Some(longest.as_str()), Some(90)));
        try_with(59_999).expect_err("its end cannot be kept");
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("0".into()),
            Just("true".into()),
            Just("1795463060123".into()),
            "\"[a-z\u{e9} ]{0,6}\"",
        ];
        leaf.prop_recursive(3, 16, 4, |inner: BoxedStrategy<String>| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::btree_map("[ebmn]", inner, 0..4).prop_map(|fields| {
                    let fields: Vec<_> =
                        fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                    format!("{{{}}}", fields.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_stamped_is_told(
            value in prop::collection::vec(any::<u8>(), 0..40),
            metadata in prop::option::of(json()),
            ttl in prop::option::of(1..200_000_u64),
        ) {
            let clock = ManualClock::new().clock();
            let value = Bytes::from(value);
            let ttl = ttl.map(Duration::from_millis);
            let stamped = stamp(&value, metadata.as_deref(), ttl, &clock).expect("it fits");
            let told = told(&stamped);
            prop_assert_eq!(told.metadata.as_deref(), metadata.as_deref());
            prop_assert_eq!(told.expires_in(None, &clock), Ok(ttl));
            prop_assert!(std::str::from_utf8(&stamped.text).is_ok_and(is_exact));
            prop_assert_eq!(told.bytes(stamped.text).expect("it decodes"), value);
        }

        #[test]
        fn any_text_is_read_without_a_panic(metadata in ".{0,60}") {
            let _ = Told::by(Some(&metadata));
        }
    }
}

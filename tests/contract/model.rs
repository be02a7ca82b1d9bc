//! Random operations on `LocalKvNamespace` against a model of it that is too simple to be wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::testing::ManualClock;
use cache_runtime::{
    Backend, BackendError, Lease, ListOptions, LocalKvNamespace, PutOptions, Read, SetOutcome, WriteToken,
};
use proptest::prelude::*;

/// Two prefixes and a few keys, so that operations meet.
const KEYS: [&str; 5] = ["a:1", "a:2", "a:3", "b:1", "b:2"];
const LEASE_LIFE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Put(usize, u8, Option<u64>),
    Get(usize),
    Delete(usize),
    DeletePrefix(&'static str),
    Increment(usize, i64, Option<u64>),
    Touch(usize, Option<u64>),
    CompareAndSet(usize, Option<u8>, u8),
    List(&'static str, usize),
    Read(usize),
    LeaseOver(usize),
    /// With one of the latest leases, held or not.
    Fill(usize, u8, Option<u64>),
    Release(usize),
    Begin(Vec<usize>, u64),
    /// One of the latest writes, over or not.
    Finish(usize, Option<u8>),
    RemoveExpired,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..KEYS.len();
    let ttl = || proptest::option::of(1..50_u64);
    let value = || 0..4_u8;
    let prefix = || prop_oneof![Just("a:"), Just("b:"), Just(""), Just("a:2"), Just("none")];
    let step = prop_oneof![
        3 => (1..25_u64).prop_map(Step::Pass),
        4 => (key(), value(), ttl()).prop_map(|(key, value, ttl)| Step::Put(key, value, ttl)),
        4 => key().prop_map(Step::Get),
        2 => key().prop_map(Step::Delete),
        1 => prefix().prop_map(Step::DeletePrefix),
        2 => (key(), -3..4_i64, ttl()).prop_map(|(key, by, ttl)| Step::Increment(key, by, ttl)),
        2 => (key(), ttl()).prop_map(|(key, ttl)| Step::Touch(key, ttl)),
        2 => (key(), proptest::option::of(value()), value())
            .prop_map(|(key, expected, new)| Step::CompareAndSet(key, expected, new)),
        2 => (prefix(), 1..4_usize).prop_map(|(prefix, limit)| Step::List(prefix, limit)),
        5 => key().prop_map(Step::Read),
        2 => key().prop_map(Step::LeaseOver),
        5 => (0..4_usize, value(), ttl()).prop_map(|(lease, value, ttl)| Step::Fill(lease, value, ttl)),
        1 => (0..4_usize).prop_map(Step::Release),
        3 => (proptest::collection::vec(key(), 1..3), 1..60_u64).prop_map(|(keys, life)| Step::Begin(keys, life)),
        4 => (0..4_usize, proptest::option::of(value())).prop_map(|(write, update)| Step::Finish(write, update)),
        1 => Just(Step::RemoveExpired),
    ];
    proptest::collection::vec(step, 1..120)
}

/// What the model holds under a key. Everything has an explicit end, and nothing is removed at it.
#[derive(Default, Clone)]
struct Slot {
    value: Option<(String, Option<Duration>)>,
    lease: Option<(u128, Duration)>,
    barriers: Vec<(u128, Duration)>,
    contended: bool,
}

#[derive(Default)]
struct Model {
    now: Duration,
    slots: BTreeMap<&'static str, Slot>,
}

impl Model {
    /// The slot without what is over.
    fn slot(&mut self, key: &'static str) -> &mut Slot {
        let now = self.now;
        let slot = self.slots.entry(key).or_default();
        slot.value.take_if(|(_, end)| end.is_some_and(|end| end <= now));
        slot.lease.take_if(|(_, end)| *end <= now);
        slot.barriers.retain(|(_, end)| *end > now);
        slot.contended &= !slot.barriers.is_empty();
        slot
    }

    fn end(&self, ttl: Option<u64>) -> Option<Duration> {
        ttl.map(|ttl| self.now + Duration::from_secs(ttl))
    }

    /// Stores, if nothing bars it. Returns whether it did.
    fn store(&mut self, key: &'static str, value: String, end: Option<Duration>) -> bool {
        let slot = self.slot(key);
        let barred = !slot.barriers.is_empty();
        if !barred {
            *slot = Slot { value: Some((value, end)), ..Slot::default() };
        }
        !barred
    }

    fn delete(&mut self, key: &'static str) -> bool {
        let slot = self.slot(key);
        slot.contended = !slot.barriers.is_empty();
        slot.lease = None;
        slot.value.take().is_some()
    }
}

/// The backend, the model, and the tokens that both have given.
struct Pair {
    time: ManualClock,
    real: LocalKvNamespace,
    model: Model,
    leases: Vec<(usize, u128)>,
    writes: Vec<(Vec<usize>, WriteToken)>,
}

fn text(value: u8) -> String {
    // Some are numbers, so that counting sometimes works.
    if value < 2 { value.to_string() } else { format!("text{value}") }
}

fn options(ttl: Option<u64>) -> PutOptions {
    PutOptions { ttl: ttl.map(Duration::from_secs), metadata: None }
}

/// One from the latest few.
fn pick<T: Clone>(given: &[T], back: usize) -> Option<T> {
    given.iter().rev().nth(back).cloned()
}

impl Pair {
    async fn get(&mut self, key: &'static str) {
        let found = self.real.get(key).await.expect("get succeeds");
        let found = found.map(|entry| (entry.value, entry.expires_in.map(|left| left + self.model.now)));
        let expected = self.model.slot(key).value.clone().map(|(value, end)| (Bytes::from(value), end));
        assert_eq!(found, expected, "the value of {key}");
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Pass(seconds) => {
                let length = Duration::from_secs(seconds);
                self.time.advance(length);
                self.model.now += length;
            }
            Step::Put(key, value, ttl) => {
                let (key, value, end) = (KEYS[key], text(value), self.model.end(ttl));
                let stored =
                    self.real.put(key, value.clone().into(), options(ttl)).await.expect("put succeeds");
                let expected = self.model.store(key, value, end);
                self.model.slot(key).contended |= !expected;
                assert_eq!(stored == SetOutcome::Stored, expected, "whether {key} was stored");
            }
            Step::Get(key) => self.get(KEYS[key]).await,
            Step::Delete(key) => {
                let removed = self.real.delete(KEYS[key]).await.expect("delete succeeds");
                assert_eq!(removed, self.model.delete(KEYS[key]), "whether there was a {}", KEYS[key]);
            }
            Step::DeletePrefix(prefix) => {
                let removed = self.real.delete_prefix(prefix).await.expect("delete_prefix succeeds");
                let keys = KEYS.into_iter().filter(|key| key.starts_with(prefix));
                let expected: u64 = keys.map(|key| u64::from(self.model.delete(key))).sum();
                assert_eq!(removed, expected, "how many {prefix} there were");
            }
            Step::Increment(key, by, ttl) => self.increment(KEYS[key], by, ttl).await,
            Step::Touch(key, ttl) => {
                let ends_in = ttl.map(Duration::from_secs);
                let touched = self.real.touch(KEYS[key], ends_in).await.expect("touch succeeds");
                let new_end = self.model.end(ttl);
                let value = &mut self.model.slot(KEYS[key]).value;
                assert_eq!(touched, value.is_some(), "whether {} was touched", KEYS[key]);
                if let Some((_, end)) = value {
                    *end = new_end;
                }
            }
            Step::CompareAndSet(key, expected, new) => {
                let (key, expected, new) = (KEYS[key], expected.map(text), text(new));
                let bytes = expected.as_deref().map(str::as_bytes);
                let stored = self.real.compare_and_set(key, bytes, new.clone().into(), options(None)).await;
                let same = self.model.slot(key).value.as_ref().map(|(value, _)| value) == expected.as_ref();
                let expected = same && self.model.store(key, new, None);
                assert_eq!(stored.expect("compare_and_set succeeds"), expected, "whether {key} was set");
            }
            Step::List(prefix, limit) => self.list(prefix, limit).await,
            Step::RemoveExpired => {
                self.real.remove_expired();
            }
            step => self.guard(step).await,
        }
    }

    async fn increment(&mut self, key: &'static str, by: i64, ttl: Option<u64>) {
        let sum = self.real.increment(key, by, ttl.map(Duration::from_secs)).await;
        let end = self.model.end(ttl);
        let slot = self.model.slot(key);
        if !slot.barriers.is_empty() {
            assert!(matches!(sum, Err(BackendError::Rejected(_))), "{key} is barred: {sum:?}");
            return;
        }
        let (value, end) = slot.value.clone().unwrap_or(("0".into(), end));
        let Ok(value) = value.parse::<i64>() else {
            assert!(matches!(sum, Err(BackendError::NotAnInteger)), "{key} is no number: {sum:?}");
            return;
        };
        assert_eq!(sum.expect("increment succeeds"), value + by, "the sum under {key}");
        self.model.store(key, (value + by).to_string(), end);
    }

    async fn list(&mut self, prefix: &str, limit: usize) {
        let (mut names, mut cursor) = (Vec::new(), None);
        loop {
            let options = ListOptions { prefix: prefix.into(), limit: Some(limit), cursor };
            let page = self.real.list(options).await.expect("list succeeds");
            assert!(page.keys.len() <= limit, "a page is too long");
            names.extend(page.keys.into_iter().map(|key| key.name));
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        let there = |key: &&'static str| key.starts_with(prefix) && self.model.slot(key).value.is_some();
        let expected: Vec<&str> = KEYS.into_iter().filter(there).collect();
        assert_eq!(names, expected, "the keys below {prefix}");
    }

    /// The steps that have to do with leases and barriers.
    async fn guard(&mut self, step: Step) {
        match step {
            Step::Read(index) => {
                let (key, read) = (KEYS[index], self.real.read(KEYS[index]).await.expect("read succeeds"));
                let end = self.model.now + LEASE_LIFE;
                let slot = self.model.slot(key);
                match read {
                    Read::Hit(entry) => {
                        let value = slot.value.as_ref().map(|(value, _)| value.as_bytes());
                        assert_eq!(Some(entry.value.as_ref()), value, "the value of {key}");
                    }
                    _ if slot.value.is_some() => panic!("{key} has a value, read found {read:?}"),
                    Read::Barred => assert!(!slot.barriers.is_empty(), "{key} is not barred"),
                    _ if !slot.barriers.is_empty() => panic!("{key} is barred, read found {read:?}"),
                    Read::Leased => assert!(slot.lease.is_some(), "nobody has the lease of {key}"),
                    Read::Miss(Some(Lease(token))) => {
                        assert!(slot.lease.is_none(), "{key} has two leases");
                        slot.lease = Some((token, end));
                        self.leases.push((index, token));
                    }
                    other => panic!("{key}: {other:?}"),
                }
            }
            Step::LeaseOver(index) => {
                let key = KEYS[index];
                let Some(seen) = self.real.get(key).await.expect("get succeeds") else { return };
                let lease = self.real.lease_over(key, &seen).await.expect("lease_over succeeds");
                let Lease(token) = lease.expect("the value is the one that was seen");
                let end = self.model.now + LEASE_LIFE;
                *self.model.slot(key) = Slot { lease: Some((token, end)), ..Slot::default() };
                self.leases.push((index, token));
                let again = self.real.lease_over(key, &seen).await.expect("lease_over succeeds");
                assert_eq!(again, None, "the value of {key} is gone");
            }
            Step::Fill(back, value, ttl) => {
                let Some((index, token)) = pick(&self.leases, back) else { return };
                let (key, value) = (KEYS[index], text(value));
                let filled =
                    self.real.fill(key, Some(Lease(token)), value.clone().into(), options(ttl)).await;
                let end = self.model.end(ttl);
                let held = self.model.slot(key).lease.is_some_and(|(held, _)| held == token);
                assert_eq!(filled.expect("fill succeeds"), held, "whether {key} was filled");
                if held {
                    self.model.store(key, value, end);
                }
            }
            Step::Release(back) => {
                let Some((index, token)) = pick(&self.leases, back) else { return };
                self.real.release(KEYS[index], Lease(token)).await.expect("release succeeds");
                self.model.slot(KEYS[index]).lease.take_if(|(held, _)| *held == token);
            }
            Step::Begin(indexes, life) => {
                let (keys, life) = (names(&indexes), Duration::from_secs(life));
                let token = self.real.begin_write(&keys, life).await.expect("begin_write succeeds");
                let token = token.expect("memory has barriers");
                let end = self.model.now + life;
                for key in keys {
                    let slot = self.model.slot(key);
                    slot.value = None;
                    slot.lease = None;
                    slot.barriers.retain(|(other, _)| *other != token.0);
                    slot.contended |= !slot.barriers.is_empty();
                    slot.barriers.push((token.0, end));
                }
                self.writes.push((indexes, token));
            }
            Step::Finish(back, update) => {
                let Some((indexes, token)) = pick(&self.writes, back) else { return };
                let (keys, update) = (names(&indexes), update.map(text));
                let sent = update.clone().map(|value| (value.into(), PutOptions::default()));
                let stored = self.real.finish_write(&keys, Some(token), sent).await;
                let mut alone = keys.len() == 1;
                for key in &keys {
                    let slot = self.model.slot(key);
                    let barring = slot.barriers.iter().any(|(other, _)| *other == token.0);
                    slot.barriers.retain(|(other, _)| *other != token.0);
                    alone &= barring && slot.barriers.is_empty() && !slot.contended;
                    slot.value = None;
                    slot.lease = None;
                    slot.contended = !slot.barriers.is_empty();
                }
                assert_eq!(stored.expect("finish_write succeeds"), alone && update.is_some(), "the update");
                if let (true, Some(value), [key]) = (alone, update, keys.as_slice()) {
                    self.model.store(key, value, None);
                }
            }
            other => unreachable!("{other:?} is no step of leases and barriers"),
        }
    }
}

fn names(indexes: &[usize]) -> Vec<&'static str> {
    indexes.iter().map(|index| KEYS[*index]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn memory_does_what_a_naive_model_does(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be built");
        runtime.block_on(async {
            let time = ManualClock::new();
            let real = LocalKvNamespace::builder().clock(time.clock()).build();
            let (model, leases, writes) = (Model::default(), Vec::new(), Vec::new());
            let mut pair = Pair { time, real, model, leases, writes };
            for step in steps {
                pair.take(step).await;
            }
            for key in KEYS {
                pair.get(key).await;
            }
            // Nothing but live values is left once every lease and barrier is over.
            pair.time.advance(LEASE_LIFE * 3);
            pair.model.now += LEASE_LIFE * 3;
            pair.real.remove_expired();
            let values: Vec<usize> = KEYS
                .into_iter()
                .filter_map(|key| pair.model.slot(key).value.as_ref().map(|(value, _)| key.len() + value.len()))
                .collect();
            assert_eq!(pair.real.weight(), values.iter().sum::<usize>() + values.len() * 320);
        });
    }
}

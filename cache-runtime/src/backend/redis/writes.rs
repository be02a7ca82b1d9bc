//! What changes keys: values, counters, leases used up, barriers.

use std::time::Duration;

use bytes::Bytes;
use redis::{Pipeline, Value};

use super::connection::{Again, Link};
use super::entry::{Found, deadline, enveloped, put as put_bytes, px, px_of};
use super::held::{Held, LEASE_LIFE_MS, Over};
use super::live::Live;
use super::scripts::Script;
use super::state::{State, write_lease};
use super::{fault::Fault, reply, tokens};
use crate::backend::{Entry, Lease, PutOptions, SetOutcome, WriteToken, add_to_counter};
use crate::error::BackendError;

/// The most keys in a call of a script, and the most calls in a pipeline: a long one keeps others waiting.
const MOST_KEYS: usize = 256;
/// How often a counter with an envelope is tried against others who change it.
const SWAPS: usize = 100;

/// A pipeline of one call of a script.
fn one(live: &Live, script: Script, keys: &[&str], arguments: &[&[u8]]) -> Pipeline {
    let mut pipeline = Pipeline::new();
    live.script(&mut pipeline, script, keys, arguments);
    pipeline
}

fn only(mut answers: Vec<Value>) -> Value {
    answers.pop().unwrap_or_default()
}

/// Stores values, each unless its key is barred; one answer a value.
pub(super) async fn put(
    link: &Link,
    entries: &[(&str, &Bytes, &PutOptions)],
) -> Result<Vec<SetOutcome>, BackendError> {
    let mut outcomes = Vec::with_capacity(entries.len());
    for entries in entries.chunks(MOST_KEYS) {
        let build = |live: &Live| {
            let mut pipeline = Pipeline::new();
            for (key, bytes, options) in entries {
                let raw = put_bytes(bytes, options, live);
                live.script(&mut pipeline, Script::Put, &[key], &[&raw, px(options.ttl).as_bytes()]);
            }
            pipeline
        };
        let (_, answers) = link.call(Again::MustNot, build).await?;
        for answer in answers {
            let stored = reply::flag(answer)?;
            outcomes.push(if stored { SetOutcome::Stored } else { SetOutcome::Superseded });
        }
    }
    Ok(outcomes)
}

/// Removes keys by a script that counts.
pub(super) async fn delete(link: &Link, keys: &[&str], script: Script) -> Result<u64, BackendError> {
    let mut removed = 0;
    for keys in keys.chunks(MOST_KEYS) {
        let (_, answers) = link.call(Again::MustNot, |live| one(live, script, keys, &[])).await?;
        removed += reply::count(only(answers))?;
    }
    Ok(removed)
}

pub(super) async fn increment(
    link: &Link,
    key: &str,
    by: i64,
    ttl_if_new: Option<Duration>,
) -> Result<i64, BackendError> {
    let (step, ms) = (by.to_string(), px(ttl_if_new));
    for _ in 0..SWAPS {
        let build = |live: &Live| one(live, Script::Increment, &[key], &[step.as_bytes(), ms.as_bytes()]);
        let (live, answers) = link.call(Again::MustNot, build).await?;
        let mut answer = reply::list(only(answers))?.into_iter();
        let kind = reply::text(answer.next().unwrap_or_default())?;
        match kind.as_str() {
            "sum" => {
                let sum = reply::text(answer.next().unwrap_or_default())?;
                return sum.parse().map_err(|_| Fault::Answer.into());
            }
            "barred" => return Err(BackendError::Rejected("the key is being written".into())),
            "overflow" => return Err(BackendError::CounterOverflow),
            "enveloped" => {
                let raw = reply::bytes(answer.next().unwrap_or_default())?.unwrap_or_default();
                if let Some(sum) = swap_counter(link, key, by, raw, &live).await? {
                    return Ok(sum);
                }
            }
            _ => return Err(BackendError::NotAnInteger),
        }
    }
    Err(BackendError::Unavailable("the counter is changed by others all the time".into()))
}

/// Adds to a number that has an envelope, because of its metadata; nothing where it was changed meanwhile.
async fn swap_counter(
    link: &Link,
    key: &str,
    by: i64,
    raw: Bytes,
    live: &Live,
) -> Result<Option<i64>, BackendError> {
    let (State::Value(value) | State::Refresh { value, .. }) = State::parse(raw.clone()) else {
        return Err(BackendError::NotAnInteger);
    };
    let mut counted = value.clone();
    let Found::Value(entry) = Found::of(Some(raw.clone()), live) else { return Ok(None) };
    let (sum, _) = add_to_counter(Some(&entry), by, None)?;
    counted.id = tokens::unique();
    counted.bytes = sum.to_string().into();
    let new = counted.write();
    let build = |live: &Live| one(live, Script::Swap, &[key], &[&raw, &new]);
    let (_, answers) = link.call(Again::MustNot, build).await?;
    Ok(reply::flag(only(answers))?.then_some(sum))
}

pub(super) async fn touch(link: &Link, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
    let ms = px(ttl);
    let id = tokens::unique().to_be_bytes();
    let build = |live: &Live| {
        let deadline = deadline(ttl, live).to_be_bytes();
        one(live, Script::Touch, &[key], &[ms.as_bytes(), &deadline, &id])
    };
    let (_, answers) = link.call(Again::May, build).await?;
    Ok(reply::flag(only(answers))?)
}

pub(super) async fn compare_and_set(
    link: &Link,
    key: &str,
    expected: Option<&[u8]>,
    new: &Bytes,
    options: &PutOptions,
) -> Result<bool, BackendError> {
    let (expects, expected): (&[u8], _) = expected.map_or((b"0", &[][..]), |expected| (b"1", expected));
    let ms = px(options.ttl);
    let build = |live: &Live| {
        let raw = put_bytes(new, options, live);
        one(live, Script::CompareAndSet, &[key], &[expects, expected, &raw, ms.as_bytes()])
    };
    let (_, answers) = link.call(Again::MustNot, build).await?;
    Ok(reply::flag(only(answers))?)
}

/// Takes a lease in place of a value that was seen.
pub(super) async fn lease_over(
    link: &Link,
    held: &Held,
    key: &str,
    seen: &Entry,
) -> Result<Option<Lease>, BackendError> {
    // A value without an envelope has no id, and is told by its bytes.
    let id = seen.revision.to_be_bytes();
    let (id, bytes): (&[u8], &[u8]) = if seen.revision == 0 { (b"", &seen.value) } else { (&id, b"") };
    let ms = LEASE_LIFE_MS.to_string();
    let mut granted = 0;
    let build = |live: &Live| {
        granted = tokens::token(live.epoch);
        one(live, Script::LeaseOver, &[key], &[id, bytes, &write_lease(granted), ms.as_bytes()])
    };
    let (_, answers) = link.call(Again::MustNot, build).await?;
    Ok(reply::flag(only(answers))?.then(|| {
        held.grant(key, granted, Over::Nothing);
        Lease(granted)
    }))
}

/// Marks a stale value that was seen as being refreshed by whoever holds the lease; others may serve it meanwhile.
pub(super) async fn refresh_lease(
    link: &Link,
    held: &Held,
    key: &str,
    seen: &Entry,
) -> Result<Option<Lease>, BackendError> {
    let ms = LEASE_LIFE_MS.to_string();
    let mut granted = 0;
    let build = |live: &Live| {
        granted = tokens::token(live.epoch);
        let arguments: [&[u8]; 3] = [&seen.revision.to_be_bytes(), &granted.to_be_bytes(), ms.as_bytes()];
        one(live, Script::RefreshLease, &[key], &arguments)
    };
    let (_, answers) = link.call(Again::MustNot, build).await?;
    Ok(reply::flag(only(answers))?.then(|| {
        held.grant(key, granted, Over::Stale);
        Lease(granted)
    }))
}

/// Stores what was loaded, with the epoch in which its lease was given.
pub(super) async fn fill(
    link: &Link,
    held: &Held,
    key: &str,
    lease: Option<Lease>,
    value: &Bytes,
    options: &PutOptions,
) -> Result<bool, BackendError> {
    let ms = px(options.ttl);
    let Some(Lease(token)) = lease else {
        let build = |live: &Live| {
            let raw = enveloped(value, options, live.epoch, live);
            one(live, Script::Put, &[key], &[&raw, ms.as_bytes()])
        };
        let (_, answers) = link.call(Again::MustNot, build).await?;
        return Ok(reply::flag(only(answers))?);
    };
    // A lease over a stale value is a mark before it, which `IFEQ` does not see.
    let over = held.let_go(token);
    let by_script = |live: &Live| !live.has_ifeq || over != Some(Over::Nothing);
    let build = |live: &Live| {
        let raw = enveloped(value, options, tokens::epoch_of(token), live);
        if by_script(live) {
            return one(live, Script::Fill, &[key], &[&token.to_be_bytes(), &raw, ms.as_bytes()]);
        }
        let mut pipeline = Pipeline::new();
        let command = pipeline.cmd("SET").arg(key).arg(raw).arg("IFEQ").arg(&write_lease(token));
        if !ms.is_empty() {
            command.arg("PX").arg(&ms);
        }
        pipeline
    };
    let (live, answers) = link.call(Again::MustNot, build).await?;
    let answer = only(answers);
    let stored = if by_script(&live) { reply::flag(answer)? } else { reply::was_set(answer)? };
    // A lease that came back with an old dump proves nothing: of what happened since, the server knows nothing. What
    // is stored under it belongs to the history of the lease, and nobody reads it.
    Ok(stored && tokens::epoch_of(token) == live.epoch)
}

pub(super) async fn release(link: &Link, held: &Held, key: &str, lease: Lease) -> Result<(), BackendError> {
    held.let_go(lease.0);
    let build = |live: &Live| one(live, Script::Release, &[key], &[&lease.0.to_be_bytes()]);
    let (_, answers) = link.call(Again::May, build).await?;
    reply::flag(only(answers))?;
    Ok(())
}

pub(super) async fn begin_write(
    link: &Link,
    keys: &[&str],
    life: Duration,
) -> Result<WriteToken, BackendError> {
    let ms = px_of(life).to_string();
    // The same one for all keys and every attempt: another would leave a barrier that nobody ends.
    let mut token = None;
    for keys in keys.chunks(MOST_KEYS) {
        let build = |live: &Live| {
            let token = token.get_or_insert_with(|| tokens::token(live.epoch));
            one(live, Script::Begin, keys, &[&token.to_be_bytes(), ms.as_bytes()])
        };
        let (_, answers) = link.call(Again::May, build).await?;
        reply::flag(only(answers))?;
    }
    Ok(WriteToken(token.unwrap_or_else(|| tokens::token(0))))
}

/// Lets a writer's barriers stand for another `life` from now. Returns how many of them still stood.
pub(super) async fn renew_write(
    link: &Link,
    keys: &[&str],
    token: WriteToken,
    life: Duration,
) -> Result<u64, BackendError> {
    let ms = px_of(life).to_string();
    let mut renewed = 0;
    for keys in keys.chunks(MOST_KEYS) {
        let arguments: [&[u8]; 2] = [&token.0.to_be_bytes(), ms.as_bytes()];
        let build = |live: &Live| one(live, Script::RenewWrite, keys, &arguments);
        let (_, answers) = link.call(Again::May, build).await?;
        renewed += reply::count(only(answers))?;
    }
    Ok(renewed)
}

pub(super) async fn finish_write(
    link: &Link,
    keys: &[&str],
    token: Option<WriteToken>,
    update: Option<(Bytes, PutOptions)>,
) -> Result<bool, BackendError> {
    let token_bytes = token.map(|token| token.0.to_be_bytes());
    let token_bytes: &[u8] = token_bytes.as_ref().map_or(&[], |bytes| bytes);
    // Of several keys nobody knows whose value it is.
    let update = update.filter(|_| keys.len() == 1);
    let mut stored = false;
    for keys in keys.chunks(MOST_KEYS) {
        let build = |live: &Live| match &update {
            None => one(live, Script::Finish, keys, &[token_bytes, b"0", b"", b""]),
            Some((value, options)) => {
                // The history in which the write began: what a server forgot of it since, it also forgot of
                // other writers.
                let epoch = token.map_or(live.epoch, |token| tokens::epoch_of(token.0));
                let raw = enveloped(value, options, epoch, live);
                let ms = px(options.ttl);
                one(live, Script::Finish, keys, &[token_bytes, b"1", &raw, ms.as_bytes()])
            }
        };
        let (_, answers) = link.call(Again::May, build).await?;
        stored = reply::flag(only(answers))?;
    }
    Ok(stored)
}

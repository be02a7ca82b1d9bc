//! What changes keys: values, counters, leases used up, barriers.

use std::time::Duration;

use bytes::Bytes;
use redis::{Pipeline, Value};

use super::connection::Again;
use super::entry::{Found, deadline, enveloped, put as put_bytes, px, px_of, state as state_bytes};
use super::held::{Held, LEASE_LIFE_MS, Over};
use super::live::Live;
use super::scripts::Script;
use super::servers::{Group, Servers};
use super::state::{State, write_lease};
use super::{fault::Fault, reply, tokens};
use crate::backend::{Entry, Lease, PutOptions, SetOutcome, WriteToken, add_to_counter};
use crate::clock::Clock;
use crate::error::BackendError;
use crate::rt;

/// The most keys in a call of a script, and the most calls in a pipeline: a long one keeps others waiting.
const MOST_KEYS: usize = 256;
/// How often a counter with an envelope is tried against others who change it.
const SWAPS: usize = 100;

/// Calls a script for one key.
pub(super) async fn script(
    servers: &Servers,
    again: Again,
    script: Script,
    key: &str,
    arguments: &[&[u8]],
) -> Result<Value, Fault> {
    let build = |live: &Live, pipeline: &mut Pipeline| live.script(pipeline, script, &[key], arguments);
    Ok(servers.one(again, key, build).await?.next())
}

/// Stores values, each unless its key is barred; one answer a value.
pub(super) async fn put(
    servers: &Servers,
    entries: &[(&str, &Bytes, &PutOptions)],
) -> Result<Vec<SetOutcome>, BackendError> {
    let mut outcomes = Vec::with_capacity(entries.len());
    for entries in entries.chunks(MOST_KEYS) {
        let keys: Vec<&str> = entries.iter().map(|(key, ..)| *key).collect();
        let groups = servers.groups(&keys);
        let build = |live: &Live, group: &Group<'_>, pipeline: &mut Pipeline| {
            for (key, bytes, options) in group.places.iter().filter_map(|place| entries.get(*place)) {
                let raw = put_bytes(bytes, options, live);
                live.script(pipeline, Script::Put, &[key], &[&raw, px(options.ttl).as_bytes()]);
            }
        };
        let mut of_entries = vec![SetOutcome::Superseded; entries.len()];
        for (group, reply) in groups.iter().zip(servers.call(Again::MustNot, &groups, build).await) {
            let mut reply = reply?;
            for place in &group.places {
                if reply::flag(reply.next())? {
                    of_entries[*place] = SetOutcome::Stored;
                }
            }
        }
        outcomes.extend(of_entries);
    }
    Ok(outcomes)
}

/// Calls a script that takes many keys, and adds up what it counts.
async fn script_of_many(
    servers: &Servers,
    again: Again,
    keys: &[&str],
    mut build: impl FnMut(&Live, &[&str], &mut Pipeline) + Send,
) -> Result<u64, Fault> {
    let mut count = 0;
    for keys in keys.chunks(MOST_KEYS) {
        let groups = servers.groups(keys);
        let build =
            |live: &Live, group: &Group<'_>, pipeline: &mut Pipeline| build(live, &group.keys, pipeline);
        for reply in servers.call(again, &groups, build).await {
            count += reply::count(reply?.next())?;
        }
    }
    Ok(count)
}

/// Removes keys, and counts the values among them.
pub(super) async fn delete(servers: &Servers, keys: &[&str]) -> Result<u64, BackendError> {
    let build = |live: &Live, keys: &[&str], pipeline: &mut Pipeline| {
        live.script(pipeline, Script::Delete, keys, &[]);
    };
    Ok(script_of_many(servers, Again::MustNot, keys, build).await?)
}

pub(super) async fn increment(
    servers: &Servers,
    key: &str,
    by: i64,
    ttl_if_new: Option<Duration>,
) -> Result<i64, BackendError> {
    let (step, ms) = (by.to_string(), px(ttl_if_new));
    for lost in 0..SWAPS {
        rt::step_aside(&Clock::system(), lost).await;
        let build = |live: &Live, pipeline: &mut Pipeline| {
            live.script(pipeline, Script::Increment, &[key], &[step.as_bytes(), ms.as_bytes()]);
        };
        let mut answers = servers.one(Again::MustNot, key, build).await?;
        let mut answer = reply::list(answers.next())?.into_iter();
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
                if let Some(sum) = swap_counter(servers, key, by, raw, &answers.live).await? {
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
    servers: &Servers,
    key: &str,
    by: i64,
    raw: Bytes,
    live: &Live,
) -> Result<Option<i64>, BackendError> {
    let (State::Value(value) | State::Refresh { value, .. }) = State::parse(raw.clone()) else {
        return Err(BackendError::NotAnInteger);
    };
    let mut counted = value.clone();
    let Found::Value(entry) = Found::of(Some(raw.clone()), live.epoch_and_now()) else { return Ok(None) };
    let (sum, _) = add_to_counter(Some(&entry), by, None)?;
    counted.id = tokens::unique();
    counted.bytes = sum.to_string().into();
    let new = counted.write();
    let swapped = script(servers, Again::MustNot, Script::Swap, key, &[&raw, &new]).await?;
    Ok(reply::flag(swapped)?.then_some(sum))
}

pub(super) async fn touch(servers: &Servers, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
    let ms = px(ttl);
    let id = tokens::unique().to_be_bytes();
    let build = |live: &Live, pipeline: &mut Pipeline| {
        let deadline = deadline(ttl, live).to_be_bytes();
        live.script(pipeline, Script::Touch, &[key], &[ms.as_bytes(), &deadline, &id]);
    };
    Ok(reply::flag(servers.one(Again::May, key, build).await?.next())?)
}

pub(super) async fn compare_and_set(
    servers: &Servers,
    key: &str,
    expected: Option<&[u8]>,
    new: &Bytes,
    options: &PutOptions,
) -> Result<bool, BackendError> {
    let (expects, expected): (&[u8], _) = expected.map_or((b"0", &[][..]), |expected| (b"1", expected));
    let ms = px(options.ttl);
    let build = |live: &Live, pipeline: &mut Pipeline| {
        let raw = state_bytes(new, options, live);
        live.script(pipeline, Script::CompareAndSet, &[key], &[expects, expected, &raw, ms.as_bytes()]);
    };
    Ok(reply::flag(servers.one(Again::MustNot, key, build).await?.next())?)
}

/// Takes a lease in place of a value that was seen.
pub(super) async fn lease_over(
    servers: &Servers,
    held: &Held,
    key: &str,
    seen: &Entry,
) -> Result<Option<Lease>, BackendError> {
    // A value without an envelope has no id, and is told by its bytes.
    let id = seen.revision.to_be_bytes();
    let (id, bytes): (&[u8], &[u8]) = if seen.revision == 0 { (b"", &seen.value) } else { (&id, b"") };
    let ms = LEASE_LIFE_MS.to_string();
    let mut granted = 0;
    let build = |live: &Live, pipeline: &mut Pipeline| {
        granted = tokens::token(live.epoch);
        let arguments: [&[u8]; 4] = [id, bytes, &write_lease(granted), ms.as_bytes()];
        live.script(pipeline, Script::LeaseOver, &[key], &arguments);
    };
    let mut answers = servers.one(Again::MustNot, key, build).await?;
    Ok(reply::flag(answers.next())?.then(|| {
        held.grant(key, granted, Over::Nothing);
        Lease(granted)
    }))
}

/// Marks a stale value that was seen as being refreshed by whoever holds the lease; others may serve it meanwhile.
pub(super) async fn refresh_lease(
    servers: &Servers,
    held: &Held,
    key: &str,
    seen: &Entry,
) -> Result<Option<Lease>, BackendError> {
    let ms = LEASE_LIFE_MS.to_string();
    let mut granted = 0;
    let build = |live: &Live, pipeline: &mut Pipeline| {
        granted = tokens::token(live.epoch);
        let arguments: [&[u8]; 3] = [&seen.revision.to_be_bytes(), &granted.to_be_bytes(), ms.as_bytes()];
        live.script(pipeline, Script::RefreshLease, &[key], &arguments);
    };
    let mut answers = servers.one(Again::MustNot, key, build).await?;
    Ok(reply::flag(answers.next())?.then(|| {
        held.grant(key, granted, Over::Stale);
        Lease(granted)
    }))
}

/// Stores what was loaded, with the epoch in which its lease was given.
pub(super) async fn fill(
    servers: &Servers,
    held: &Held,
    key: &str,
    lease: Option<Lease>,
    value: &Bytes,
    options: &PutOptions,
) -> Result<bool, BackendError> {
    let ms = px(options.ttl);
    let Some(Lease(token)) = lease else {
        let build = |live: &Live, pipeline: &mut Pipeline| {
            let raw = enveloped(value, options, live.epoch, live);
            live.script(pipeline, Script::Put, &[key], &[&raw, ms.as_bytes()]);
        };
        return Ok(reply::flag(servers.one(Again::MustNot, key, build).await?.next())?);
    };
    // A lease over a stale value is a mark before it, which `IFEQ` does not see.
    let over = held.let_go(token);
    let by_script = |live: &Live| !live.has_ifeq || over != Some(Over::Nothing);
    let build = |live: &Live, pipeline: &mut Pipeline| {
        let raw = enveloped(value, options, tokens::epoch_of(token), live);
        if by_script(live) {
            let arguments: [&[u8]; 3] = [&token.to_be_bytes(), &raw, ms.as_bytes()];
            return live.script(pipeline, Script::Fill, &[key], &arguments);
        }
        let command = pipeline.cmd("SET").arg(key).arg(raw).arg("IFEQ").arg(&write_lease(token));
        if !ms.is_empty() {
            command.arg("PX").arg(&ms);
        }
    };
    let mut answers = servers.one(Again::MustNot, key, build).await?;
    let answer = answers.next();
    let stored = if by_script(&answers.live) { reply::flag(answer)? } else { reply::was_set(answer)? };
    // A lease that came back with an old dump proves nothing: of what happened since, the server knows nothing. What
    // is stored under it belongs to the history of the lease, and nobody reads it.
    Ok(stored && tokens::epoch_of(token) == answers.live.epoch)
}

pub(super) async fn release(
    servers: &Servers,
    held: &Held,
    key: &str,
    lease: Lease,
) -> Result<(), BackendError> {
    held.let_go(lease.0);
    let answer = script(servers, Again::May, Script::Release, key, &[&lease.0.to_be_bytes()]).await?;
    reply::flag(answer)?;
    Ok(())
}

pub(super) async fn begin_write(
    servers: &Servers,
    keys: &[&str],
    life: Duration,
) -> Result<WriteToken, BackendError> {
    let ms = px_of(life).to_string();
    // The same one for all keys and every attempt: another would leave a barrier that nobody ends.
    let mut token = None;
    let build = |live: &Live, keys: &[&str], pipeline: &mut Pipeline| {
        let token = token.get_or_insert_with(|| tokens::token(live.epoch));
        live.script(pipeline, Script::Begin, keys, &[&token.to_be_bytes(), ms.as_bytes()]);
    };
    let opened = script_of_many(servers, Again::May, keys, build).await;
    if opened == Err(Fault::Server("OOM".into())) {
        // Without room for barriers the old values can go all the same, and no lease fits in their place.
        delete(servers, keys).await?;
    }
    opened?;
    Ok(WriteToken(token.unwrap_or_else(|| tokens::token(0))))
}

/// Lets a writer's barriers stand for another `life` from now. Returns how many of them still stood.
pub(super) async fn renew_write(
    servers: &Servers,
    keys: &[&str],
    token: WriteToken,
    life: Duration,
) -> Result<u64, BackendError> {
    let ms = px_of(life).to_string();
    let token = token.0.to_be_bytes();
    let build = |live: &Live, keys: &[&str], pipeline: &mut Pipeline| {
        live.script(pipeline, Script::RenewWrite, keys, &[&token, ms.as_bytes()]);
    };
    Ok(script_of_many(servers, Again::May, keys, build).await?)
}

pub(super) async fn finish_write(
    servers: &Servers,
    keys: &[&str],
    token: Option<WriteToken>,
    update: Option<(Bytes, PutOptions)>,
) -> Result<bool, BackendError> {
    let token_bytes = token.map(|token| token.0.to_be_bytes());
    let token_bytes: &[u8] = token_bytes.as_ref().map_or(&[], |bytes| bytes);
    // Of several keys nobody knows whose value it is.
    let update = update.filter(|_| keys.len() == 1);
    let build = |live: &Live, keys: &[&str], pipeline: &mut Pipeline| match &update {
        None => live.script(pipeline, Script::Finish, keys, &[token_bytes, b"0", b"", b""]),
        Some((value, options)) => {
            // The history in which the write began: what a server forgot of it since, it also forgot of other
            // writers.
            let epoch = token.map_or(live.epoch, |token| tokens::epoch_of(token.0));
            let raw = enveloped(value, options, epoch, live);
            let ms = px(options.ttl);
            live.script(pipeline, Script::Finish, keys, &[token_bytes, b"1", &raw, ms.as_bytes()]);
        }
    };
    Ok(script_of_many(servers, Again::May, keys, build).await? > 0)
}

//! Reads of many keys in one command, and the leases of those that are missing in a second one.

use std::sync::Arc;

use bytes::Bytes;
use redis::{Pipeline, Value};

use super::connection::Again;
use super::entry::{Found, plain};
use super::fault::Fault;
use super::flat::Elements;
use super::held::{Held, LEASE_LIFE_MS, Over};
use super::live::Live;
use super::scripts::Script;
use super::servers::{Group, Reply, Servers};
use super::state::write_lease;
use super::{reply, tokens};
use crate::backend::{Entry, Lease, Read};
use crate::error::BackendError;

/// The most keys in a command.
pub(super) const MOST_KEYS: usize = 256;

/// Reads values; one answer a key.
pub(super) async fn get_many(servers: &Servers, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
    let mut entries = Vec::with_capacity(keys.len());
    for keys in keys.chunks(MOST_KEYS) {
        for found in look_many(servers, keys).await {
            entries.push(found?.map(apart));
        }
    }
    Ok(entries)
}

/// Reads values, of no more than [`MOST_KEYS`] keys.
pub(super) async fn look_many(servers: &Servers, keys: &[&str]) -> Vec<Result<Option<Entry>, Fault>> {
    let found = look(servers, keys).await;
    let is_plain = |found: &Result<Found, Fault>| matches!(found, Ok(Found::Plain(_)));
    let both = keys.iter().zip(&found);
    let plain_keys: Vec<&str> = both.filter(|(_, found)| is_plain(found)).map(|(key, _)| *key).collect();
    let times = if plain_keys.is_empty() { Ok(Vec::new()) } else { times(servers, &plain_keys).await };
    let mut times = times.map(Vec::into_iter);
    let mut entry = |found| match found {
        Found::Value(entry) => Ok(Some(entry)),
        Found::Plain(bytes) => match &mut times {
            Ok(times) => Ok(plain(bytes, times.next().unwrap_or(-2))),
            Err(fault) => Err(fault.clone()),
        },
        _ => Ok(None),
    };
    found.into_iter().map(|found| found.and_then(&mut entry)).collect()
}

/// The entry with a value of its own: the caller may keep it for long, and not the others that were read beside it.
fn apart(entry: Entry) -> Entry {
    Entry { value: Bytes::copy_from_slice(&entry.value), ..entry }
}

/// What `PTTL` says of keys.
async fn times(servers: &Servers, keys: &[&str]) -> Result<Vec<i64>, Fault> {
    let groups = servers.groups(keys);
    let build = |_: &Live, group: &Group<'_>, pipeline: &mut Pipeline| {
        for key in &group.keys {
            pipeline.cmd("PTTL").arg(*key);
        }
    };
    let mut times = vec![-2; keys.len()];
    for (group, reply) in groups.iter().zip(servers.call(Again::May, &groups, build).await) {
        let mut reply = reply?;
        for place in &group.places {
            times[*place] = reply::integer(reply.next())?;
        }
    }
    Ok(times)
}

/// Reads one value; unlike many, it tells where the key holds something else.
pub(super) async fn get(servers: &Servers, key: &str) -> Result<Option<Entry>, BackendError> {
    let build = |_: &Live, pipeline: &mut Pipeline| {
        pipeline.cmd("GET").arg(key).cmd("PTTL").arg(key);
    };
    let mut answers = servers.one(Again::May, key, build).await?;
    let raw = reply::bytes(answers.next())?;
    Ok(match Found::of(raw, answers.live.epoch_and_now()) {
        Found::Value(entry) => Some(entry),
        Found::Plain(bytes) => plain(bytes, reply::integer(answers.next())?),
        _ => None,
    })
}

/// What stands under each key.
async fn look(servers: &Servers, keys: &[&str]) -> Vec<Result<Found, Fault>> {
    let groups = servers.groups(keys);
    let build = |_: &Live, group: &Group<'_>, pipeline: &mut Pipeline| {
        let command = pipeline.cmd(if group.keys.len() == 1 { "GET" } else { "MGET" });
        for key in &group.keys {
            command.arg(*key);
        }
    };
    let mut replies = servers.call(Again::May, &groups, build).await;
    if let ([group], [_]) = (&*groups, &*replies)
        && let Some(reply) = replies.pop()
    {
        // One server has them all, in their order.
        let found = reply.and_then(|reply| answers(reply, group.keys.len()));
        return found.unwrap_or_else(|fault| keys.iter().map(|_| Err(fault.clone())).collect());
    }
    let mut found: Vec<Result<_, Fault>> = keys.iter().map(|_| Err(Fault::Answer)).collect();
    for (group, reply) in groups.iter().zip(replies) {
        match reply.and_then(|reply| answers(reply, group.keys.len())) {
            Ok(answers) => {
                for (place, answer) in group.places.iter().zip(answers) {
                    found[*place] = answer;
                }
            }
            Err(fault) => group.places.iter().for_each(|place| found[*place] = Err(fault.clone())),
        }
    }
    found
}

/// The answers of a `GET` or an `MGET`, a key each. A value of a flattened list keeps all of it.
fn answers(mut reply: Reply, count: usize) -> Result<Vec<Result<Found, Fault>>, Fault> {
    let moment = reply.live.epoch_and_now();
    let found = |raw| Ok(Found::of(raw?, moment));
    let mut answers = Vec::with_capacity(count);
    match (count, reply.next()) {
        // A list or a hash: `MGET` takes it for nothing.
        (1, Value::ServerError(error)) if error.code() == "WRONGTYPE" => answers.push(found(Ok(None))),
        (1, answer) => answers.push(found(reply::bytes(answer))),
        (_, Value::BulkString(list)) => answers.extend(Elements::of(list).take(count + 1).map(found)),
        (_, answer) => {
            answers.extend(reply::list(answer)?.into_iter().map(|answer| found(reply::bytes(answer))));
        }
    }
    if answers.len() == count { Ok(answers) } else { Err(Fault::Answer) }
}

/// Reads values for the cached call: what is missing, or of a history that is over, is leased. The keys differ
/// from each other, and are no more than [`MOST_KEYS`]. Of those that are known to be `absent` the value is not asked for
/// first.
pub(super) async fn read_many(
    servers: &Servers,
    held: &Held,
    keys: &[&str],
    absent: bool,
) -> Vec<Result<Read, Fault>> {
    let found =
        if absent { keys.iter().map(|_| Ok(Found::Nothing)).collect() } else { look(servers, keys).await };
    // What is left to be asked for, by its place among the keys.
    let is_open = |found: &Result<Found, Fault>| {
        matches!(found, Ok(Found::Nothing | Found::Outdated(_) | Found::Plain(_)))
    };
    let open: Vec<usize> = (0..keys.len()).filter(|place| found.get(*place).is_some_and(is_open)).collect();
    if open.is_empty() {
        let read = |found| match found {
            Found::Value(entry) => Read::Hit(entry),
            Found::Leased => Read::Leased,
            _ => Read::Barred,
        };
        return found.into_iter().map(|found| found.map(read)).collect();
    }
    let open_keys: Vec<&str> = open.iter().map(|place| keys[*place]).collect();
    let groups = servers.groups(&open_keys);
    let mut leases: Vec<u128> = vec![0; open.len()];
    let ms = LEASE_LIFE_MS.to_string();
    let build = |live: &Live, group: &Group<'_>, pipeline: &mut Pipeline| {
        for (key, place) in group.keys.iter().zip(&group.places) {
            let token = tokens::token(live.epoch);
            let lease = write_lease(token);
            leases[*place] = token;
            match &found[open[*place]] {
                Ok(Found::Plain(_)) => {
                    pipeline.cmd("PTTL").arg(*key);
                }
                Ok(Found::Outdated(id)) => {
                    let arguments: [&[u8]; 4] = [&id.to_be_bytes(), b"", &lease, ms.as_bytes()];
                    live.script(pipeline, Script::LeaseOver, &[key], &arguments);
                }
                _ => {
                    pipeline.cmd("SET").arg(*key).arg(&lease).arg("NX").arg("GET").arg("PX").arg(&ms);
                }
            }
        }
    };
    // A lease that was taken and whose answer is lost ends by itself.
    let replies = servers.call(Again::MustNot, &groups, build).await;
    let mut seconds: Vec<Option<(Arc<Live>, Value, u128)>> = keys.iter().map(|_| None).collect();
    for (group, reply) in groups.iter().zip(replies) {
        let Ok(mut reply) = reply else { continue };
        for place in &group.places {
            let answer = reply.next();
            seconds[open[*place]] = Some((Arc::clone(&reply.live), answer, leases[*place]));
        }
    }
    // What was not there, and by now is something that has to be asked for as above.
    let mut again: Vec<usize> = Vec::new();
    let all = found.into_iter().zip(seconds).zip(keys).enumerate();
    let all = all.map(|(place, ((found, second), key))| {
        let grant = |token| {
            held.grant(key, token, Over::Nothing);
            Read::Miss(Some(Lease(token)))
        };
        Ok(match (found?, second) {
            (Found::Value(entry), _) => Read::Hit(entry),
            (Found::Leased, _) => Read::Leased,
            // What was found is good even if no lease can be had, as from a replica.
            (_, None) | (Found::Barred, _) => Read::Barred,
            (Found::Plain(bytes), Some((_, answer, _))) => {
                plain(bytes, reply::integer(answer)?).map_or(Read::Leased, Read::Hit)
            }
            (Found::Outdated(_), Some((_, answer, token))) => {
                if reply::flag(answer)? {
                    grant(token)
                } else {
                    Read::Leased
                }
            }
            (Found::Nothing, Some((live, answer, token))) => match answer {
                // Nobody fills a key that another program uses for a list, nor one on a server without room
                // or the right to write.
                Value::ServerError(_) => Read::Barred,
                Value::Nil => grant(token),
                // Another was quicker.
                answer => match Found::of(reply::bytes(answer)?, live.epoch_and_now()) {
                    Found::Value(entry) => Read::Hit(entry),
                    Found::Barred => Read::Barred,
                    Found::Leased => Read::Leased,
                    _ => {
                        again.push(place);
                        Read::Leased
                    }
                },
            },
        })
    });
    let mut reads: Vec<_> = all.collect();
    if absent && !again.is_empty() {
        let keys: Vec<&str> = again.iter().map(|place| keys[*place]).collect();
        let found = Box::pin(read_many(servers, held, &keys, false)).await;
        for (place, found) in again.into_iter().zip(found) {
            reads[place] = found;
        }
    }
    reads
}

//! Reads of many keys in one command, and the leases of those that are missing in a second one.

use redis::{Pipeline, Value};

use super::connection::{Again, Link};
use super::entry::{Found, plain};
use super::held::{Held, LEASE_LIFE_MS, Over};
use super::live::Live;
use super::scripts::Script;
use super::state::write_lease;
use super::{reply, tokens};
use crate::backend::{Entry, Lease, Read};
use crate::error::BackendError;

/// The most keys in a command.
pub(super) const MOST_KEYS: usize = 256;

/// Reads values; one answer a key.
pub(super) async fn get_many(link: &Link, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
    let mut entries = Vec::with_capacity(keys.len());
    for keys in keys.chunks(MOST_KEYS) {
        let (live, found) = look(link, keys).await?;
        let mut times = Pipeline::new();
        for (key, found) in keys.iter().zip(&found) {
            if let Found::Plain(_) = found {
                times.cmd("PTTL").arg(*key);
            }
        }
        let mut times = link.send(&live, &times).await?.into_iter();
        for found in found {
            entries.push(match found {
                Found::Value(entry) => Some(entry),
                Found::Plain(bytes) => plain(bytes, next_time(&mut times)?),
                _ => None,
            });
        }
    }
    Ok(entries)
}

/// Reads one value; unlike many, it tells where the key holds something else.
pub(super) async fn get(link: &Link, key: &str) -> Result<Option<Entry>, BackendError> {
    let build = |_: &Live| {
        let mut pipeline = Pipeline::new();
        pipeline.cmd("GET").arg(key).cmd("PTTL").arg(key);
        pipeline
    };
    let (live, answers) = link.call(Again::May, build).await?;
    let mut answers = answers.into_iter();
    let raw = reply::bytes(answers.next().unwrap_or_default())?;
    Ok(match Found::of(raw, &live) {
        Found::Value(entry) => Some(entry),
        Found::Plain(bytes) => plain(bytes, next_time(&mut answers)?),
        _ => None,
    })
}

async fn look(link: &Link, keys: &[&str]) -> Result<(std::sync::Arc<Live>, Vec<Found>), BackendError> {
    let build = |_: &Live| {
        let mut pipeline = Pipeline::new();
        let command = pipeline.cmd(if keys.len() == 1 { "GET" } else { "MGET" });
        for key in keys {
            command.arg(*key);
        }
        pipeline
    };
    let (live, mut answers) = link.call(Again::May, build).await?;
    let answer = answers.pop().unwrap_or_default();
    let found = match (keys.len(), answer) {
        // A list or a hash: `MGET` takes it for nothing.
        (1, Value::ServerError(error)) if error.code() == "WRONGTYPE" => vec![Found::Nothing],
        (1, answer) => vec![Found::of(reply::bytes(answer)?, &live)],
        (count, answer) => {
            let answers = reply::list(answer)?;
            if answers.len() != count {
                return Err(super::fault::Fault::Answer.into());
            }
            let found = answers.into_iter().map(|answer| Ok(Found::of(reply::bytes(answer)?, &live)));
            found.collect::<Result<_, super::fault::Fault>>()?
        }
    };
    Ok((live, found))
}

fn next_time(times: &mut impl Iterator<Item = Value>) -> Result<i64, BackendError> {
    Ok(reply::integer(times.next().unwrap_or_default())?)
}

/// Reads values for the cached call: what is missing, or of a history that is over, is leased. The keys differ
/// from each other, and are no more than [`MOST_KEYS`].
pub(super) async fn read_many(link: &Link, held: &Held, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (live, found) = look(link, keys).await?;
    let mut second = Pipeline::new();
    let mut tokens = Vec::new();
    let ms = LEASE_LIFE_MS.to_string();
    for (key, found) in keys.iter().zip(&found) {
        match found {
            Found::Nothing => {
                let token = tokens::token(live.epoch);
                let lease = write_lease(token);
                second.cmd("SET").arg(*key).arg(&lease).arg("NX").arg("GET").arg("PX").arg(&ms);
                tokens.push(token);
            }
            Found::Outdated(id) => {
                let token = tokens::token(live.epoch);
                let arguments: [&[u8]; 4] = [&id.to_be_bytes(), b"", &write_lease(token), ms.as_bytes()];
                live.script(&mut second, Script::LeaseOver, &[key], &arguments);
                tokens.push(token);
            }
            Found::Plain(_) => {
                second.cmd("PTTL").arg(*key);
            }
            Found::Value(_) | Found::Leased | Found::Barred => {}
        }
    }
    // What was found is good even if no lease can be had, as from a replica. A lease that was taken and whose
    // answer is lost ends by itself.
    let Ok(answers) = link.send(&live, &second).await else {
        let reads = found.into_iter().map(|found| match found {
            Found::Value(entry) => Read::Hit(entry),
            Found::Leased => Read::Leased,
            _ => Read::Barred,
        });
        return Ok(reads.collect());
    };
    let (mut answers, mut tokens) = (answers.into_iter(), tokens.into_iter());
    let mut next = || answers.next().unwrap_or_default();
    let mut reads = Vec::with_capacity(keys.len());
    for (key, found) in keys.iter().zip(found) {
        let grant = |token: Option<u128>| {
            let token = token?;
            held.grant(key, token, Over::Nothing);
            Some(Lease(token))
        };
        reads.push(match found {
            Found::Value(entry) => Read::Hit(entry),
            Found::Leased => Read::Leased,
            Found::Barred => Read::Barred,
            Found::Plain(bytes) => plain(bytes, reply::integer(next())?).map_or(Read::Leased, Read::Hit),
            Found::Outdated(_) => {
                let token = tokens.next();
                if reply::flag(next())? { Read::Miss(grant(token)) } else { Read::Leased }
            }
            Found::Nothing => {
                let token = tokens.next();
                match next() {
                    // Nobody fills a key that another program uses for a list, nor one on a server without room
                    // or the right to write.
                    Value::ServerError(_) => Read::Barred,
                    Value::Nil => Read::Miss(grant(token)),
                    // Another was quicker.
                    answer => match Found::of(reply::bytes(answer)?, &live) {
                        Found::Value(entry) => Read::Hit(entry),
                        Found::Barred => Read::Barred,
                        _ => Read::Leased,
                    },
                }
            }
        });
    }
    Ok(reads)
}

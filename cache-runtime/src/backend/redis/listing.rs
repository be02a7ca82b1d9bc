//! Listings and removals by prefix: `SCAN` to its end, a page at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use redis::{Pipeline, Value};

use super::connection::{Again, Link};
use super::entry::time_left;
use super::live::Live;
use super::servers::{Group, Servers};
use super::state::{Head, State, VALUE_HEAD};
use super::{fault::Fault, reply, writes};
use crate::backend::{ListOptions, ListPage, ListedKey, cursor};
use crate::error::BackendError;

/// How many keys the server looks at for a step of a scan.
const STEP: &str = "1000";
/// The most keys in a page where the caller names no limit.
const PAGE: usize = 10_000;
/// How many keys are looked at in a command.
const LOOK: usize = 1_000;

/// What counts as a value.
#[derive(Clone, Copy)]
pub(super) enum Look {
    /// The states of the protocol that are values, and foreign data.
    States,
    /// Every text.
    Texts,
}

/// A page of keys in the order of their bytes. The server has no such order, so that each page scans it to the
/// end and keeps what comes first; that makes the cursor a key, and a listing stable however keys come and go.
pub(super) async fn list(
    servers: &Servers,
    options: ListOptions,
    look: Look,
) -> Result<ListPage, BackendError> {
    let ListOptions { prefix, limit, cursor } = options;
    let after = match cursor.filter(|cursor| !cursor.is_empty()) {
        None => None,
        // A cursor that is of another prefix, or none at all, is the end of the listing.
        Some(cursor) => match cursor::decode(&cursor).filter(|key| key.starts_with(&prefix)) {
            None => return Ok(ListPage::default()),
            key => key,
        },
    };
    let size = limit.unwrap_or(PAGE).max(1);
    // One more than the page, to know whether there is another.
    let mut first: BTreeSet<String> = BTreeSet::new();
    let mut scan = Scan::new(&prefix, servers.primaries().await?);
    while let Some(keys) = scan.next().await? {
        for key in keys {
            // What is no text was not stored by us.
            let Ok(key) = String::from_utf8(key) else { continue };
            if !key.starts_with(&prefix) || after.as_ref().is_some_and(|after| key <= *after) {
                continue;
            }
            if first.len() <= size {
                first.insert(key);
            } else if first.last().is_some_and(|last| key < *last) && first.insert(key) {
                first.pop_last();
            }
        }
    }
    let more = first.len() > size;
    if more {
        first.pop_last();
    }
    let cursor = first.last().filter(|_| more).map(|last| cursor::encode(last));
    let names: Vec<String> = first.into_iter().collect();
    let mut keys = Vec::with_capacity(names.len());
    for names in names.chunks(LOOK) {
        match look {
            Look::States => values(servers, names, &mut keys).await?,
            Look::Texts => texts(servers, names, &mut keys).await?,
        }
    }
    Ok(ListPage { keys, cursor })
}

/// Of some keys, those that hold values.
async fn values(servers: &Servers, names: &[String], keys: &mut Vec<ListedKey>) -> Result<(), BackendError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let groups = servers.groups(&names);
    let build = |_: &Live, group: &Group<'_>, pipeline: &mut Pipeline| {
        for name in &group.keys {
            pipeline.cmd("GETRANGE").arg(*name).arg(0).arg(VALUE_HEAD - 1);
        }
    };
    let mut answers: Vec<Option<(Arc<Live>, Value)>> = names.iter().map(|_| None).collect();
    for (group, reply) in groups.iter().zip(servers.call(Again::May, &groups, build).await) {
        let mut reply = reply?;
        for place in &group.places {
            answers[*place] = Some((Arc::clone(&reply.live), reply.next()));
        }
    }
    for (name, answer) in names.into_iter().zip(answers) {
        let Some((live, answer)) = answer else { continue };
        // A list or a hash is no value.
        if matches!(&answer, Value::ServerError(error) if error.code() == "WRONGTYPE") {
            continue;
        }
        let start = reply::bytes(answer)?.unwrap_or_default();
        // Where the start is that of a value, the rest was not read; else it is whole, or too long for a lease.
        let expires_in = match Head::parse(&start) {
            Some(head) if live.epoch != 0 && head.epoch != live.epoch => continue,
            Some(head) => time_left(head.deadline, live.now()),
            None if is_gone_or_ours(&start) => continue,
            None => None,
        };
        keys.push(ListedKey { name: name.into(), expires_in, metadata: None });
    }
    Ok(())
}

/// Of some keys, those that hold texts.
async fn texts(servers: &Servers, names: &[String], keys: &mut Vec<ListedKey>) -> Result<(), BackendError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let groups = servers.groups(&names);
    let build = |_: &Live, group: &Group<'_>, pipeline: &mut Pipeline| {
        for name in &group.keys {
            pipeline.cmd("TYPE").arg(*name);
        }
    };
    let mut are_texts = vec![false; names.len()];
    for (group, reply) in groups.iter().zip(servers.call(Again::May, &groups, build).await) {
        let mut reply = reply?;
        for place in &group.places {
            are_texts[*place] = reply::text(reply.next())? == "string";
        }
    }
    let texts = names.into_iter().zip(are_texts).filter(|(_, is_text)| *is_text);
    keys.extend(texts.map(|(name, _)| ListedKey { name: name.into(), expires_in: None, metadata: None }));
    Ok(())
}

/// Whether the first bytes of what stands under a key show that it is no value: a lease, or a barrier.
///
/// An empty answer is a key that went since the scan, or an empty text of another program.
fn is_gone_or_ours(start: &bytes::Bytes) -> bool {
    start.is_empty()
        || start.starts_with(b"B\x01")
        || matches!(State::parse(start.clone()), State::Lease(_) | State::Barrier { .. })
}

/// Removes all keys of a prefix but barriers, and returns how many values there were.
pub(super) async fn delete_prefix(servers: &Servers, prefix: &str) -> Result<u64, BackendError> {
    let mut removed = 0;
    let mut scan = Scan::new(prefix, servers.primaries().await?);
    while let Some(keys) = scan.next().await? {
        let keys: Vec<&str> = own(&keys, prefix).collect();
        removed += writes::delete(servers, &keys).await?;
    }
    Ok(removed)
}

/// Of the keys of a step those of the prefix. What is no text was not stored by us.
pub(super) fn own<'k>(keys: &'k [Vec<u8>], prefix: &'k str) -> impl Iterator<Item = &'k str> {
    keys.iter().filter_map(|key| std::str::from_utf8(key).ok()).filter(move |key| key.starts_with(prefix))
}

/// A scan of one server after the other, step by step. They may give a key more than once.
pub(super) struct Scan {
    pattern: String,
    servers: std::vec::IntoIter<Arc<Link>>,
    /// Which one is scanned, and where the next step begins; nothing before the first and after each.
    at: Option<(Arc<Link>, String)>,
}

impl Scan {
    pub(super) fn new(prefix: &str, servers: Vec<Arc<Link>>) -> Self {
        let mut pattern = String::with_capacity(prefix.len() + 1);
        for character in prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('*');
        Self { pattern, servers: servers.into_iter(), at: None }
    }

    /// The keys of the next step; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, BackendError> {
        let first = || Some((self.servers.next()?, "0".to_owned()));
        let Some((link, cursor)) = self.at.take().or_else(first) else { return Ok(None) };
        let build = |_: &Live| {
            let mut pipeline = Pipeline::new();
            pipeline.cmd("SCAN").arg(&cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(STEP);
            pipeline
        };
        let (_, mut answers) = link.call(Again::May, build).await?;
        let mut parts = reply::list(answers.pop().unwrap_or_default())?.into_iter();
        let next = reply::text(parts.next().unwrap_or_default())?;
        let keys = reply::list(parts.next().unwrap_or_default())?.into_iter().map(|key| match key {
            Value::BulkString(key) => Ok(key),
            _ => Err(Fault::Answer),
        });
        let keys = keys.collect::<Result<_, _>>()?;
        self.at = (next != "0").then_some((link, next));
        Ok(Some(keys))
    }
}

//! The tags of a cached call. Each has a generation: a random text in the backend, which an invalidation removes. It is
//! read with the key, and stored beside the value; a value that was stored in other generations is of no use.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::elsewhere;
use super::fill::Lent;
use crate::backend::{Entry, PutOptions, Read};
use crate::codec::Marks;
use crate::error::{BackendError, InvalidKey};
use crate::key::{FullKey, Tag};
use crate::service::KvCacheService;
use crate::store::Counted;
use crate::together::join_all;
use crate::unique::unique;

/// What stands among the tags of a value that the whole prefix's generation ends.
const WHOLE: &str = "";

/// How many generations are made at once.
const FILLS: usize = 32;

/// Where a call stores its value.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) full_key: FullKey,
    tags: Option<Arc<Tagged>>,
}

struct Tagged {
    /// As they are stored beside the value.
    names: Vec<String>,
    /// The keys of their generations.
    generations: Vec<String>,
    /// How this process counted them when the call began.
    counted: Option<Arc<Counted>>,
}

/// What a look at a target has found, without a lease.
pub(super) struct Glimpse {
    pub(super) entry: Option<Entry>,
    /// As in [`Seen`]; `None` also where one is missing.
    pub(super) generations: Option<u64>,
}

impl Glimpse {
    /// The entry, unless nothing can be said of its tags.
    pub(super) fn entry(self) -> Option<(Entry, u64)> {
        self.entry.zip(self.generations)
    }
}

/// What a call knows of its target before it reads it.
#[derive(Clone, Copy)]
pub(super) enum Before {
    Nothing,
    /// There was none when it looked, and these were the generations of its tags.
    Absent(u64),
    /// The backend failed: it is not asked again.
    Failed,
}

/// What was read for a target.
pub(super) struct Seen {
    pub(super) read: Read,
    /// See [`combine`]; `None` where a tag is being invalidated, or was made just now by another: then nothing is used
    /// and nothing filled.
    pub(super) generations: Option<u64>,
}

impl Target {
    pub(super) fn new(cache: &KvCacheService, full_key: FullKey, tags: &[Tag]) -> Result<Self, InvalidKey> {
        let prefix = cache.prefix();
        let whole = cache.has_generation().then(|| prefix.whole());
        if tags.is_empty() && whole.is_none() {
            return Ok(Self { full_key, tags: None });
        }
        let own = tags.iter().map(|tag| prefix.generation(tag.as_str())).collect::<Result<Vec<_>, _>>()?;
        // Of the whole prefix the tier and the flights hear otherwise.
        let counted = cache.store().tags.now(own.iter().map(String::as_str));
        let of_whole = whole.iter().map(|_| WHOLE);
        let names = of_whole.chain(tags.iter().map(Tag::as_str)).map(str::to_owned).collect();
        let generations = whole.into_iter().chain(own).collect();
        Ok(Self { full_key, tags: Some(Arc::new(Tagged { names, generations, counted })) })
    }

    /// The key without its prefix.
    pub(super) fn key(&self, cache: &KvCacheService) -> &str {
        self.full_key.get(cache.prefix().with_colon().len()..).unwrap_or_default()
    }

    pub(super) const fn is_tagged(&self) -> bool {
        self.tags.is_some()
    }

    pub(super) fn names(&self) -> &[String] {
        self.tags.as_ref().map_or(&[], |tags| &tags.names)
    }

    pub(super) fn generations(&self) -> &[String] {
        self.tags.as_ref().map_or(&[], |tags| &tags.generations)
    }

    pub(super) fn counted(&self) -> Option<&Arc<Counted>> {
        self.tags.as_ref()?.counted.as_ref()
    }

    /// Whether none of the tags has changed since the call began, as far as this process has heard.
    pub(super) fn is_current(&self, cache: &KvCacheService) -> bool {
        self.counted().is_none_or(|counted| cache.store().tags.is_current(counted))
    }

    /// Whether nothing that the backend has of this may be used: here, or since an invalidation was refused.
    pub(super) fn is_bypassed(&self, cache: &KvCacheService) -> bool {
        cache.bypasses(&self.full_key) || self.is_outdated(cache)
    }

    /// Whether what the backend has of this may be older than an invalidation that it refused.
    pub(super) fn is_outdated(&self, cache: &KvCacheService) -> bool {
        let retries = &cache.store().retries;
        let bypasses = |key: &str| retries.bypasses(key);
        retries.len() > 0 && (bypasses(&self.full_key) || self.generations().iter().any(|key| bypasses(key)))
    }

    /// Whether a value with these marks was stored for the same tags, in these generations.
    pub(super) fn admits(&self, marks: &Marks, generations: u64) -> bool {
        marks.tags == self.names() && marks.generations == generations
    }

    /// See [`peek`].
    pub(super) async fn peek(&self, cache: &KvCacheService) -> Result<Glimpse, BackendError> {
        if self.is_tagged() {
            let mut glimpses = Box::pin(peek(cache, &[self])).await?;
            // A backend that answers nothing at all.
            return Ok(glimpses.pop().unwrap_or(Glimpse { entry: None, generations: None }));
        }
        let entry = cache.look(&self.full_key).await?;
        Ok(Glimpse { entry, generations: Some(0) })
    }
}

/// Looks at what is there under targets, and in which generations, without taking a lease.
pub(super) async fn peek(cache: &KvCacheService, targets: &[&Target]) -> Result<Vec<Glimpse>, BackendError> {
    let mut names: Vec<&str> = Vec::new();
    for target in targets {
        names.push(&target.full_key);
        names.extend(target.generations().iter().map(String::as_str));
    }
    let mut found = cache.bounded(cache.backend().look_many(&names)).await?.into_iter();
    let mut next = || found.next().flatten();
    let glimpse = |target: &&Target| {
        let entry = next();
        let generations: Vec<_> = target.generations().iter().map(|_| next()).collect();
        let generations = combine(generations.iter().map(|entry| Some(number(&entry.as_ref()?.value))));
        Glimpse { entry, generations }
    };
    Ok(targets.iter().map(glimpse).collect())
}

/// The keys of the generations of tags that are stored beside a value.
fn keys(cache: &KvCacheService, tags: &[String]) -> Result<Vec<String>, InvalidKey> {
    let prefix = cache.prefix();
    tags.iter().map(|tag| if tag == WHOLE { Ok(prefix.whole()) } else { prefix.generation(tag) }).collect()
}

/// Reads a target as [`read`] does, or takes the lease at once where there was nothing before.
pub(super) async fn read_one(
    cache: &KvCacheService,
    target: &Target,
    before: Before,
) -> Result<Seen, BackendError> {
    let absent = match before {
        Before::Absent(generations) => Some(generations),
        _ => None,
    };
    if target.is_tagged() {
        if let Some(generations) = absent {
            let read = cache.bounded(cache.backend().read_absent(&target.full_key)).await?;
            // A value that came since may be of those generations, and older than a change of them.
            if matches!(read, Read::Miss(_) | Read::Barred) {
                return Ok(Seen { read, generations: Some(generations) });
            }
        }
        let mut seen = Box::pin(read(cache, &[target])).await?;
        // A backend that answers nothing at all.
        return Ok(seen.pop().unwrap_or(Seen { read: Read::Barred, generations: None }));
    }
    let (backend, key) = (cache.backend(), &target.full_key);
    let asked = if absent.is_some() { backend.read_absent(key) } else { backend.read(key) };
    let mut read = cache.bounded(asked).await?;
    if matches!(read, Read::Leased) {
        let reads = Box::pin(elsewhere::wait(cache, &[&target.full_key], vec![read])).await;
        read = reads.into_iter().next().unwrap_or(Read::Leased);
    }
    Ok(Seen { read, generations: Some(0) })
}

/// Reads targets and the generations of their tags, in one go; makes the generations that are missing.
pub(super) async fn read(cache: &KvCacheService, targets: &[&Target]) -> Result<Vec<Seen>, BackendError> {
    let mut names: Vec<&str> = targets.iter().map(|target| &*target.full_key).collect();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for key in targets.iter().flat_map(|target| target.generations()) {
        places.entry(key).or_insert_with(|| {
            names.push(key);
            names.len() - 1 - targets.len()
        });
    }
    let reads = cache.bounded(cache.backend().read_many(&names)).await?;
    let mut reads = elsewhere::wait(cache, &names, reads).await;
    let of_tags = reads.split_off(targets.len().min(reads.len()));
    let tags = names.get(targets.len()..).unwrap_or_default();
    // From here on this future may be dropped: what was lent is given back then.
    let mut of_tags: Vec<(&str, Glance)> =
        tags.iter().zip(of_tags).map(|(key, read)| (*key, Glance::new(cache, key, read))).collect();
    let lent: Vec<Glance> =
        targets.iter().zip(reads).map(|(target, read)| Glance::new(cache, &target.full_key, read)).collect();
    let mut generations: Vec<Option<u64>> = Vec::with_capacity(of_tags.len());
    while !of_tags.is_empty() {
        let some = of_tags.drain(..of_tags.len().min(FILLS));
        generations.extend(join_all(some.map(|(key, glance)| generation(cache, key, glance))).await);
    }
    let of = |target: &Target| {
        combine(target.generations().iter().map(|key| *generations.get(*places.get(key.as_str())?)?))
    };
    let seen =
        |(glance, target): (Glance, &&Target)| Seen { read: glance.into_read(), generations: of(target) };
    Ok(lent.into_iter().zip(targets).map(seen).collect())
}

/// The generations of a target's tags, as one number; those that are missing are made. `None` where there is one that
/// nothing may be stored in now.
pub(super) async fn generations(cache: &KvCacheService, target: &Target) -> Option<u64> {
    let names: Vec<&str> = target.generations().iter().map(String::as_str).collect();
    if names.is_empty() {
        return Some(0);
    }
    let reads = cache.bounded(cache.backend().read_many(&names)).await.ok()?;
    // All are taken in hand before the first is awaited: who is dropped meanwhile gives back what was lent.
    let glances: Vec<_> =
        names.iter().zip(reads).map(|(key, read)| (*key, Glance::new(cache, key, read))).collect();
    let made = glances.into_iter().map(|(key, glance)| generation(cache, key, glance));
    combine(join_all(made).await)
}

/// What was read under a key, whose lease is given back if it is dropped.
enum Glance {
    Leased(Lent),
    Other(Read),
}

impl Glance {
    fn new(cache: &KvCacheService, key: &str, read: Read) -> Self {
        match read {
            Read::Miss(Some(lease)) => Self::Leased(Lent::new(cache.clone(), key.to_owned(), Some(lease))),
            other => Self::Other(other),
        }
    }

    fn into_read(self) -> Read {
        match self {
            Self::Leased(mut lent) => Read::Miss(lent.take()),
            Self::Other(read) => read,
        }
    }
}

/// The generation of a tag, made where there is none.
async fn generation(cache: &KvCacheService, key: &str, glance: Glance) -> Option<u64> {
    let lease = match glance.into_read() {
        Read::Hit(entry) => return Some(number(&entry.value)),
        Read::Miss(None) if cache.backend().capabilities().leases => return None,
        Read::Miss(lease) => lease,
        Read::Leased | Read::Barred => return None,
    };
    let bytes = Bytes::from(format!("{:016x}{:016x}", unique(), unique()));
    let generation = number(&bytes);
    // Without an end: that of one would be the end of every entry of the tag.
    let filled = cache.backend().fill(key, lease, bytes, PutOptions::default());
    cache.bounded(filled).await.is_ok_and(|filled| filled).then_some(generation)
}

/// A generation as a number (FNV-1a): whatever bytes somebody put there are one.
fn number(generation: &[u8]) -> u64 {
    generation.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The generations of several tags, in their order, as one number of 64 bits: each step is a bijection, so another
/// number in the place of one makes another number of all. That a new random one happens to make the old number has
/// the odds of 1 to 2^64, for each invalidation and entry.
fn combine(generations: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    generations
        .into_iter()
        .try_fold(0_u64, |all, one| Some((all.rotate_left(23) ^ one?).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

impl KvCacheService {
    /// Whether none of the tags of a stored value was invalidated since its load began.
    pub(crate) async fn tags_hold(&self, marks: &[Marks]) -> Result<Vec<bool>, BackendError> {
        let mut names = Vec::new();
        let mut keyed = Vec::with_capacity(marks.len());
        for marks in marks {
            // Tags that no call can have.
            let keys = keys(self, &marks.tags).ok();
            names.extend(keys.iter().flatten().cloned());
            keyed.push(keys);
        }
        if names.is_empty() {
            return Ok(keyed.iter().map(Option::is_some).collect());
        }
        names.sort_unstable();
        names.dedup();
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = self.bounded(self.backend().get_many(&texts)).await?;
        let generation = |key: &String| {
            let entry = found.get(names.binary_search(key).ok()?)?.as_ref()?;
            (!self.store().retries.bypasses(key)).then(|| number(&entry.value))
        };
        let holds = |(marks, keys): (&Marks, Option<Vec<String>>)| {
            keys.is_some_and(|keys| combine(keys.iter().map(generation)) == Some(marks.generations))
        };
        Ok(marks.iter().zip(keyed).map(holds).collect())
    }
}

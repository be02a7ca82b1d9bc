//! Operations on values: read, written, counted, removed, listed.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::state::{Content, State, Value};
use crate::backend::{
    Decision, Entry, ListPage, ListedKey, PutOptions, Quota, SetOutcome, Used, add_to_counter, cursor,
};
use crate::error::BackendError;

impl State {
    /// A live value; a hit counts as a use.
    pub(super) fn get(&mut self, key: &str, now: Duration) -> Option<Entry> {
        let slot = self.slots.get(key).filter(|slot| slot.lives(now))?;
        let entry = slot.entry(now)?;
        if let Some(position) = slot.position {
            self.queue.mark(position);
        }
        Some(entry)
    }

    /// Stores a value whatever stands there, and returns whether it found room.
    pub(super) fn store(&mut self, key: &str, bytes: Bytes, options: PutOptions, now: Duration) -> bool {
        let deadline = options.ttl.map(|ttl| now.saturating_add(ttl));
        let revision = self.next_in_sequence();
        let value = Value { bytes, metadata: options.metadata, revision, refresh: None };
        self.replace(key, Content::Value(value), deadline)
    }

    /// Stores a value, unless the key is barred.
    pub(super) fn put(&mut self, key: &str, bytes: Bytes, options: PutOptions, now: Duration) -> SetOutcome {
        let barred = self.contend(key, now);
        if !barred {
            self.store(key, bytes, options, now);
        }
        self.tell_changed(key);
        if barred { SetOutcome::Superseded } else { SetOutcome::Stored }
    }

    /// Removes a value or a lease; a barrier stays. Returns whether there was a live value.
    pub(super) fn delete(&mut self, key: &str, now: Duration) -> bool {
        let removed = self.remove_value(key, now);
        self.tell_changed(key);
        removed
    }

    fn remove_value(&mut self, key: &str, now: Duration) -> bool {
        let was_there = self.live(key, now).is_some_and(|slot| matches!(slot.content, Content::Value(_)));
        if !self.contend(key, now) {
            self.remove(key);
        }
        was_there
    }

    /// Removes every value and lease whose key starts with `prefix`.
    pub(super) fn delete_prefix(&mut self, prefix: &str, now: Duration) -> u64 {
        let keys: Vec<Arc<str>> =
            self.keys_from(Bound::Included(prefix), prefix).map(|(key, _)| key.clone()).collect();
        let removed = keys.iter().map(|key| u64::from(self.remove_value(key, now))).sum();
        self.tell_changed_prefix(prefix);
        removed
    }

    pub(super) fn increment(
        &mut self,
        key: &str,
        by: i64,
        ttl_if_new: Option<Duration>,
        now: Duration,
    ) -> Result<i64, BackendError> {
        if self.is_barred(key, now) {
            return Err(BackendError::Rejected("the key is being written".into()));
        }
        let found = self.get(key, now);
        let (sum, options) = add_to_counter(found.as_ref(), by, ttl_if_new)?;
        self.store(key, sum.to_string().into(), options, now);
        self.tell_changed(key);
        Ok(sum)
    }

    pub(super) fn touch(&mut self, key: &str, ttl: Option<Duration>, now: Duration) -> bool {
        let Some(entry) = self.get(key, now) else { return false };
        self.store(key, entry.value, PutOptions { ttl, metadata: entry.metadata }, now);
        self.tell_changed(key);
        true
    }

    pub(super) fn compare_and_set(
        &mut self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
        now: Duration,
    ) -> bool {
        let found = self.get(key, now);
        let same = found.as_ref().map(|entry| entry.value.as_ref()) == expected;
        if !same || self.is_barred(key, now) {
            return false;
        }
        self.store(key, new, options, now);
        self.tell_changed(key);
        true
    }

    pub(super) fn admit(
        &mut self,
        key: &str,
        cost: u32,
        quota: Quota,
        now: Duration,
    ) -> Result<Decision, BackendError> {
        if self.is_barred(key, now) {
            return Err(BackendError::Rejected("the key is being written".into()));
        }
        let used = self.get(key, now).as_ref().and_then(Used::of);
        let (decision, stored) = quota.decide(cost, used);
        if let Some(Used { count, left }) = stored {
            self.store(key, count.to_string().into(), PutOptions::with_ttl(left), now);
            self.tell_changed(key);
        }
        Ok(decision)
    }

    /// A page of the live values' keys, from after the key that the cursor holds.
    pub(super) fn list(&self, prefix: &str, size: usize, cursor: Option<&str>, now: Duration) -> ListPage {
        let after = match cursor.filter(|cursor| !cursor.is_empty()) {
            None => None,
            // A cursor that is of another prefix, or none at all, is the end of the listing.
            Some(cursor) => match cursor::decode(cursor).filter(|key| key.starts_with(prefix)) {
                None => return ListPage::default(),
                key => key,
            },
        };
        let from = after.as_deref().map_or(Bound::Included(prefix), Bound::Excluded);
        let mut live =
            self.keys_from(from, prefix).filter(|(_, slot)| slot.lives(now)).filter_map(|(key, slot)| {
                let Content::Value(value) = &slot.content else { return None };
                let metadata = value.metadata.clone();
                Some(ListedKey { name: key.as_ref().into(), expires_in: slot.expires_in(now), metadata })
            });
        let keys: Vec<ListedKey> = live.by_ref().take(size).collect();
        let cursor = live.next().and_then(|_| keys.last()).map(|last| cursor::encode(&last.name));
        ListPage { keys, cursor }
    }

    fn keys_from<'a>(
        &'a self,
        from: Bound<&str>,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a super::state::Slot)> {
        self.slots
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }
}

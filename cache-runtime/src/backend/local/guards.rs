//! Leases and barriers: who may fill a key, and until when nobody may.

use std::time::Duration;

use bytes::Bytes;

use super::state::{Content, State, Writer};
use crate::backend::{Entry, Lease, PutOptions, Read, WriteToken};

/// How long a reader may take to load before another may try.
const LEASE_LIFE: Duration = Duration::from_secs(30);

impl State {
    pub(super) fn read(&mut self, key: &str, now: Duration) -> Read {
        if let Some(entry) = self.get(key, now) {
            return Read::Hit(entry);
        }
        match self.live(key, now).map(|slot| &slot.content) {
            Some(Content::Barrier { .. }) => Read::Barred,
            Some(_) => Read::Leased,
            // Without room for a lease, nothing would take the right to fill away again.
            None => self.grant(key, now).map_or(Read::Barred, |lease| Read::Miss(Some(lease))),
        }
    }

    pub(super) fn lease_over(&mut self, key: &str, seen: &Entry, now: Duration) -> Option<Lease> {
        match self.live(key, now).map(|slot| &slot.content) {
            Some(Content::Value(value)) if value.revision == seen.revision => self.grant(key, now),
            _ => None,
        }
    }

    /// Puts a lease in place of whatever stands there; no lease where there is no room for one.
    fn grant(&mut self, key: &str, now: Duration) -> Option<Lease> {
        let token = self.next_in_sequence();
        let deadline = now.saturating_add(LEASE_LIFE);
        self.replace(key, Content::Lease(token), Some(deadline)).then_some(Lease(token.into()))
    }

    /// Gives the right to fill beside the value that stays.
    pub(super) fn refresh_lease(&mut self, key: &str, seen: &Entry, now: Duration) -> Option<Lease> {
        let token = self.next_in_sequence();
        let slot = self.slots.get_mut(key).filter(|slot| slot.lives(now))?;
        let Content::Value(value) = &mut slot.content else { return None };
        let is_given = value.refresh.is_some_and(|(_, deadline)| deadline > now);
        if value.revision != seen.revision || is_given {
            return None;
        }
        value.refresh = Some((token, now.saturating_add(LEASE_LIFE)));
        Some(Lease(token.into()))
    }

    fn holds(&self, key: &str, lease: &Lease, now: Duration) -> bool {
        let token = match self.live(key, now).map(|slot| &slot.content) {
            Some(Content::Lease(token)) => Some(*token),
            Some(Content::Value(value)) => {
                value.refresh.filter(|(_, deadline)| *deadline > now).map(|(token, _)| token)
            }
            _ => None,
        };
        token.is_some_and(|token| u128::from(token) == lease.0)
    }

    /// Stores what was loaded under a lease that still holds, or without any where nothing stands in the way.
    pub(super) fn fill(
        &mut self,
        key: &str,
        lease: Option<&Lease>,
        value: Bytes,
        options: PutOptions,
        now: Duration,
    ) -> bool {
        let allowed = match lease {
            Some(lease) => self.holds(key, lease, now),
            None => !self.is_barred(key, now),
        };
        allowed && self.store(key, value, options, now)
    }

    pub(super) fn release(&mut self, key: &str, lease: &Lease, now: Duration) {
        if !self.holds(key, lease, now) {
            return;
        }
        if let Some(Content::Value(value)) = self.slots.get_mut(key).map(|slot| &mut slot.content) {
            value.refresh = None;
        } else {
            self.remove(key);
        }
    }

    pub(super) fn is_barred(&self, key: &str, now: Duration) -> bool {
        self.live(key, now).is_some_and(|slot| matches!(slot.content, Content::Barrier { .. }))
    }

    /// Whether the key is barred; if so, notes that somebody else wanted to change it, so that no writer takes
    /// its own update for the latest.
    pub(super) fn contend(&mut self, key: &str, now: Duration) -> bool {
        match self.slots.get_mut(key).filter(|slot| slot.lives(now)).map(|slot| &mut slot.content) {
            Some(Content::Barrier { contended, .. }) => {
                *contended = true;
                true
            }
            _ => false,
        }
    }

    pub(super) fn begin_write(&mut self, keys: &[&str], life: Duration, now: Duration) -> WriteToken {
        let token = u128::from(self.next_in_sequence());
        let deadline = now.saturating_add(life);
        for key in keys {
            let (mut writers, contended) = self.take_writers(key, now);
            let others = writers.iter().any(|writer| writer.token != token);
            writers.retain(|writer| writer.token != token);
            writers.push(Writer { token, deadline });
            self.bar(key, writers, contended || others);
            self.tell_changed(key);
        }
        WriteToken(token)
    }

    pub(super) fn renew_write(
        &mut self,
        keys: &[&str],
        token: WriteToken,
        life: Duration,
        now: Duration,
    ) -> u64 {
        let deadline = now.saturating_add(life);
        let mut renewed = 0;
        for key in keys {
            let still = |writer: &Writer| writer.token == token.0 && writer.deadline > now;
            let stands = self.live(key, now).is_some_and(
                |slot| matches!(&slot.content, Content::Barrier { writers, .. } if writers.iter().any(still)),
            );
            if stands {
                let (mut writers, contended) = self.take_writers(key, now);
                for writer in writers.iter_mut().filter(|writer| writer.token == token.0) {
                    writer.deadline = deadline;
                }
                self.bar(key, writers, contended);
                renewed += 1;
            }
        }
        renewed
    }

    pub(super) fn finish_write(
        &mut self,
        keys: &[&str],
        token: Option<WriteToken>,
        update: Option<(Bytes, PutOptions)>,
        now: Duration,
    ) -> bool {
        let mut alone = false;
        for key in keys {
            let (mut writers, contended) = self.take_writers(key, now);
            let all = writers.len();
            writers.retain(|writer| token != Some(WriteToken(writer.token)));
            let was_barring = writers.len() < all;
            // Without a token nothing was barred, so nothing but a barrier says that somebody else writes.
            alone = writers.is_empty() && !contended && (was_barring || token.is_none());
            if !writers.is_empty() {
                // Its writer could have committed before or after the others.
                self.bar(key, writers, true);
            }
            self.tell_changed(key);
        }
        match (keys, update) {
            ([key], Some((value, options))) if alone => self.store(key, value, options, now),
            _ => false,
        }
    }

    /// Removes whatever stands under a key; of a barrier, the writers that still live and whether it is
    /// contended.
    fn take_writers(&mut self, key: &str, now: Duration) -> (Vec<Writer>, bool) {
        match self.remove(key).filter(|(_, slot)| slot.lives(now)).map(|(_, slot)| slot.content) {
            Some(Content::Barrier { mut writers, contended }) => {
                writers.retain(|writer| writer.deadline > now);
                (writers, contended)
            }
            _ => (Vec::new(), false),
        }
    }

    fn bar(&mut self, key: &str, writers: Vec<Writer>, contended: bool) {
        let last = writers.iter().map(|writer| writer.deadline).max();
        self.replace(key, Content::Barrier { writers, contended }, last);
    }
}

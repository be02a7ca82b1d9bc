//! SIEVE, which says what goes when the capacity is reached.
//!
//! Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm for
//! Web Caches", NSDI 2024. Keys stand in the order of their arrival; a hit only marks its key. A hand goes from
//! the oldest towards the newest: a marked key loses its mark and stays where it is, the first unmarked one goes.
//! Each step of the hand takes away a mark that a hit has set, so that an eviction costs O(1) amortised.

use std::sync::Arc;

/// The keys that may be evicted.
#[derive(Default)]
pub(super) struct Sieve {
    nodes: Vec<Node>,
    free: Vec<Position>,
    oldest: Option<Position>,
    newest: Option<Position>,
    hand: Option<Position>,
}

/// Where a key stands in the queue, until it is removed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Position(usize);

#[derive(Default)]
struct Node {
    key: Option<Arc<str>>,
    older: Option<Position>,
    newer: Option<Position>,
    marked: bool,
}

impl Sieve {
    /// Adds a key as the newest.
    pub(super) fn push(&mut self, key: Arc<str>, marked: bool) -> Position {
        let node = Node { key: Some(key), older: self.newest, newer: None, marked };
        let position = if let Some(position) = self.free.pop() {
            self.nodes[position.0] = node;
            position
        } else {
            self.nodes.push(node);
            Position(self.nodes.len() - 1)
        };
        self.link(self.newest, Some(position));
        self.newest = Some(position);
        self.oldest = self.oldest.or(self.newest);
        position
    }

    /// Marks a key as used.
    pub(super) fn mark(&mut self, position: Position) {
        self.nodes[position.0].marked = true;
    }

    /// The key to evict next. The caller removes it.
    pub(super) fn victim(&mut self) -> Option<Arc<str>> {
        let mut at = self.hand.or(self.oldest)?;
        while std::mem::take(&mut self.nodes[at.0].marked) {
            at = self.nodes[at.0].newer.or(self.oldest)?;
        }
        self.hand = Some(at);
        self.nodes[at.0].key.clone()
    }

    /// Removes a key.
    pub(super) fn remove(&mut self, position: Position) {
        let Node { older, newer, .. } = std::mem::take(&mut self.nodes[position.0]);
        self.link(older, newer);
        if self.newest == Some(position) {
            self.newest = older;
        }
        if self.oldest == Some(position) {
            self.oldest = newer;
        }
        if self.hand == Some(position) {
            self.hand = newer;
        }
        self.free.push(position);
        if self.oldest.is_none() {
            // Gives the memory of a crowd that is gone back.
            *self = Self::default();
        }
    }

    fn link(&mut self, older: Option<Position>, newer: Option<Position>) {
        if let Some(older) = older {
            self.nodes[older.0].newer = newer;
        }
        if let Some(newer) = newer {
            self.nodes[newer.0].older = older;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Position, Sieve};

    fn queue(keys: &str) -> (Sieve, Vec<Position>) {
        let mut queue = Sieve::default();
        let positions = keys.chars().map(|key| queue.push(key.to_string().into(), false)).collect();
        (queue, positions)
    }

    fn evict(queue: &mut Sieve, keys: &str, positions: &[Position]) -> Option<char> {
        let key = queue.victim()?.chars().next()?;
        queue.remove(positions[keys.find(key)?]);
        Some(key)
    }

    #[test]
    fn the_oldest_goes_first_and_a_mark_is_one_more_round() {
        let (mut queue, positions) = queue("abcd");
        queue.mark(positions[0]);
        queue.mark(positions[2]);
        let order: String = std::iter::from_fn(|| evict(&mut queue, "abcd", &positions)).collect();
        assert_eq!(order, "bdac");
    }

    #[test]
    fn the_hand_survives_the_removal_of_the_key_it_points_at() {
        let (mut queue, positions) = queue("abc");
        assert_eq!(queue.victim().as_deref(), Some("a"));
        queue.remove(positions[0]);
        queue.remove(positions[1]);
        assert_eq!(evict(&mut queue, "abc", &positions), Some('c'));
        assert_eq!(queue.victim(), None);
        queue.push("d".into(), true);
        assert_eq!(queue.victim().as_deref(), Some("d"));
    }

    #[test]
    fn places_are_used_again_and_their_memory_is_returned() {
        let (mut queue, positions) = queue("abc");
        queue.remove(positions[1]);
        assert!(queue.push("x".into(), false) == positions[1]);
        assert_eq!(queue.nodes.len(), 3);
        for position in positions {
            queue.remove(position);
        }
        assert_eq!(queue.nodes.capacity(), 0);
    }
}

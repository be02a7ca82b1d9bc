//! What a flight knows: who loads, who waits, and what they are told.

use std::any::Any;
use std::collections::BTreeMap;
use std::task::Waker;

use super::super::sync::Arc;
use crate::clock::Bell;

/// How many of one flight may load at once when waiting for one of them has failed.
pub(super) const WIDEST: usize = 16;

/// A failure that every waiter gets.
pub(crate) type SharedError = Arc<dyn Any + Send + Sync>;

pub(super) struct State<T> {
    /// No invalidation has come since the flight began.
    pub(super) valid: bool,
    /// The key has been changed, by whomever, where all processes see it: what was read may be of before.
    pub(super) outdated: bool,
    /// How many may load at once: one, until a load fails or is overdue.
    width: usize,
    /// How many do.
    leaders: usize,
    /// How many wait, whether they have been polled yet or not.
    waiters: usize,
    /// How many have joined; who joins next gets this as its ticket.
    joined: u64,
    /// Who is to be woken, by ticket.
    parked: Woken,
    answer: Option<Answer<T>>,
    /// Rings when the time of the first who waited is over, for all of them.
    bell: Option<Bell>,
    has_rung: bool,
}

/// What those waiters get whose tickets are below a bound.
struct Answer<T> {
    below: u64,
    outcome: Outcome<T>,
}

/// Those who are to be woken, by ticket.
pub(super) type Woken = BTreeMap<u64, Waker>;

/// `T` is held as the local tier holds it: its clone is no author's code.
#[derive(Clone)]
pub(super) enum Outcome<T> {
    Value(T),
    Failed(SharedError),
}

/// What a waiter is told.
pub(super) enum Told<T> {
    Outcome(Outcome<T>),
    /// Lead: as the only one, or as one of several.
    Lead {
        joined: u64,
        sole: bool,
    },
}

impl<T> State<T> {
    /// A flight that has its first leader.
    pub(super) fn led() -> Self {
        let parked = Woken::new();
        Self {
            valid: true,
            outdated: false,
            width: 1,
            leaders: 1,
            waiters: 0,
            joined: 0,
            parked,
            answer: None,
            bell: None,
            has_rung: false,
        }
    }

    pub(super) fn join(&mut self) -> u64 {
        self.waiters += 1;
        self.joined += 1;
        self.joined - 1
    }

    pub(super) const fn joined(&self) -> u64 {
        self.joined
    }

    pub(super) const fn has_waiters(&self) -> bool {
        self.waiters > 0
    }

    /// Nobody needs to find the flight any more. While there is a leader, an invalidation does, even if another
    /// leader has answered: it may still promote.
    pub(super) fn is_over(&self) -> bool {
        let answered = self.answer.as_ref().is_some_and(|answer| answer.below == u64::MAX);
        self.is_deserted() || self.leaders == 0 && answered
    }

    /// Nobody is in the flight any more.
    pub(super) const fn is_deserted(&self) -> bool {
        self.leaders == 0 && self.waiters == 0
    }

    /// Whether one who waits until then is woken when it is overdue, together with others; `bell` gives them one.
    pub(super) fn keeps_time(&mut self, due: u64, bell: impl FnOnce() -> Option<Bell>) -> bool {
        if self.has_rung {
            return false;
        }
        if self.bell.is_none() {
            self.bell = bell();
        }
        self.bell.as_ref().is_some_and(|bell| bell.rings_by(due))
    }

    /// The bell has rung: who waits still sees to its own time from now on. Takes all who are parked, to be woken.
    pub(super) fn ring(&mut self) -> Woken {
        self.has_rung = true;
        std::mem::take(&mut self.parked)
    }

    /// A waiter leaves untold, with its waker. If it was woken to lead, the next one is instead.
    pub(super) fn desert(&mut self, ticket: u64) -> (Woken, Option<Waker>) {
        self.waiters -= 1;
        let own = self.parked.remove(&ticket);
        let mut woken = Woken::new();
        self.wake_into_vacancies(&mut woken);
        (woken, own)
    }

    /// A leader leaves with an outcome for those whose ticket is below a bound. One of the others leads anew.
    pub(super) fn answer(&mut self, below: u64, outcome: Outcome<T>) -> (Woken, Option<Outcome<T>>) {
        self.leaders -= 1;
        // Of several leaders, another may have answered more of them already.
        let kept = self.answer.as_ref().map_or(0, |answer| answer.below);
        let unused = if kept < below {
            self.answer.replace(Answer { below, outcome }).map(|answer| answer.outcome)
        } else {
            Some(outcome)
        };
        let others = self.parked.split_off(&below);
        let mut woken = std::mem::replace(&mut self.parked, others);
        self.wake_into_vacancies(&mut woken);
        (woken, unused)
    }

    /// A leader leaves with nothing to share. One waiter leads anew; after a failure several do.
    pub(super) fn abandon(&mut self, failed: bool) -> Woken {
        self.leaders -= 1;
        if failed {
            self.width = WIDEST;
        }
        let mut woken = Woken::new();
        self.wake_into_vacancies(&mut woken);
        woken
    }

    /// Takes as many of the parked as may lead. Who is polled first gets the place; who finds none left parks
    /// again.
    fn wake_into_vacancies(&mut self, woken: &mut Woken) {
        for _ in self.leaders..self.width {
            let Some((ticket, waker)) = self.parked.pop_first() else { break };
            woken.insert(ticket, waker);
        }
    }
}

impl<T: Clone> State<T> {
    /// What the waiter is told now, with which it leaves. Gives back the waker with which it was parked, to be dropped
    /// outside the locks.
    pub(super) fn ask(&mut self, ticket: u64) -> (Option<Told<T>>, Option<Waker>) {
        self.ask_as(ticket, false)
    }

    /// The same of one who is overdue. It widens the flight by a place, so that it may load beside a leader that does
    /// not come to an end, unless as many do already as may at all. Who is told nothing stays parked, until it asks
    /// again.
    pub(super) fn ask_overdue(&mut self, ticket: u64) -> (Option<Told<T>>, Option<Waker>) {
        self.ask_as(ticket, true)
    }

    /// The same of one who is parked if it is told nothing. Gives back both wakers that are not.
    pub(super) fn ask_or_park(&mut self, ticket: u64, waker: Waker) -> (Option<Told<T>>, [Option<Waker>; 2]) {
        match self.ask(ticket) {
            (None, _) => (None, [self.parked.insert(ticket, waker), None]),
            (told, before) => (told, [before, Some(waker)]),
        }
    }

    fn ask_as(&mut self, ticket: u64, overdue: bool) -> (Option<Told<T>>, Option<Waker>) {
        let told = self.tell(ticket, overdue);
        // If it stayed parked, it might be woken in the place of one who waits.
        let before = told.as_ref().and_then(|_| self.parked.remove(&ticket));
        (told, before)
    }

    fn tell(&mut self, ticket: u64, overdue: bool) -> Option<Told<T>> {
        if let Some(Answer { below, outcome }) = &self.answer
            && ticket < *below
        {
            let told = Told::Outcome(outcome.clone());
            self.waiters -= 1;
            return Some(told);
        }
        if overdue && self.leaders == self.width && self.width < WIDEST {
            self.width += 1;
        }
        if self.leaders < self.width {
            self.waiters -= 1;
            self.leaders += 1;
            return Some(Told::Lead { joined: self.joined, sole: self.width == 1 });
        }
        None
    }
}

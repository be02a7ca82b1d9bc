//! How a batch joins the loads that others lead, and comes to lead those that nobody does.

use super::asked::{Asked, Part};
use crate::call::failures::Failures;
use crate::call::load::Flown;
use crate::store::{SharedError, Waited, Waiter};
use crate::together::Together;
use crate::value::ValueOps;

/// How often a batch waits for others before it loads beside them.
const ROUNDS: usize = 8;

/// The ids of a batch that are missing.
pub(super) struct Joining<'b, 'a, T, V, O: ValueOps<V>>(pub(super) &'b mut [Asked<'a, T, V, O>]);

/// A place among the ids, and the load to wait for.
type Wait<V, O> = (usize, Waiter<Flown<V, O>>);

/// How a round of waiting ended.
#[derive(Default)]
struct Round {
    failed: Option<SharedError>,
    /// The time to wait is over, or a lead has come, which nobody holds while waiting.
    is_last: bool,
}

impl<T, V, O: ValueOps<V>> Joining<'_, '_, T, V, O> {
    /// Waits for the loads in flight, holding no lead, so that batches that cross do not wait for each other; then
    /// leads the others. Returns the failure of a load that it waited for.
    pub(super) async fn join<R>(mut self, failures: impl Failures<R>) -> Option<R> {
        // On Workers the runtime ends a request that awaits another's wake-up.
        if cfg!(target_family = "wasm") {
            self.0
                .iter_mut()
                .filter(|asked| asked.is_open())
                .for_each(|asked| asked.part = Part::Leads(None));
            return None;
        }
        // Whoever leads several takes them in one order, so that of two equal batches one waits for all.
        self.0.sort_unstable_by(|one, other| one.call.key.as_str().cmp(other.call.key.as_str()));
        for _ in 0..ROUNDS {
            let mut waits = self.in_flight();
            if waits.is_empty() {
                waits.extend(self.lead());
            }
            if waits.is_empty() {
                return None;
            }
            let Round { failed, is_last } = self.wait(waits).await;
            if let Some(failed) = failed.and_then(|error| failures.unshare(&error)) {
                return Some(failed);
            }
            if is_last {
                break;
            }
        }
        for asked in self.0.iter_mut().filter(|asked| asked.is_open()) {
            if asked.lead().is_some() {
                asked.go_aside();
            }
        }
        None
    }

    /// Joins the loads in flight.
    fn in_flight(&self) -> Vec<Wait<V, O>> {
        let open = self.0.iter().enumerate().filter(|(_, asked)| asked.is_open());
        open.filter_map(|(place, asked)| Some((place, asked.join()?))).collect()
    }

    /// Leads what is open; or nothing, if somebody else has come to lead one of them meanwhile, for whom to wait.
    fn lead(&mut self) -> Option<Wait<V, O>> {
        for (place, asked) in self.0.iter_mut().enumerate().filter(|(_, asked)| asked.is_open()) {
            if let Some(waiter) = asked.lead() {
                let led = self.0.iter_mut().filter(|asked| matches!(asked.part, Part::Leads(_)));
                led.for_each(|asked| asked.part = Part::Open);
                return Some((place, waiter));
            }
        }
        None
    }

    async fn wait(&mut self, waits: Vec<Wait<V, O>>) -> Round {
        let Some(cache) = self.0.first().map(|asked| asked.call.cache) else { return Round::default() };
        let store = cache.store();
        let (places, waiters): (Vec<usize>, Vec<_>) = waits.into_iter().unzip();
        let mut waiting: Together<_> =
            waiters.into_iter().map(|waiter| waiter.wait(store.waits, &store.clock)).collect();
        let mut round = Round::default();
        loop {
            // After the last only those that are over are heard.
            let next = if round.is_last { waiting.next_ready() } else { waiting.next().await };
            let Some((at, waited)) = next else { return round };
            let Some(asked) = places.get(at).and_then(|place| self.0.get_mut(*place)) else { continue };
            match waited {
                Waited::Value(flown) => asked.part = Part::Done(flown),
                Waited::Failed(error) => {
                    asked.part = Part::Aside;
                    round.failed = Some(error);
                    round.is_last = true;
                }
                Waited::Lead(leader) | Waited::LoadYourself(leader) => {
                    asked.take_lead(leader);
                    round.is_last |= !asked.is_done();
                }
                Waited::TimedOut => {
                    asked.go_aside();
                    round.is_last = true;
                }
            }
        }
    }
}

//! How long no request is made: Cloudflare asked to wait, or could not be reached several times in a row.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fault::Fault;
use crate::clock::Clock;

/// Failures in a row after which the service is taken for unreachable.
const FAILURES_THAT_PAUSE: u32 = 3;
/// The first pause after that, doubled by each further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Pause(Mutex<State>);

#[derive(Default)]
struct State {
    until: Duration,
    failures: u32,
}

impl Pause {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment after another, none of which panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request may be made now.
    pub(super) fn check(&self, clock: &Clock) -> Result<(), Fault> {
        match self.state().until.saturating_sub(clock.now()) {
            Duration::ZERO => Ok(()),
            left => Err(Fault::Paused(left)),
        }
    }

    /// Learns from the end of a request.
    pub(super) fn heed(&self, outcome: Option<&Fault>, clock: &Clock) {
        let mut state = self.state();
        match outcome {
            Some(Fault::Unreachable(_) | Fault::Timeout(_)) => {
                state.failures = state.failures.saturating_add(1);
                let Some(more) = state.failures.checked_sub(FAILURES_THAT_PAUSE) else { return };
                if more == 0 {
                    tracing::warn!("Cloudflare KV does not answer");
                }
                let pause = FIRST_PAUSE.saturating_mul(1 << more.min(10)).min(LONGEST_PAUSE);
                state.until = clock.now() + jittered(pause);
            }
            Some(Fault::Refused { status: 429, retry_after: Some(length), .. }) => {
                tracing::warn!("Cloudflare KV asks to wait for {length:?}");
                state.until = state.until.max(clock.now().saturating_add(*length));
                state.failures = 0;
            }
            _ => {
                if std::mem::take(&mut state.failures) >= FAILURES_THAT_PAUSE {
                    tracing::info!("Cloudflare KV answers again");
                }
            }
        }
    }
}

/// A length of which half is by chance, so that many processes do not come back at once.
pub(super) fn jittered(length: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    // Keyed anew by each process, and counted on by each call.
    let chance = u32::try_from(RandomState::new().hash_one(0_u8) % 1_000).unwrap_or(0);
    length / 2 + length / 2 * chance / 1_000
}

//! Scopes that are dropped at every await, or panic.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cache_runtime::testing::{Fault, ManualClock};
use cache_runtime::{Backend, KvCacheService, LocalKvNamespace};
use futures_util::FutureExt;

use crate::backend::{Faulty, answer, pend};
use crate::bank::{Bank, By};
use crate::{LIFE, bank_in_memory};

/// A bank whose cache is pending before and after each operation, on a clock that is moved by hand.
fn slow_bank(in_process: bool) -> (Bank, ManualClock, Faulty) {
    let time = ManualClock::new();
    let memory = LocalKvNamespace::builder().clock(time.clock()).build();
    let slow = Faulty::new(memory.clone());
    let backend: Arc<dyn Backend> = if in_process { Arc::new(memory) } else { Arc::new(slow.clone()) };
    let cache = KvCacheService::builder(backend).clock(time.clock()).build();
    (Bank::new(cache.expect("a valid prefix")), time, slow)
}

/// A transaction of three writes and a scope inside.
async fn transfer(bank: &Bank) -> Result<(), String> {
    let transaction = bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        bank.cache.deferring(bank.set(2, 130)).await?;
        pend(1).await;
        bank.pay_the_poorest(5).await?;
        bank.commit();
        Ok::<_, String>(())
    });
    transaction.await
}

/// Polls so often and drops. Returns whether it was over. What was left to the background is done.
async fn dropped_after<T>(polls: usize, call: impl Future<Output = T>) -> bool {
    let mut call = Box::pin(call);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await {
            return true;
        }
    }
    drop(call);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    false
}

#[tokio::test]
async fn a_scope_that_is_dropped_at_any_await_leaves_nothing_stale_and_caching_goes_on() {
    for (in_process, late_commit) in [(true, true), (true, false), (false, true), (false, false)] {
        for polls in 0.. {
            let (bank, time, slow) = slow_bank(in_process);
            for id in [1, 2, 3] {
                bank.assert_fresh(id, "at first").await;
            }
            slow.set_all(Fault::Pend(1));
            let is_over = dropped_after(polls, transfer(&bank)).await;
            slow.heal();
            let why = format!("dropped after {polls} polls; {in_process}, {late_commit}");
            let is_open = bank.is_in_transaction();
            for id in [1, 2, 3] {
                let stored = bank.stored(By::Others, id);
                assert_eq!(answer(&time, bank.balance(By::Others, id)).await.0, Ok(stored), "{why}");
            }
            if is_open {
                // The database may yet commit what it has got, or has noticed that nobody is there any more.
                time.advance(Duration::from_millis(29_999));
                if late_commit { bank.commit() } else { bank.roll_back() }
            } else {
                assert_eq!(
                    bank.stored(By::Others, 1) + bank.stored(By::Others, 2),
                    if polls == 0 { 200 } else { 205 }
                );
            }
            for id in [1, 2, 3] {
                let stored = bank.stored(By::Others, id);
                assert_eq!(answer(&time, bank.balance(By::Others, id)).await.0, Ok(stored), "{why}");
            }
            if is_open {
                time.advance(LIFE);
            }
            for id in [1, 2, 3] {
                bank.assert_fresh(id, &why).await;
            }
            if is_over {
                assert!(polls > 6, "the sweep met every step");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_scope_that_panics_leaves_its_barriers() {
    let (bank, time) = bank_in_memory();
    bank.assert_fresh(1, "at first").await;
    let panicked = bank.cache.deferring(async {
        bank.begin();
        bank.pay(1, -30).await?;
        assert!(bank.loads() == 0, "the test says so");
        Ok::<_, String>(())
    });
    AssertUnwindSafe(panicked).catch_unwind().await.expect_err("it panics");
    let before = bank.loads();
    for _ in 0..2 {
        assert_eq!(bank.balance(By::Others, 1).await, Ok(100));
    }
    assert_eq!(bank.loads(), before + 2, "nothing is stored while the barrier stands");
    bank.commit();
    assert_eq!(bank.balance(By::Others, 1).await, Ok(70));
    time.advance(LIFE);
    bank.assert_fresh(1, "after the barrier's life").await;
}

#[tokio::test]
async fn a_thread_is_inside_of_nothing_after_a_scope_has_panicked_on_it() {
    let (bank, _) = bank_in_memory();
    let panicked = bank.cache.bypass(async { panic!("the test says so") });
    AssertUnwindSafe(panicked).catch_unwind().await.expect_err("it panics");
    bank.assert_fresh(1, "after the panic").await;
}

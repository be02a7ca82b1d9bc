//! Bodies that fail, panic or are dropped, and backends that fail: no call hangs, no lease stays, nothing wrong is
//! stored.

use cache_runtime::testing::{Fault, Operation};
use std::pin::pin;
use std::time::Duration;

use cache_runtime::{Backend, Read};

use super::world::{ABSENT, FAILS, Failure, Unshared, World, poll, ready, values, within, world};

/// Whether somebody holds the lease of a key.
async fn is_leased(world: &World, key: &str) -> bool {
    match world.faulty.read(key).await.expect("memory answers") {
        Read::Miss(Some(lease)) => {
            world.faulty.release(key, lease).await.expect("memory answers");
            false
        }
        Read::Leased => true,
        _ => false,
    }
}

#[tokio::test]
async fn a_failure_is_returned_as_it_is_and_caches_nothing() {
    let world = world();
    let _ = world.project(1).await;
    assert_eq!(world.projects(&[1, 2, FAILS, ABSENT]).await, Err(Failure(FAILS)));
    assert_eq!(world.asked(), [[2, FAILS, ABSENT]]);
    for id in [2, FAILS, ABSENT] {
        assert!(!is_leased(&world, &format!("app:project:{id}")).await, "{id}");
    }
    assert_eq!(world.projects(&[2, ABSENT]).await, Ok(values(1_000, &[2])));
    assert_eq!(world.asked(), [[2, ABSENT]]);
}

#[tokio::test]
async fn single_calls_that_wait_get_the_failure() {
    within(async {
        let world = world();
        world.shut();
        let mut batch = pin!(world.projects(&[1, FAILS]));
        assert!(poll(&mut batch).is_pending());
        let mut single = pin!(world.project(1));
        assert!(poll(&mut single).is_pending());
        world.open();
        assert_eq!(batch.await, Err(Failure(FAILS)));
        assert_eq!((single.await, world.singles()), (Err(Failure(FAILS)), 0));
    })
    .await;
}

#[tokio::test]
async fn single_calls_that_wait_load_for_themselves_where_the_failure_cannot_be_shared() {
    within(async {
        let world = world();
        world.shut();
        let mut batch = pin!(world.unshareds(&[1, FAILS]));
        assert!(poll(&mut batch).is_pending());
        let mut single = pin!(world.unshared(1));
        assert!(poll(&mut single).is_pending());
        world.open();
        assert_eq!(batch.await, Err(Unshared(FAILS)));
        assert_eq!((single.await, world.singles()), (Ok(1_001), 1));
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_waits_for_a_single_load_gets_its_failure() {
    within(async {
        let world = world();
        world.shut();
        let mut single = pin!(world.project(FAILS));
        assert!(poll(&mut single).is_pending());
        let mut batch = pin!(world.projects(&[1, FAILS]));
        assert!(poll(&mut batch).is_pending());
        world.open();
        assert_eq!(single.await, Err(Failure(FAILS)));
        assert_eq!((batch.await, world.asked().len()), (Err(Failure(FAILS)), 0));
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_dropped_hands_its_loads_on() {
    within(async {
        let world = world();
        world.shut();
        let mut batch = Box::pin(world.projects(&[1, 2]));
        assert!(poll(&mut batch.as_mut()).is_pending());
        let (mut one, mut many) = (pin!(world.project(1)), pin!(world.projects(&[2, 3])));
        assert!(poll(&mut one).is_pending() && poll(&mut many).is_pending());
        drop(batch);
        assert!(poll(&mut one).is_pending() && poll(&mut many).is_pending());
        world.open();
        assert_eq!((one.await, many.await), (Ok(Some(1_001)), Ok(values(1_000, &[2, 3]))));
        assert_eq!((world.asked(), world.singles()), (vec![vec![1, 2], vec![2, 3]], 1));
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_panics_hands_its_loads_on() {
    within(async {
        let world = world();
        world.panic(true);
        let batch = tokio::spawn({
            let world = world.clone();
            async move { world.projects(&[1, 2]).await }
        });
        assert!(batch.await.expect_err("it panicked").is_panic());
        world.panic(false);
        assert_eq!(world.projects(&[1, 2]).await, Ok(values(1_000, &[1, 2])));
        assert_eq!(world.asked().len(), 2);
        let _ = world.projects(&[1, 2]).await;
        assert_eq!(world.asked().len(), 0, "and what was loaded anew is stored");
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_dropped_anywhere_keeps_nobody_from_caching() {
    for polls in 0..40 {
        let world = world();
        world.faulty.set_all(Fault::Pend(2));
        let mut batch = Box::pin(world.projects(&[1, 2]));
        let over = (0..polls).any(|_| poll(&mut batch.as_mut()).is_ready());
        drop(batch);
        // What is given back in the background needs its turns; a lease whose reader vanished ends by itself.
        super::world::others().await;
        world.faulty.heal();
        world.time.advance(Duration::from_secs(30));
        assert_eq!(within(world.projects(&[1, 2])).await, Ok(values(1_000, &[1, 2])), "after {polls} polls");
        let _ = world.asked();
        let (many, one) = (within(world.projects(&[1, 2])).await, within(world.project(1)).await);
        assert_eq!((many, one), (Ok(values(1_000, &[1, 2])), Ok(Some(1_001))), "after {polls} polls");
        assert_eq!((world.asked().len(), world.singles()), (0, 0), "after {polls} polls");
        ready(world.change(1, 2_000));
        assert_eq!(within(world.projects(&[1])).await, Ok(values(2_000, &[1])), "after {polls} polls");
        if over {
            return;
        }
    }
    panic!("the batch does not end");
}

#[tokio::test]
async fn a_backend_that_fails_or_hangs_costs_the_load_and_not_the_call() {
    for (operation, fault) in [
        (Operation::ReadMany, Fault::Error),
        (Operation::ReadMany, Fault::ErrorAfter),
        (Operation::Fill, Fault::Error),
        (Operation::Fill, Fault::ErrorAfter),
    ] {
        let world = world();
        world.faulty.set(operation, fault);
        assert_eq!(world.projects(&[1, 2]).await, Ok(values(1_000, &[1, 2])), "{operation:?} {fault:?}");
        world.faulty.heal();
        world.time.advance(Duration::from_secs(60));
        assert_eq!(world.projects(&[1, 2]).await, Ok(values(1_000, &[1, 2])), "{operation:?} {fault:?}");
        let _ = world.asked();
        assert_eq!(world.projects(&[1, 2]).await, Ok(values(1_000, &[1, 2])), "{operation:?} {fault:?}");
        assert_eq!(world.asked().len(), 0, "{operation:?} {fault:?}");
    }
}

//! A change splits a flight: who came before it gets the old value, who comes after it has returned does not.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::shop::{Shop, poll, ready, shop};
use super::ways::{WAYS, WHO, Way, Who};

/// Every way, by everyone.
fn changes() -> impl Iterator<Item = (Who, Way)> {
    WHO.into_iter().flat_map(|who| WAYS.into_iter().map(move |way| (who, way)))
}

#[test]
fn a_change_during_a_load_splits_its_flight_and_the_old_value_is_not_stored() {
    for (who, way) in changes() {
        let shop = shop();
        let (mut leader, mut waiter) = (pin!(shop.price(7)), pin!(shop.price(7)));
        assert_eq!((poll(&mut leader), poll(&mut waiter)), (Poll::Pending, Poll::Pending));
        assert_eq!(shop.loads(), 1);
        ready(way.change(who, &shop, 2));

        let mut late = pin!(shop.price(7));
        let found = poll(&mut late);
        if way.stores() {
            assert_eq!(found, Poll::Ready(2), "{way:?} by {who:?} stored the new value");
        } else {
            assert_eq!(found, Poll::Pending, "{way:?} by {who:?}: it loads anew");
        }
        assert_eq!(shop.loads(), if way.stores() { 1 } else { 2 }, "{way:?} by {who:?}");

        // The old load ends before the new one.
        shop.let_end(1);
        assert_eq!(poll(&mut leader), Poll::Ready(1), "{way:?} by {who:?}");
        assert_eq!(poll(&mut waiter), Poll::Ready(1), "{way:?} by {who:?}");
        let mut later = pin!(shop.price(7));
        if way.stores() {
            assert_eq!(poll(&mut later), Poll::Ready(2), "{way:?} by {who:?}");
        } else {
            assert_eq!(poll(&mut later), Poll::Pending, "{way:?} by {who:?}: the old value is not stored");
            shop.open();
            assert_eq!(poll(&mut late), Poll::Ready(2), "{way:?} by {who:?}");
            assert_eq!(poll(&mut later), Poll::Ready(2), "{way:?} by {who:?}");
        }
        let loads = shop.loads();
        shop.open();
        assert_eq!(ready(shop.price(7)), 2, "{way:?} by {who:?}");
        assert_eq!(ready(shop.cache.get(Shop::price_key(7))).expect("memory answers"), Some(2));
        assert_eq!(shop.loads(), loads, "{way:?} by {who:?}: the new value is stored");
    }
}

#[test]
fn an_old_load_that_ends_after_the_new_one_does_not_store_over_it() {
    for (who, way) in changes() {
        let shop = shop();
        let mut old = pin!(shop.price(7));
        assert_eq!(poll(&mut old), Poll::Pending);
        ready(way.change(who, &shop, 2));
        // Both may end; the old one is not polled before the new one has.
        shop.open();
        assert_eq!(ready(shop.price(7)), 2, "{way:?} by {who:?}");
        assert_eq!(poll(&mut old), Poll::Ready(1), "{way:?} by {who:?}");
        assert_eq!(ready(shop.price(7)), 2, "{way:?} by {who:?}");
        assert_eq!(ready(shop.another().price(7)), 2, "{way:?} by {who:?}");
    }
}

#[test]
fn a_change_is_seen_by_the_local_tier_at_once() {
    for (who, way) in changes() {
        let shop = shop();
        shop.open();
        for _ in 0..2 {
            assert_eq!(ready(shop.price(7)), 1);
        }
        assert_eq!(shop.loads(), 1);
        ready(way.change(who, &shop, 2));
        assert_eq!(ready(shop.price(7)), 2, "{way:?} by {who:?}");
        assert_eq!(ready(shop.price(7)), 2, "{way:?} by {who:?}");
        assert_eq!(shop.loads(), if way.stores() { 1 } else { 2 }, "{way:?} by {who:?}");
    }
}

#[test]
fn a_change_of_one_key_is_none_of_another() {
    for (who, way) in changes() {
        let shop = shop();
        let mut other = pin!(shop.price(8));
        assert_eq!(poll(&mut other), Poll::Pending);
        ready(way.change(who, &shop, 2));
        let mut joined = pin!(shop.price(8));
        assert_eq!(poll(&mut joined), Poll::Pending);
        let splits = matches!(way, Way::DeleteMany | Way::Clear | Way::BackendDeletePrefix);
        assert_eq!(shop.loads(), if splits { 2 } else { 1 }, "{way:?} by {who:?}");
    }
}

#[test]
fn a_touch_is_seen_by_the_local_tier_at_once() {
    for who in WHO {
        let shop = shop();
        shop.open();
        assert_eq!(ready(shop.price(7)), 1);
        shop.set_source(2);
        let other = if who == Who::Itself { shop.clone() } else { shop.another() };
        assert!(ready(other.cache.touch(Shop::price_key(7), 5)).expect("memory answers"));
        shop.time.advance(Duration::from_millis(4_999));
        assert_eq!(ready(shop.price(7)), 1, "{who:?}");
        shop.time.advance(Duration::from_millis(1));
        assert_eq!(ready(shop.price(7)), 2, "{who:?}: the time was shortened");
        let touched = shop.backend.touch("app:price:7", Some(Duration::from_secs(900)));
        assert!(ready(touched).expect("memory answers"));
        shop.set_source(3);
        shop.time.advance(Duration::from_millis(899_999));
        assert_eq!(ready(shop.price(7)), 2, "{who:?}: the time was lengthened");
        shop.time.advance(Duration::from_millis(1));
        assert_eq!(ready(shop.price(7)), 3, "{who:?}");
    }
}

#[test]
fn a_touch_during_a_load_finds_nothing_and_leaves_the_load_alone() {
    let shop = shop();
    let mut leader = pin!(shop.price(7));
    assert_eq!(poll(&mut leader), Poll::Pending);
    assert!(!ready(shop.cache.touch(Shop::price_key(7), 5)).expect("memory answers"));
    shop.open();
    assert_eq!(poll(&mut leader), Poll::Ready(1));
    assert_eq!(ready(shop.price(7)), 1);
    assert_eq!(shop.loads(), 1);
}

#[test]
fn who_comes_at_the_end_of_the_time_to_live_loads_anew_and_once() {
    let shop = shop();
    shop.let_end(1);
    assert_eq!(ready(shop.price(7)), 1);
    shop.set_source(2);
    shop.time.advance(Duration::from_secs(300));
    let mut calls: Vec<_> = (0..100).map(|_| Box::pin(shop.price(7))).collect();
    for call in &mut calls {
        assert_eq!(poll(&mut call.as_mut()), Poll::Pending);
    }
    shop.open();
    for call in &mut calls {
        assert_eq!(poll(&mut call.as_mut()), Poll::Ready(2));
    }
    assert_eq!(shop.loads(), 2);
}

#[test]
fn a_value_lives_from_when_it_is_stored() {
    let shop = shop();
    let mut leader = pin!(shop.price(7));
    assert_eq!(poll(&mut leader), Poll::Pending);
    shop.time.advance(Duration::from_secs(9));
    shop.open();
    assert_eq!(poll(&mut leader), Poll::Ready(1));
    shop.set_source(2);
    shop.time.advance(Duration::from_millis(299_999));
    assert_eq!(ready(shop.price(7)), 1);
    shop.time.advance(Duration::from_millis(1));
    assert_eq!(ready(shop.price(7)), 2);
}

#[test]
fn who_comes_while_a_write_is_under_way_loads_without_storing() {
    let shop = shop();
    let mut before = pin!(shop.price(7));
    assert_eq!(poll(&mut before), Poll::Pending);
    // It has written the source and has not returned.
    let mut write = pin!(shop.reprice(7, 2));
    assert_eq!(poll(&mut write), Poll::Pending);
    let mut during = pin!(shop.price(7));
    assert_eq!(poll(&mut during), Poll::Pending);
    assert_eq!(shop.loads(), 2, "it does not join who came before");
    shop.open();
    assert_eq!(poll(&mut before), Poll::Ready(1));
    assert_eq!(poll(&mut during), Poll::Ready(2));
    shop.set_source(3);
    assert_eq!(ready(shop.price(7)), 3, "nothing is stored under a barrier");
    assert_eq!(poll(&mut write), Poll::Ready(2));
    shop.set_source(4);
    assert_eq!(ready(shop.price(7)), 4, "nor is anything left of it");
    shop.set_source(5);
    assert_eq!(ready(shop.price(7)), 4, "the write is over");
}

#[test]
fn a_write_that_was_dropped_keeps_loads_from_being_stored_until_its_time_is_over() {
    let shop = shop();
    shop.let_end(1_000);
    assert_eq!(ready(shop.price(7)), 1);
    {
        let mut write = pin!(shop.reprice(7, 2));
        assert_eq!(poll(&mut write), Poll::Pending);
    }
    for landed in 3..6 {
        assert_eq!(ready(shop.price(7)), landed - 1);
        // What the write set in motion lands when it is long gone.
        shop.set_source(landed);
        shop.time.advance(Duration::from_secs(9));
    }
    assert_eq!(ready(shop.price(7)), 5);
    // `write_timeout`, and the time to the renewal that did not come.
    shop.time.advance(Duration::from_secs(13));
    assert_eq!(ready(shop.price(7)), 5);
    shop.set_source(6);
    assert_eq!(ready(shop.price(7)), 5, "the barrier has ended by itself");
}

#[test]
fn of_two_updates_at_once_neither_is_taken_for_the_latest() {
    let shop = shop();
    shop.let_end(1_000);
    let (mut first, mut second) = (pin!(shop.replace(7, 2)), pin!(shop.replace(7, 3)));
    assert_eq!((poll(&mut first), poll(&mut second)), (Poll::Pending, Poll::Pending));
    shop.open_writes();
    assert_eq!(poll(&mut second), Poll::Ready(3));
    assert_eq!(ready(shop.price(7)), 3);
    assert_eq!(poll(&mut first), Poll::Ready(2));
    assert_eq!(ready(shop.price(7)), 3, "the source says which was the later one");
}

//! Two methods under one key text, and what is not there.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use cache_runtime::cached;

use super::shop::{Shop, poll, ready, shop};

/// Texts under the keys that the shop has prices under.
struct Texts(Shop);

impl Texts {
    #[cached(key = "price:<id>", ttl = 300, cache = self.0.cache)]
    async fn text(&self, id: u64) -> String {
        let _ = id;
        format!("text {}", self.0.load().await)
    }
}

#[test]
fn two_types_under_one_key_text_neither_wait_for_each_other_nor_mix() {
    let shop = shop();
    let texts = Texts(shop.clone());
    let mut price = pin!(shop.price(7));
    assert_eq!(poll(&mut price), Poll::Pending);
    let mut text = pin!(texts.text(7));
    assert_eq!(poll(&mut text), Poll::Pending);
    assert_eq!(shop.loads(), 2, "each loads for itself");
    shop.open();
    assert_eq!(poll(&mut text), Poll::Ready("text 1".to_owned()));
    assert_eq!(poll(&mut price), Poll::Ready(1));
    for _ in 0..3 {
        assert_eq!(ready(shop.price(7)), 1);
        assert_eq!(ready(texts.text(7)), "text 1");
    }
}

#[test]
fn two_types_under_one_key_text_are_both_cut_off_by_an_invalidation() {
    let shop = shop();
    let texts = Texts(shop.clone());
    let (mut price, mut text) = (pin!(shop.price(7)), pin!(texts.text(7)));
    assert!(poll(&mut price).is_pending() && poll(&mut text).is_pending());
    shop.set_source(2);
    ready(shop.cache.delete(Shop::price_key(7))).expect("memory answers");
    let (mut later_price, mut later_text) = (pin!(shop.price(7)), pin!(texts.text(7)));
    assert!(poll(&mut later_price).is_pending() && poll(&mut later_text).is_pending());
    shop.open();
    assert_eq!(poll(&mut price), Poll::Ready(1));
    assert_eq!(poll(&mut text), Poll::Ready("text 1".to_owned()));
    assert_eq!(poll(&mut later_price), Poll::Ready(2));
    assert_eq!(poll(&mut later_text), Poll::Ready("text 2".to_owned()));
    assert_eq!(ready(shop.price(7)), 2);
    assert_eq!(ready(texts.text(7)), "text 2");
}

#[test]
fn a_not_there_is_shared_and_kept_for_its_own_time() {
    let shop = shop();
    let mut calls: Vec<_> = (0..100).map(|_| Box::pin(shop.rare(7))).collect();
    for call in &mut calls {
        assert_eq!(poll(&mut call.as_mut()), Poll::Pending);
    }
    shop.open();
    for call in &mut calls {
        assert_eq!(poll(&mut call.as_mut()), Poll::Ready(None));
    }
    assert_eq!(shop.loads(), 1);
    shop.set_source(2);
    shop.time.advance(Duration::from_millis(4_999));
    assert_eq!(ready(shop.rare(7)), None);
    assert_eq!(shop.loads(), 1);
    shop.time.advance(Duration::from_millis(1));
    assert_eq!(ready(shop.rare(7)), Some(2));
    assert_eq!(shop.loads(), 2);
}

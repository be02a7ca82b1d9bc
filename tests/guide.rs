//! The code of `docs/guide.md`, before and after: what the guide says of both is so.

#[path = "guide/annotated.rs"]
mod annotated;
#[path = "guide/by_hand.rs"]
mod by_hand;
#[path = "guide/direct.rs"]
mod direct;
#[path = "guide/source.rs"]
mod source;

use std::sync::Arc;

use cache_runtime::KvCacheService;
use futures_util::future::join_all;
use source::Db;

fn by_hand() -> (Arc<Db>, by_hand::Projects) {
    let db = Arc::new(Db::default());
    (db.clone(), by_hand::Projects { db, cache: KvCacheService::in_memory() })
}

fn annotated() -> (Arc<Db>, annotated::Projects) {
    let db = Arc::new(Db::default());
    (db.clone(), annotated::Projects { db, cache: KvCacheService::in_memory() })
}

#[tokio::test]
async fn both_load_once_and_load_again_after_a_write() {
    let ((hand_db, hand), (db, annotated)) = (by_hand(), annotated());
    for _ in 0..3 {
        assert_eq!(hand.get_project(7).await.expect("it answers").expect("it is there").name, "Apollo");
        assert_eq!(annotated.get_project(7).await.expect("it answers").expect("it is there").name, "Apollo");
    }
    hand.rename_project(7, "Gemini").await.expect("it answers");
    annotated.rename_project(7, "Gemini").await.expect("it answers");
    assert_eq!(hand.get_project(7).await.expect("it answers").expect("it is there").name, "Gemini");
    assert_eq!(annotated.get_project(7).await.expect("it answers").expect("it is there").name, "Gemini");
    assert_eq!((hand_db.loads(), db.loads()), (2, 2));
}

#[tokio::test]
async fn by_hand_each_caller_loads_and_annotated_one_does() {
    let ((hand_db, hand), (db, annotated)) = (by_hand(), annotated());
    join_all((0..100).map(|_| hand.get_project(7))).await;
    join_all((0..100).map(|_| annotated.get_project(7))).await;
    assert_eq!((hand_db.loads(), db.loads()), (100, 1));
}

#[tokio::test]
async fn by_hand_a_slow_reader_stores_what_a_write_has_replaced_and_annotated_it_does_not() {
    let ((hand_db, hand), (db, annotated)) = (by_hand(), annotated());
    let slow_hand = async {
        let _ = hand.get_project(7).await;
    };
    let write = async {
        let held = hand_db.hold().await;
        tokio::task::yield_now().await;
        hand.rename_project(7, "Gemini").await.expect("it answers");
        drop(held);
    };
    tokio::join!(biased; write, slow_hand);
    assert_eq!(
        hand.get_project(7).await.expect("it answers").expect("it is there").name,
        "Apollo",
        "for five minutes"
    );

    let slow = async {
        let _ = annotated.get_project(7).await;
    };
    let write = async {
        let held = db.hold().await;
        tokio::task::yield_now().await;
        annotated.rename_project(7, "Gemini").await.expect("it answers");
        drop(held);
    };
    tokio::join!(biased; write, slow);
    assert_eq!(annotated.get_project(7).await.expect("it answers").expect("it is there").name, "Gemini");
}

#[tokio::test]
async fn the_calls_by_hand_do_what_the_table_says() {
    direct::calls().await.expect("it answers");
}

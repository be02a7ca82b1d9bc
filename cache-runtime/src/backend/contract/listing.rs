//! Listings: complete, in order, and of one prefix.

use super::subject::Subject;
use super::{holds, same};
use crate::backend::PutOptions;

/// The prefix decides, and nothing else.
pub async fn a_listing_holds_the_keys_of_its_prefix_and_no_others(subject: &Subject) {
    for name in ["app", "app:", "app:a", "app:a:b", "app.x:a", "ap", "b", "App:a"] {
        subject.put(&subject.key(name), "v").await;
    }
    let names = subject.names(&subject.key("app:"), None).await;
    let expected = ["app:", "app:a", "app:a:b"].map(|name| subject.key(name));
    same("a listing holds the keys of its prefix and no others", names, expected);
}

/// What a glob or a query would read as a wildcard stands for itself.
pub async fn a_prefix_is_meant_literally(subject: &Subject) {
    let names = ["a*", "a?", "[a]", "a\\", "a%", "a_", "ab", "a"];
    for name in names {
        subject.put(&subject.key(&format!("{name}:1")), "v").await;
    }
    for name in names {
        let listed = subject.names(&subject.key(&format!("{name}:")), None).await;
        same("a prefix is meant literally", listed, [subject.key(&format!("{name}:1"))]);
    }
}

/// The order of UTF-8, which is not that of UTF-16, of file names or of a language.
pub async fn keys_are_listed_in_the_order_of_their_bytes(subject: &Subject) {
    let names =
        ["", " ", "0", "1", "10", "2", "B", "_", "a", "a:", "aa", "b", "\u{e9}", "\u{fffd}", "\u{10000}"];
    // Put in another order than they are listed in.
    for name in names.iter().rev().step_by(2).chain(names.iter().rev().skip(1).step_by(2)) {
        subject.put(&subject.key(&format!("order:{name}")), "v").await;
    }
    let expected = names.map(|name| subject.key(&format!("order:{name}")));
    let prefix = subject.key("order:");
    same("keys are listed in the order of their bytes", subject.names(&prefix, None).await, &expected[..]);
    same("pages go on in the order of their bytes", subject.names(&prefix, Some(2)).await, &expected[..]);
}

/// A thousand is where engines end a page, and callers must not end.
pub async fn a_listing_goes_on_beyond_a_thousand_keys(subject: &Subject) {
    let keys = subject.put_numbered("many", 2_100).await;
    let names = subject.names(&subject.key("many"), None).await;
    same("a listing goes on beyond a thousand keys", names.len(), keys.len());
    holds("a long listing has each key once and in order", names == keys);
}

/// A page is no longer than asked for, and the pages together are the listing.
pub async fn a_page_holds_no_more_than_its_limit(subject: &Subject) {
    let keys = subject.put_numbered("page", 10).await;
    for limit in [1, 3, 5, 10, 11] {
        let page = subject.page(&subject.key("page"), Some(limit), None).await;
        holds("a page holds no more than its limit", page.keys.len() <= limit);
        let names = subject.names_from(&subject.key("page"), limit, page).await;
        same("the pages together are the listing", &names, &keys);
    }
}

/// The key at which a page ended may go.
pub async fn a_key_deleted_between_pages_hides_no_other(subject: &Subject) {
    let keys = subject.put_numbered("gone", 9).await;
    let prefix = subject.key("gone");
    let page = subject.page(&prefix, Some(3), None).await;
    // Those already listed, the one where the page ended among them, and one that is to come.
    for key in keys[..3].iter().chain([&keys[5]]) {
        subject.delete(key).await;
    }
    let names = subject.names_from(&prefix, 3, page).await;
    for (number, key) in keys.iter().enumerate() {
        if number > 2 && number != 5 {
            let times = names.iter().filter(|name| *name == key).count();
            same("a key that was there throughout is listed once", times, 1);
        }
    }
}

/// Keys that come before and after the end of a page shift nothing.
pub async fn a_key_added_between_pages_hides_no_other(subject: &Subject) {
    let keys = subject.put_numbered("more", 9).await;
    let prefix = subject.key("more");
    let page = subject.page(&prefix, Some(4), None).await;
    for name in ["more", "more0000a", "more0003a", "more0007a", "more9"] {
        subject.put(&subject.key(name), "v").await;
    }
    let names = subject.names_from(&prefix, 4, page).await;
    for key in &keys {
        let times = names.iter().filter(|name| *name == key).count();
        same("a key that was there throughout is listed once", times, 1);
    }
}

/// Nothing to list is a page without keys and without a next one.
pub async fn a_listing_without_keys_is_complete(subject: &Subject) {
    same("a listing without keys is empty", subject.names(&subject.key("none"), None).await.len(), 0);
    subject.put(&subject.key("full1"), "v").await;
    subject.put(&subject.key("full2"), "v").await;
    let names = subject.names(&subject.key("full"), Some(2)).await;
    same("a page that is exactly full loses nothing", names.len(), 2);
}

/// What was removed is in no listing.
pub async fn a_deleted_key_is_not_listed(subject: &Subject) {
    let keys = subject.put_numbered("some", 3).await;
    subject.delete(&keys[1]).await;
    let names = subject.names(&subject.key("some"), None).await;
    same("a deleted key is not listed", names, [keys[0].clone(), keys[2].clone()]);
}

/// An engine may tell the time left and the metadata of a key or not; what it tells is true.
pub async fn what_a_listing_tells_of_a_key_is_true(subject: &Subject) {
    let Some(ttl) = subject.short_ttl() else { return };
    subject
        .put_with(&subject.key("1"), "v", PutOptions { ttl: Some(ttl), metadata: subject.metadata("1") })
        .await;
    subject.put(&subject.key("2"), "v").await;
    let page = subject.page(&subject.key_prefix, None, None).await;
    same("a short listing is one page", page.keys.len(), 2);
    let (first, second) = (&page.keys[0], &page.keys[1]);
    holds("the time left in a listing is true", first.expires_in.is_none_or(|left| left <= ttl));
    holds("metadata in a listing is true", first.metadata.as_deref().is_none_or(|metadata| metadata == "1"));
    same("a listing invents no end", second.expires_in, None);
    same("a listing invents no metadata", &second.metadata, &None);
}

//! A service in JavaScript on the same namespace, `miniflare/kv-cache-service.mjs`: it reads what we store, and we read
//! what it stores, by annotated methods and by hand.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{KvCacheService, RawPart, Ttl, cached, invalidates};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{self, Namespace};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    age: u8,
}

impl User {
    fn named(name: String) -> Self {
        Self { name, age: 36 }
    }
}

/// Users under each kind of id that services have.
struct Users {
    cache: KvCacheService,
    loads: AtomicUsize,
}

impl Users {
    fn on(namespace: &Namespace) -> Self {
        let cache = KvCacheService::builder(Arc::new(namespace.backend())).timeout(Duration::from_secs(20));
        Self { cache: cache.build().expect("the prefix is good"), loads: AtomicUsize::new(0) }
    }

    fn load(&self, id: &impl ToString) -> Option<User> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        Some(User::named(id.to_string())).filter(|user| user.name != "nobody")
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }

    #[cached(key = "user:<id>", ttl = 300)]
    async fn by_number(&self, id: u64) -> Option<User> {
        self.load(&id)
    }

    #[cached(key = "account:<id>", ttl = 300)]
    async fn by_uuid(&self, id: Uuid) -> Option<User> {
        self.load(&id)
    }

    #[cached(key = "email:<email>", ttl = 300, none_ttl = 300)]
    async fn by_email(&self, email: &str) -> Option<User> {
        self.load(&email)
    }

    /// Its colons are part of the key, as the other service has them.
    #[cached(key = "address:<address>", ttl = 300)]
    async fn by_address(&self, address: RawPart<String>) -> Option<User> {
        self.load(&address.0)
    }

    #[invalidates("user:<id>")]
    async fn change(&self, id: u64) {
        let _ = id;
    }

    /// Each of them, by the key that the other service has for it.
    async fn all(&self) -> [(String, Option<User>); 5] {
        let (number, uuid) =
            (18_446_744_073_709_551_615, Uuid::from_u128(0x018f_4e1c_7b5a_7000_8000_0080_5f9b_34fb));
        let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0x8a2e, 0x370, 0x7334).to_string();
        [
            ("user:7".into(), self.by_number(7).await),
            (format!("user:{number}"), self.by_number(number).await),
            (format!("account:{uuid}"), self.by_uuid(uuid).await),
            ("email:ada.l+1@example.org".into(), self.by_email("ada.l+1@example.org").await),
            (format!("address:{address}"), self.by_address(RawPart(address)).await),
        ]
    }
}

#[tokio::test]
async fn a_service_in_javascript_reads_what_annotated_methods_store_under_every_kind_of_id() {
    let Some(namespace) = server::namespace() else { return };
    let users = Users::on(&namespace);
    let mut keys = Vec::new();
    for (key, user) in users.all().await {
        let found = namespace.service(json!([["get", key], ["exists", key]])).await;
        assert_eq!(found, [json!(user), json!(true)], "{key}");
        keys.push(key);
    }
    assert_eq!(
        keys[2..],
        [
            "account:018f4e1c-7b5a-7000-8000-00805f9b34fb",
            "email:ada.l+1@example.org",
            "address:2001:db8::8a2e:370:7334"
        ]
    );
    keys.sort();
    assert_eq!(namespace.service(json!([["keys"]])).await, [json!(keys)]);
    // What it deletes is loaded anew, what we delete it does not find.
    namespace.service(json!([["deleteMany", keys]])).await;
    users.all().await;
    assert_eq!(users.loads(), 10);
    users.change(7).await;
    assert_eq!(namespace.service(json!([["get", "user:7"]])).await, [Value::Null]);
}

#[tokio::test]
async fn annotated_methods_serve_what_a_service_in_javascript_stored_under_every_kind_of_id() {
    let Some(namespace) = server::namespace() else { return };
    let users = Users::on(&namespace);
    let keys = users.all().await.map(|(key, _)| key);
    let theirs: Vec<_> = keys
        .iter()
        .map(|key| json!(["set", key, { "name": key, "age": 41, "more": [1, null] }, 3600]))
        .collect();
    namespace.service(json!(theirs)).await;
    for (key, user) in users.all().await {
        assert_eq!(user, Some(User { name: key.clone(), age: 41 }));
        let left = users.cache.ttl(key.as_str()).await.expect("it is read").expect("it is there");
        let left = left.as_duration().expect("it has an end");
        assert!(left > Duration::from_mins(58) && left <= Duration::from_hours(1), "{left:?}");
    }
    assert_eq!(users.loads(), 5);
}

#[tokio::test]
async fn an_id_with_colons_is_the_same_key_for_both_only_as_a_raw_part() {
    let Some(namespace) = server::namespace() else { return };
    let users = Users::on(&namespace);
    users.by_address(RawPart("::1".into())).await;
    users.by_email("::1").await;
    // A part that is not raw leaves its place in the key to nobody.
    assert_eq!(namespace.service(json!([["keys"]])).await, [json!(["address:::1", "email:%3A%3A1"])]);
}

#[tokio::test]
async fn that_somebody_is_not_there_is_null_to_a_service_in_javascript() {
    let Some(namespace) = server::namespace() else { return };
    let users = Users::on(&namespace);
    for _ in 0..2 {
        assert_eq!(users.by_email("nobody").await, None);
    }
    assert_eq!(users.loads(), 1);
    assert_eq!(namespace.service(json!([["get", "email:nobody"]])).await, [Value::Null]);
    // Its own `null` says nothing to us: the method is asked.
    namespace.service(json!([["set", "email:nobody", null]])).await;
    assert_eq!(users.by_email("nobody").await, None);
    assert_eq!(users.loads(), 2);
}

#[tokio::test]
async fn both_count_on_and_clear_no_more_than_their_prefix() {
    let Some(namespace) = server::namespace() else { return };
    let cache = Users::on(&namespace).cache;
    assert_eq!(cache.increment("visits", 5).await.expect("it counts"), 5);
    let counted = namespace.service(json!([["increment", "visits", 3], ["decrement", "visits"]])).await;
    assert_eq!(counted, [8, 7]);
    assert_eq!(cache.increment("visits", 1).await.expect("it counts"), 8);
    let _ = cache.set("list", &vec![1, 2], Ttl::NEVER).await.expect("it is stored");
    namespace.binding(json!([["put", "apple:1", "1"], ["put", "app", "1"]])).await;
    assert_eq!(cache.keys("*").await.expect("they are listed"), ["list", "visits"]);
    namespace.service(json!([["delete", "list"]])).await;
    assert!(!cache.exists("list").await.expect("it is read"));
    namespace.service(json!([["set", "theirs", "x"]])).await;
    assert_eq!(cache.clear().await.expect("it is cleared"), 2);
    let left = namespace.binding(json!([["get", "app:theirs"], ["get", "apple:1"], ["get", "app"]])).await;
    assert_eq!(left, [Value::Null, json!("1"), json!("1")]);
    let _ = cache.set("ours", &1, Ttl::NEVER).await.expect("it is stored");
    namespace.service(json!([["clear"]])).await;
    assert!(!cache.exists("ours").await.expect("it is read"));
    assert_eq!(namespace.binding(json!([["get", "apple:1"]])).await, ["1"]);
}

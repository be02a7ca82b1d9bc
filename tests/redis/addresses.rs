//! Addresses: what connects, and that no password is ever shown.

use std::fmt::Write;
use std::process::Command;

use cache_runtime::contract::{Subject, Time, barriers, bulk, counters, leases, listing, ttl, values};
use cache_runtime::{Backend, CacheError, KvCacheService, PutOptions, RedisBackend, Ttl};

use crate::server::{Kind, Server, shared};

const SECRET: &str = "s3cr3t-p4ssw0rd";

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, " {error} {error:?}");
        source = error.source();
    }
    text
}

async fn serves(url: &str) {
    let backend = RedisBackend::builder(url).connect().await.expect("the server answers");
    backend.health().await.expect("the server is well");
    assert!(!format!("{backend:?}").contains(SECRET));
}

#[tokio::test]
async fn a_service_connects_by_address_and_two_share_what_they_store() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some((server, database)) = crate::server::database(kind) else { continue };
        let url = server.url(database);
        let one = KvCacheService::connect(&url).await.expect("the server answers");
        let other = KvCacheService::connect(&url.replace("redis://", "valkey://")).await.expect("it answers");
        one.set("k", &"v", Ttl::NEVER).await.expect("it is stored");
        assert_eq!(other.get::<String>("k").await.expect("it is read").as_deref(), Some("v"));
        // A number counts on the server, and elsewhere.
        one.set("n", &5, Ttl::NEVER).await.expect("it is stored");
        assert_eq!(other.increment("n", 1).await.expect("it counts"), 6);
        let mut client = server.client(database).await;
        let digits: String =
            redis::cmd("GET").arg("app:n").query_async(&mut client).await.expect("it is there");
        assert_eq!(digits, "6");
    }
}

#[tokio::test]
async fn a_database_is_one_of_many() {
    let Some((server, first)) = crate::server::database(Kind::Redis) else { return };
    let (_, second) = crate::server::database(Kind::Redis).expect("the server is there");
    let one = KvCacheService::connect(&server.url(first)).await.expect("the server answers");
    let other = KvCacheService::connect(&server.url(second)).await.expect("the server answers");
    one.set("k", &1, Ttl::NEVER).await.expect("it is stored");
    assert_eq!(other.get::<u8>("k").await.expect("it is read"), None);
}

#[tokio::test]
async fn a_socket_of_this_machine_is_an_address() {
    let Some(server) = shared(Kind::Redis) else { return };
    let path = server.path("socket");
    for scheme in ["unix", "redis+unix"] {
        serves(&format!("{scheme}://{}", path.display())).await;
    }
}

#[tokio::test]
async fn a_user_with_the_documented_rights_may_do_all_that_is_needed() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let documented = include_str!("../../cache-runtime/src/backend/redis/mod.rs");
    let rule = documented.split_once("ACL SETUSER cache on >password ~app:* ").expect("the line is there").1;
    let rule = rule.split_once("```").expect("it ends").0.replace("///", " ");
    let mut client = server.client(0).await;
    let mut acl = redis::cmd("ACL");
    acl.arg("SETUSER").arg("cache").arg("on").arg(format!(">{SECRET}")).arg("~*");
    for word in rule.split_whitespace() {
        acl.arg(word);
    }
    acl.exec_async(&mut client).await.expect("the line is a rule");
    let url = format!("redis://cache:{SECRET}@127.0.0.1:{}/0", server.port);
    let backend = RedisBackend::builder(&url).connect().await.expect("the user may connect");
    let subject = Subject::new(backend, Time::Real);
    values::compare_and_set_creates_only_what_is_missing(&subject).await;
    values::the_engine_says_that_it_serves(&subject).await;
    bulk::delete_prefix_leaves_every_other_key(&subject).await;
    counters::a_counter_keeps_its_metadata(&subject).await;
    counters::a_counter_goes_up_and_down(&subject).await;
    listing::a_page_holds_no_more_than_its_limit(&subject).await;
    leases::a_lease_given_back_can_be_taken_again(&subject).await;
    leases::lease_over_takes_the_place_of_the_value_that_was_seen(&subject).await;
    barriers::the_update_of_a_contended_writer_is_not_stored(&subject).await;
    barriers::an_update_after_another_change_is_not_stored(&subject).await;
    ttl::touch_keeps_value_and_metadata(&subject).await;
    ttl::touch_without_ttl_takes_the_end_away(&subject).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_in_words_that_do_not_show_it() {
    let Some(server) = Server::start(Kind::Redis, &["--requirepass", "right"]) else { return };
    serves(&format!("redis://:right@127.0.0.1:{}", server.port)).await;
    let url = format!("redis://:{SECRET}@127.0.0.1:{}", server.port);
    let builder = RedisBackend::builder(&url);
    assert!(!format!("{builder:?}").contains(SECRET));
    let error = builder.connect().await.expect_err("the password is wrong");
    let text = chain(&error);
    assert!(text.contains("check the user name and the password"), "{text}");
    assert!(!text.contains(SECRET), "{text}");
    let error = KvCacheService::connect(&format!("redis://127.0.0.1:{}", server.port)).await;
    assert!(chain(&error.expect_err("a password is needed")).contains("password"));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_in_words_that_do_not_show_it() {
    for url in [
        format!("redis://:{SECRET}@"),
        format!("redis://user:{SECRET}@host:port"),
        format!("redis://user:{SECRET}@host/not-a-number"),
        format!("rediss://user:{SECRET}@host/0#{SECRET}"),
        format!("unix:{SECRET}@"),
        format!("redis://:{SECRET}@127.0.0.1:1"),
    ] {
        let error = KvCacheService::connect(&url).await.expect_err("nobody is there");
        let text = chain(&error);
        assert!(!text.contains(SECRET), "{text}");
        assert!(matches!(error, CacheError::Configuration(_) | CacheError::Backend { .. }), "{text}");
    }
}

#[tokio::test]
async fn tls_needs_a_certificate_that_is_trusted() {
    if Kind::Redis.program().is_none() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (key, certificate, ca_key, ca, request, extensions) =
        (path("key"), path("cert"), path("ca-key"), path("ca"), path("request"), path("extensions"));
    std::fs::write(&extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\n").expect("it is written");
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).output();
        done.is_ok_and(|output| output.status.success())
    };
    let made = openssl(&format!(
        "req -x509 -newkey rsa:2048 -nodes -keyout {ca_key} -out {ca} -days 2 -subj /CN=test-ca"
    )) && openssl(&format!(
        "req -newkey rsa:2048 -nodes -keyout {key} -out {request} -subj /CN=localhost"
    )) && openssl(&format!(
        "x509 -req -in {request} -CA {ca} -CAkey {ca_key} -CAcreateserial -out {certificate} -days 2 \
             -extfile {extensions}"
    ));
    if !made {
        println!("skipped: openssl cannot make a certificate");
        return;
    }
    let port = crate::server::free_port().to_string();
    let arguments = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key]
        .into_iter()
        .chain(["--tls-ca-cert-file", &ca, "--tls-auth-clients", "no"]);
    let Some(server) = Server::start(Kind::Redis, &arguments.collect::<Vec<_>>()) else { return };
    let pem = std::fs::read(&ca).expect("it was made");
    for host in ["127.0.0.1", "localhost"] {
        let backend =
            RedisBackend::builder(&format!("rediss://{host}:{port}")).root_certificates(pem.clone());
        let backend = backend.connect().await.expect("the certificate is trusted");
        backend.health().await.expect("it is well");
        // Unlike others, this connection gives lists as they are.
        backend.put("a", "1".into(), PutOptions::default()).await.expect("it is stored");
        let found = backend.get_many(&["a", "none", "a"]).await.expect("the server answers");
        let found: Vec<_> = found.into_iter().map(|entry| entry.map(|entry| entry.value)).collect();
        assert_eq!(found, [Some("1".into()), None, Some("1".into())]);
    }
    let error = RedisBackend::builder(&format!("rediss://127.0.0.1:{port}")).connect().await;
    println!("without the certificate: {}", chain(&error.expect_err("nobody trusts the certificate")));
    let plain = RedisBackend::builder(&format!("rediss://127.0.0.1:{}", server.port)).root_certificates(pem);
    plain.connect().await.expect_err("that port does not speak TLS");
}

//! `CloudflareContext`: from wrangler's configuration and the environment to a namespace, or to memory.

use std::path::Path;
use std::process::Command;

use cache_runtime::{CacheError, CloudflareContext, CloudflareContextBuilder, KvCacheService, Ttl};
use tempfile::TempDir;

use crate::log::Log;
use crate::server::{self, ACCOUNT, TOKEN};

const SECRET: &str = "s3cr3t-t0k3n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("it is written");
    }
    folder
}

fn context(folder: &Path, variables: &'static [(&'static str, &'static str)]) -> CloudflareContextBuilder {
    let look =
        |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    CloudflareContext::builder().directory(folder).variables(look)
}

fn toml(id: &str) -> String {
    format!("[[kv_namespaces]]\nbinding = \"CACHE\"\nid = \"{id}\"\npreview_id = \"preview\"\n")
}

#[tokio::test]
async fn without_any_configuration_memory_stands_in_and_one_line_says_so() {
    let (log, _guard) = Log::begin();
    let empty = folder(&[]);
    let kv = context(empty.path(), &[]).kv().expect("nothing is no mistake");
    let _ = kv.put("k", "v").execute().await.expect("it is stored");
    // The same one, as long as the process lives, for the same binding.
    let again = context(empty.path(), &[]).kv().expect("nothing is no mistake");
    assert_eq!(again.get("k").text().await.expect("it is read").as_deref(), Some("v"));
    let other = context(empty.path(), &[]).binding("OTHER").kv().expect("nothing is no mistake");
    assert_eq!(other.get("k").text().await.expect("it is read"), None);
    // A configuration that binds nothing is none, and so is a variable that says nothing.
    let unbound = folder(&[("wrangler.toml", "name = \"worker\"\n")]);
    context(unbound.path(), &[("CLOUDFLARE_API_TOKEN", " ")]).kv().expect("nothing is no mistake");
    let line = "[CloudflareContext] KV not available, using in-memory local facade";
    let lines = log.take();
    assert_eq!(lines.iter().filter(|said| said.contains(line)).count(), 1, "{lines:?}");
    assert!(lines.contains(&format!("INFO message={line}")), "{lines:?}");
}

#[test]
fn half_a_configuration_is_refused_with_the_fix() {
    let bound = toml("cache");
    let bound = folder(&[("wrangler.toml", &bound)]);
    let (empty, broken) = (folder(&[]), folder(&[("wrangler.jsonc", "{\n  s3cr3t-t0k3n\n}")]));
    let token: &[_] = &[("CLOUDFLARE_API_TOKEN", SECRET)];
    let both: &[_] = &[("CLOUDFLARE_API_TOKEN", SECRET), ("CLOUDFLARE_ACCOUNT_ID", "account")];
    let nowhere: &[_] = &[("CLOUDFLARE_ENV", "live")];
    for (folder, variables, part) in [
        (&bound, &[][..], "`CLOUDFLARE_API_TOKEN` is not set: set it to a token with"),
        (&bound, &[("CLOUDFLARE_ACCOUNT_ID", "account")], "`CLOUDFLARE_API_TOKEN` is not set"),
        (&bound, token, "set `CLOUDFLARE_ACCOUNT_ID`, or `account_id`"),
        (&empty, token, "`CLOUDFLARE_API_TOKEN` is set, but no KV namespace is bound: add one"),
        (
            &empty,
            &[("CLOUDFLARE_ACCOUNT_ID", "account")],
            "`CLOUDFLARE_ACCOUNT_ID` is set, but no KV namespace",
        ),
        (&empty, both, "no KV namespace is bound"),
        (&bound, nowhere, "no environment `live`; it has none"),
        (&broken, both, "`wrangler.jsonc` is not a configuration of wrangler: see its line "),
    ] {
        let error = context(folder.path(), variables).kv().expect_err("something is missing");
        assert!(matches!(error, CacheError::Configuration(_)));
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    }
    assert!(!format!("{:?}", context(bound.path(), both)).contains(SECRET));
}

#[tokio::test]
async fn a_whole_configuration_leads_to_the_namespace() {
    let Some(namespace) = server::namespace() else { return };
    let (id, base) = (namespace.id.clone(), namespace.base_url());
    let files = folder(&[(
        "wrangler.toml",
        &format!(
            "account_id = \"{ACCOUNT}\"\n{}[env.staging]\n{}",
            toml("nowhere"),
            toml(&id).replace("kv_n", "env.staging.kv_n")
        ),
    )]);
    // Found from below, too.
    let below = files.path().join("a/b");
    std::fs::create_dir_all(&below).expect("it is made");
    let variables = move |name: &str| match name {
        "CLOUDFLARE_API_TOKEN" => Some(TOKEN.to_owned()),
        "CLOUDFLARE_API_BASE_URL" => Some(base.clone()),
        "CLOUDFLARE_ENV" => Some("staging".to_owned()),
        _ => None,
    };
    let kv = CloudflareContext::builder().directory(below).variables(variables.clone()).kv();
    let kv = kv.expect("the configuration is whole");
    let _ = kv.put("k", "v").execute().await.expect("it is stored");
    let found = namespace.binding(serde_json::json!([["get", "k"]])).await;
    assert_eq!(found, ["v"]);
    let preview = CloudflareContext::builder().directory(files.path()).variables(variables).preview().kv();
    let error = preview.expect("the configuration is whole").get("k").text().await;
    error.expect_err("there is no namespace of that id");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_in_words_that_do_not_show_it() {
    for address in [
        "cloudflare://s3cr3t",
        "cloudflare://s3cr3t@account/namespace",
        "cloudflare://a/",
        "cloudflare:///s3cr3t",
    ] {
        let error = KvCacheService::connect(address).await.expect_err("that is none");
        assert!(error.to_string().contains("`cloudflare://ACCOUNT/NAMESPACE`"), "{error}");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}

/// Runs in a process of its own, whose environment is set.
#[tokio::test]
#[ignore = "the test below runs it"]
async fn inner_connection() {
    let Ok(address) = std::env::var("INNER_ADDRESS") else { return };
    let cache = KvCacheService::connect(&address).await.expect("the environment is right");
    let _ = cache.set("connected", &true, Ttl::NEVER).await.expect("it is stored");
}

#[tokio::test]
async fn a_service_connects_by_address_and_the_environments_token() {
    let Some(namespace) = server::namespace() else { return };
    let config = format!("account_id = \"{ACCOUNT}\"\n{}", toml(&namespace.id));
    let folder = folder(&[("wrangler.toml", &config)]);
    for address in [format!("cloudflare://{ACCOUNT}/{}", namespace.id), "cloudflare:".into()] {
        let mut command = Command::new(std::env::current_exe().expect("this test is a program"));
        command.args(["--ignored", "--exact", "context::inner_connection"]).current_dir(folder.path());
        command.env("INNER_ADDRESS", address).env("CLOUDFLARE_API_TOKEN", TOKEN);
        command.env("CLOUDFLARE_API_BASE_URL", namespace.base_url()).env_remove("CLOUDFLARE_ENV");
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let calls = serde_json::json!([["get", "app:connected"], ["delete", "app:connected"]]);
        assert_eq!(namespace.binding(calls).await[0], "true");
    }
}

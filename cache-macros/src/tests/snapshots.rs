//! What each attribute expands to, in its main shapes. `UPDATE_EXPECT=1 cargo test -p cache-macros` refreshes them.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;

use super::{pretty, tokens};
use crate::{caching, declare, derive, method};

type Attribute = fn(TokenStream, &TokenStream) -> TokenStream;

/// Compares the expansion of a method.
fn of_method(attribute: Attribute, args: &str, item: &str, expected: &ExpectFile) {
    expected.assert_eq(&pretty(&attribute(tokens(args), &tokens(item)), true));
}

/// Compares the expansion of anything but a method.
fn of_item(attribute: Attribute, args: &str, item: &str, expected: &ExpectFile) {
    expected.assert_eq(&pretty(&attribute(tokens(args), &tokens(item)), false));
}

#[test]
fn cached_on_a_method_with_an_integer() {
    of_method(
        method::cached,
        r#"key = "project:<id>", ttl = 300"#,
        "/// One project.
        pub async fn get_project(&self, id: u64) -> Project { self.db.project(id).await }",
        &expect_file!["snapshots/cached_integer.rs"],
    );
}

#[test]
fn cached_on_a_method_with_a_text_and_an_option_in_a_result() {
    of_method(
        method::cached,
        r#"key = "project:<self.tenant>:<slug>", ttl = "5m", none_ttl = 5, version = 2"#,
        "async fn by_slug(&self, slug: &str) -> Result<Option<Project>, DbError> {
            if slug.is_empty() { return Ok(None); }
            self.db.by_slug(slug).await
        }",
        &expect_file!["snapshots/cached_text_option_result.rs"],
    );
}

#[test]
fn cached_on_a_generic_method_that_takes_self_by_value() {
    of_method(
        method::cached,
        r#"key = "page:<query.owner>:<number>", ttl = Duration::from_secs(3), cache = self.pages, skip(limit), cache_if = |page| !page.is_empty(), key_fn = page_cache_key"#,
        "pub(crate) async fn page<Q: Query>(self, query: Q, number: u32, limit: usize) -> Vec<Row> where Q: Send {
            self.rows(query, number, limit).await
        }",
        &expect_file!["snapshots/cached_generic_by_value.rs"],
    );
}

#[test]
fn cached_on_a_free_function() {
    of_item(
        method::cached,
        r#"key = "rate:<from>/<to>", ttl = 60, cache = cache"#,
        "async fn rate(cache: &KvCacheService, from: Currency, to: Currency) -> Result<u64, Error> { ask(from, to).await }",
        &expect_file!["snapshots/cached_free_function.rs"],
    );
}

#[test]
fn cached_with_a_declared_key() {
    of_method(
        method::cached,
        "project_key(id), none_ttl = 5",
        "pub async fn get_project(&self, id: u64) -> Option<Project> { self.db.project(id).await }",
        &expect_file!["snapshots/cached_declared_key.rs"],
    );
}

#[test]
fn cached_with_each_of_many_ids() {
    of_method(
        method::cached,
        r#"key = "org:<org_id>:project:<id>", each(id in ids)"#,
        "pub async fn get_projects(&self, org_id: u64, ids: &[u64]) -> Result<HashMap<u64, Project>, DbError> { self.db.projects(org_id, ids).await }",
        &expect_file!["snapshots/cached_each.rs"],
    );
}

#[test]
fn cached_with_an_alias_whose_value_is_named() {
    of_method(
        method::cached,
        r#"key = "project:<id>", ttl = 300, value = Project"#,
        "async fn get_project(&self, id: u64) -> ApiResult<Project> { self.db.project(id).await }",
        &expect_file!["snapshots/cached_alias.rs"],
    );
}

#[test]
fn cached_on_a_method_that_async_trait_has_rewritten() {
    of_method(
        method::cached,
        "project_key(id)",
        "fn get_project<'life0, 'async_trait>(&'life0 self, id: u64)
            -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Result<Project, DbError>> + ::core::marker::Send + 'async_trait>>
        where 'life0: 'async_trait, Self: 'async_trait {
            Box::pin(async move {
                let __self = self;
                let id = id;
                let __ret: Result<Project, DbError> = { __self.db.project(id).await };
                __ret
            })
        }",
        &expect_file!["snapshots/cached_async_trait.rs"],
    );
}

#[test]
fn a_declared_key() {
    of_item(
        |args, item| declare::cache_key(args, item.clone()),
        r#""org:<org>:file:<path>", ttl = "1h", none_ttl = 1, version = 3"#,
        "/// A file of an organisation.
        pub fn file_key(org: OrgId, path: &str) -> File;",
        &expect_file!["snapshots/cache_key.rs"],
    );
}

#[test]
fn a_declared_tag() {
    of_item(
        |args, item| declare::cache_tag(args, item.clone()),
        r#""org:<org_id>""#,
        "/// All of an organisation.
        pub fn org_tag(org_id: u64);",
        &expect_file!["snapshots/cache_tag.rs"],
    );
}

#[test]
fn cached_with_tags() {
    of_method(
        method::cached,
        r#"key = "project:<org_id>:<id>", ttl = 300, tags = ["org:<org_id>", user_tag(id)]"#,
        "pub async fn get(&self, org_id: u64, id: u64) -> Project { self.db.project(org_id, id).await }",
        &expect_file!["snapshots/cached_tags.rs"],
    );
}

#[test]
fn invalidates_tags_of_arguments_and_of_the_result() {
    of_method(
        method::invalidates,
        r#""project:<id>", tags = ["org:<ret.org_id>", user_tag(id)]"#,
        "async fn update(&self, id: u64) -> Result<Project, DbError> { self.db.update(id).await }",
        &expect_file!["snapshots/invalidates_tags.rs"],
    );
}

#[test]
fn invalidates_with_keys_of_arguments_and_of_the_result() {
    of_method(
        method::invalidates,
        r#""project:<id>", "projects:<ret.org_id>", all_key()"#,
        "pub async fn update(&self, id: u64, change: Change) -> Result<Project, DbError> { self.db.update(id, change).await }",
        &expect_file!["snapshots/invalidates_argument_and_result.rs"],
    );
}

#[test]
fn invalidates_that_keeps_an_argument_which_the_body_moves() {
    of_method(
        method::invalidates,
        r#""slug:<slug>:<ret.id>""#,
        "async fn rename(&self, slug: String) -> Project { self.db.rename(slug).await }",
        &expect_file!["snapshots/invalidates_kept_argument.rs"],
    );
}

#[test]
fn invalidates_always_and_strictly() {
    of_method(
        method::invalidates,
        r#""project:<id>", when = "always", strict, sync, write_timeout = "2m""#,
        "async fn remove(&self, id: u64) -> Result<(), Error> { self.db.remove(id).await }",
        &expect_file!["snapshots/invalidates_always_strict.rs"],
    );
}

#[test]
fn updates_of_what_a_cached_method_reads() {
    of_method(
        method::updates,
        r#""project:<id>""#,
        "pub async fn replace(&self, id: u64, new: Project) -> Result<Project, DbError> { self.db.replace(id, new).await }",
        &expect_file!["snapshots/updates.rs"],
    );
}

#[test]
fn caching_on_a_trait_impl() {
    of_item(
        caching::caching,
        "ttl = 60, cache = self.store",
        r#"impl Projects for Service {
            #[cached(key = "project:<id>")]
            async fn project(&self, id: u64) -> Option<Project> { self.db.project(id).await }

            #[invalidates("project:<id>")]
            async fn remove(&self, id: u64) { self.db.remove(id).await }

            fn name(&self) -> &str { "projects" }
        }"#,
        &expect_file!["snapshots/caching_trait.rs"],
    );
}

#[test]
fn a_derived_key_part() {
    let derive = |input: &str| pretty(&derive::key_part(tokens(input)), false);
    expect_file!["snapshots/key_part_newtype.rs"].assert_eq(&derive("pub struct ProjectId(u64);"));
    expect_file!["snapshots/key_part_enum.rs"].assert_eq(&derive("enum Kind { Small, Large }"));
}

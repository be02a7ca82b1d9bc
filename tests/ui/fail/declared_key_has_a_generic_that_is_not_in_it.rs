use cache_runtime::{cache_key, cache_tag};

#[cache_key("page:<id>", ttl = 300)]
fn page_key<const SIZE: usize>(id: u64) -> String;

#[cache_tag("org:<org>")]
fn org_tag<Kind>(org: u64);

fn main() {}

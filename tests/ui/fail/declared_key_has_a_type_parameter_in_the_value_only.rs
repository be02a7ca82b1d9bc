use cache_runtime::{Value, cache_key};

#[cache_key("entity:<id>", ttl = 300)]
fn entity_key<E: Value>(id: u64) -> E;

fn main() {}

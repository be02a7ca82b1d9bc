//! Every cache key of the program, with who caches it and who makes it stale: here of the example `projects`.
//!
//! Run it with `cargo run --example key_map`.

#![expect(dead_code, unreachable_pub, reason = "the service is only listed here")]

#[path = "projects/db.rs"]
mod db;
#[path = "projects/model.rs"]
mod model;
#[path = "projects/queries.rs"]
mod queries;
#[path = "projects/seed.rs"]
mod seed;
#[path = "projects/service.rs"]
mod service;
#[path = "projects/words.rs"]
mod words;

fn main() {
    print!("{}", cache_runtime::key_map());
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_keys_of_the_example_are_sound_and_all_listed() {
        cache_runtime::testing::assert_key_map_sound();
        let map = cache_runtime::key_map();
        let templates: Vec<&str> = map.entries().iter().map(|entry| entry.template).collect();
        assert_eq!(templates, ["org:<org_id>:projects", "project:<id>", "slug:<slug>"]);
    }
}

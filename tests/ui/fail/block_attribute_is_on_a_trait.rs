use cache_runtime::{cached, caching};

#[caching(ttl = 300)]
trait Projects {
    #[cached(key = "project:<id>")]
    async fn get(&self, id: u64) -> u64;
}

fn main() {}

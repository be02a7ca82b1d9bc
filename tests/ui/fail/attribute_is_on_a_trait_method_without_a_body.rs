use cache_runtime::cached;

trait Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64;
}

fn main() {}

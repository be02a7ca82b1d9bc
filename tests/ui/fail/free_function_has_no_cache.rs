use cache_runtime::cached;

#[cached(key = "project:<id>", ttl = 300)]
async fn project(id: u64) -> u64 {
    id
}

fn main() {}

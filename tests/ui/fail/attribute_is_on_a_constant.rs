use cache_runtime::cached;

#[cached(key = "project", ttl = 300)]
const LIMIT: u64 = 7;

fn main() {
    let _ = LIMIT;
}

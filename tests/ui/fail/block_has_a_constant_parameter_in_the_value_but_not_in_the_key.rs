use cache_runtime::{KvCacheService, cached, caching};

struct Rows<const N: usize> {
    cache: KvCacheService,
}

#[caching(ttl = 300)]
impl<const N: usize> Rows<N>
where
    [u64; N]: cache_runtime::Value,
{
    #[cached(key = "row:<id>")]
    async fn row(&self, id: u64) -> [u64; N] {
        [id; N]
    }
}

fn main() {}

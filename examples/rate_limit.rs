//! Five logins a quarter of an hour, and ten requests a second without bursts.
//!
//! Run it with `cargo run --example rate_limit`.

use std::time::Duration;

use cache_runtime::{KvCacheService, Quota, RateLimiter};

#[tokio::main]
async fn main() -> cache_runtime::Result<()> {
    let cache = KvCacheService::in_memory();
    let logins = RateLimiter::new(&cache, "login", Quota::window(5, Duration::from_mins(15)))?;
    for attempt in 1..=6 {
        let decision = logins.check("ada@example.com").await?;
        println!("attempt {attempt}: allowed {}, {} remain", decision.allowed, decision.remaining);
    }

    let quota = Quota::smooth(10, Duration::from_secs(1)).with_burst(1);
    let requests = RateLimiter::new(&cache, "api", quota)?;
    println!("first: {:?}", requests.check("ada").await?);
    println!("at once again: {:?}", requests.check("ada").await?);
    Ok(())
}

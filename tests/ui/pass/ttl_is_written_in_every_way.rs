#![deny(warnings)]

use std::time::Duration;

use cache_runtime::{KvCacheService, Ttl, cached, updates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "a", ttl = 300)]
    pub async fn seconds(&self) -> u64 {
        1
    }

    #[cached(key = "b", ttl = "1h 30m")]
    pub async fn text(&self) -> u64 {
        1
    }

    #[cached(key = "c", ttl = Duration::from_millis(1500))]
    pub async fn duration(&self) -> u64 {
        1
    }

    #[cached(key = "d", ttl = Ttl::NEVER)]
    pub async fn never(&self) -> u64 {
        1
    }

    #[cached(key = "e:<seconds>", ttl = seconds, none_ttl = seconds / 2)]
    pub async fn parameter(&self, seconds: u64) -> Option<u64> {
        Some(seconds)
    }

    #[cached(key = "f", ttl = self.ttl())]
    pub async fn method(&self) -> u64 {
        1
    }

    #[updates("f", ttl = "5s")]
    pub async fn replace(&self) -> u64 {
        1
    }

    fn ttl(&self) -> Duration {
        Duration::from_secs(5)
    }
}

pub fn main() {}

#![deny(warnings)]

use std::error::Error;
use std::num::ParseIntError;

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<text>", ttl = 300)]
    pub async fn get(&self, text: &str) -> Result<Option<u64>, ParseIntError> {
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = text.parse()?;
        'found: {
            if parsed > 7 {
                break 'found;
            }
            return Ok(None);
        }
        Ok(Some(parsed))
    }

    #[cached(key = "opt:<text>", ttl = 300)]
    pub async fn first(&self, text: &str) -> Option<u64> {
        let first = text.chars().next()?;
        first.to_digit(10).map(u64::from)
    }

    #[invalidates("project:<text>")]
    pub async fn update(&self, text: String) -> Result<u64, Box<dyn Error + Send + Sync>> {
        let parsed: u64 = text.parse()?;
        if parsed == 0 {
            Err("zero")?;
        }
        Ok(parsed)
    }
}

pub fn main() {}

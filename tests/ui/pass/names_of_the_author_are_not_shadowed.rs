#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<miss>:<hit>", ttl = 300, skip(value, ret, key, site))]
    pub async fn get(&self, miss: u64, hit: &str, value: u64, ret: u64, key: u64, site: u64) -> u64 {
        let sum = miss + value + ret + key + site;
        sum + hit.len() as u64
    }

    #[cached(key = "body:<cache>:<body>", ttl = 300, skip(handle, policy, call))]
    pub async fn body(&self, cache: u64, body: u64, handle: u64, policy: u64, call: u64) -> u64 {
        cache + body + handle + policy + call
    }

    #[cached(key = "p0:<p0>:<p1>", ttl = 300, skip(out, part))]
    pub async fn parts(&self, p0: u64, p1: u64, out: u64, part: u64) -> u64 {
        p0 + p1 + out + part
    }

    #[invalidates("project:<miss>:<hit>", "p0:<p0>:<p1>")]
    pub async fn update(&self, miss: u64, hit: String, p0: u64, p1: u64, kept_0: u64, ret: u64) -> u64 {
        drop(hit);
        miss + p0 + p1 + kept_0 + ret
    }

    #[invalidates("project:<miss = ret>:<hit = kept_0>")]
    pub async fn create(&self, kept_0: String, written: u64, value: u64) -> u64 {
        drop(kept_0);
        written + value
    }
}

pub fn main() {}

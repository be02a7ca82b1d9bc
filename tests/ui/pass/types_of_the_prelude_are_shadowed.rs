#![deny(warnings)]
#![allow(dead_code)]

use cache_runtime::{KvCacheService, cache_key, cached, invalidates, updates};

pub struct Result;
pub struct Option;
pub struct Some;
pub struct None;
pub struct Ok;
pub struct Err;
pub struct String;
pub struct Vec;
pub struct Box;
pub trait From {}
pub trait Into {}
pub trait Sized {}
pub trait Send {}
pub trait Clone {}
pub trait Future {}
pub mod core {}
pub mod std {}
pub mod alloc {}

#[cache_key("title:<page>", ttl = 60)]
pub fn title_key(page: u64) -> u64;

pub struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    pub async fn get(&self, id: u64) -> ::core::option::Option<u64> {
        ::core::option::Option::Some(id)
    }

    #[cached(key = "p:<id>", ttl = 300, none_ttl = 5)]
    pub async fn find(&self, id: &str) -> ::core::result::Result<::core::option::Option<u64>, u8> {
        ::core::result::Result::Ok(::core::option::Option::Some(id.len() as u64))
    }

    #[cached(title_key(page))]
    pub async fn title(&self, page: u64) -> u64 {
        page
    }

    #[invalidates("project:<ret>", "p:<id>")]
    pub async fn update(&self, id: &str) -> ::core::result::Result<u64, u8> {
        ::core::result::Result::Ok(id.len() as u64)
    }

    #[updates("project:<id>")]
    pub async fn replace(&self, id: u64) -> u64 {
        id
    }
}

pub fn main() {}

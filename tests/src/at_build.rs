//! What the compiler finds when a key is used, and not before: `cargo check` does not tell, so these are no cases of
//! `ui`.
//!
//! A part that is raw by another name, or in a field, and not the last one:
//!
//! ```compile_fail,E0080
//! use cache_runtime::{KvCacheService, RawPart, cached};
//!
//! struct File {
//!     path: RawPart<String>,
//! }
//!
//! struct Files {
//!     cache: KvCacheService,
//! }
//!
//! impl Files {
//!     #[cached(key = "file:<file.path>:<version>", ttl = 60)]
//!     async fn size(&self, file: &File, version: u64) -> u64 {
//!         version + file.path.0.len() as u64
//!     }
//! }
//!
//! let file = File { path: RawPart("a/b".to_owned()) };
//! let _ = Files::size_key(&file, 7);
//! ```
//!
//! The same parts, with the raw one last, build:
//!
//! ```
//! use cache_runtime::{KvCacheService, RawPart, cached};
//!
//! struct File {
//!     path: RawPart<String>,
//! }
//!
//! struct Files {
//!     cache: KvCacheService,
//! }
//!
//! impl Files {
//!     #[cached(key = "file:<version>:<file.path>", ttl = 60)]
//!     async fn size(&self, file: &File, version: u64) -> u64 {
//!         version + file.path.0.len() as u64
//!     }
//! }
//!
//! let file = File { path: RawPart("a/b".to_owned()) };
//! assert_eq!(Files::size_key(&file, 7).as_str(), "file:7:a/b");
//! ```
//!
//! A generic part that turns out to be raw:
//!
//! ```compile_fail,E0080
//! use cache_runtime::{KeyPart, KvCacheService, RawPart, cached};
//!
//! struct Files {
//!     cache: KvCacheService,
//! }
//!
//! impl Files {
//!     #[cached(key = "file:<path>:<version>", ttl = 60)]
//!     async fn size<P: KeyPart + Sync>(&self, path: &P, version: u64) -> u64 {
//!         version
//!     }
//! }
//!
//! let _ = Files::size_key(&RawPart("a/b"), 7);
//! ```
//!
//! A newtype of one by another name:
//!
//! ```compile_fail,E0080
//! use cache_runtime::{KeyPart, RawPart, cache_key};
//!
//! type Text = RawPart<String>;
//!
//! #[derive(KeyPart)]
//! struct Path(Text);
//!
//! #[cache_key("file:<path>:<version>", ttl = 60)]
//! fn file_key(path: Path, version: u64) -> u64;
//!
//! let _ = file_key(Path(RawPart("a/b".to_owned())), 7);
//! ```
//!
//! Numbers by another name, and newtypes of them, which together can be longer than a key:
//!
//! ```compile_fail,E0080
//! use cache_runtime::{KeyPart, KvCacheService, cached};
//!
//! type Number = u128;
//!
//! #[derive(KeyPart, Clone, Copy)]
//! struct Id(u128);
//!
//! struct Sums {
//!     cache: KvCacheService,
//! }
//!
//! impl Sums {
//!     #[cached(key = "<a>:<b>:<c>:<d>:<e>:<f>:<g>:<h>:<i>:<j>:<k>:<l>", ttl = 60)]
//!     #[allow(clippy::too_many_arguments)]
//!     async fn sum(
//!         &self, a: Number, b: Id, c: Id, d: Id, e: Id, f: Id, g: Id, h: Id, i: Id, j: Id, k: Id, l: Id,
//!     ) -> u64 {
//!         let _ = (a, b, c, d, e, f, g, h, i, j, k, l);
//!         0
//!     }
//! }
//!
//! let i = Id(7);
//! let _ = Sums::sum_key(7, i, i, i, i, i, i, i, i, i, i, i);
//! ```
//!
//! Fewer of them build:
//!
//! ```
//! use cache_runtime::{KeyPart, KvCacheService, cached};
//!
//! type Number = u128;
//!
//! #[derive(KeyPart, Clone, Copy)]
//! struct Id(u128);
//!
//! struct Sums {
//!     cache: KvCacheService,
//! }
//!
//! impl Sums {
//!     #[cached(key = "<a>:<b>:<c>:<d>:<e>:<f>:<g>", ttl = 60)]
//!     #[allow(clippy::too_many_arguments)]
//!     async fn sum(&self, a: Number, b: Id, c: Id, d: Id, e: Id, f: Id, g: Id) -> u64 {
//!         let _ = (a, b, c, d, e, f, g);
//!         0
//!     }
//! }
//!
//! let i = Id(7);
//! assert_eq!(Sums::sum_key(7, i, i, i, i, i, i).as_str(), "7:7:7:7:7:7:7");
//! ```

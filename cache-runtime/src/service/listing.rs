//! Keys that match a glob, page by page.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_core::Stream;

use super::KvCacheService;
use crate::backend::{ListOptions, ListedKey};
use crate::codec::Marks;
use crate::error::{CacheError, Result};
use crate::key::{MAX_KEY_LEN, Pattern};

/// A listing under way.
struct Scan {
    cache: KvCacheService,
    operation: &'static str,
    pattern: Pattern,
    /// What every matching full key starts with.
    prefix: String,
    /// Where the next page starts.
    next: Next,
}

enum Next {
    First,
    At(String),
    None,
}

/// Keys, and what reads those after them; nothing after the last.
type Page = Result<Option<(Scan, Vec<String>)>>;

impl Scan {
    fn new(cache: &KvCacheService, operation: &'static str, pattern: &str) -> Result<Self> {
        let pattern =
            Pattern::parse(pattern).map_err(|reason| CacheError::InvalidPattern { operation, reason })?;
        let prefix = [cache.prefix().with_colon(), &pattern.literal_prefix()].concat();
        // No key starts with more than the longest key.
        let next = if prefix.len() > MAX_KEY_LEN { Next::None } else { Next::First };
        Ok(Self { cache: cache.clone(), operation, pattern, prefix, next })
    }

    async fn next_page(mut self) -> Page {
        let cursor = match std::mem::replace(&mut self.next, Next::None) {
            Next::None => return Ok(None),
            Next::First => None,
            Next::At(cursor) => Some(cursor),
        };
        let options = ListOptions { prefix: self.prefix.clone(), limit: None, cursor };
        let page = self.cache.during(self.operation, self.cache.backend().list(options)).await?;
        self.next = page.cursor.map_or(Next::None, Next::At);
        let own = |listed: ListedKey| {
            let marks = Marks::from_metadata(listed.metadata.as_deref());
            let is_value = !marks.is_negative() && marks.fresh_for(listed.expires_in).is_ok();
            let key = listed.name.strip_prefix(self.cache.prefix().with_colon())?;
            (is_value && self.pattern.matches(key)).then(|| key.to_owned())
        };
        let keys = page.keys.into_iter().filter_map(own).collect();
        Ok(Some((self, keys)))
    }
}

/// The keys, as their pages come. After an error nothing follows.
pub(super) struct Keys {
    page: vec::IntoIter<String>,
    next: Option<Pin<Box<dyn Future<Output = Page> + Send>>>,
}

impl Keys {
    pub(super) fn new(cache: &KvCacheService, operation: &'static str, pattern: &str) -> Self {
        let scan = Scan::new(cache, operation, pattern);
        let first = async { scan?.next_page().await };
        Self { page: Vec::new().into_iter(), next: Some(Box::pin(first)) }
    }
}

impl Stream for Keys {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<String>>> {
        loop {
            if let Some(key) = self.page.next() {
                return Poll::Ready(Some(Ok(key)));
            }
            let Some(next) = &mut self.next else { return Poll::Ready(None) };
            let read = ready!(next.as_mut().poll(context));
            self.next = None;
            match read {
                Ok(Some((scan, page))) => {
                    self.page = page.into_iter();
                    self.next = Some(Box::pin(scan.next_page()));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

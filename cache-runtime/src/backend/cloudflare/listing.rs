//! Listings.

use reqwest::Method;
use serde_json::value::RawValue;

use super::api::{Api, failed};
use super::reply::{self, Listed};
use super::request::Request;
use crate::backend::limits::{self, Request as Kind};
use crate::backend::stamp::Told;
use crate::backend::{ListOptions, ListPage, ListedKey, cursor};
use crate::error::BackendError;

/// The fewest keys that the interface gives in a page.
const SMALLEST: usize = 10;
/// Between the parts of a cursor of ours; none of Cloudflare's has it.
const SEPARATOR: char = '~';

/// A page of the keys that live.
///
/// A page smaller than the interface gives is the beginning of one of its own. Its cursor then has the last key, and
/// where Cloudflare's page began: so the rest is that page without what is not after the key.
pub(super) async fn list(api: &Api, options: ListOptions) -> Result<ListPage, BackendError> {
    let ListOptions { prefix, limit, cursor } = options;
    Kind::Get.check_length(&prefix)?;
    let size = limits::page_size(limit, true)?;
    let cursor = cursor.unwrap_or_default();
    let (after, start) = match cursor.split_once(SEPARATOR) {
        None => (None, cursor.as_str()),
        // A cursor that is of another prefix, or none at all, is the end of the listing.
        Some((last, start)) => match cursor::decode(last).filter(|last| last.starts_with(&prefix)) {
            None => return Ok(ListPage::default()),
            last => (last, start),
        },
    };
    let mut request =
        Request::new(Kind::Get, Method::GET, "/keys").with_query("limit", size.max(SMALLEST).to_string());
    for (name, value) in [("prefix", prefix.as_str()), ("cursor", start)] {
        if !value.is_empty() {
            request = request.with_query(name, value);
        }
    }
    let secret = [prefix.as_str()];
    let request = request.with_keys(&secret);
    let answer = api.ask::<Vec<Listed>>(&request).await.map_err(failed(&request))?;
    let next = answer.result_info.and_then(|info| info.cursor).filter(|cursor| !cursor.is_empty());
    let mut listed = answer.result.unwrap_or_default();
    if let Some(after) = after {
        listed.retain(|key| key.name > after);
    }
    let next = if listed.len() > size {
        listed.truncate(size);
        listed.last().map(|last| format!("{}{SEPARATOR}{start}", cursor::encode(&last.name)))
    } else {
        next
    };
    Ok(ListPage { keys: listed.into_iter().filter_map(|key| live(api, key)).collect(), cursor: next })
}

/// A key whose time is not over.
fn live(api: &Api, key: Listed) -> Option<ListedKey> {
    let told = Told::by(key.metadata.as_deref().map(RawValue::get));
    let expires_in = told.expires_in(reply::second(key.expiration), &api.clock).ok()?;
    Some(ListedKey { name: key.name, expires_in, metadata: told.metadata })
}

//! A request, as it can be made several times over.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::multipart::{Form, Part};

use crate::backend::ByteStream;
use crate::backend::limits::{Request as Kind, VALUE_BYTES};

/// Everything in a key but what no part of an address gives a meaning.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A request of the service, below the address of the namespace.
pub(super) struct Request<'a> {
    /// What a refusal says was tried.
    pub(super) kind: Kind,
    pub(super) method: Method,
    pub(super) path: Cow<'static, str>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Body,
    /// What no message may show.
    pub(super) keys: &'a [&'a str],
}

pub(super) enum Body {
    None,
    Json(Bytes),
    /// A value, alone or with its metadata.
    Value(Bytes, Option<String>),
    /// A value that can be sent once; taken then.
    Stream(std::sync::Mutex<Option<ByteStream>>, Option<String>),
}

impl<'a> Request<'a> {
    pub(super) fn new(kind: Kind, method: Method, path: &'static str) -> Self {
        Self { kind, method, path: path.into(), query: Vec::new(), body: Body::None, keys: &[] }
    }

    /// A request about one key.
    pub(super) fn on_key(kind: Kind, method: Method, folder: &str, key: &'a &'a str) -> Self {
        let path = format!("/{folder}/{}", utf8_percent_encode(key, ESCAPED)).into();
        Self { path, keys: std::slice::from_ref(key), ..Self::new(kind, method, "") }
    }

    pub(super) fn with_keys(self, keys: &'a [&'a str]) -> Self {
        Self { keys, ..self }
    }

    pub(super) fn with_body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    pub(super) fn with_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Whether it can be sent again.
    pub(super) fn can_be_repeated(&self) -> bool {
        !matches!(self.body, Body::Stream(..))
    }

    /// How much longer than another this request may take for what it carries, at a megabyte a second.
    pub(super) fn upload_time(&self) -> Duration {
        let bytes = match &self.body {
            Body::None => 0,
            Body::Json(json) => json.len(),
            Body::Value(value, _) => value.len(),
            Body::Stream(..) => VALUE_BYTES,
        };
        Duration::from_micros(bytes as u64)
    }

    /// Adds query and body.
    pub(super) fn fill(&self, mut request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        if !self.query.is_empty() {
            request = request.query(&self.query);
        }
        match &self.body {
            Body::None => request,
            Body::Json(json) => request.header("content-type", "application/json").body(json.clone()),
            Body::Value(value, metadata) => {
                let length = value.len() as u64;
                with_value(request, value.clone().into(), Some(length), metadata.clone())
            }
            Body::Stream(stream, metadata) => {
                let stream = stream.lock().ok().and_then(|mut stream| stream.take());
                let body = stream.map_or_else(reqwest::Body::default, reqwest::Body::wrap_stream);
                with_value(request, body, None, metadata.clone())
            }
        }
    }
}

fn with_value(
    request: reqwest::RequestBuilder,
    value: reqwest::Body,
    length: Option<u64>,
    metadata: Option<String>,
) -> reqwest::RequestBuilder {
    let Some(metadata) = metadata else {
        return request.header("content-type", "application/octet-stream").body(value);
    };
    let part = match length {
        Some(length) => Part::stream_with_length(value, length),
        None => Part::stream(value),
    };
    // A part without a file name is taken for text.
    request.multipart(Form::new().part("value", part.file_name("value")).text("metadata", metadata))
}

//! The Worker's backend, called from here: each operation is a request to the test route of the example Worker.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::{
    Backend, BackendError, Capabilities, Clock, Consistency, Entry, ListOptions, ListPage, ListedKey,
    PutOptions, SetOutcome,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) struct Remote {
    client: reqwest::Client,
    address: String,
    clock: Clock,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Ok(Value),
    Rejected(String),
    Failed(String),
}

#[derive(Deserialize)]
struct FoundEntry {
    value: Vec<u8>,
    expires_in: Option<Duration>,
    metadata: Option<String>,
}

#[derive(Deserialize)]
struct FoundKey {
    name: String,
    expires_in: Option<Duration>,
    metadata: Option<String>,
}

#[derive(Deserialize)]
struct FoundPage {
    keys: Vec<FoundKey>,
    cursor: Option<String>,
}

impl From<FoundEntry> for Entry {
    fn from(found: FoundEntry) -> Self {
        let FoundEntry { value, expires_in, metadata } = found;
        Self { value: value.into(), expires_in, metadata: metadata.map(Into::into), revision: 0 }
    }
}

fn put(value: &Bytes, options: &PutOptions) -> Value {
    json!({ "value": &**value, "ttl": options.ttl, "metadata": options.metadata.as_deref() })
}

impl Remote {
    pub(crate) fn new(address: &str, clock: Clock) -> Self {
        Self { client: crate::server::client(), address: format!("{address}/contract"), clock }
    }

    async fn call<T: DeserializeOwned>(&self, call: &str, mut rest: Value) -> Result<T, BackendError> {
        rest["call"] = call.into();
        rest["now"] = json!(self.clock.unix_time());
        let sent = self.client.post(&self.address).body(rest.to_string()).send().await;
        let answer = sent.expect("the Worker answers").bytes().await.expect("the Worker answers");
        match serde_json::from_slice(&answer) {
            Ok(Answer::Ok(value)) => Ok(serde_json::from_value(value).expect("it is what was asked for")),
            Ok(Answer::Rejected(words)) => Err(BackendError::Rejected(words)),
            Ok(Answer::Failed(words)) => Err(BackendError::Other(words.into())),
            Err(error) => panic!("the Worker failed: {error}: {}", String::from_utf8_lossy(&answer)),
        }
    }
}

#[async_trait]
impl Backend for Remote {
    fn name(&self) -> &'static str {
        "worker"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic().with_consistency(Consistency::Eventual(Duration::from_mins(1)))
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        let found: Option<FoundEntry> = self.call("get", json!({ "keys": [key] })).await?;
        Ok(found.map(Entry::from))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        let found: Vec<Option<FoundEntry>> = self.call("get_many", json!({ "keys": keys })).await?;
        Ok(found.into_iter().map(|found| found.map(Entry::from)).collect())
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        let () = self.call("put", json!({ "keys": [key], "values": [put(&value, &options)] })).await?;
        Ok(SetOutcome::Stored)
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        let keys: Vec<&str> = entries.iter().map(|(key, ..)| key.as_str()).collect();
        let values: Vec<Value> = entries.iter().map(|(_, value, options)| put(value, options)).collect();
        self.call("put_many", json!({ "keys": keys, "values": values })).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        self.call("delete", json!({ "keys": [key] })).await
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        self.call("delete_many", json!({ "keys": keys })).await
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        let ListOptions { prefix, limit, cursor } = options;
        let asked = json!({ "prefix": prefix, "limit": limit, "cursor": cursor });
        let FoundPage { keys, cursor } = self.call("list", asked).await?;
        let keys = keys.into_iter().map(|FoundKey { name, expires_in, metadata }| ListedKey {
            name,
            expires_in,
            metadata: metadata.map(Into::into),
        });
        Ok(ListPage { keys: keys.collect(), cursor })
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

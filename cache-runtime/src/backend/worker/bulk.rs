//! Reads of many keys at once, by the binding itself: the `worker` crate's own fail where a key is missing or a value is
//! empty.

use std::collections::HashMap;

use worker::Env;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Error, Function, JSON, Map, Object, Promise, Reflect};
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::{JsCast, JsValue};

/// The namespace as JavaScript has it.
#[derive(Clone)]
pub(super) struct Bulk(SendWrapper<JsValue>);

/// What stands under a key that is there.
pub(super) enum Found {
    /// A text with its metadata.
    Entry(String, Option<String>),
    /// An empty value, whose metadata is not told.
    Bare,
}

impl Bulk {
    /// What the environment has under a name, if it has anything.
    pub(super) fn of(env: &Env, binding: &str) -> Option<Self> {
        let found = Reflect::get(env, &binding.into()).ok()?;
        (!found.is_undefined() && !found.is_null()).then(|| Self(SendWrapper::new(found)))
    }

    /// Whether it is a namespace of KV, by its methods.
    pub(super) fn is_namespace(&self) -> bool {
        let method =
            |name: &str| Reflect::get(&self.0.0, &name.into()).is_ok_and(|found| found.is_function());
        ["getWithMetadata", "put", "list"].into_iter().all(method)
    }

    /// Those of the keys that are there; else the words of the refusal.
    pub(super) async fn get(&self, keys: &[&str]) -> Result<HashMap<String, Found>, String> {
        let keys: Array = keys.iter().map(|key| JsValue::from(*key)).collect();
        let asked = SendWrapper::new(ask(&self.0.0, &keys));
        SendFuture::new(async move {
            let answer = match asked.0 {
                Ok(promise) => JsFuture::from(promise).await,
                Err(error) => Err(error),
            };
            answer.map(|answer| read(&answer)).map_err(|error| words(&error))
        })
        .await
    }
}

fn ask(namespace: &JsValue, keys: &Array) -> Result<Promise, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"type".into(), &"text".into())?;
    let function: Function = Reflect::get(namespace, &"getWithMetadata".into())?.dyn_into()?;
    function.call2(namespace, keys, &options)?.dyn_into()
}

fn read(answer: &JsValue) -> HashMap<String, Found> {
    let mut found = HashMap::new();
    let Some(answer) = answer.dyn_ref::<Map>() else { return found };
    answer.for_each(&mut |entry, key| {
        let Some(key) = key.as_string() else { return };
        if entry.is_null() || entry.is_undefined() {
            return;
        }
        let field = |name: &str| Reflect::get(&entry, &name.into()).ok();
        let text = entry.is_object().then(|| field("value")?.as_string()).flatten();
        let metadata = || {
            let metadata =
                field("metadata").filter(|metadata| !metadata.is_null() && !metadata.is_undefined())?;
            JSON::stringify(&metadata).ok()?.as_string()
        };
        found.insert(key, text.map_or(Found::Bare, |text| Found::Entry(text, metadata())));
    });
    found
}

fn words(error: &JsValue) -> String {
    error.dyn_ref::<Error>().map_or_else(|| "the binding failed".into(), |error| error.message().into())
}

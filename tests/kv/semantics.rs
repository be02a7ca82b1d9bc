//! Each call of `semantics.txt`, made through a `KvNamespace`: what workerd answered is what we answer.

use bytes::Bytes;
use cache_runtime::{CacheError, KvKey, KvNamespace, KvPage, KvPut};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::reasons;

/// Where the calls are made.
pub(crate) struct World {
    pub(crate) kv: KvNamespace,
    /// The engine's second of the Unix calendar.
    pub(crate) now: fn() -> u64,
    /// Whether the answers are compared to the last digit: cursors and seconds are the engine's own elsewhere.
    pub(crate) exact: bool,
}

type Answer = Result<Value, CacheError>;

/// Makes every call that makes sense in Rust, in order, and compares the answers. Returns how many it made.
pub(crate) async fn check(world: &World) -> usize {
    let (mut made, mut wrong) = (0, Vec::new());
    for line in include_str!("semantics.txt").lines() {
        let (failed, rest) =
            (line.starts_with('✗'), &line[line.char_indices().nth(2).expect("it is long").0..]);
        let split = rest.char_indices().nth(42).expect("it is long").0;
        let (call, recorded) = (rest[..split].trim_end(), rest[split..].trim());
        if reasons::of(call).is_some() {
            continue;
        }
        made += 1;
        let recorded: Value = serde_json::from_str(recorded).expect("an answer is JSON");
        let expected =
            if failed { error_text(&recorded) } else { without_cache_status(recorded).to_string() };
        let found = match answer(world, call).await {
            Ok(_) if failed => "no error".into(),
            Ok(value) => value.to_string(),
            Err(error) => reason_of(&error),
        };
        if world.comparable(&found) != world.comparable(&expected) {
            wrong.push(format!("{call}\n   found: {found}\nexpected: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {made} differ:\n{}", wrong.len(), wrong.join("\n"));
    made
}

/// The words of an error, without JavaScript's class.
fn error_text(recorded: &Value) -> String {
    let text = recorded.as_str().expect("an error is a text");
    text.split_once(": ")
        .filter(|(class, _)| class.ends_with("Error"))
        .map_or(text, |(_, words)| words)
        .into()
}

fn reason_of(error: &CacheError) -> String {
    match error {
        CacheError::Backend { source, .. } => source.to_string().replacen("rejected: ", "", 1),
        other => other.to_string(),
    }
}

/// The JavaScript interface also tells whether its own edge had a copy.
fn without_cache_status(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("cacheStatus");
    }
    answer
}

impl World {
    fn comparable(&self, text: &str) -> String {
        if self.exact {
            return text.into();
        }
        // The second of a refused end, and the engine's cursors, which are opaque.
        let (before, after) = text.split_once("Invalid expiration of 17").unwrap_or((text, ""));
        let after = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let mut text = format!("{before}{after}");
        if let Ok(mut value) = serde_json::from_str::<Value>(&text)
            && let Some(fields) = value.as_object_mut()
            && fields.get("cursor").is_some_and(Value::is_string)
        {
            fields.insert("cursor".into(), "opaque".into());
            text = value.to_string();
        }
        text
    }

    async fn put(&self, key: &str, value: impl Into<Bytes>) -> Answer {
        self.kv.put(key, value).execute().await.map(|_| json!("undefined"))
    }

    async fn text(&self, key: &str) -> Answer {
        Ok(json!(self.kv.get(key).text().await?))
    }

    /// The one key of a listing, as JavaScript shows it.
    async fn listed(&self, key: &str) -> Result<KvKey, CacheError> {
        let page = self.kv.list().prefix(key).execute().await?;
        Ok(page.keys.into_iter().next().expect("it was put"))
    }

    /// Puts a value with an end, and says in how many seconds from `now` the listing shows it.
    async fn put_until<'a>(&'a self, now: u64, end: impl FnOnce(KvPut<'a>) -> KvPut<'a>) -> Answer {
        let _ = end(self.kv.put("exp", "v")).execute().await?;
        let listed = self.listed("exp").await?;
        Ok(listed.expiration.map_or(json!({}), |at| json!({ "in": at - now })))
    }

    /// The same for a number of seconds; the next one may have begun before the engine looks at its clock.
    async fn put_for<'a>(&'a self, ttl: u64, end: impl FnOnce(KvPut<'a>) -> KvPut<'a>) -> Answer {
        let answer = self.put_until((self.now)(), |put| end(put).expiration_ttl(ttl)).await?;
        let is_next = !self.exact && answer == json!({ "in": ttl + 1 });
        Ok(if is_next { json!({ "in": ttl }) } else { answer })
    }

    /// Puts metadata, and says how it is read and listed.
    async fn metadata(&self, metadata: Option<Value>) -> Answer {
        let put = self.kv.put("md", "v");
        let put = if let Some(metadata) = metadata { put.metadata(&metadata)? } else { put };
        let _ = put.execute().await?;
        let found = self.kv.get("md").text_with_metadata().await?.expect("it was put");
        Ok(json!({ "get": found.metadata::<Value>()?, "list": shown(&self.listed("md").await?)? }))
    }

    async fn stream_text(&self, key: &str) -> Result<String, CacheError> {
        let mut pieces = self.kv.get(key).stream().await?.expect("it was put");
        let mut all = Vec::new();
        while let Some(piece) = pieces.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(String::from_utf8(all).expect("it is text"))
    }

    async fn put_stream(&self, key: &str, pieces: &'static [&'static str]) -> Answer {
        let pieces = pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())));
        let _ = self.kv.put_stream(key, stream::iter(pieces)).execute().await?;
        self.text(key).await
    }
}

fn shown(key: &KvKey) -> Answer {
    let mut fields = json!({ "name": key.name });
    if let Some(metadata) = &key.metadata {
        fields["metadata"] = metadata.json()?;
    }
    Ok(fields)
}

fn names(page: &KvPage) -> Value {
    page.keys.iter().map(|key| key.name.as_str()).collect()
}

fn count(page: &KvPage) -> Value {
    json!([page.keys.len(), page.list_complete])
}

fn shown_page(page: &KvPage) -> Answer {
    let keys = page.keys.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
    let mut fields = json!({ "keys": keys, "list_complete": page.list_complete });
    if let Some(cursor) = &page.cursor {
        fields["cursor"] = cursor.as_str().into();
    }
    Ok(fields)
}

/// Makes a call.
async fn answer(world: &World, call: &str) -> Answer {
    match call.split_once(' ').expect("a call has words") {
        (operation, rest) if operation != "cursor" && rest.starts_with("key ") => {
            on_key(world, operation, &rest["key ".len()..]).await
        }
        ("put", rest) => puts(world, rest).await,
        ("get", rest) => gets(world, rest).await,
        ("list" | "cursor" | "key", _) => lists(world, call).await,
        ("bulk", rest) => bulks(world, rest).await,
        ("metadata", rest) => metadata(world, rest).await,
        _ => others(world, call).await,
    }
}

/// The names of keys, the good and the bad.
async fn on_key(world: &World, operation: &str, kind: &str) -> Answer {
    let key = match kind {
        "empty" => String::new(),
        "dot" => ".".into(),
        "dotdot" => "..".into(),
        "513 ascii" => "k".repeat(513),
        "512 ascii" => "k".repeat(512),
        "171 x 3-byte=513" => "\u{20ac}".repeat(171),
        "170 x 3-byte=510" => "\u{20ac}".repeat(170),
        "512 newline/space/slash/?" => {
            let key = format!("\n /?#%{}", "k".repeat(506));
            world.put(&key, "v").await?;
            return world.text(&key).await;
        }
        other => panic!("no such key: {other}"),
    };
    match operation {
        "get" => world.text(&key).await,
        "put" => {
            let answer = world.put(&key, "v").await?;
            // The reads of these keys come later in the file, and expect nothing.
            world.kv.delete(&key).await?;
            Ok(answer)
        }
        "delete" => world.kv.delete(&key).await.map(|()| json!("undefined")),
        "getWithMetadata" => with_metadata(world, &key).await,
        other => panic!("no such operation: {other}"),
    }
}

async fn with_metadata(world: &World, key: &str) -> Answer {
    Ok(match world.kv.get(key).json_with_metadata::<Value>().await? {
        None => json!({ "value": null, "metadata": null }),
        Some(found) => json!({ "value": found.value, "metadata": found.metadata::<Value>()? }),
    })
}

async fn puts(world: &World, what: &str) -> Answer {
    const MOST: usize = 26_214_400;
    let now = (world.now)();
    if let Some(ttl) = what.strip_prefix("expirationTtl=") {
        let ttl = ttl.split(' ').next().expect("it is a number");
        return match ttl {
            "undefined" => world.put_until(now, |put| put).await,
            ttl => world.put_for(ttl.parse().expect("it is a number"), |put| put).await,
        };
    }
    if let Some(from_now) = what.strip_prefix("expiration=now+") {
        let from_now: i64 = from_now.parse().expect("it is a number");
        loop {
            let now = (world.now)();
            let answer =
                world.put_until(now, |put| put.expiration(now.saturating_add_signed(from_now))).await;
            // The engine may have looked at its clock when the next second had begun.
            if world.exact || (world.now)() == now {
                return answer;
            }
        }
    }
    match what {
        "expiration=1" => world.put_until(now, |put| put.expiration(1)).await,
        "both: ttl wins?" => {
            let found = world.put_for(100, |put| put.expiration(now + 600)).await?;
            Ok(found["in"].clone())
        }
        "both: ttl ok, expiration past" => {
            world.put_for(100, |put| put.expiration(now - 10)).await?;
            Ok(json!("ok"))
        }
        "value u8" => bytes(world, &[1, 2]).await,
        "value dataview" => bytes(world, &[0, 0]).await,
        "value arraybuffer" => bytes(world, &[0, 0, 0]).await,
        "value empty string" | "value empty buffer" => bytes(world, &[]).await,
        "value 25MiB" => {
            world.put("large", vec![b'x'; MOST]).await?;
            let length = world.kv.get("large").bytes().await?.map(|bytes| bytes.len());
            world.kv.delete("large").await?;
            Ok(json!(length))
        }
        "value 25MiB+1" => world.put("large", vec![b'x'; MOST + 1]).await,
        "stream unknown length" => world.put_stream("st", &["a", "bc"]).await,
        "request.body-like stream" => world.put_stream("resp", &["resp"]).await,
        other => panic!("no such put: {other}"),
    }
}

async fn bytes(world: &World, value: &'static [u8]) -> Answer {
    world.put("val", value).await?;
    let (bytes, text) = (world.kv.get("val").bytes().await?, world.kv.get("val").text().await?);
    Ok(json!({ "bytes": bytes.map(|bytes| bytes.len()), "text": text }))
}

async fn gets(world: &World, what: &str) -> Answer {
    let kv = &world.kv;
    if let Some(seconds) = what.strip_prefix("cacheTtl=") {
        let found = kv.get("nothing").cache_ttl(seconds.parse().expect("it is a number")).text().await?;
        return Ok(json!(found));
    }
    match what {
        "stream" => Ok(json!(format!("ReadableStream {}", world.stream_text("resp").await?))),
        "type text" => {
            world.put("js", "{\"a\":1}").await?;
            kv.get("js").text().await.map(|_: Option<String>| json!("[object String]"))
        }
        "type json" => kv.get("js").json::<Value>().await.map(|found| {
            assert!(found.is_some_and(|found| found.is_object()));
            json!("[object Object]")
        }),
        "type arrayBuffer" => {
            kv.get("js").bytes().await.map(|_: Option<Bytes>| json!("[object ArrayBuffer]"))
        }
        "type stream" => {
            assert_eq!(world.stream_text("js").await?, "{\"a\":1}");
            Ok(json!("[object ReadableStream]"))
        }
        "{type:json}" => Ok(json!(kv.get("js").json::<Value>().await?)),
        "text of invalid utf8" => {
            world.put("utf8", &b"a\xffb"[..]).await?;
            world.text("utf8").await
        }
        "missing text/json/ab/stream" => Ok(json!([
            kv.get("zz").text().await?,
            kv.get("zz").json::<Value>().await?,
            kv.get("zz").bytes().await?.map(|bytes| bytes.len()),
            kv.get("zz").stream().await?.map(|_| "a stream"),
        ])),
        other => panic!("no such get: {other}"),
    }
}

async fn metadata(world: &World, what: &str) -> Answer {
    let text = |length| json!("m".repeat(length));
    match what {
        "1024" => world.kv.put("md", "v").metadata(&text(1_022))?.execute().await.map(|_| json!("undefined")),
        "1025" => world.metadata(Some(text(1_023))).await,
        "342*3 bytes utf8 > 1024" => world.metadata(Some(json!("\u{20ac}".repeat(342)))).await,
        "undefined" => world.metadata(None).await,
        json => world.metadata(Some(serde_json::from_str(json).expect("it is JSON"))).await,
    }
}

async fn lists(world: &World, call: &str) -> Answer {
    const KEYS: [&str; 13] = ["𐀀", "\u{fffd}", "é", "a", "B", "6", "5", "4", "3", "2", "1", "0", ""];
    let kv = &world.kv;
    let list = || kv.list().prefix("l:");
    match call {
        "list order" => {
            for name in KEYS {
                let key = format!("l:{name}");
                let put = kv.put(&key, "v");
                let put = if ["", "a"].contains(&name) { put.metadata(&json!({ "k": key }))? } else { put };
                let _ = put.execute().await?;
            }
            Ok(names(&list().execute().await?))
        }
        "list limit 3" => shown_page(&list().limit(3).execute().await?),
        "list pages of 5" => {
            let (mut pages, mut page) = (Vec::new(), list().limit(5).execute().await?);
            loop {
                let kind = if page.cursor.is_some() { "string" } else { "undefined" };
                pages.push(json!([page.keys.len(), page.list_complete, kind, page.cursor.is_some()]));
                let Some(cursor) = page.cursor else { return Ok(json!(pages)) };
                page = list().limit(5).cursor(cursor).execute().await?;
            }
        }
        "list exactly full page" => {
            let page = list().limit(13).execute().await?;
            Ok(json!([page.keys.len(), page.list_complete, page.cursor]))
        }
        "list no match" => shown_page(&kv.list().prefix("none:").execute().await?),
        "list limit 0 number" => list().limit(0).execute().await.map(|page| count(&page)),
        "list limit 1000 number" => list().limit(1_000).execute().await.map(|page| count(&page)),
        "list limit 1001 number" => list().limit(1_001).execute().await.map(|page| count(&page)),
        "list prefix 513" => kv.list().prefix("p".repeat(513)).execute().await.map(|page| count(&page)),
        "list prefix empty/null" => {
            let empty = kv.list().prefix("").limit(1).execute().await?.keys.len();
            Ok(json!([empty, kv.list().limit(1).execute().await?.keys.len()]))
        }
        "list cursor garbage" => shown_page(&list().cursor("garbage").execute().await?),
        "list cursor empty string" => Ok(json!(list().cursor("").execute().await?.keys.len())),
        "cursor used with other prefix" => {
            let cursor = list().limit(3).execute().await?.cursor.expect("there is more");
            Ok(names(&kv.list().prefix("js").cursor(cursor).execute().await?))
        }
        "cursor key deleted between pages" => {
            let first = list().limit(3).execute().await?;
            kv.delete("l:1").await?;
            let cursor = first.cursor.clone().expect("there is more");
            Ok(json!([names(&first), names(&list().limit(3).cursor(cursor).execute().await?)]))
        }
        "key after own prefix page: cursor value" => {
            let cursor = list().limit(1).execute().await?.cursor.expect("there is more");
            Ok(json!(if world.exact { cursor.as_str() } else { "bDo=" }))
        }
        other => panic!("no such listing: {other}"),
    }
}

async fn bulks(world: &World, what: &str) -> Answer {
    let kv = &world.kv;
    let map = |keys: &[&str], found: Vec<Option<Value>>| json!({ "Map": keys.iter().zip(found).map(|(key, value)| json!([key, value])).collect::<Vec<_>>() });
    let numbered = |count: usize| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
    match what {
        "get text" => {
            let keys = ["js", "zz", "l:1"];
            let found = kv.get_bulk(&keys).text().await?;
            Ok(map(&keys, found.into_iter().map(|text| text.map(Value::from)).collect()))
        }
        "get json" => Ok(map(&["js", "zz"], kv.get_bulk(&["js", "zz"]).json().await?)),
        "get json of non json" => kv.get_bulk(&["js", "l:a"]).json::<Value>().await.map(|_| json!("read")),
        "getWithMetadata" => {
            let keys = ["l:a", "js", "zz"];
            let found = kv.get_bulk(&keys).text_with_metadata().await?.into_iter().map(|found| {
                let Some(found) = found else { return Ok(None) };
                Ok(Some(json!({ "value": found.value, "metadata": found.metadata::<Value>()? })))
            });
            Ok(map(&keys, found.collect::<Result<_, CacheError>>()?))
        }
        "0" => kv.get_bulk::<&str>(&[]).text().await.map(|found| json!(found.len())),
        "100" | "101" => {
            let keys = numbered(what.parse().expect("it is a number"));
            Ok(json!(kv.get_bulk(&keys).text().await?.len()))
        }
        "empty key" => kv.get_bulk(&["js", ""]).text().await.map(|found| json!(found.len())),
        "dot key" => kv.get_bulk(&["js", "."]).text().await.map(|found| json!(found.len())),
        "cacheTtl 29" => kv.get_bulk(&["js"]).cache_ttl(29).text().await.map(|found| json!(found.len())),
        "total > 25MiB" => {
            for key in ["big1", "big2"] {
                world.put(key, vec![b'x'; 14_000_000]).await?;
            }
            let found = kv.get_bulk(&["big1", "big2"]).text().await.map(|found| json!(found.len()));
            for key in ["big1", "big2"] {
                kv.delete(key).await?;
            }
            found
        }
        other => panic!("no such bulk: {other}"),
    }
}

async fn others(world: &World, call: &str) -> Answer {
    match call {
        "re-put clears expiration+metadata" => {
            let _ =
                world.kv.put("re", "v").expiration_ttl(100).metadata(&json!({ "m": 1 }))?.execute().await?;
            world.put("re", "w").await?;
            let key = world.listed("re").await?;
            assert_eq!(key.expiration, None);
            Ok(json!([shown(&key)?]))
        }
        "getWithMetadata missing" => with_metadata(world, "zz").await,
        "getWithMetadata hit no meta" => with_metadata(world, "js").await,
        "delete missing" => world.kv.delete("zz").await.map(|()| json!("undefined")),
        other => panic!("no such call: {other}"),
    }
}

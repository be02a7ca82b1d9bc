//! What a request cost, in the units that Cloudflare counts and bills: operations of KV, and queries of D1.

use cache_runtime::KvUsage;
use worker::Response;

/// Writes it into the head of an answer.
pub fn tell(mut answer: Response, usage: KvUsage, queries: u64) -> worker::Result<Response> {
    let KvUsage { reads, writes, deletes, lists, .. } = usage;
    let cost = format!(
        "kv-reads={reads} kv-writes={writes} kv-deletes={deletes} kv-lists={lists} d1-queries={queries}"
    );
    answer.headers_mut().set("x-cost", &cost)?;
    Ok(answer)
}

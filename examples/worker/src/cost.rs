//! What a request cost, in the units that Cloudflare counts and bills.

use cache_runtime::WorkerBackend;
use cache_runtime::testing::{Operation, RecordingBackend};
use worker::Response;

/// Operations of KV, and queries of D1.
#[derive(Debug, Default)]
pub struct Cost {
    reads: usize,
    writes: usize,
    deletes: usize,
    lists: usize,
    queries: u64,
}

impl Cost {
    pub fn of(backend: &RecordingBackend<WorkerBackend>, queries: u64) -> Self {
        let mut cost = Self { queries, ..Self::default() };
        for record in backend.records() {
            let keys = record.keys.len();
            match record.operation {
                Operation::Get | Operation::Read | Operation::GetStream => cost.reads += 1,
                // Each key is billed, however many a request asks for.
                Operation::GetMany | Operation::ReadMany => cost.reads += keys,
                Operation::Put | Operation::Fill | Operation::PutNative => cost.writes += 1,
                Operation::PutMany => cost.writes += keys,
                // Where there are no barriers, the end of a write removes its keys.
                Operation::Delete | Operation::DeleteMany | Operation::FinishWrite => cost.deletes += keys,
                Operation::List => cost.lists += 1,
                _ => {}
            }
        }
        cost
    }

    /// Writes it into the head of an answer.
    pub fn tell(&self, mut answer: Response) -> worker::Result<Response> {
        let Self { reads, writes, deletes, lists, queries } = self;
        let cost = format!(
            "kv-reads={reads} kv-writes={writes} kv-deletes={deletes} kv-lists={lists} d1-queries={queries}"
        );
        answer.headers_mut().set("x-cost", &cost)?;
        Ok(answer)
    }
}

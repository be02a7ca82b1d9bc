//! The elements of a flattened list.

use std::ops::Range;

use bytes::{Buf, Bytes};

use super::super::fault::Fault;
use super::scanner::{END, string};

/// The elements of a flattened list: bytes or nothing each. They are slices of it, so that one keeps the whole.
pub(in super::super) struct Elements(Bytes);

impl Elements {
    pub(in super::super) fn of(list: impl Into<Bytes>) -> Self {
        Self(list.into())
    }

    fn element(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(Range { start, end }) = string(&self.0)
            && end <= self.0.len()
        {
            self.0.advance(start);
            let bytes = self.0.split_to(end - start);
            // The last one has no end of its own.
            if self.0.starts_with(END) {
                self.0.advance(END.len());
            } else if !self.0.is_empty() {
                return Err(Fault::Answer);
            }
            return Ok(Some(bytes));
        }
        // Nothing, `_` or `$-1`.
        if !self.0.starts_with(b"_") && !self.0.starts_with(b"$-") {
            return Err(Fault::Answer);
        }
        let end = self.0.windows(END.len()).position(|end| end == END);
        self.0.advance(end.map_or(self.0.len(), |end| end + END.len()));
        Ok(None)
    }
}

impl Iterator for Elements {
    type Item = Result<Option<Bytes>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let element = self.element();
        if element.is_err() {
            self.0.clear();
        }
        Some(element)
    }
}

//! Sub-ranges of resources (rfc8216bis, 4.4.4.2): those without an offset follow the one before.

use std::collections::BTreeMap;
use std::ops::Range;

use super::finding::{Findings, Line};
use super::rule::rules;

rules! {
    VALUE "byte-range" Error "bis 4.4.4.2"
        "write byte ranges as LENGTH@OFFSET";
    OFFSET "byte-range-offset" Error "bis 4.4.4.2"
        "tell the offset of the first sub-range of each resource";
}

/// A sub-range as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SubRange {
    line: Line,
    length: u64,
    /// `None` when it follows the one before.
    start: Option<u64>,
}

/// Where the last sub-range of each resource ended.
#[derive(Debug, Default)]
pub(super) struct ByteRanges(BTreeMap<String, u64>);

impl SubRange {
    /// Reads `LENGTH` or `LENGTH@OFFSET`.
    pub(super) fn read(line: Line, value: &str, findings: &mut Findings) -> Option<Self> {
        let read = || {
            let (length, start) = match value.split_once('@') {
                Some((length, start)) => (length, Some(start.parse().ok()?)),
                None => (value, None),
            };
            Some((length.parse().ok()?, start))
        };
        let Some((length, start)) = read() else {
            findings.add(&VALUE, line, format!("{value:?} is none"));
            return None;
        };
        Some(Self {
            line,
            length,
            start,
        })
    }
}

impl ByteRanges {
    /// Which bytes of the resource at `uri` a sub-range means.
    pub(super) fn place(
        &mut self,
        uri: &str,
        range: SubRange,
        findings: &mut Findings,
    ) -> Range<u64> {
        let start = range.start.or_else(|| self.0.get(uri).copied());
        if start.is_none() {
            let found = "there is none, and no sub-range of the resource comes before";
            findings.add(&OFFSET, range.line, found);
        }
        let start = start.unwrap_or(0);
        let end = start.saturating_add(range.length);
        self.0.insert(uri.to_owned(), end);
        start..end
    }
}

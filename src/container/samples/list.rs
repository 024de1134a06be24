//! Sample tables of formats that have none: fragments of movies, audio files.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Blocks, Chunks, Parts, Runs, SampleTable, Sizes, Width};

/// Collects samples in decode order into the compact form of a [`SampleTable`].
#[derive(Clone, Debug, Default)]
pub(in crate::container) struct List {
    len: u32,
    sizes: BytesMut,
    times: RunList,
    compositions: RunList,
    sync: BytesMut,
    offsets: BytesMut,
    layout: Layout,
    /// Where the last sample ends, in the file.
    end: u64,
    /// When the last sample ends, in ticks after the first.
    time: i64,
}

/// A sample to be listed.
#[derive(Clone, Copy, Debug)]
pub(in crate::container) struct Listed {
    pub(in crate::container) offset: u64,
    pub(in crate::container) size: u32,
    pub(in crate::container) duration: u32,
    pub(in crate::container) composition: i32,
    pub(in crate::container) sync: bool,
    pub(in crate::container) description: u32,
}

impl List {
    /// Adds a sample after the others; beyond `u32::MAX` samples they are dropped.
    pub(in crate::container) fn push(&mut self, sample: Listed) {
        let Some(len) = self.len.checked_add(1) else {
            return;
        };
        let apart = sample.offset != self.end || sample.description != self.layout.description;
        if self.len == 0 || apart {
            self.offsets.put_u64(sample.offset);
            self.layout.start(sample.description);
        }
        self.layout.samples += 1;
        self.len = len;
        self.sizes.put_u32(sample.size);
        self.repeat_time(1, sample.duration);
        self.compositions.push(1, sample.composition as u32);
        if sample.sync {
            self.sync.put_u32(len);
        }
        self.end = sample.offset.saturating_add(sample.size.into());
    }

    /// Starts a chunk of `count` samples whose sizes and times are given otherwise.
    pub(super) fn start_chunk(&mut self, offset: u64, count: u32) {
        self.offsets.put_u64(offset);
        self.layout.start(1);
        self.layout.samples = count;
        self.len = self.len.saturating_add(count);
    }

    /// Adds `count` durations.
    pub(super) fn repeat_time(&mut self, count: u32, duration: u32) {
        self.times.push(count, duration);
        let length = i64::from(count) * i64::from(duration);
        self.time = self.time.saturating_add(length);
    }

    /// Makes the last sample last until `time`, in ticks after the first, when that is later than its end.
    pub(in crate::container) fn stretch_to(&mut self, time: i64) {
        let gap = time.saturating_sub(self.time);
        if gap > 0 && self.len > 0 {
            self.times.stretch(u32::try_from(gap).unwrap_or(u32::MAX));
            self.time = time;
        }
    }

    /// How many samples there are.
    pub(in crate::container) fn len(&self) -> u32 {
        self.len
    }

    /// Bytes of memory so far.
    pub(in crate::container) fn memory(&self) -> usize {
        self.sizes.len()
            + self.times.entries.len()
            + self.compositions.entries.len()
            + self.sync.len()
            + self.offsets.len()
            + self.layout.entries.len()
    }

    /// The table; `base` is the first sample's decode time, `files` the file of each sample description.
    pub(in crate::container) fn finish(self, base: i64, files: Vec<u16>) -> SampleTable {
        let sizes = self.sizes.clone().freeze();
        let (sizes, _) = Sizes::listed(&sizes, Width::Long, self.len);
        self.into_table(sizes, None, base, files)
    }

    pub(super) fn into_table(
        self,
        sizes: Sizes,
        blocks: Option<Blocks>,
        base: i64,
        files: Vec<u16>,
    ) -> SampleTable {
        let all_sync = blocks.is_some() || self.sync.len() / 4 == self.len as usize;
        let composed = self.compositions.value != 0 || !self.compositions.entries.is_empty();
        let chunks = Chunks::new(self.offsets.freeze(), true, self.layout.finish());
        SampleTable::new(Parts {
            count: self.len,
            base,
            times: Runs::durations(self.times.finish()),
            compositions: composed.then(|| Runs::offsets(self.compositions.finish())),
            sizes,
            blocks,
            chunks: chunks.expect("chunks are listed in ascending order from 1"),
            sync: (!all_sync).then(|| self.sync.freeze()),
            files,
        })
    }
}

/// Values, run-length coded as [`Runs`] reads them; the last run is kept apart.
#[derive(Clone, Debug, Default)]
struct RunList {
    entries: BytesMut,
    count: u32,
    value: u32,
}

impl RunList {
    fn push(&mut self, count: u32, value: u32) {
        if (value == self.value || self.count == 0)
            && let Some(sum) = self.count.checked_add(count)
        {
            (self.count, self.value) = (sum, value);
            return;
        }
        self.flush();
        (self.count, self.value) = (count, value);
    }

    /// Adds `by` to the value of the last one.
    fn stretch(&mut self, by: u32) {
        let value = self.value.saturating_add(by);
        self.count = self.count.saturating_sub(1);
        self.flush();
        (self.count, self.value) = (1, value);
    }

    fn flush(&mut self) {
        if self.count > 0 {
            self.entries.put_u32(self.count);
            self.entries.put_u32(self.value);
        }
    }

    fn finish(mut self) -> Bytes {
        self.flush();
        self.entries.freeze()
    }
}

/// Samples per chunk, as [`Chunks`] reads them; the last chunk is kept apart.
#[derive(Clone, Debug, Default)]
struct Layout {
    entries: BytesMut,
    /// Number of the last chunk, from 1.
    chunk: u32,
    samples: u32,
    description: u32,
    /// Samples and description of the last entry written.
    written: Option<(u32, u32)>,
}

impl Layout {
    fn start(&mut self, description: u32) {
        self.flush();
        self.chunk = self.chunk.saturating_add(1);
        self.samples = 0;
        self.description = description;
    }

    fn flush(&mut self) {
        let this = (self.samples, self.description);
        if self.chunk > 0 && self.written != Some(this) {
            self.entries.put_u32(self.chunk);
            self.entries.put_u32(self.samples);
            self.entries.put_u32(self.description);
            self.written = Some(this);
        }
    }

    fn finish(mut self) -> Bytes {
        self.flush();
        self.entries.freeze()
    }
}

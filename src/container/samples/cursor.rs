//! Taking samples in order.

use super::chunks::Chunk;
use super::runs::Position;
use super::{Sample, SampleTable};

/// A place in a [`SampleTable`], from which samples are taken in order at constant cost.
#[derive(Clone, Debug)]
pub struct Cursor {
    index: u32,
    chunk: Option<Chunk>,
    /// Bytes from the chunk's start to the sample.
    into_chunk: u64,
    time: Position,
    composition: Option<Position>,
    /// Place in the sync list of the first entry not before `index`.
    sync: u32,
}

impl Cursor {
    pub(super) fn new(table: &SampleTable, index: u32) -> Self {
        let mut index = index.min(table.len);
        let chunk = table.chunks.find(index);
        let mut into_chunk = 0;
        if let Some(chunk) = &chunk {
            if let Some(blocks) = &table.blocks {
                index -= (index - chunk.first) % blocks.samples;
                into_chunk = blocks.start(index - chunk.first);
            } else {
                into_chunk = table.sizes.between(chunk.first, index);
            }
        }
        Self {
            index,
            chunk,
            into_chunk,
            time: table.times.find(index),
            composition: table.compositions.as_ref().map(|runs| runs.find(index)),
            sync: table.sync.as_ref().map_or(0, |list| list.find(index)),
        }
    }

    /// The next sample of `table`, which must be the one that made this cursor.
    pub fn next(&mut self, table: &SampleTable) -> Option<Sample> {
        if self.index >= table.len {
            return None;
        }
        let chunk = self.chunk?;
        let count = self.group(table, &chunk);
        let size = self.size(table, &chunk, count);
        let sample = Sample {
            index: self.index,
            file: table.file(chunk.description),
            offset: table.chunks.offset(&chunk).saturating_add(self.into_chunk),
            size,
            time: table.base.saturating_add(self.time.sum),
            composition: self.composition.map_or(0, |at| at.value as i32),
            duration: self.time.value.saturating_mul(count),
            sync: self.is_sync(table),
            description: chunk.description,
        };
        self.pass(table, &chunk, count, size);
        Some(sample)
    }

    /// The sample that [`next`](Self::next) will hand out.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// How many samples to hand out as one: never across a chunk, a change of duration or the end.
    fn group(&self, table: &SampleTable, chunk: &Chunk) -> u32 {
        let Some(blocks) = &table.blocks else {
            return 1;
        };
        let in_chunk = chunk.samples - (self.index - chunk.first);
        let alike = self
            .composition
            .map_or(self.time.left, |at| at.left.min(self.time.left));
        blocks
            .group
            .min(in_chunk)
            .min(alike)
            .min(table.len - self.index)
            .max(1)
    }

    fn size(&self, table: &SampleTable, chunk: &Chunk, count: u32) -> u32 {
        let Some(blocks) = &table.blocks else {
            return table.sizes.size(self.index);
        };
        let end = blocks.end(self.index - chunk.first + count);
        u32::try_from(end.saturating_sub(self.into_chunk)).unwrap_or(u32::MAX)
    }

    fn is_sync(&self, table: &SampleTable) -> bool {
        table
            .sync
            .as_ref()
            .is_none_or(|list| list.get(self.sync) == Some(self.index))
    }

    fn pass(&mut self, table: &SampleTable, chunk: &Chunk, count: u32, size: u32) {
        if table.sync.is_some() && self.is_sync(table) {
            self.sync += 1;
        }
        self.index += count;
        self.into_chunk = self.into_chunk.saturating_add(size.into());
        if self.index - chunk.first >= chunk.samples {
            self.chunk = table.chunks.next(chunk);
            self.into_chunk = 0;
        }
        table.times.advance(&mut self.time, count, self.index);
        if let (Some(runs), Some(at)) = (&table.compositions, &mut self.composition) {
            runs.advance(at, count, self.index);
        }
    }
}

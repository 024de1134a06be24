//! Where a track's samples lie and when they are due, found on demand.
//!
//! The tables stay as the file holds them, run-length coded; sparse sums make
//! each look-up logarithmic. Formats without such tables fill a [`List`].

use bytes::Bytes;

use super::big_endian::u32_at;
use super::{Error, FileRange};

mod chunks;
mod cursor;
mod list;
mod runs;
mod sizes;

use chunks::Chunk;
pub(super) use chunks::Chunks;
pub use cursor::Cursor;
pub(super) use list::{List, Listed};
pub(super) use runs::Runs;
pub(super) use sizes::{Sizes, Width};

/// One sample of a track, or a run of PCM frames that lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Number in the track, from 0; of a run of frames the first one's.
    pub index: u32,
    /// Which of the movie's files holds it; 0 is the movie itself.
    pub file: u16,
    /// Byte offset in that file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Decode time in ticks of the track.
    pub time: i64,
    /// Ticks from decode to presentation time; may be negative.
    pub composition: i32,
    /// Ticks to the next sample's decode time.
    pub duration: u32,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Which of the track's sample descriptions it follows, from 1.
    pub description: u32,
}

impl Sample {
    /// When it is shown, in ticks of the track.
    pub fn presented(&self) -> i64 {
        self.time.saturating_add(self.composition.into())
    }
}

/// The samples of one track. Shared by all viewers; each has a [`Cursor`].
///
/// Samples are numbered from 0. PCM frames count one by one, but a cursor hands
/// out a run of them at a time.
#[derive(Clone, Debug)]
pub struct SampleTable {
    len: u32,
    /// Decode time of the first sample.
    base: i64,
    times: Runs,
    compositions: Option<Runs>,
    sizes: Sizes,
    blocks: Option<Blocks>,
    chunks: Chunks,
    sync: Option<SyncList>,
    /// The file of each sample description.
    files: Vec<u16>,
}

/// What a table is made of; see [`SampleTable::new`].
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// How many samples there are at most.
    pub(super) count: u32,
    /// Decode time of the first, in ticks.
    pub(super) base: i64,
    pub(super) times: Runs,
    pub(super) compositions: Option<Runs>,
    pub(super) sizes: Sizes,
    pub(super) blocks: Option<Blocks>,
    pub(super) chunks: Chunks,
    /// Numbers of the sync samples from 1, `u32` each; `None` when all are.
    pub(super) sync: Option<Bytes>,
    /// The file of each sample description.
    pub(super) files: Vec<u16>,
}

/// Sound of constant rate, addressed by blocks instead of by sample sizes (QTFF, "Sound sample descriptions").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Samples (PCM frames) of a block; never 0.
    pub(super) samples: u32,
    /// Bytes of a block.
    pub(super) bytes: u32,
    /// How many samples a cursor hands out at a time; never 0.
    pub(super) group: u32,
}

impl Blocks {
    /// Where the block of sample `index` of a chunk starts, in bytes from the chunk's start.
    fn start(&self, index: u32) -> u64 {
        u64::from(index / self.samples) * u64::from(self.bytes)
    }

    /// Where the blocks of the first `count` samples of a chunk end.
    fn end(&self, count: u32) -> u64 {
        u64::from(count.div_ceil(self.samples)) * u64::from(self.bytes)
    }
}

/// Numbers of sync samples, ascending from 1.
#[derive(Clone, Debug)]
struct SyncList(Bytes);

impl SyncList {
    /// The part of `numbers` that ascends.
    fn new(numbers: &Bytes) -> Self {
        let mut last = 0;
        let ascending = numbers.as_chunks::<4>().0.iter().take_while(|number| {
            let before = std::mem::replace(&mut last, u32::from_be_bytes(**number));
            before < last
        });
        let length = ascending.count() * 4;
        Self(numbers.slice(..length))
    }

    fn len(&self) -> u32 {
        (self.0.len() / 4) as u32
    }

    /// Sync sample number `at` of the list, counted from 0.
    fn get(&self, at: u32) -> Option<u32> {
        let number = u32_at(&self.0, (at as usize).checked_mul(4)?)?;
        number.checked_sub(1)
    }

    /// The place in the list of the first sync sample that is not before `index`.
    fn find(&self, index: u32) -> u32 {
        let numbers = self.0.as_chunks::<4>().0;
        numbers.partition_point(|number| u32::from_be_bytes(*number) <= index) as u32
    }
}

impl SampleTable {
    /// A table without samples.
    pub fn empty() -> Self {
        Self::uniform(0, 0, 0, 0, 1)
    }

    /// `count` frames of `size` bytes and `duration` ticks that lie together from `offset`;
    /// the cursor hands them out in runs of up to `group`.
    pub fn uniform(offset: u64, size: u32, count: u32, duration: u32, group: u32) -> Self {
        let mut list = List::default();
        list.start_chunk(offset, count);
        list.repeat_time(count, duration);
        let blocks = Blocks {
            samples: 1,
            bytes: size,
            group: group.max(1),
        };
        list.into_table(Sizes::Uniform(size), Some(blocks), 0, vec![0])
    }

    /// Frames at `(offset, bytes)` in file order, each `duration` ticks long.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when their list would take more than [`MAX_INDEX`](super::MAX_INDEX) bytes.
    pub fn listed(
        frames: impl IntoIterator<Item = (u64, u32)>,
        duration: u32,
    ) -> Result<Self, Error> {
        let mut list = List::default();
        for (offset, size) in frames {
            list.push(Listed {
                offset,
                size,
                duration,
                composition: 0,
                sync: true,
                description: 1,
            });
            if list.memory() > super::MAX_INDEX {
                let bytes = list.memory() as u64;
                return Err(Error::TooLarge { bytes });
            }
        }
        Ok(list.finish(0, vec![0]))
    }

    /// A table of `parts`; samples without a chunk are cut off.
    pub(super) fn new(parts: Parts) -> Self {
        let placed = u32::try_from(parts.chunks.samples()).unwrap_or(u32::MAX);
        Self {
            len: parts.count.min(placed),
            base: parts.base,
            times: parts.times,
            compositions: parts.compositions,
            sizes: parts.sizes,
            blocks: parts.blocks,
            chunks: parts.chunks,
            sync: parts.sync.as_ref().map(SyncList::new),
            files: parts.files,
        }
    }

    /// Keeps the first `len` samples.
    pub(super) fn truncate(&mut self, len: u32) {
        self.len = self.len.min(len);
    }

    /// The chunks, for checks against the size of the file.
    pub(super) fn chunks(&self) -> &Chunks {
        &self.chunks
    }

    /// How many samples there are; PCM frames count one by one.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A cursor that hands out sample `index` next; of sound in blocks, the block that holds it.
    pub fn cursor(&self, index: u32) -> Cursor {
        Cursor::new(self, index)
    }

    /// The sample whose decode time covers `time` ticks, clamped to the first and last; 0 when there is none.
    pub fn index_at(&self, time: i64) -> u32 {
        let index = self.times.index_at(time.saturating_sub(self.base));
        let last = self.len.saturating_sub(1);
        u32::try_from(index).unwrap_or(last).min(last)
    }

    /// The last sync sample at or before `index`; 0 when there is none.
    pub fn sync_at_or_before(&self, index: u32) -> u32 {
        let index = index.min(self.len.saturating_sub(1));
        self.previous_sync(index.saturating_add(1)).unwrap_or(0)
    }

    /// The first sync sample after `after`.
    pub fn next_sync(&self, after: u32) -> Option<u32> {
        let next = after.checked_add(1)?;
        let found = match &self.sync {
            None => Some(next),
            Some(list) => list.get(list.find(next)),
        };
        found.filter(|&index| index < self.len)
    }

    /// The last sync sample before `before`.
    pub fn previous_sync(&self, before: u32) -> Option<u32> {
        let before = before.min(self.len);
        match &self.sync {
            None => before.checked_sub(1),
            Some(list) => list.get(list.find(before).checked_sub(1)?),
        }
    }

    /// Whether decoding can start at every sample.
    pub fn all_sync(&self) -> bool {
        self.sync.is_none()
    }

    /// How many sync samples there are.
    pub fn sync_count(&self) -> u32 {
        self.sync
            .as_ref()
            .map_or(self.len, |list| list.find(self.len).min(list.len()))
    }

    /// Decode time of the first sample, in ticks.
    pub fn first_time(&self) -> i64 {
        self.base
    }

    /// Length of all samples together, in ticks.
    pub fn duration(&self) -> i64 {
        self.times.find(self.len).sum
    }

    /// Bytes of all samples.
    pub fn bytes(&self) -> u64 {
        match &self.blocks {
            Some(blocks) => blocks.end(self.len),
            None => self.sizes.between(0, self.len),
        }
    }

    /// Bytes of the samples `from..to`, of a table that is not [in blocks](Self::is_in_blocks).
    pub fn bytes_between(&self, from: u32, to: u32) -> u64 {
        self.sizes.between(from.min(self.len), to.min(self.len))
    }

    /// Whether it counts sound by single frames, so that a cursor hands out many at a time.
    pub fn is_in_blocks(&self) -> bool {
        self.blocks.is_some()
    }

    /// Bytes of memory that the table and its index take.
    pub fn memory(&self) -> usize {
        self.times.memory()
            + self.compositions.as_ref().map_or(0, Runs::memory)
            + self.sizes.memory()
            + self.chunks.memory()
            + self.sync.as_ref().map_or(0, |list| list.0.len())
    }

    /// Where the `length` bytes at `offset` from the start of sample `index` lie, up to the end of
    /// their chunk, so perhaps fewer; `None` when they lie outside.
    ///
    /// A size of its own bounds a sample. Through samples of constant size the
    /// offset runs on block by block, also into the chunks after, wherever those
    /// lie. `block` gives the bytes and samples of a compression block.
    ///
    /// QTFF, "Hint media", does not say how offsets count past a chunk; Darwin
    /// Streaming Server (`QTHintTrack`) counts so, and only so do the offsets of
    /// QTSS-era movies fall on the parts that QDesign 2 blocks consist of.
    pub(super) fn locate(
        &self,
        index: u32,
        offset: u32,
        length: u32,
        block: Option<(u32, u32)>,
    ) -> Option<FileRange> {
        if index >= self.len {
            return None;
        }
        let (chunk, start, length) = match self.addressing(block) {
            Some(blocks) => self.run_from(blocks, index, offset, length)?,
            None => {
                let within = u64::from(offset) + u64::from(length);
                (within <= u64::from(self.sizes.size(index))).then_some(())?;
                let chunk = self.chunks.find(index)?;
                let start = self.sizes.between(chunk.first, index);
                (chunk, start + u64::from(offset), length)
            }
        };
        Some(FileRange {
            file: self.file(chunk.description),
            offset: self.chunks.offset(&chunk).checked_add(start)?,
            length,
        })
    }

    /// The chunk in which the byte `offset` after sample `index` lies, where in it, and how many
    /// of `length` bytes it holds from there.
    fn run_from(
        &self,
        blocks: Blocks,
        index: u32,
        offset: u32,
        length: u32,
    ) -> Option<(Chunk, u64, u32)> {
        let passed = u64::from(offset.checked_div(blocks.bytes)?) * u64::from(blocks.samples);
        let target = u32::try_from(u64::from(index) + passed).ok()?;
        let chunk = self.chunks.find(target).filter(|_| target < self.len)?;
        let into_block = u64::from(offset % blocks.bytes);
        let start = blocks.start(target - chunk.first) + into_block;
        let held = blocks.end(chunk.samples).saturating_sub(start);
        let length = u32::try_from(held).map_or(length, |held| length.min(held));
        Some((chunk, start, length))
    }

    /// How samples of constant size are addressed; `None` when each has its own.
    fn addressing(&self, block: Option<(u32, u32)>) -> Option<Blocks> {
        let uniform = match self.sizes {
            Sizes::Uniform(size) => Some((size, 1)),
            Sizes::Listed(_) => None,
        };
        if block.is_none() && self.blocks.is_some() {
            return self.blocks;
        }
        block.or(uniform).map(|(bytes, samples)| Blocks {
            samples: samples.max(1),
            bytes,
            group: 1,
        })
    }

    fn file(&self, description: u32) -> u16 {
        let at = (description as usize).wrapping_sub(1);
        self.files.get(at).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;

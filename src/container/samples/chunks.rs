//! Chunks: runs of samples that lie together in a file (`stsc`, `stco`, `co64`; ISO/IEC 14496-12, 8.7.4).

use bytes::Bytes;

use crate::container::Error;
use crate::container::big_endian::{u32_at, u64_at};

/// Where chunks start and which samples each holds.
#[derive(Clone, Debug)]
pub(in crate::container) struct Chunks {
    /// Offset of each chunk, four or eight bytes.
    offsets: Bytes,
    wide: bool,
    count: u32,
    /// `first chunk u32 | samples per chunk u32 | description u32`, chunks counted from 1.
    layout: Bytes,
    /// First sample of every [`STRIDE`]th entry of `layout`.
    marks: Vec<u32>,
    samples: u64,
}

/// A chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    entry: u32,
    /// Number, from 0.
    number: u32,
    /// Number of the first chunk that the next entry of the layout describes.
    entry_end: u32,
    /// Its first sample.
    pub(super) first: u32,
    /// How many samples it holds.
    pub(super) samples: u32,
    /// Sample description, from 1.
    pub(super) description: u32,
}

/// An entry of the layout.
struct Entry {
    first_chunk: u32,
    end_chunk: u32,
    samples: u32,
    description: u32,
}

impl Entry {
    fn all_samples(&self) -> u64 {
        u64::from(self.end_chunk - self.first_chunk) * u64::from(self.samples)
    }
}

impl Chunks {
    /// Chunks at `offsets` (of eight bytes each when `wide`, else four), laid out as `layout` says.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the layout does not start with the first chunk or goes back.
    pub(in crate::container) fn new(
        offsets: Bytes,
        wide: bool,
        layout: Bytes,
    ) -> Result<Self, Error> {
        let count = offsets.len() / if wide { 8 } else { 4 };
        let mut chunks = Self {
            offsets,
            wide,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            marks: Vec::with_capacity(layout.len() / ENTRY / STRIDE + 1),
            layout,
            samples: 0,
        };
        chunks.index()?;
        Ok(chunks)
    }

    fn index(&mut self) -> Result<(), Error> {
        let malformed = |reason| Error::Malformed {
            part: "sample to chunk table",
            reason,
        };
        let mut chunk = 0;
        for number in 0..self.layout.len() / ENTRY {
            let first = u32_at(&self.layout, number * ENTRY).unwrap_or(0);
            if number == 0 && first != 1 {
                return Err(malformed("it does not start with the first chunk"));
            }
            if number > 0 && first <= chunk {
                return Err(malformed("its chunks are out of order"));
            }
            chunk = first;
            if number.is_multiple_of(STRIDE) {
                self.marks
                    .push(u32::try_from(self.samples).unwrap_or(u32::MAX));
            }
            let samples = self.entry(number).map_or(0, |entry| entry.all_samples());
            self.samples = self.samples.saturating_add(samples);
        }
        Ok(())
    }

    /// How many samples all chunks hold.
    pub(in crate::container) fn samples(&self) -> u64 {
        self.samples
    }

    /// The first sample of the first chunk that does not start before `end`, in bytes.
    pub(in crate::container) fn first_sample_past(&self, end: u64) -> Option<u32> {
        let chunk = (0..self.count).find(|&chunk| self.offset_of(chunk) >= end)?;
        let mut first: u64 = 0;
        for number in 0..self.layout.len() / ENTRY {
            let entry = self.entry(number)?;
            if chunk < entry.end_chunk {
                let chunks = chunk.saturating_sub(entry.first_chunk);
                first += u64::from(chunks) * u64::from(entry.samples);
                break;
            }
            first += entry.all_samples();
        }
        u32::try_from(first).ok()
    }

    /// The chunk that holds `sample`.
    pub(super) fn find(&self, sample: u32) -> Option<Chunk> {
        let after = self.marks.partition_point(|&first| first <= sample);
        let mark = after.checked_sub(1)?;
        let mut first = u64::from(*self.marks.get(mark)?);
        for number in mark * STRIDE.. {
            let entry = self.entry(number)?;
            let into = u64::from(sample) - first;
            if into < entry.all_samples() {
                let chunks = into as u32 / entry.samples;
                return Some(Chunk {
                    entry: number as u32,
                    number: entry.first_chunk + chunks,
                    entry_end: entry.end_chunk,
                    first: first as u32 + chunks * entry.samples,
                    samples: entry.samples,
                    description: entry.description,
                });
            }
            first += entry.all_samples();
        }
        None
    }

    /// The chunk after `chunk`.
    pub(super) fn next(&self, chunk: &Chunk) -> Option<Chunk> {
        let first = chunk.first.checked_add(chunk.samples)?;
        let number = chunk.number + 1;
        if number < chunk.entry_end {
            return Some(Chunk {
                number,
                first,
                ..*chunk
            });
        }
        let next = chunk.entry + 1;
        let entry = self.entry(next as usize)?;
        if entry.samples == 0 || entry.first_chunk == entry.end_chunk {
            return self.find(first);
        }
        Some(Chunk {
            entry: next,
            number: entry.first_chunk,
            entry_end: entry.end_chunk,
            first,
            samples: entry.samples,
            description: entry.description,
        })
    }

    /// The byte offset at which `chunk` starts.
    pub(super) fn offset(&self, chunk: &Chunk) -> u64 {
        self.offset_of(chunk.number)
    }

    fn offset_of(&self, chunk: u32) -> u64 {
        let at = chunk as usize;
        let offset = if self.wide {
            u64_at(&self.offsets, at.saturating_mul(8))
        } else {
            u32_at(&self.offsets, at.saturating_mul(4)).map(u64::from)
        };
        offset.unwrap_or(u64::MAX)
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.offsets.len() + self.layout.len() + self.marks.len() * size_of::<u32>()
    }

    /// Entry `number` of the layout, cut to the chunks that have an offset.
    fn entry(&self, number: usize) -> Option<Entry> {
        let at = number.checked_mul(ENTRY)?;
        let chunk_at = |at| {
            let first = u32_at(&self.layout, at)?.saturating_sub(1);
            Some(first.min(self.count))
        };
        let first_chunk = chunk_at(at)?;
        let end_chunk = chunk_at(at + ENTRY).unwrap_or(self.count);
        Some(Entry {
            first_chunk,
            end_chunk: end_chunk.max(first_chunk),
            samples: u32_at(&self.layout, at + 4)?,
            description: u32_at(&self.layout, at + 8)?,
        })
    }
}

/// Bytes of an entry of the layout.
const ENTRY: usize = 12;
/// Entries from one mark to the next.
const STRIDE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(offsets: &[u32], layout: &[[u32; 3]]) -> Result<Chunks, Error> {
        let bytes = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        Chunks::new(bytes(offsets), false, bytes(layout.as_flattened()))
    }

    #[test]
    fn chunks_found_and_walked_to_agree() {
        let layout: Vec<[u32; 3]> = (0..50).map(|i| [i * 2 + 1, i % 5, 1 + i % 2]).collect();
        let offsets: Vec<u32> = (0..100).map(|i| i * 1000).collect();
        let chunks = chunks(&offsets, &layout).unwrap();
        assert_eq!(chunks.samples(), 200);
        let mut walked = chunks.find(0);
        for sample in 0..200 {
            let found = chunks.find(sample).unwrap();
            if walked.is_some_and(|chunk| sample >= chunk.first + chunk.samples) {
                walked = chunks.next(&walked.unwrap());
            }
            assert_eq!(format!("{walked:?}"), format!("{:?}", Some(found)));
            assert!(found.first <= sample && sample < found.first + found.samples);
        }
        assert!(chunks.find(200).is_none());
        assert!(chunks.next(&walked.unwrap()).is_none());
    }

    #[test]
    fn chunks_without_an_offset_hold_nothing() {
        let cut = chunks(&[10, 20, 30], &[[1, 2, 1], [3, 7, 1], [9, 5, 1]]).unwrap();
        assert_eq!(cut.samples(), 11);
        assert_eq!(cut.first_sample_past(30), Some(4));
        assert_eq!(cut.first_sample_past(31), None);
        assert!(cut.find(11).is_none());
    }

    #[test]
    fn disordered_layouts_are_refused() {
        assert!(chunks(&[1, 2, 3], &[[2, 1, 1]]).is_err());
        assert!(chunks(&[1, 2, 3], &[[1, 1, 1], [1, 2, 1]]).is_err());
        assert!(chunks(&[1, 2, 3], &[[1, u32::MAX, 1]]).is_ok());
        assert_eq!(chunks(&[], &[]).unwrap().samples(), 0);
    }
}

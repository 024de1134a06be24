//! Where a track's samples lie and when they are due, found on demand.

use super::Error;

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

/// The samples of one track. Shared by all viewers; each has a [`Cursor`].
#[derive(Clone, Debug)]
pub struct SampleTable {
    len: u32,
}

/// A place in a [`SampleTable`], from which samples are taken in order at constant cost.
#[derive(Clone, Debug)]
pub struct Cursor {
    index: u32,
}

impl SampleTable {
    /// `count` frames of `size` bytes and `duration` ticks that lie together from `offset`;
    /// the cursor hands them out in runs of up to `group`.
    pub fn uniform(offset: u64, size: u32, count: u32, duration: u32, group: u32) -> Self {
        let _ = (offset, size, duration, group);
        Self { len: count }
    }

    /// Frames at `(offset, bytes)` in file order, each `duration` ticks long.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when their list would take more than [`MAX_INDEX`](super::MAX_INDEX) bytes.
    pub fn listed(
        frames: impl IntoIterator<Item = (u64, u32)>,
        duration: u32,
    ) -> Result<Self, Error> {
        let _ = duration;
        let len = frames.into_iter().count() as u32;
        Ok(Self { len })
    }

    /// How many samples there are; PCM frames count one by one.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A cursor that hands out sample `index` next.
    pub fn cursor(&self, index: u32) -> Cursor {
        Cursor { index }
    }

    /// The sample whose decode time covers `time` ticks, clamped to the first and last; 0 when there is none.
    pub fn index_at(&self, time: i64) -> u32 {
        let _ = time;
        0
    }

    /// The last sync sample at or before `index`; 0 when there is none.
    pub fn sync_at_or_before(&self, index: u32) -> u32 {
        index
    }

    /// The first sync sample after `after`.
    pub fn next_sync(&self, after: u32) -> Option<u32> {
        Some(after + 1)
    }

    /// The last sync sample before `before`.
    pub fn previous_sync(&self, before: u32) -> Option<u32> {
        before.checked_sub(1)
    }

    /// Whether decoding can start at every sample.
    pub fn all_sync(&self) -> bool {
        true
    }

    /// How many sync samples there are.
    pub fn sync_count(&self) -> u32 {
        self.len
    }

    /// Length of all samples in ticks.
    pub fn duration(&self) -> i64 {
        0
    }

    /// Bytes of all samples.
    pub fn bytes(&self) -> u64 {
        0
    }

    /// Bytes of memory that the table and its index take.
    pub fn memory(&self) -> usize {
        0
    }
}

impl Cursor {
    /// The next sample of `table`, which must be the one that made this cursor.
    pub fn next(&mut self, table: &SampleTable) -> Option<Sample> {
        let _ = table;
        None
    }

    /// The sample that [`next`](Self::next) will hand out.
    pub fn index(&self) -> u32 {
        self.index
    }
}

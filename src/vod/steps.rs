//! Which samples of a track a viewer takes, and in what order.

use crate::container::{Cursor, Sample, SampleTable};

/// The order in which a feed walks a sample table.
#[derive(Clone, Debug)]
pub(super) enum Steps {
    /// Every sample, in file order.
    All(Cursor),
    /// Sync samples only, for playing fast or backwards.
    Sync {
        /// The sync sample that comes next.
        next: Option<u32>,
        /// Whether time runs backwards.
        backwards: bool,
    },
}

impl Steps {
    /// Every sample from `index` on.
    pub(super) fn all(table: &SampleTable, index: u32) -> Self {
        Self::All(table.cursor(index))
    }

    /// The sync samples from `index`, itself one, onwards or backwards.
    pub(super) fn sync(table: &SampleTable, index: u32, backwards: bool) -> Self {
        Self::Sync {
            next: (index < table.len()).then_some(index),
            backwards,
        }
    }

    /// The next sample of `table`, which must be the one given at the start.
    pub(super) fn next(&mut self, table: &SampleTable) -> Option<Sample> {
        match self {
            Self::All(cursor) => cursor.next(table),
            Self::Sync { next, backwards } => {
                let index = (*next)?;
                *next = if *backwards {
                    table.previous_sync(index)
                } else {
                    table.next_sync(index)
                };
                table.cursor(index).next(table)
            }
        }
    }
}

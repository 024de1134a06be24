//! How the pictures of a movie are refreshed: at once, or little by little, as encoders for live channels do.
//!
//! The index says where a decoder may start, and not how, so a few of those pictures are read.

use bytes::Bytes;

use super::cuts::Cuts;
use super::lane::Lane;
use crate::codec::{Format, RandomAccess};
use crate::container::FileRange;
use crate::vod::Movie;

/// So many key frames are read: the first, the last, and some between.
const LOOKS: usize = 5;

/// The most bytes of a key frame that is read.
const MOST: u32 = 8 << 20;

/// Whether at least one of some key frames of `lane`, which `cuts` are at, shows no whole picture. Blocks.
pub(super) fn is_gradual(movie: &Movie, lane: &Lane, cuts: &Cuts) -> bool {
    let Some(format @ Format::H264(_)) = lane.format() else {
        return false;
    };
    places(cuts.len()).any(|number| {
        let read = read(movie, lane, cuts, number);
        let begins = read.and_then(|bytes| format.random_access(&bytes));
        begins == Some(RandomAccess::Gradual)
    })
}

/// The key frames of `count` that are read.
fn places(count: usize) -> impl Iterator<Item = usize> {
    let last = count.saturating_sub(1);
    let looks = LOOKS.min(count);
    (0..looks).map(move |look| last * look / (looks - 1).max(1))
}

fn read(movie: &Movie, lane: &Lane, cuts: &Cuts, number: usize) -> Option<Bytes> {
    let frame = lane.key_frame(movie.index(), cuts, number)?;
    let range = FileRange {
        file: frame.sample.file,
        offset: frame.sample.offset,
        length: frame.sample.size,
    };
    (range.length <= MOST).then(|| movie.read_now(range))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_spread_over_a_movie() {
        let of = |count| places(count).collect::<Vec<_>>();
        assert_eq!(of(0), [0; 0]);
        assert_eq!(of(1), [0]);
        assert_eq!(of(3), [0, 1, 2]);
        assert_eq!(of(101), [0, 25, 50, 75, 100]);
    }
}

//! The sounds of a movie that segments do not carry as they are, though others are carried beside them: what is to be
//! known to have them encoded.

use super::cuts::Cuts;
use crate::base::id::TrackId;
use crate::base::media_time::NptTime;
use crate::container::Movie;
use crate::hls::transcode::grid::Grid;

/// Sounds that have to be encoded, as they would be beside the others.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::hls) struct Uncarried {
    /// What tells the files of the first of them from those of all others of that name; the next counts on.
    pub(in crate::hls) number: u32,
    /// The place of the first among the sounds that one can choose from.
    pub(in crate::hls) place: u16,
    /// Which they are, and their languages.
    pub(in crate::hls) tracks: Vec<(TrackId, Option<String>)>,
    /// When the first track of the movie begins.
    pub(in crate::hls) start: NptTime,
    /// Where their segments begin.
    pub(in crate::hls) grid: Grid,
    /// That of all playlists of the movie.
    pub(in crate::hls) target_duration: u64,
}

impl Uncarried {
    /// The tracks with these indices, in the segments of `cuts`; `None` without any.
    pub(super) fn of(movie: &Movie, tracks: &[usize], cuts: &Cuts) -> Option<Self> {
        let tracks = tracks.iter().filter_map(|number| movie.tracks.get(*number));
        let tracks: Vec<_> = tracks
            .map(|track| (track.id, track.language.clone()))
            .collect();
        (!tracks.is_empty()).then(|| Self {
            number: 0,
            place: 0,
            tracks,
            start: movie.begin(),
            grid: Grid::beside(
                (0..cuts.len()).map(|number| cuts.start(number)),
                cuts.start(cuts.len()),
            ),
            target_duration: 0,
        })
    }

    /// Whether files with this number may be of them.
    pub(super) fn may_have_made(&self, number: u32) -> bool {
        let count = number.wrapping_sub(self.number);
        usize::try_from(count).is_ok_and(|count| count < self.tracks.len())
    }
}

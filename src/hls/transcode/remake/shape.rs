//! What is made of a movie: which of its streams go into which playlist, and where segments begin. Pure.

use std::time::Duration;

use crate::base::media_time::{MediaTime, NptTime};
use crate::codec::Kind;
use crate::hls::movie::Uncarried;
use crate::hls::transcode::facts::{Facts, Pictures, Stream, is_length};
use crate::hls::transcode::grid::Grid;
use crate::hls::transcode::orders::Coding;

/// What is made of a movie.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::hls::transcode) struct Shape {
    /// What tells the files of the first of them from those of all others of that name; the next counts on.
    pub(super) number: u32,
    /// The place of the first among the sounds that one can choose from; 0 for the variant's playlist.
    pub(super) place: u16,
    /// The streams of each playlist.
    pub(super) renditions: Vec<Vec<Stream>>,
    pub(super) pictures: Option<Pictures>,
    pub(super) grid: Grid,
    /// That of its playlists, in seconds.
    pub(super) target_duration: u64,
    /// When the first stream of its file begins on the timeline of the grid, in seconds.
    pub(super) start: f64,
}

impl Shape {
    /// All that a movie has: together if there is one sound at most, else each in a playlist of its own. Its `extent` is
    /// when its first stream begins and when it ends, if that is known: of fragments ffprobe tells neither.
    pub(super) fn whole(
        facts: &Facts,
        extent: Option<(NptTime, MediaTime)>,
        number: u32,
        target: Duration,
    ) -> Self {
        let extent = extent.map(|(start, end)| (start.seconds(), end.seconds()));
        let extent =
            extent.filter(|(start, end)| *start <= LATEST && start < end && is_length(*end));
        let (start, end) = extent.unwrap_or((0.0, facts.seconds));
        let (seen, mut streams) = parted(facts);
        streams.truncate(MOST_SOUNDS);
        let is_apart = streams.len() > 1;
        streams.splice(..0, seen);
        let renditions = match is_apart {
            true => streams.into_iter().map(|stream| vec![stream]).collect(),
            false => vec![streams],
        };
        Self {
            number,
            place: 0,
            renditions,
            pictures: facts.pictures,
            grid: Grid::new(facts.rate_hz, end, target.as_secs()),
            target_duration: target.as_secs().max(1),
            start,
        }
    }

    /// The same with the first sound alone, among the pictures; `None` where that is what it is.
    pub(super) fn compat(&self) -> Option<Self> {
        let count = u32::try_from(self.renditions.len()).unwrap_or(u32::MAX);
        let is_first = |stream: &&Stream| stream.coding.kind() == Kind::Audio;
        let streams = || self.renditions.iter().flatten();
        let seen = streams().filter(|stream| !is_first(stream));
        let heard = streams().find(is_first);
        (count > 1).then(|| Self {
            // The number between is that of the key frames.
            number: self.number.wrapping_add(count + 1),
            renditions: vec![seen.chain(heard).cloned().collect()],
            ..self.clone()
        })
    }

    /// Sounds that others are beside which need no encoding; `None` if ffmpeg decodes none of them, and where they would
    /// begin too late.
    pub(super) fn beside(facts: &Facts, uncarried: &Uncarried) -> Option<Self> {
        let (_, sounds) = parted(facts);
        let (grid, tracks) = (&uncarried.grid, &uncarried.tracks);
        let found = tracks.iter().filter_map(|(track, language)| {
            let mut sounds = sounds.iter().filter(|stream| stream.is_decoded());
            let stream = sounds.find(|stream| stream.track == Some(track.0))?;
            Some(Stream {
                coding: at_rate(stream.coding, grid.rate_hz()),
                language: language.clone().or_else(|| stream.language.clone()),
                ..stream.clone()
            })
        });
        let found = found.take(MOST_SOUNDS).map(|stream| vec![stream]);
        let shape = Self {
            number: uncarried.number,
            place: uncarried.place,
            renditions: found.collect(),
            pictures: None,
            grid: grid.clone(),
            target_duration: uncarried.target_duration,
            start: uncarried.start.seconds(),
        };
        (!shape.renditions.is_empty() && shape.start <= LATEST).then_some(shape)
    }
}

/// The pictures, and the sounds.
fn parted(facts: &Facts) -> (Vec<Stream>, Vec<Stream>) {
    let streams = facts.streams.iter().cloned();
    streams.partition(|stream| stream.coding.kind() == Kind::Video)
}

fn at_rate(coding: Coding, rate_hz: u32) -> Coding {
    match coding {
        Coding::Audio { mixed_to, .. } => Coding::Audio { rate_hz, mixed_to },
        video => video,
    }
}

/// The latest that a movie may begin, in seconds: the silence until then takes half a megabyte of ffmpeg a second.
const LATEST: f64 = 300.0;

/// The most sounds of a movie that are encoded; a process makes all of them at once.
const MOST_SOUNDS: usize = 8;

/// Numbers of files from the first of a whole movie on, all that are of it among them.
pub(super) const NUMBERS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::TrackId;

    fn stream(number: u32, codec: &str) -> Stream {
        let coding = match codec {
            "mpeg4" => Coding::Video { most: 1 },
            _ => Coding::Audio {
                rate_hz: 44_100,
                mixed_to: None,
            },
        };
        Stream {
            number,
            track: Some(number + 1),
            coding,
            codec: codec.to_owned(),
            language: Some("fra".to_owned()),
            channels: None,
        }
    }

    fn facts(codecs: &[&str]) -> Facts {
        let streams = (0..).zip(codecs);
        Facts {
            seconds: 20.0,
            streams: streams
                .map(|(number, codec)| stream(number, codec))
                .collect(),
            pictures: None,
            rate_hz: 44_100,
        }
    }

    fn numbers(shape: &Shape) -> Vec<Vec<u32>> {
        let of = |streams: &Vec<Stream>| streams.iter().map(|stream| stream.number).collect();
        shape.renditions.iter().map(of).collect()
    }

    #[test]
    fn sounds_to_choose_from_are_apart_from_the_pictures() {
        let target = Duration::from_secs(6);
        let shape = |codecs: &[&str]| Shape::whole(&facts(codecs), None, 7, target);
        let one = shape(&["mpeg4", "mp3"]);
        assert_eq!((numbers(&one), one.compat()), (vec![vec![0, 1]], None));
        let two = shape(&["mpeg4", "mp3", "vorbis"]);
        assert_eq!(numbers(&two), [[0], [1], [2]]);
        let compat = two.compat().unwrap();
        assert_eq!((numbers(&compat), compat.number), (vec![vec![0, 1]], 11));
        assert_eq!(numbers(&shape(&["mp3", "mp3"])), [[0], [1]]);
        let many = shape(&[&["mpeg4"][..], &["mp3"; 20]].concat());
        assert_eq!(many.renditions.len(), 1 + MOST_SOUNDS);
        assert!(many.compat().unwrap().number - many.number + 1 < NUMBERS);
    }

    #[test]
    fn a_movie_begins_and_ends_as_its_index_tells() {
        let told = |start, end| {
            let extent = (NptTime::from_seconds(start), MediaTime::new(end, 1));
            let shape = Shape::whole(&facts(&["mp3"]), Some(extent), 7, Duration::from_secs(6));
            (shape.start, shape.grid.end().seconds())
        };
        assert_eq!(told(0.0, 30), (0.0, 30.0));
        assert_eq!(told(2.5, 30), (2.5, 30.0));
        // Too late, or nonsense.
        for (start, end) in [(400.0, 450), (0.0, 1 << 32), (0.0, 0)] {
            assert_eq!(told(start, end), (0.0, 20.0), "{start} {end}");
        }
    }

    #[test]
    fn sounds_beside_others_are_found_by_their_tracks() {
        let uncarried = |ids: &[u32]| Uncarried {
            number: 40,
            place: 3,
            start: NptTime(0),
            tracks: ids.iter().map(|id| (TrackId(*id), None)).collect(),
            grid: Grid::beside([MediaTime::new(0, 1)].into_iter(), MediaTime::new(20, 1)),
            target_duration: 20,
        };
        let facts = facts(&["mpeg4", "aac", "pcm_mulaw", "ac4"]);
        assert_eq!(Shape::beside(&facts, &uncarried(&[4, 9])), None);
        let shape = Shape::beside(&facts, &uncarried(&[3, 4])).unwrap();
        assert_eq!(
            (numbers(&shape), shape.number, shape.place),
            (vec![vec![2]], 40, 3)
        );
        let [stream] = shape.renditions[0].as_slice() else {
            panic!("{shape:?}");
        };
        let made = Coding::Audio {
            rate_hz: 48_000,
            mixed_to: None,
        };
        assert_eq!(
            (stream.coding, stream.language.as_deref()),
            (made, Some("fra"))
        );
    }
}

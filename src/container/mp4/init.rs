//! The movie box that goes before fragments: the CMAF header (ISO/IEC 23000-19, 7.3.1).

use bytes::Bytes;

use super::boxes::Boxes;
use super::cenc::Protection;
use super::colours::Colours;
use super::config;
pub use super::copied::CopiedEntry;
use super::language;
use crate::codec::{Format, Kind};

/// What the movie box says of a track.
#[derive(Clone, Copy, Debug)]
pub struct TrackInit<'a> {
    /// Its number, from 1.
    pub id: u32,
    /// What describes its samples.
    pub entry: Entry<'a>,
    /// Ticks per second of its samples, in Hz.
    pub timescale: u32,
    /// Width and height of the pictures; 0 where there are none.
    pub size: (u16, u16),
    /// What is told of their colours beside the format.
    pub colours: Option<Colours>,
    /// Its language as ISO 639-2 has it, three small letters; another counts as not known.
    pub language: Option<&'a str>,
    /// Ticks before the first that is presented.
    pub lead: u32,
    /// Those of them that an encoder puts before the sound.
    pub priming: u32,
    /// One of its samples; AC-3 says more of itself there than the format does.
    pub sample: &'a [u8],
}

/// What describes the samples of a track.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A sample entry made from the format.
    Of(&'a Format),
    /// One that a file has.
    Copied(&'a CopiedEntry),
}

impl Entry<'_> {
    fn kind(self) -> Kind {
        match self {
            Self::Of(format) => format.kind(),
            Self::Copied(entry) => entry.kind(),
        }
    }

    fn is_carried(self) -> bool {
        match self {
            Self::Of(format) => carries(format),
            Self::Copied(_) => true,
        }
    }
}

/// Whether samples of this format can be carried in fragments.
pub fn carries(format: &Format) -> bool {
    config::is_known(format)
}

/// What is before the fragments of a movie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitSegment(pub Bytes);

impl InitSegment {
    /// Of these tracks; those that [cannot be carried](carries) are left out.
    pub fn of(tracks: &[TrackInit<'_>]) -> Self {
        Self::protected(tracks, None)
    }

    /// The same of tracks whose samples are encrypted, as `protection` tells.
    pub fn protected(tracks: &[TrackInit<'_>], protection: Option<&Protection>) -> Self {
        let tracks = || tracks.iter().filter(|track| track.entry.is_carried());
        let mut boxes = Boxes::default();
        boxes.atom(b"ftyp", |boxes| {
            boxes.slice(b"iso6\0\0\0\0iso6cmfccmf2mp41");
        });
        boxes.atom(b"moov", |boxes| {
            movie_header(boxes);
            tracks().for_each(|track| write_track(boxes, track, protection));
            boxes.atom(b"mvex", |boxes| {
                for track in tracks() {
                    boxes.full(b"trex", 0, 0, |boxes| {
                        [track.id, 1, 0, 0, 0]
                            .iter()
                            .for_each(|field| boxes.u32(*field));
                    });
                }
            });
        });
        Self(boxes.bytes.into())
    }
}

fn movie_header(boxes: &mut Boxes) {
    boxes.full(b"mvhd", 0, 0, |boxes| {
        [0, 0, MOVIE_TIMESCALE, 0, 0x1_0000]
            .iter()
            .for_each(|field| boxes.u32(*field));
        boxes.u16(0x100);
        boxes.zeros(10);
        matrix(boxes);
        boxes.zeros(24);
        // The number of the next track; all ones mean that it must be searched for.
        boxes.u32(u32::MAX);
    });
}

fn write_track(boxes: &mut Boxes, track: &TrackInit<'_>, protection: Option<&Protection>) {
    let kind = track.entry.kind();
    boxes.atom(b"trak", |boxes| {
        track_header(boxes, track, kind);
        if track.lead > 0 {
            edit_list(boxes, track.lead);
        }
        boxes.atom(b"mdia", |boxes| {
            media_header(boxes, track);
            boxes.full(b"hdlr", 0, 0, |boxes| {
                boxes.u32(0);
                boxes.slice(if kind == Kind::Video {
                    b"vide"
                } else {
                    b"soun"
                });
                boxes.zeros(13);
            });
            boxes.atom(b"minf", |boxes| {
                media_information(boxes, track, kind, protection);
            });
        });
    });
}

fn track_header(boxes: &mut Boxes, track: &TrackInit<'_>, kind: Kind) {
    // Enabled, and part of the movie.
    boxes.full(b"tkhd", 0, 3, |boxes| {
        [0, 0, track.id, 0, 0, 0, 0, 0]
            .iter()
            .for_each(|field| boxes.u32(*field));
        boxes.u16(if kind == Kind::Audio { 0x100 } else { 0 });
        boxes.u16(0);
        matrix(boxes);
        let (width, height) = track.size;
        boxes.u32(u32::from(width) << 16);
        boxes.u32(u32::from(height) << 16);
    });
}

/// Presents the media from `start` on, to its end.
fn edit_list(boxes: &mut Boxes, start: u32) {
    boxes.atom(b"edts", |boxes| {
        boxes.full(b"elst", 0, 0, |boxes| {
            [1, 0, start, 0x1_0000]
                .iter()
                .for_each(|field| boxes.u32(*field));
        });
    });
}

fn media_header(boxes: &mut Boxes, track: &TrackInit<'_>) {
    boxes.full(b"mdhd", 0, 0, |boxes| {
        [0, 0, track.timescale, 0]
            .iter()
            .for_each(|field| boxes.u32(*field));
        boxes.u16(language::pack(track.language));
        boxes.u16(0);
    });
}

fn media_information(
    boxes: &mut Boxes,
    track: &TrackInit<'_>,
    kind: Kind,
    protection: Option<&Protection>,
) {
    if kind == Kind::Video {
        boxes.full(b"vmhd", 0, 1, |boxes| boxes.zeros(8));
    } else {
        boxes.full(b"smhd", 0, 0, |boxes| boxes.zeros(4));
    }
    boxes.atom(b"dinf", |boxes| {
        boxes.full(b"dref", 0, 0, |boxes| {
            boxes.u32(1);
            boxes.full(b"url ", 0, 1, |_| {});
        });
    });
    boxes.atom(b"stbl", |boxes| {
        boxes.full(b"stsd", 0, 0, |boxes| {
            boxes.u32(1);
            config::sample_entry(boxes, track, protection);
        });
        for table in [b"stts", b"stsc", b"stco"] {
            boxes.full(table, 0, 0, |boxes| boxes.u32(0));
        }
        boxes.full(b"stsz", 0, 0, |boxes| boxes.zeros(8));
    });
}

/// Neither turned nor scaled.
fn matrix(boxes: &mut Boxes) {
    [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]
        .iter()
        .for_each(|field| boxes.u32(*field));
}

const MOVIE_TIMESCALE: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{aac, h264};
    use crate::container::mp4::fragment::{Fragment, Run, SampleFacts};
    use crate::container::{self, Movie, Role};

    /// A movie of one track with two samples, read back.
    fn read_back(track: &TrackInit<'_>) -> Movie {
        let facts = [(1, true, 30), (2, false, -10)].map(|(size, sync, composition)| SampleFacts {
            duration: 100,
            size,
            sync,
            composition,
        });
        let run = Run {
            track: track.id,
            base_decode_time: 1 << 33,
            samples: &facts,
            data: &[Bytes::from_static(b"a"), Bytes::from_static(b"bc")],
            subsamples: &[],
        };
        let fragment = Fragment::of(1, true, &[run]);
        assert_eq!(fragment.bytes[fragment.media..], *b"abc");
        let InitSegment(head) = InitSegment::of(&[*track]);
        container::open(&Bytes::from([head, fragment.bytes].concat())).unwrap()
    }

    fn track(format: &Format) -> TrackInit<'_> {
        TrackInit {
            id: 7,
            entry: Entry::Of(format),
            timescale: 48_000,
            size: (0, 0),
            colours: None,
            language: None,
            lead: 0,
            priming: 0,
            sample: &[],
        }
    }

    #[test]
    fn the_reader_finds_what_was_written() {
        let config = aac::Config::from_specific(&[0x11, 0x90]).unwrap();
        let format = Format::Aac(config);
        let movie = read_back(&TrackInit {
            language: Some("deu"),
            lead: 1024,
            ..track(&format)
        });
        let track = &movie.tracks[0];
        assert!(matches!(&track.role, Role::Media(found) if *found == format));
        assert_eq!((track.id.0, track.timescale), (7, 48_000));
        assert_eq!(track.language.as_deref(), Some("deu"));
        assert_eq!(track.edits.spans()[0].media_start, 1024);
        let mut cursor = track.samples.cursor(0);
        let found: Vec<_> = std::iter::from_fn(|| cursor.next(&track.samples))
            .map(|sample| {
                (
                    sample.size,
                    sample.duration,
                    sample.composition,
                    sample.sync,
                )
            })
            .collect();
        assert_eq!(found, [(1, 100, 30, true), (2, 100, -10, false)]);
    }

    #[test]
    fn every_kind_of_sound_comes_back() {
        let formats = [
            Format::Ac3 {
                rate_hz: 44_100,
                channels: 6,
            },
            Format::Ac3 {
                rate_hz: 48_000,
                channels: 2,
            },
            Format::Opus { channels: 2 },
            Format::MpegAudio {
                layer: 3,
                rate_hz: 44_100,
                channels: 2,
            },
        ];
        for format in &formats {
            let movie = read_back(&track(format));
            assert!(matches!(&movie.tracks[0].role, Role::Media(found) if found == format));
        }
    }

    #[test]
    fn ac3_is_described_by_its_own_frame() {
        // 48 kHz, 192 kbit/s, version 8, stereo.
        let frame = [0x0b, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xe1, 0, 0];
        let format = Format::Ac3 {
            rate_hz: 48_000,
            channels: 2,
        };
        let InitSegment(head) = InitSegment::of(&[TrackInit {
            sample: &frame,
            ..track(&format)
        }]);
        let place = head.windows(4).position(|kind| kind == b"dac3").unwrap();
        assert_eq!(head[place + 4..place + 7], [0x10, 0x11, 0x40]);
    }

    #[test]
    fn colours_come_back() {
        let colr = b"\0\0\0\x13colrnclx\0\x09\0\x10\0\x09\0";
        let entry = Bytes::from([&[0; 86], &colr[..]].concat());
        let colours = Colours::of(&entry);
        let format = Format::H264(h264::Config {
            length_size: 4,
            sps: vec![Bytes::from_static(&[0x67, 0x4d, 0x40, 0x1e])],
            pps: vec![Bytes::from_static(&[0x68])],
        });
        let movie = read_back(&TrackInit {
            colours,
            ..track(&format)
        });
        let description = &movie.tracks[0].descriptions[0];
        assert!(colours.is_some());
        assert_eq!(Colours::of(description), colours);
    }

    #[test]
    fn formats_without_a_sample_entry_are_left_out() {
        assert!(!carries(&Format::Jpeg));
        let InitSegment(head) = InitSegment::of(&[track(&Format::Jpeg)]);
        assert!(!head.windows(4).any(|kind| kind == b"trak"));
    }
}

//! The layer of MPEG audio, which sample descriptions do not tell: object types 0x69 and 0x6b are MP3 and MP2 alike.

use crate::codec::Format;
use crate::codec::mpeg_audio::Header;
use crate::container::{ReadAt, Role, Track};

/// Looks at the first frame of a track of MPEG audio; what cannot be read there is taken to be MP3, by far the commonest.
pub(super) fn tell(file: &dyn ReadAt, track: &mut Track) {
    if !matches!(track.role, Role::Media(Format::MpegAudio { .. })) {
        return;
    }
    let first = first_frame(file, track);
    if let (Role::Media(Format::MpegAudio { layer, .. }), Some(first)) = (&mut track.role, first) {
        *layer = first.layer;
    }
}

/// The header of the first frame, if that is in the movie's own file.
fn first_frame(file: &dyn ReadAt, track: &Track) -> Option<Header> {
    let mut cursor = track.samples.cursor(0);
    let first = cursor.next(&track.samples)?;
    let mut header = [0; Header::SIZE];
    (first.file == 0).then_some(())?;
    file.read_at(first.offset, &mut header).ok()?;
    Header::read(header)
}

#[cfg(test)]
mod tests {
    use super::super::build::{Trak, full, movie, sound_entry};
    use super::super::open;
    use super::*;

    /// The layer of a movie of that object type whose media is `frame`.
    fn layer(object: u8, frame: &[u8]) -> u8 {
        let decoder = [&[4, 13, object, 0x15][..], &[0; 11]].concat();
        let coded = [&[3, 18, 0, 1, 0][..], &decoder].concat();
        let entry = sound_entry(b"mp4a", 2, 48_000, &full(b"esds", 0, 0, &[&coded]));
        let build = |offset| {
            let size = frame.len() as u32;
            movie(&[&Trak::new(1, b"soun", &entry, offset, &[size]).build()])
        };
        let head = build(0).len() as u32;
        let file = [&build(head), frame].concat();
        let movie = open(&file.as_slice()).unwrap();
        match &movie.tracks[0].role {
            Role::Media(Format::MpegAudio { layer, .. }) => *layer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_tell_the_layer() {
        // 48 kHz: layer II of 192 kbit/s, layer III of 128 kbit/s.
        let (second, third) = ([0xff, 0xfd, 0xa4, 0], [0xff, 0xfb, 0x94, 0]);
        for object in [0x69, 0x6b] {
            assert_eq!(layer(object, &second), 2);
            assert_eq!(layer(object, &third), 3);
            assert_eq!(layer(object, b"rubbish"), 3);
            assert_eq!(layer(object, b"ru"), 3);
        }
    }
}

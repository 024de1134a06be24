//! The variant for players that know H.264 and AAC alone: what playlists tell of it before anybody makes it. Pure.

use super::object::{Flavour, Object};
use super::playlist::{Alternative, Pictures, Stream};
use super::transcode::AAC_RATE;

/// Whether every player knows all codecs of one of these.
pub(super) fn suits_all(streams: &[Stream]) -> bool {
    let is_common = |codec: &String| COMMON.iter().any(|name| codec.starts_with(name));
    let mut streams = streams.iter();
    streams.any(|stream| stream.codecs.iter().all(is_common))
}

/// The variant beside these, whose pictures take `most` bits a second; `None` if every player knows one of them.
pub(super) fn beside(
    streams: &[Stream],
    pictures: Pictures,
    most: u64,
    flavour: Flavour,
) -> Option<Alternative> {
    if suits_all(streams) {
        return None;
    }
    let size = pictures.resolution;
    let video = size.map(|_| most);
    let mut streams = streams.iter();
    let is_heard = streams.any(|stream| stream.codecs.len() > usize::from(size.is_some()));
    let sound = is_heard.then_some(AAC_RATE);
    let names = size.map(|_| VIDEO).into_iter().chain(sound.map(|_| AUDIO));
    Some(Alternative {
        bandwidth: video.unwrap_or(0) + sound.unwrap_or(0),
        codecs: names.collect::<Vec<_>>().join(","),
        pictures: Pictures {
            resolution: size.map(scaled),
            ..pictures
        },
        uri: Object::Compat(flavour).to_string(),
    })
}

/// The size to which pictures are brought: no wider than every player can show.
fn scaled((width, height): (u32, u32)) -> (u32, u32) {
    let wide = width.min(WIDEST) / 2 * 2;
    let high = (f64::from(height) * f64::from(wide) / f64::from(width.max(1)) / 2.0).round();
    (wide, high as u32 * 2)
}

/// What names of codecs begin with that every player knows.
const COMMON: [&str; 2] = ["avc1.", "mp4a.40."];

/// H.264 of the main profile, level 4.2 at most, and AAC of low complexity.
const VIDEO: &str = "avc1.4d402a";
pub(super) const AUDIO: &str = "mp4a.40.2";

const WIDEST: u32 = 1920;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::VideoRange;

    fn of(codecs: &[&str], size: Option<(u32, u32)>) -> Option<Alternative> {
        let pictures = Pictures {
            resolution: size,
            frame_rate: Some(25.0),
            range: size.map(|_| VideoRange::Pq),
        };
        beside(&[stream(codecs)], pictures, 1_000_000, Flavour::Cmaf)
    }

    fn stream(codecs: &[&str]) -> Stream {
        Stream {
            codecs: codecs.iter().map(|codec| (*codec).to_owned()).collect(),
            ..Stream::default()
        }
    }

    #[test]
    fn one_sound_that_every_player_knows_is_enough() {
        let streams = [
            stream(&["avc1.64001f", "ac-3"]),
            stream(&["avc1.64001f", "mp4a.40.2"]),
        ];
        assert!(suits_all(&streams));
        assert!(!suits_all(&streams[..1]));
    }

    #[test]
    fn only_what_some_players_do_not_know_has_a_variant_beside_it() {
        assert_eq!(of(&["avc1.64001f", "mp4a.40.2"], Some((640, 360))), None);
        let beside = of(&["hvc1.1.6.L120.90", "mp4a.40.2"], Some((3840, 2160))).unwrap();
        assert_eq!(beside.codecs, "avc1.4d402a,mp4a.40.2");
        assert_eq!(beside.pictures.resolution, Some((1920, 1080)));
        assert_eq!(beside.pictures.range, Some(VideoRange::Pq));
        assert_eq!(beside.uri, "compat-cmaf.m3u8");
        let sound = of(&["ac-3"], None).unwrap();
        assert_eq!(
            (sound.codecs.as_str(), sound.pictures.resolution),
            ("mp4a.40.2", None)
        );
        assert_eq!(
            of(&["hvc1.1.6.L120.90"], Some((190, 243))).unwrap().codecs,
            "avc1.4d402a"
        );
    }
}

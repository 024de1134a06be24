//! Which tracks of a channel have to be encoded, judged by its description. Pure.

use crate::codec::{self, Kind};
use crate::hls::packager::Rendition;
use crate::media::description::{Description, Track};

/// The tracks that go into segments and have to be encoded before, by their index: among the first
/// that is seen and the first that is heard.
pub(in crate::hls) fn encoded(description: &Description, rendition: Rendition) -> Vec<usize> {
    let tracks = description.tracks();
    let first = |kind| tracks.iter().position(|track| track.kind == kind);
    let chosen = [Kind::Video, Kind::Audio].into_iter().filter_map(first);
    chosen
        .filter(|index| {
            tracks
                .get(*index)
                .is_some_and(|track| !is_carried(track, rendition))
        })
        .collect()
}

/// Whether a transport stream cannot carry a channel, though fragments can.
pub fn is_beyond_streams(description: &Description) -> bool {
    let name = |track: &Track| {
        track
            .encoding
            .split('/')
            .next()
            .map(str::to_ascii_uppercase)
    };
    let mut names = description.tracks().iter().filter_map(name);
    names.any(|name| BEYOND_STREAMS.contains(&name.as_str()))
}

/// Whether a channel is MPEG audio and nothing else. Players know that packed; in fragments many do not.
pub(in crate::hls) fn is_mpeg_audio(description: &Description) -> bool {
    let is_mpeg_audio = |track: &Track| {
        let name = track.encoding.split('/').next().unwrap_or_default();
        name.eq_ignore_ascii_case("MPA")
    };
    let tracks = description.tracks();
    !tracks.is_empty() && tracks.iter().all(is_mpeg_audio)
}

/// Whether the segments of a rendition carry the samples of a track as they are.
pub(in crate::hls) fn is_carried(track: &Track, rendition: Rendition) -> bool {
    let name = track.encoding.split('/').next().unwrap_or_default();
    let carried = match rendition {
        Rendition::Own => &CARRIED[..],
        Rendition::Compat => &COMMON[..],
    };
    let is_read = || codec::depacketizer(&track.encoding, track.fmtp.as_deref()).is_some();
    carried.iter().any(|one| name.eq_ignore_ascii_case(one)) && is_read()
}

/// The encodings of RTP whose samples fragments carry.
const CARRIED: [&str; 7] = [
    "AC3",
    "H264",
    "H265",
    "MP4A-LATM",
    "MPA",
    "MPEG4-GENERIC",
    "OPUS",
];

/// Those of them that every player knows.
const COMMON: [&str; 4] = ["H264", "MP4A-LATM", "MPA", "MPEG4-GENERIC"];

/// Those of them that transport streams for HLS do not carry.
const BEYOND_STREAMS: [&str; 2] = ["H265", "OPUS"];

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded_of(medias: &str) -> Vec<usize> {
        let sdp = format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{medias}");
        let description = Description::read(sdp.as_bytes()).unwrap();
        encoded(&description, Rendition::Own)
    }

    #[test]
    fn more_is_encoded_for_players_that_know_less() {
        let sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
            a=rtpmap:96 H265/90000\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 ac3/48000/2\r\n";
        let description = Description::read(sdp.as_bytes()).unwrap();
        assert_eq!(encoded(&description, Rendition::Own), [0_usize; 0]);
        assert_eq!(encoded(&description, Rendition::Compat), [0, 1]);
        assert!(is_beyond_streams(&description));
    }

    #[test]
    fn mpeg_audio_is_known_where_nothing_is_beside_it() {
        const MPA: &str = "m=audio 0 RTP/AVP 14\r\n";
        const JPEG: &str = "m=video 0 RTP/AVP 26\r\n";
        let of = |medias: &str| {
            let sdp = format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{medias}");
            is_mpeg_audio(&Description::read(sdp.as_bytes()).unwrap())
        };
        assert!(of(MPA) && of(&MPA.repeat(2)));
        assert!(!of(&[JPEG, MPA].concat()) && !of(JPEG));
    }

    #[test]
    fn what_fragments_cannot_carry_is_encoded() {
        const H264: &str = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 h264/90000\r\n";
        const G711: &str = "m=audio 0 RTP/AVP 0\r\n";
        const CELP: &str = "m=audio 0 RTP/AVP 99\r\na=rtpmap:99 mpeg4-generic/8000\r\n\
            a=fmtp:99 mode=CELP-cbr\r\n";
        const JPEG: &str = "m=video 0 RTP/AVP 26\r\n";
        const OPUS: &str = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n";
        let none: [usize; 0] = [];
        assert_eq!(encoded_of(&[H264, OPUS].concat()), none);
        assert_eq!(encoded_of(&[G711, H264].concat()), [0]);
        assert_eq!(encoded_of(&[CELP, JPEG].concat()), [1, 0]);
        // Tracks that go into no segment are nobody's work.
        assert_eq!(encoded_of(&[OPUS, G711, H264, JPEG].concat()), none);
        let data = "m=application 0 RTP/AVP 100\r\na=rtpmap:100 x/90000\r\n";
        assert_eq!(encoded_of(&[data, H264].concat()), none);
    }
}

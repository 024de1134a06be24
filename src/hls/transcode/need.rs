//! Which tracks of a channel have to be encoded, judged by its description. Pure.

use crate::codec::{self, Kind};
use crate::hls::packager::Rendition;
use crate::media::description::{Description, Track};

/// The tracks that go into segments and have to be encoded before, by their index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::hls) struct Need {
    /// Among the first that is seen and the first that is heard, without which players have less than
    /// the channel.
    pub(in crate::hls) first: Vec<usize>,
    /// Further sounds to choose from, without which it plays as well.
    pub(in crate::hls) further: Vec<usize>,
}

impl Need {
    /// What a rendition of a channel has to have encoded; only its own has further sounds.
    pub(in crate::hls) fn of(description: &Description, rendition: Rendition) -> Self {
        let tracks = description.tracks();
        let is_left = |index: &usize| {
            let track = tracks.get(*index);
            track.is_some_and(|track| !is_carried(track, rendition))
        };
        let of_kind = |kind| {
            let tracks = tracks.iter().enumerate();
            tracks.filter(move |(_, track)| track.kind == kind)
        };
        let first = |kind| of_kind(kind).map(|(index, _)| index).next();
        let first = [Kind::Video, Kind::Audio].into_iter().filter_map(first);
        let further = of_kind(Kind::Audio).skip(1);
        let further = further.filter(|(_, track)| rendition == Rendition::Own && is_decoded(track));
        let further = further.map(|(index, _)| index);
        Self {
            first: first.filter(is_left).collect(),
            further: further.filter(is_left).take(MOST_FURTHER).collect(),
        }
    }

    /// What this and another need together.
    fn with(mut self, other: &Self) -> Self {
        let is_further = |index: &&usize| !self.first.contains(index);
        let missing: Vec<_> = other.first.iter().filter(is_further).copied().collect();
        self.first.extend(missing);
        self.further.retain(|index| !self.first.contains(index));
        self
    }

    /// All of them, those first without which players have less.
    pub(in crate::hls) fn all(&self) -> Vec<usize> {
        [&self.first[..], &self.further].concat()
    }
}

/// What a rendition needs, beside what is made for the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::hls) struct Share {
    /// What it needs itself.
    pub(in crate::hls) need: Need,
    /// What all renditions need.
    pub(in crate::hls) all: Need,
    /// Whether others need pictures encoded, which cost much, and this one does not.
    pub(in crate::hls) does_without_pictures: bool,
}

impl Share {
    /// What `rendition` of a channel needs; `has_compat` tells whether that for players that know little is made for who
    /// asks, even where they do not ask for it by its name.
    pub(in crate::hls) fn of(
        description: &Description,
        rendition: Rendition,
        has_compat: bool,
    ) -> Self {
        let need = Need::of(description, rendition);
        let own = Need::of(description, Rendition::Own);
        let all = match has_compat || is_beyond_streams(description) {
            true => own.with(&Need::of(description, Rendition::Compat)),
            false => own,
        };
        let has_pictures = |need: &Need| {
            let tracks = description.tracks();
            let mut first = need.first.iter().filter_map(|index| tracks.get(*index));
            first.any(|track| track.kind == Kind::Video)
        };
        Self {
            does_without_pictures: has_pictures(&all) && !has_pictures(&need),
            need,
            all,
        }
    }
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
        name.eq_ignore_ascii_case("MPA") && !is_older_layer(track)
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
    let is_known = carried.iter().any(|one| name.eq_ignore_ascii_case(one));
    is_known && !is_older_layer(track) && is_read()
}

/// Whether it is MPEG audio of the layers before MP3, which neither browsers nor phones play.
fn is_older_layer(track: &Track) -> bool {
    let name = track.encoding.split('/').next().unwrap_or_default();
    let mut parameters = track.fmtp.iter().flat_map(|fmtp| fmtp.split(';'));
    let is_older = |one: &str| matches!(one.trim(), "layer=1" | "layer=2");
    name.eq_ignore_ascii_case("MPA") && parameters.any(is_older)
}

/// Whether ffmpeg is sure to take the packets of a sound: one that it does not know would cost the channel
/// all that is encoded.
fn is_decoded(track: &Track) -> bool {
    let name = track.encoding.split('/').next().unwrap_or_default();
    DECODED.iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// The most further sounds of a channel that are encoded.
const MOST_FURTHER: usize = 8;

/// Encodings of sound in RTP that ffmpeg takes and fragments do not carry, but for those that need
/// libraries which it may lack.
const DECODED: [&str; 17] = [
    "AMR", "AMR-WB", "G722", "G726-16", "G726-24", "G726-32", "G726-40", "GSM", "L16", "L24", "L8",
    "MPA", "PCMA", "PCMU", "QCELP", "SPEEX", "VORBIS",
];

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

    const MP2: &str = "m=audio 0 RTP/AVP 14\r\na=fmtp:14 layer=2\r\n";
    const H264: &str = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 h264/90000\r\n";
    const G711: &str = "m=audio 0 RTP/AVP 0\r\n";
    const OPUS: &str = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n";

    fn need(rendition: Rendition, medias: &[&str]) -> Need {
        let medias = medias.concat();
        let sdp = format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{medias}");
        let description = Description::read(sdp.as_bytes()).unwrap();
        Need::of(&description, rendition)
    }

    #[test]
    fn more_is_encoded_for_players_that_know_less() {
        let sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
            a=rtpmap:96 H265/90000\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 ac3/48000/2\r\n";
        let description = Description::read(sdp.as_bytes()).unwrap();
        assert_eq!(
            Need::of(&description, Rendition::Own).all(),
            Vec::<usize>::new()
        );
        let compat = Need::of(&description, Rendition::Compat);
        assert_eq!(compat.first, [0, 1]);
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
        assert!(!of(MP2));
        assert!(!of(&[JPEG, MPA].concat()) && !of(JPEG));
    }

    #[test]
    fn what_fragments_cannot_carry_is_encoded() {
        const CELP: &str = "m=audio 0 RTP/AVP 99\r\na=rtpmap:99 mpeg4-generic/8000\r\n\
            a=fmtp:99 mode=CELP-cbr\r\n";
        const JPEG: &str = "m=video 0 RTP/AVP 26\r\n";
        const DATA: &str = "m=application 0 RTP/AVP 100\r\na=rtpmap:100 x/90000\r\n";
        let first = |medias: &[&str]| need(Rendition::Own, medias).first;
        let none: [usize; 0] = [];
        assert_eq!(first(&[H264, OPUS]), none);
        assert_eq!(first(&[G711, H264]), [0]);
        assert_eq!(first(&[H264, MP2]), [1]);
        assert_eq!(first(&[CELP, JPEG]), [1, 0]);
        // Tracks that go into no segment are nobody's work.
        assert_eq!(first(&[OPUS, G711, H264, JPEG]), none);
        assert_eq!(first(&[DATA, H264]), none);
    }

    #[test]
    fn further_sounds_are_encoded_if_that_is_sure_to_work() {
        const UNKNOWN: &str = "m=audio 0 RTP/AVP 101\r\na=rtpmap:101 X-OWN/8000\r\n";
        let medias = [G711, OPUS, UNKNOWN, H264, G711];
        let own = need(Rendition::Own, &medias);
        assert_eq!((&own.first[..], &own.further[..]), (&[0][..], &[4][..]));
        assert_eq!(own.all(), [0, 4]);
        let compat = need(Rendition::Compat, &medias);
        assert_eq!(compat.all(), [0]);
        let many = [&[H264, OPUS][..], &[G711; 20]].concat();
        let further = need(Rendition::Own, &many).further;
        assert_eq!(further, (2..2 + MOST_FURTHER).collect::<Vec<_>>());
    }

    #[test]
    fn renditions_share_what_they_need() {
        const H265: &str = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n";
        const JPEG: &str = "m=video 0 RTP/AVP 26\r\n";
        const AC3: &str = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 ac3/48000/2\r\n";
        let share = |rendition, medias: &[&str], has_compat| {
            let medias = medias.concat();
            let sdp = format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{medias}");
            let description = Description::read(sdp.as_bytes()).unwrap();
            Share::of(&description, rendition, has_compat)
        };
        // The pictures are encoded only for who needs that.
        let own = share(Rendition::Own, &[H265, G711, G711], true);
        assert_eq!((own.need.all(), own.all.all()), (vec![1, 2], vec![1, 0, 2]));
        let compat = share(Rendition::Compat, &[H265, G711, G711], true);
        assert_eq!((compat.need.all(), &compat.all), (vec![0, 1], &own.all));
        assert!(own.does_without_pictures && !compat.does_without_pictures);
        // Beside pictures that have to be encoded for everybody sound costs nothing.
        for rendition in [Rendition::Own, Rendition::Compat] {
            let share = share(rendition, &[JPEG, AC3], true);
            assert_eq!(share.all.all(), [0, 1]);
            assert!(!share.does_without_pictures);
        }
        let alone = share(Rendition::Own, &[JPEG, AC3], false);
        assert_eq!(alone.all.all(), [0]);
        // The playlist of transport streams is in other formats without being told.
        assert_eq!(
            share(Rendition::Own, &[JPEG, OPUS], false).all.all(),
            [0, 1]
        );
    }
}

//! Which sounds players are offered together: those of one codec, because a player passes over a variant as a whole
//! when it does not know one of the formats that the variant names (rfc8216bis, 4.4.6.2). Pure.

use super::AudioRendition;

/// A media playlist and the sounds that one can choose from beside it: one `EXT-X-STREAM-INF`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// The rate of the segment of the highest one, in bit/s.
    pub bandwidth: u64,
    /// The mean rate of all segments, in bit/s.
    pub average_bandwidth: u64,
    /// The formats as RFC 6381 names them; those that have no such name are not among them.
    pub codecs: Vec<String>,
    /// The media playlist.
    pub uri: String,
    /// The sounds that one can choose from; none where the media playlist has the only one.
    pub audio: Vec<AudioRendition>,
}

/// A sound that one can choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// The rate of the segment of the highest one, in bit/s.
    pub bandwidth: u64,
    /// The mean rate of all segments, in bit/s.
    pub average_bandwidth: u64,
    /// The format as RFC 6381 names it, if it has such a name.
    pub codec: Option<String>,
    /// What is told of it.
    pub rendition: AudioRendition,
}

impl Stream {
    /// The streams of pictures with one of these sounds, in the sounds' order; `self` tells of the pictures alone.
    pub fn beside(self, sounds: Vec<Sound>) -> Vec<Self> {
        let groups = groups(sounds).into_iter();
        groups.map(|group| self.clone().with(group)).collect()
    }

    /// The streams of sounds without pictures. The first is in the media playlist at `uri`.
    pub fn alone(uri: &str, sounds: Vec<Sound>) -> Vec<Self> {
        let mut streams = Self::default().beside(sounds);
        for stream in &mut streams {
            let own = stream.audio.first_mut();
            let own = own.and_then(|first| first.uri.take());
            stream.uri = own.unwrap_or_else(|| uri.to_owned());
        }
        streams
    }

    /// Adds sounds of which one at a time is heard.
    fn with(mut self, sounds: Vec<Sound>) -> Self {
        let most = |rate: fn(&Sound) -> u64| sounds.iter().map(rate).max().unwrap_or(0);
        let peak = most(|sound| sound.bandwidth);
        let average = most(|sound| sound.average_bandwidth);
        self.bandwidth = self.bandwidth.saturating_add(peak);
        self.average_bandwidth = self.average_bandwidth.saturating_add(average);
        for Sound {
            codec, rendition, ..
        } in sounds
        {
            let codec = codec.filter(|codec| !self.codecs.contains(codec));
            self.codecs.extend(codec);
            self.audio.push(rendition);
        }
        self
    }
}

/// The sounds of each codec. Those of one language are one sound in several encodings, and have one name, as far as
/// each codec has as many of them (rfc8216bis, 4.4.6.1.1).
fn groups(sounds: Vec<Sound>) -> Vec<Vec<Sound>> {
    let mut groups: Vec<Vec<Sound>> = Vec::new();
    for sound in sounds {
        let is_alike = |group: &Vec<Sound>| family(&group[0]) == family(&sound);
        match groups.iter().position(is_alike) {
            Some(at) => groups[at].push(sound),
            None => groups.push(vec![sound]),
        }
    }
    if let Some((first, others)) = groups.split_first_mut() {
        for group in others {
            name_after(first, group);
        }
    }
    groups
}

/// Gives the sounds of a group the names that those have to which they correspond, and their order.
fn name_after(first: &[Sound], group: &mut Vec<Sound>) {
    let mut left = std::mem::take(group);
    for model in first {
        let is_same = |sound: &Sound| sound.rendition.language == model.rendition.language;
        if let Some(at) = left.iter().position(is_same) {
            let mut sound = left.remove(at);
            sound.rendition.name.clone_from(&model.rendition.name);
            group.push(sound);
        }
    }
    group.append(&mut left);
}

/// What players know or do not know as a whole: all of AAC is one.
fn family(sound: &Sound) -> Option<&str> {
    match sound.codec.as_deref() {
        Some("mp4a.40.2" | "mp4a.40.5" | "mp4a.40.29") => Some("mp4a.40.2"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::object::Flavour;

    fn sound(number: u16, codec: &str, language: Option<&str>) -> Sound {
        Sound {
            bandwidth: 100 + u64::from(number),
            average_bandwidth: u64::from(number),
            codec: Some(codec.to_owned()),
            rendition: AudioRendition::new(Flavour::Cmaf, number, language, None),
        }
    }

    fn names(stream: &Stream) -> Vec<&str> {
        let names = stream.audio.iter().map(|sound| sound.name.as_str());
        names.collect()
    }

    fn uris(stream: &Stream) -> Vec<Option<&str>> {
        let uris = stream.audio.iter().map(|sound| sound.uri.as_deref());
        uris.collect()
    }

    #[test]
    fn a_player_that_lacks_one_codec_hears_another() {
        let pictures = Stream {
            bandwidth: 1000,
            average_bandwidth: 500,
            codecs: vec!["avc1.64001f".to_owned()],
            uri: "media-cmaf.m3u8".to_owned(),
            audio: Vec::new(),
        };
        let streams = pictures.beside(vec![
            sound(1, "mp4a.40.2", Some("deu")),
            sound(2, "ac-3", Some("fra")),
            sound(3, "mp4a.40.5", Some("fra")),
            sound(4, "ac-3", Some("deu")),
            sound(5, "ac-3", Some("ita")),
        ]);
        let [aac, ac3] = streams.as_slice() else {
            panic!("{streams:?}");
        };
        assert_eq!(aac.codecs, ["avc1.64001f", "mp4a.40.2", "mp4a.40.5"]);
        assert_eq!(ac3.codecs, ["avc1.64001f", "ac-3"]);
        assert_eq!((aac.bandwidth, aac.average_bandwidth), (1103, 503));
        assert_eq!((ac3.bandwidth, ac3.average_bandwidth), (1105, 505));
        assert_eq!((&*aac.uri, &*ac3.uri), ("media-cmaf.m3u8", &*aac.uri));
        // The same in two encodings has one name.
        assert_eq!(names(aac), ["deu 1", "fra 3"]);
        assert_eq!(names(ac3), ["deu 1", "fra 3", "ita 5"]);
        let uri = |number| format!("audio{number}-cmaf.m3u8");
        let [second, fourth, fifth] = [2, 4, 5].map(uri);
        assert_eq!(
            uris(ac3),
            [&fourth, &second, &fifth].map(|uri| Some(&**uri))
        );
    }

    #[test]
    fn sounds_without_pictures_are_played_from_their_own_playlists() {
        let sounds = vec![
            sound(0, "mp4a.40.2", None),
            sound(1, "ac-3", None),
            sound(2, "mp4a.40.2", None),
        ];
        let streams = Stream::alone("media-cmaf.m3u8", sounds);
        let [aac, ac3] = streams.as_slice() else {
            panic!("{streams:?}");
        };
        assert_eq!((&*aac.uri, aac.bandwidth), ("media-cmaf.m3u8", 102));
        assert_eq!(uris(aac), [None, Some("audio2-cmaf.m3u8")]);
        assert_eq!((&*ac3.uri, ac3.bandwidth), ("audio1-cmaf.m3u8", 101));
        assert_eq!(uris(ac3), [None]);
        assert_eq!(names(ac3), ["0"]);
    }
}

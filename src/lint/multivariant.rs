//! A multivariant playlist as a player understands it (rfc8216bis, 4.4.6).

use super::attributes::Attributes;
use super::finding::{Findings, Line};
use super::lines::{Content, Entry};
use super::media::Key;
use super::rule::rules;
use super::{key, session_keys};

rules! {
    NO_URI "stream-inf-uri" Error "bis 4.4.6.2"
        "write the URI of the media playlist in the line after #EXT-X-STREAM-INF";
    NO_VARIANT "stream-inf-missing" Error "bis 4.4.6.2"
        "write #EXT-X-STREAM-INF before the URI of every variant";
}

/// Tags that only multivariant playlists have.
pub(super) const TAGS: [&str; 6] = [
    "EXT-X-MEDIA",
    "EXT-X-STREAM-INF",
    "EXT-X-I-FRAME-STREAM-INF",
    "EXT-X-SESSION-DATA",
    "EXT-X-SESSION-KEY",
    "EXT-X-CONTENT-STEERING",
];

/// A multivariant playlist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multivariant {
    /// `EXT-X-STREAM-INF`.
    pub variants: Vec<Variant>,
    /// `EXT-X-I-FRAME-STREAM-INF`.
    pub i_frames: Vec<Variant>,
    /// `EXT-X-MEDIA`.
    pub renditions: Vec<Rendition>,
    /// `EXT-X-SESSION-KEY`.
    pub session_keys: Vec<Key>,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
    /// Whether there is `EXT-X-CONTENT-STEERING`.
    pub steering: bool,
    /// Tags of media playlists, and tags that are not known.
    pub other_tags: Vec<(Line, String)>,
}

/// A variant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// Where its tag stands.
    pub line: Line,
    /// Its media playlist.
    pub uri: String,
    /// Bits per second, at most.
    pub bandwidth: Option<u64>,
    /// Bits per second, on average.
    pub average_bandwidth: Option<u64>,
    /// Formats as RFC 6381 names them; empty when they are not told.
    pub codecs: Vec<String>,
    /// Width and height of the picture.
    pub resolution: Option<(u32, u32)>,
    /// Pictures per second.
    pub frame_rate: Option<f64>,
    /// `SDR`, `HLG` or `PQ`.
    pub video_range: Option<String>,
    /// How good it is among the others.
    pub score: Option<f64>,
    /// Which pathway it belongs to.
    pub pathway: Option<String>,
    /// The groups that it refers to, each with the type of its renditions.
    pub groups: Vec<(&'static str, String)>,
}

/// `EXT-X-MEDIA`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendition {
    /// Where the tag stands.
    pub line: Line,
    /// `AUDIO`, `VIDEO`, `SUBTITLES` or `CLOSED-CAPTIONS`.
    pub kind: String,
    /// Its group.
    pub group: String,
    /// What people call it.
    pub name: String,
    /// RFC 5646.
    pub language: Option<String>,
    /// Its playlist, unless it is part of the variants.
    pub uri: Option<String>,
    /// To be played unless somebody chooses another.
    pub default: bool,
    /// To be played without having been chosen; `None` when it is not told.
    pub autoselect: Option<bool>,
    /// To be shown always.
    pub forced: bool,
    /// Which captions in the video they are.
    pub instream: Option<String>,
}

impl Multivariant {
    /// Reads a playlist; what cannot be understood is reported and skipped.
    pub(super) fn read(entries: &[Entry<'_>], findings: &mut Findings) -> Self {
        let mut playlist = Self::default();
        let mut variant: Option<Variant> = None;
        for entry in entries {
            match (entry.content, variant.take()) {
                (Content::Uri(uri), Some(mut variant)) => {
                    uri.clone_into(&mut variant.uri);
                    playlist.variants.push(variant);
                }
                (Content::Uri(uri), None) => {
                    let found = format!("{uri} belongs to no variant");
                    findings.add(&NO_VARIANT, entry.line, found);
                }
                (Content::Tag { name, value }, pending) => {
                    report_orphan(pending.as_ref(), findings);
                    variant = playlist.tag(entry.line, name, value, findings);
                }
            }
        }
        report_orphan(variant.as_ref(), findings);
        playlist
    }

    /// The URIs of all its media playlists.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        let variants = self.variants.iter().chain(&self.i_frames);
        let own = variants.map(|variant| variant.uri.as_str());
        own.chain(self.renditions.iter().filter_map(|one| one.uri.as_deref()))
    }

    /// The variant whose URI comes next, if the tag begins one.
    fn tag(
        &mut self,
        line: Line,
        name: &str,
        value: &str,
        findings: &mut Findings,
    ) -> Option<Variant> {
        if name == "EXT-X-INDEPENDENT-SEGMENTS" {
            self.independent_segments = true;
            return None;
        }
        if !TAGS.contains(&name) {
            if !["EXT-X-VERSION", "EXT-X-START", "EXT-X-DEFINE"].contains(&name) {
                self.other_tags.push((line, name.to_owned()));
            }
            return None;
        }
        let list = Attributes::read(line, name, value, findings);
        match name {
            "EXT-X-STREAM-INF" => return Some(Variant::read(&list, findings)),
            "EXT-X-I-FRAME-STREAM-INF" => {
                list.require(&["URI"], findings);
                let variant = Variant::read(&list, findings);
                let uri = list.quoted("URI", findings).unwrap_or_default();
                self.i_frames.push(Variant { uri, ..variant });
            }
            "EXT-X-MEDIA" => self.renditions.push(Rendition::read(&list, findings)),
            "EXT-X-SESSION-KEY" => match key::key(&list, findings) {
                Some(key) => self.session_keys.push(key),
                None => findings.add(&session_keys::NONE, line, "METHOD is NONE"),
            },
            "EXT-X-CONTENT-STEERING" => {
                list.require(&["SERVER-URI"], findings);
                self.steering = true;
            }
            _ => list.require(&["DATA-ID"], findings),
        }
        None
    }
}

fn report_orphan(variant: Option<&Variant>, findings: &mut Findings) {
    if let Some(variant) = variant {
        findings.add(&NO_URI, variant.line, "the tag is not followed by a URI");
    }
}

impl Variant {
    fn read(list: &Attributes<'_>, findings: &mut Findings) -> Self {
        list.require(&["BANDWIDTH"], findings);
        let codecs = list.quoted("CODECS", findings).unwrap_or_default();
        let codecs = codecs
            .split(',')
            .map(str::trim)
            .filter(|codec| !codec.is_empty());
        let mut groups = Vec::new();
        for kind in ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"] {
            if list.has(kind) && list.bare(kind) != Some("NONE") {
                groups.extend(list.quoted(kind, findings).map(|group| (kind, group)));
            }
        }
        Self {
            line: list.line(),
            uri: String::new(),
            bandwidth: list.integer("BANDWIDTH", findings),
            average_bandwidth: list.integer("AVERAGE-BANDWIDTH", findings),
            codecs: codecs.map(str::to_owned).collect(),
            resolution: list.size("RESOLUTION", findings),
            frame_rate: list.decimal("FRAME-RATE", findings),
            video_range: list.word("VIDEO-RANGE", findings).map(str::to_owned),
            score: list.decimal("SCORE", findings),
            pathway: list.quoted("PATHWAY-ID", findings),
            groups,
        }
    }

    /// The first of its codecs that is video.
    pub fn video_codec(&self) -> Option<&str> {
        let mut codecs = self.codecs.iter().map(String::as_str);
        codecs.find(|codec| is_video(codec))
    }

    /// Its codecs that are sound; all of AAC (ISO/IEC 14496-3) is one.
    pub(super) fn sound_codecs(&self) -> impl Iterator<Item = &str> {
        let codecs = self.codecs.iter().map(String::as_str);
        let sounds = codecs.filter(|codec| !is_video(codec) && !is_text(codec));
        sounds.map(|codec| match codec {
            "mp4a.40.2" | "mp4a.40.5" | "mp4a.40.29" | "mp4a.40.42" => "AAC",
            other => other,
        })
    }

    /// Whether there are pictures, as far as the tag tells.
    pub fn has_video(&self) -> bool {
        self.resolution.is_some() || self.video_codec().is_some()
    }
}

impl Rendition {
    fn read(list: &Attributes<'_>, findings: &mut Findings) -> Self {
        list.require(&["TYPE", "GROUP-ID", "NAME"], findings);
        let autoselect = list.yes("AUTOSELECT", findings);
        Self {
            line: list.line(),
            kind: list.word("TYPE", findings).unwrap_or_default().to_owned(),
            group: list.quoted("GROUP-ID", findings).unwrap_or_default(),
            name: list.quoted("NAME", findings).unwrap_or_default(),
            language: list.quoted("LANGUAGE", findings),
            uri: list.quoted("URI", findings),
            default: list.yes("DEFAULT", findings),
            autoselect: list.has("AUTOSELECT").then_some(autoselect),
            forced: list.yes("FORCED", findings),
            instream: list.quoted("INSTREAM-ID", findings),
        }
    }
}

/// Whether a codec string of RFC 6381 means subtitles.
fn is_text(codec: &str) -> bool {
    let entry = codec.split('.').next().unwrap_or_default();
    ["stpp", "wvtt", "tx3g", "c608", "c708"].contains(&entry)
}

/// Whether a codec string of RFC 6381 means pictures.
pub(super) fn is_video(codec: &str) -> bool {
    let entry = codec.split('.').next().unwrap_or_default();
    const VIDEO: [&str; 14] = [
        "avc1", "avc2", "avc3", "avc4", "hvc1", "hev1", "dvh1", "dvhe", "av01", "vp08", "vp09",
        "mp4v", "mjpg", "jpeg",
    ];
    VIDEO.contains(&entry)
}

//! What pages tell of a movie file. Values only.

use crate::codec::Kind;
use crate::container::{self, Role, Track};
use crate::hls::transcode::remake::Remake;

/// What a page tells of a file.
#[derive(Debug, PartialEq)]
pub(in crate::http::page) struct Facts {
    /// In seconds.
    pub(in crate::http::page) duration: f64,
    pub(in crate::http::page) has_video: bool,
    /// The formats of its tracks, as people call them.
    pub(in crate::http::page) formats: Vec<String>,
    /// Whether only ffmpeg reads it, so that HLS has it transcoded and RTSP cannot play it.
    pub(in crate::http::page) is_foreign: bool,
}

impl Facts {
    /// `None` when nothing of it is seen or heard.
    pub(super) fn of(index: &container::Movie) -> Option<Self> {
        let shown = || index.tracks.iter().filter(|track| track.kind().is_some());
        let named = |track: &Track| {
            let name = match &track.role {
                Role::Media(format) => format.name().to_owned(),
                _ => track.codec.clone(),
            };
            Some((track.kind()?, name))
        };
        shown().next()?;
        Some(Self {
            duration: index.duration.seconds(),
            has_video: shown().any(|track| track.kind() == Some(Kind::Video)),
            formats: in_order(shown().filter_map(named)),
            is_foreign: false,
        })
    }

    /// Those of a file that only ffmpeg reads.
    pub(super) fn of_foreign(remake: &Remake) -> Self {
        let formats = remake.formats();
        let named = formats.map(|(kind, codec)| (kind, named(codec)));
        Self {
            duration: remake.duration().as_secs_f64(),
            has_video: remake.encoding(Kind::Video).is_some(),
            formats: in_order(named),
            is_foreign: true,
        }
    }
}

/// The names of formats as pages tell them: those of pictures first, and each once.
pub(in crate::http::page) fn in_order(
    formats: impl Iterator<Item = (Kind, String)>,
) -> Vec<String> {
    let mut formats: Vec<_> = formats.collect();
    formats.sort_by_key(|(kind, _)| *kind != Kind::Video);
    let mut names = Vec::new();
    for (_, name) in formats {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// How people call what ffmpeg calls `codec`.
fn named(codec: &str) -> String {
    match codec {
        "aac" => "AAC",
        "ac3" => "AC-3",
        "eac3" => "E-AC-3",
        "flac" => "FLAC",
        "h263" => "H.263",
        "h264" => "H.264",
        "hevc" => "H.265",
        "mjpeg" => "Motion JPEG",
        "mp2" | "mp3" => "MPEG audio",
        "mpeg2video" => "MPEG-2 Video",
        "mpeg4" => "MPEG-4 Visual",
        "opus" => "Opus",
        "theora" => "Theora",
        "vorbis" => "Vorbis",
        _ => return codec.to_ascii_uppercase(),
    }
    .to_owned()
}

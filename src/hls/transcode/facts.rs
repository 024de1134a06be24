//! What ffprobe says of a file.

use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::orders::{self, Coding};
use super::{Transcoders, Trouble};
use crate::hls::language;

/// How long it may take to look at a file.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most files that are looked at at a time.
pub(super) const PROBERS: usize = 4;

/// What is in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Facts {
    /// How long it is.
    pub(super) seconds: f64,
    /// The streams that can be played: the pictures first, then the sounds, in their order. Those after the first
    /// sound are such as ffmpeg is sure to decode.
    pub(super) streams: Vec<Stream>,
    /// Pictures a second, and their width and height, if there are any.
    pub(super) pictures: Option<Pictures>,
    /// The rate that its sounds are made at, in Hz.
    pub(super) rate_hz: u32,
}

/// A stream of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// Its number in the file, from 0.
    pub(super) number: u32,
    /// What the file itself calls it, if it has names for its tracks.
    pub(super) track: Option<u32>,
    /// What is made of it.
    pub(super) coding: Coding,
    /// What ffmpeg calls the format that it has.
    pub(super) codec: String,
    /// As RFC 5646 has it.
    pub(super) language: Option<String>,
    /// How many channels are made of its sound, if that is known.
    pub(super) channels: Option<u8>,
}

/// What is known of the pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pictures {
    pub(super) size: (u32, u32),
    pub(super) rate: f64,
}

impl Pictures {
    fn coding(self) -> Coding {
        Coding::Video {
            most: orders::most(self.size, self.rate),
        }
    }
}

/// Why a file cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// Nothing can be transcoded.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// It may be otherwise soon: ffprobe has not come to its end, or the file cannot be read at the moment.
    #[error("{0}")]
    Setback(String),
    /// ffprobe finds nothing in it that can be played.
    #[error("{0}")]
    Content(String),
}

/// Looks at a file, when it is its turn. Cancel safe.
pub(super) async fn probe(shared: &Transcoders, file: &Path) -> Result<Facts, Unreadable> {
    // Nobody closes it.
    let _prober = shared.probers.acquire().await;
    let asked = Command::new(shared.prober())
        .args(orders::of_probe(file))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match timeout(PATIENCE, asked).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(super::child::trouble(&error).into()),
        Err(_) => {
            let reason = "looking at it takes too long";
            return Err(Unreadable::Setback(reason.to_owned()));
        }
    };
    if !output.status.success() {
        return Err(refusal(&output));
    }
    let answer = serde_json::from_slice(&output.stdout);
    let facts = answer.ok().and_then(|answer: Answer| answer.facts());
    facts.ok_or_else(|| Unreadable::Content("it holds nothing that can be played".to_owned()))
}

/// Why ffprobe has not looked at a file.
fn refusal(output: &Output) -> Unreadable {
    if output.status.code().is_none() {
        return Unreadable::Setback(format!("ffprobe was ended: {}", output.status));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().last().unwrap_or("ffprobe cannot read it");
    let line = line.trim().to_owned();
    let is_of_system = |error: &Errno| line.ends_with(&words(*error));
    match OF_SYSTEM.iter().any(is_of_system) {
        true => Unreadable::Setback(line),
        false => Unreadable::Content(line),
    }
}

/// Errors that tell nothing of what is in a file.
const OF_SYSTEM: [Errno; 11] = [
    Errno::ACCESS,
    Errno::AGAIN,
    Errno::IO,
    Errno::MFILE,
    Errno::NFILE,
    Errno::NODEV,
    Errno::NOENT,
    Errno::NOMEM,
    Errno::PERM,
    Errno::STALE,
    Errno::TIMEDOUT,
];

/// What the system calls an error, and with it ffprobe.
fn words(error: Errno) -> String {
    let text = io::Error::from(error).to_string();
    let words = text.split(" (os error").next();
    words.unwrap_or_default().to_owned()
}

impl Stream {
    /// Whether every ffmpeg decodes it.
    pub(super) fn is_decoded(&self) -> bool {
        let codec = self.codec.as_str();
        let is_plain = codec.starts_with("pcm_") || codec.starts_with("adpcm_");
        is_plain || DECODED.contains(&codec)
    }
}

/// Formats of sound that ffmpeg decodes itself. AMR is not among them: of several frames in a sample it decodes the
/// first alone.
const DECODED: [&str; 32] = [
    "aac",
    "ac3",
    "alac",
    "ape",
    "cook",
    "dts",
    "eac3",
    "flac",
    "gsm",
    "gsm_ms",
    "mace3",
    "mace6",
    "mlp",
    "mp1",
    "mp2",
    "mp3",
    "nellymoser",
    "opus",
    "qcelp",
    "qdm2",
    "qdmc",
    "ra_144",
    "ra_288",
    "sipr",
    "truehd",
    "tta",
    "vorbis",
    "wavpack",
    "wmalossless",
    "wmapro",
    "wmav1",
    "wmav2",
];

/// The most sounds of a file that are looked at.
const MOST_SOUNDS: usize = 64;

/// What ffprobe answers.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<Told>,
    format: Container,
}

#[derive(Debug, Deserialize)]
struct Container {
    duration: Option<String>,
}

/// What it tells of a stream.
#[derive(Debug, Deserialize)]
struct Told {
    index: u32,
    id: Option<String>,
    codec_name: Option<String>,
    codec_type: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_rate: Option<String>,
    channels: Option<u32>,
    avg_frame_rate: Option<String>,
    disposition: Option<Disposition>,
    tags: Option<Tags>,
}

#[derive(Debug, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Debug, Deserialize)]
struct Tags {
    language: Option<String>,
}

impl Answer {
    fn facts(&self) -> Option<Facts> {
        let seconds: f64 = self.format.duration.as_ref()?.parse().ok()?;
        let seconds = Some(seconds).filter(|seconds| is_length(*seconds))?;
        let video = self.streams.iter().find(|told| told.is("video"));
        let mut sounds = self.streams.iter().filter(|told| told.is("audio"));
        let first = sounds.next();
        let rate_hz = first.map_or(48_000, Told::made_rate);
        let sound = |told: &Told| told.sound(rate_hz);
        // One that it does not know would cost the movie all that is encoded.
        let further = sounds.filter(|told| told.is_sound());
        let further = further.map(sound).filter(Stream::is_decoded);
        let streams = video.map(Told::seen).into_iter();
        let streams = streams.chain(first.map(sound));
        let streams: Vec<_> = streams.chain(further.take(MOST_SOUNDS)).collect();
        (!streams.is_empty()).then_some(Facts {
            seconds,
            streams,
            pictures: video.map(Told::pictures),
            rate_hz,
        })
    }
}

impl Told {
    /// Whether it is of that type, and no cover of a record.
    fn is(&self, kind: &str) -> bool {
        let disposition = self.disposition.as_ref();
        let is_cover = disposition.is_some_and(|one| one.attached_pic != 0);
        self.codec_type.as_deref() == Some(kind) && !is_cover
    }

    /// Whether it is known how it sounds.
    fn is_sound(&self) -> bool {
        self.rate().is_some() && self.channels.is_some_and(|channels| channels > 0)
    }

    fn seen(&self) -> Stream {
        self.stream(self.pictures().coding())
    }

    fn sound(&self, rate_hz: u32) -> Stream {
        let channels = self.channels.filter(|channels| *channels > 0);
        let channels = channels.map(|channels| channels.min(2) as u8);
        let coding = Coding::Audio {
            rate_hz,
            // Said of one and two as well: of Speex ffmpeg 5.1 does not know where its one channel is heard.
            mixed_to: channels,
        };
        Stream {
            channels,
            ..self.stream(coding)
        }
    }

    fn stream(&self, coding: Coding) -> Stream {
        let track = self.id.as_deref().and_then(|id| id.strip_prefix("0x"));
        let language = self.tags.as_ref().and_then(|tags| tags.language.as_deref());
        Stream {
            number: self.index,
            track: track.and_then(|id| u32::from_str_radix(id, 16).ok()),
            coding,
            codec: self.codec_name.clone().unwrap_or_default(),
            language: language.and_then(language::read),
            channels: None,
        }
    }

    /// The rate of its family that all players take, in Hz.
    fn made_rate(&self) -> u32 {
        match self.rate() {
            Some(rate) if rate % 11_025 == 0 => 44_100,
            _ => 48_000,
        }
    }

    /// In Hz.
    fn rate(&self) -> Option<u32> {
        let rate = self.sample_rate.as_ref()?.parse().ok();
        rate.filter(|rate| *rate > 0)
    }

    fn pictures(&self) -> Pictures {
        let rate = self.avg_frame_rate.as_deref().and_then(ratio);
        Pictures {
            size: (self.width.unwrap_or(0), self.height.unwrap_or(0)),
            rate: rate.unwrap_or(0.0),
        }
    }
}

/// A ratio as ffprobe writes it: `30000/1001`.
fn ratio(text: &str) -> Option<f64> {
    let (numerator, denominator) = text.split_once('/')?;
    let ratio = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
    ratio.is_finite().then_some(ratio)
}

/// Whether a file may be so many seconds long.
pub(super) fn is_length(seconds: f64) -> bool {
    (0.0..LONGEST).contains(&seconds)
}

/// Files that claim to be longer, in seconds, are broken.
const LONGEST: f64 = 48.0 * 3600.0;

#[cfg(test)]
mod tests {
    use super::super::stand_in::StandIn;
    use super::*;

    /// What comes of looking at a file with an ffprobe that does what `lines` say.
    async fn looked(lines: &str) -> Unreadable {
        let stand_in = StandIn::new("", lines);
        let looked = probe(&stand_in.shared, Path::new("a.avi")).await;
        looked.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_takes_too_long_tells_nothing_of_the_content() {
        let looked = looked("exec sleep 3600").await;
        assert!(matches!(looked, Unreadable::Setback(_)), "{looked}");
    }

    #[tokio::test]
    async fn what_ends_ffprobe_or_keeps_it_from_reading_tells_nothing_of_the_content() {
        for lines in ["kill -9 $$", "echo 'a.avi: Input/output error' >&2; exit 1"] {
            let looked = looked(lines).await;
            assert!(
                matches!(looked, Unreadable::Setback(_)),
                "{lines}: {looked}"
            );
        }
        let invalid = "echo 'a.avi: Invalid data found when processing input' >&2; exit 1";
        for lines in [invalid, "echo '{}'", "exit 1"] {
            let looked = looked(lines).await;
            assert!(
                matches!(looked, Unreadable::Content(_)),
                "{lines}: {looked}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn few_look_at_a_time() {
        let stand_in = StandIn::new("", "exec sleep 3600");
        let begun = tokio::time::Instant::now();
        let looks = (0..5 * PROBERS).map(|_| probe(&stand_in.shared, Path::new("a.avi")));
        futures::future::join_all(looks).await;
        assert!(begun.elapsed() >= 5 * PATIENCE, "{:?}", begun.elapsed());
    }

    fn facts(json: &str) -> Option<Facts> {
        serde_json::from_str::<Answer>(json).unwrap().facts()
    }

    #[test]
    fn an_answer_is_read() {
        let facts = facts(
            r#"{"programs":[],"streams":[
            {"index":0,"codec_name":"wmav2","codec_type":"audio","sample_rate":"22050","channels":6,"avg_frame_rate":"0/0",
             "disposition":{"attached_pic":0}},
            {"index":1,"codec_type":"data"},
            {"index":2,"codec_name":"msmpeg4v3","codec_type":"video","width":190,"height":240,"avg_frame_rate":"30000/1001"}],
            "format":{"duration":"70.036"}}"#,
        );
        let facts = facts.unwrap();
        let audio = Coding::Audio {
            rate_hz: 44_100,
            mixed_to: Some(2),
        };
        let video = Coding::Video { most: 250_000 };
        let streams = facts.streams.iter();
        let streams = streams.map(|one| (one.number, one.coding, one.codec.as_str(), one.channels));
        assert_eq!(
            streams.collect::<Vec<_>>(),
            [(2, video, "msmpeg4v3", None), (0, audio, "wmav2", Some(2))]
        );
        assert_eq!((facts.seconds, facts.rate_hz), (70.036, 44_100));
        let pictures = facts.pictures.unwrap();
        assert_eq!(pictures.size, (190, 240));
        assert!((pictures.rate - 29.97).abs() < 0.001);
    }

    #[test]
    fn further_sounds_are_those_that_are_sure_to_be_decoded() {
        let sound = |index: u32, codec: &str, more: &str| {
            format!(r#"{{"index":{index},"codec_type":"audio"{codec}{more}}}"#)
        };
        let known = r#","sample_rate":"8000","channels":1,"tags":{"language":"ger"}"#;
        let streams = [
            sound(0, r#","id":"0x11""#, ""),
            sound(1, r#","codec_name":"ac4""#, known),
            sound(2, r#","codec_name":"pcm_mulaw","id":"0x12""#, known),
            sound(
                3,
                r#","codec_name":"vorbis""#,
                r#","sample_rate":"0","channels":0"#,
            ),
            sound(4, r#","codec_name":"mp2""#, known),
        ];
        let json = format!(
            r#"{{"streams":[{}],"format":{{"duration":"1"}}}}"#,
            streams.join(",")
        );
        let facts = facts(&json).unwrap();
        let told = |one: &Stream| (one.number, one.track, one.language.clone(), one.channels);
        let german = || Some("deu".to_owned());
        assert_eq!(
            facts.streams.iter().map(told).collect::<Vec<_>>(),
            [
                (0, Some(0x11), None, None),
                (2, Some(0x12), german(), Some(1)),
                (4, None, german(), Some(1)),
            ]
        );
    }

    #[test]
    fn covers_are_no_pictures_and_nothing_is_nothing() {
        let cover = r#"{"streams":[{"index":0,"codec_type":"video","disposition":{"attached_pic":1}}],
            "format":{"duration":"1"}}"#;
        assert_eq!(facts(cover), None);
        assert_eq!(facts(r#"{"format":{}}"#), None);
    }
}

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

/// How long it may take to look at a file.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most files that are looked at at a time.
pub(super) const PROBERS: usize = 4;

/// What is in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Facts {
    /// How long it is.
    pub(super) seconds: f64,
    /// The streams that are played, the pictures first, and what is made of them.
    pub(super) streams: Vec<(u32, Coding)>,
    /// What ffmpeg calls the formats that these have in the file.
    pub(super) codecs: Vec<String>,
    /// Pictures a second, and their width and height, if there are any.
    pub(super) pictures: Option<Pictures>,
    /// The rate that its sound is made at, in Hz.
    pub(super) rate_hz: u32,
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

/// What ffprobe answers.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Container,
}

#[derive(Debug, Deserialize)]
struct Container {
    duration: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Stream {
    index: u32,
    codec_name: Option<String>,
    codec_type: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_rate: Option<String>,
    channels: Option<u32>,
    avg_frame_rate: Option<String>,
    disposition: Option<Disposition>,
}

#[derive(Debug, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

impl Answer {
    fn facts(&self) -> Option<Facts> {
        let seconds: f64 = self.format.duration.as_ref()?.parse().ok()?;
        let seconds = Some(seconds).filter(|seconds| (0.0..LONGEST).contains(seconds))?;
        let video = self.streams.iter().find(|stream| stream.is("video"));
        let audio = self.streams.iter().find(|stream| stream.is("audio"));
        let rate_hz = audio.map_or(48_000, Stream::made_rate);
        let coding = |stream: &Stream| Coding::Audio {
            rate_hz,
            is_surround: stream.channels.is_some_and(|channels| channels > 2),
        };
        let video_stream = video.map(|stream| (stream.index, stream.pictures().coding()));
        let audio_stream = audio.map(|stream| (stream.index, coding(stream)));
        let streams: Vec<_> = video_stream.into_iter().chain(audio_stream).collect();
        let codecs = [video, audio].into_iter().flatten();
        let codecs = codecs.map(|stream| stream.codec_name.clone().unwrap_or_default());
        (!streams.is_empty()).then_some(Facts {
            seconds,
            streams,
            codecs: codecs.collect(),
            pictures: video.map(Stream::pictures),
            rate_hz,
        })
    }
}

impl Stream {
    /// Whether it is of that type, and no cover of a record.
    fn is(&self, kind: &str) -> bool {
        let disposition = self.disposition.as_ref();
        let is_cover = disposition.is_some_and(|one| one.attached_pic != 0);
        self.codec_type.as_deref() == Some(kind) && !is_cover
    }

    /// The rate of its family that all players take, in Hz.
    fn made_rate(&self) -> u32 {
        let rate = self
            .sample_rate
            .as_ref()
            .and_then(|rate| rate.parse::<u32>().ok());
        match rate {
            Some(rate) if rate > 0 && rate % 11_025 == 0 => 44_100,
            _ => 48_000,
        }
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
            is_surround: true,
        };
        assert_eq!(
            facts.streams,
            [(2, Coding::Video { most: 250_000 }), (0, audio)]
        );
        assert_eq!(facts.codecs, ["msmpeg4v3", "wmav2"]);
        assert_eq!((facts.seconds, facts.rate_hz), (70.036, 44_100));
        let pictures = facts.pictures.unwrap();
        assert_eq!(pictures.size, (190, 240));
        assert!((pictures.rate - 29.97).abs() < 0.001);
    }

    #[test]
    fn covers_are_no_pictures_and_nothing_is_nothing() {
        let cover = r#"{"streams":[{"index":0,"codec_type":"video","disposition":{"attached_pic":1}}],
            "format":{"duration":"1"}}"#;
        assert_eq!(facts(cover), None);
        assert_eq!(facts(r#"{"format":{}}"#), None);
    }
}

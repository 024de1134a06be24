//! The settings of HTTP Live Streaming, `[hls]`; one field for one key of the file.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quantity;

/// How channels are packaged, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hls {
    /// Whether channels are reached by HLS.
    pub enabled: bool,
    /// How long segments are meant to be.
    #[serde(with = "quantity::duration")]
    pub target_duration: Duration,
    /// How long parts are, to the next picture.
    #[serde(with = "quantity::duration")]
    pub part_duration: Duration,
    /// How much of a channel its playlists offer, at least.
    #[serde(with = "quantity::duration")]
    pub window: Duration,
    /// How many segments they offer, at least.
    pub segments: usize,
    /// The most bytes of segments that a channel keeps.
    #[serde(with = "quantity::bytes")]
    pub window_bytes: usize,
    /// What becomes of what is old in the playlists of a channel.
    pub playlist_type: PlaylistType,
    /// How far back playlists of a channel reach with segments on disk; 0: no further than `window`.
    #[serde(with = "quantity::duration")]
    pub dvr: Duration,
    /// The most bytes that a channel has on disk; half of them for what has gone from its playlists.
    #[serde(with = "quantity::bytes")]
    pub dvr_bytes: usize,
    /// The most bytes of what was read from disk that are kept, of all channels together.
    #[serde(with = "quantity::bytes")]
    pub dvr_cache: usize,
    /// The most bytes of segments of movies that are kept, of all movies together.
    #[serde(with = "quantity::bytes")]
    pub movie_segments: usize,
    /// When channels are packaged.
    pub package: Package,
    /// How long a channel that is packaged on demand is after the last request.
    #[serde(with = "quantity::duration")]
    pub idle_stop: Duration,
    /// How long the first requests wait, each: for something to be told of, and for enough to play.
    #[serde(with = "quantity::duration")]
    pub start_wait: Duration,
    /// Whether what players cannot play is transcoded.
    pub transcode: bool,
    /// Whether channels and movies that only some players can play are offered in H.264 and AAC too.
    pub compat: bool,
    /// The name or path of ffmpeg.
    pub ffmpeg: String,
    /// The most channels and movies that are transcoded at a time.
    pub transcoders: usize,
    /// `[hls.encryption]`
    pub encryption: Encryption,
}

/// What becomes of what is old in playlists (rfc8216bis, 4.4.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaylistType {
    /// It goes.
    Live,
    /// It stays: playlists tell of everything since the channel was packaged first, on disk.
    Event,
}

/// When channels are packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Package {
    /// While somebody asks for them.
    #[serde(rename = "on demand")]
    OnDemand,
    /// As long as they are live.
    #[serde(rename = "always")]
    Always,
}

/// How segments are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Encryption {
    /// By which method.
    pub method: Method,
    /// How many keys there are.
    pub keys: KeyCount,
    /// After how many segments keys that rotate change.
    pub rotate_after: u32,
    /// The file that holds the key, or what the keys are made from; empty: drawn by lot at the start.
    pub key_file: PathBuf,
}

/// How segments can be encrypted (rfc8216bis, 4.4.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Not at all.
    None,
    /// Whole segments.
    #[serde(rename = "aes-128")]
    Aes128,
    /// The samples in them.
    SampleAes,
}

/// How many keys there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyCount {
    /// One for everything.
    One,
    /// One for each channel and each movie.
    Each,
    /// Another one every so many segments of a channel or movie.
    Rotate,
}

impl Default for Encryption {
    fn default() -> Self {
        Self {
            method: Method::None,
            keys: KeyCount::Each,
            rotate_after: 100,
            key_file: PathBuf::new(),
        }
    }
}

impl Hls {
    /// Whether a channel is packaged as long as it is live: also where viewers are to go back to what they have not
    /// asked for while it was live.
    pub fn is_always_packaged(&self) -> bool {
        self.package == Package::Always
            || self.playlist_type == PlaylistType::Event
            || !self.dvr.is_zero()
    }

    /// Whether players that know H.264 and AAC alone are thought of.
    pub fn offers_compat(&self) -> bool {
        self.compat && self.transcode
    }
}

impl Default for Hls {
    fn default() -> Self {
        Self {
            enabled: true,
            target_duration: Duration::from_secs(6),
            part_duration: Duration::from_millis(500),
            window: Duration::from_secs(60),
            segments: 6,
            window_bytes: 256_000_000,
            playlist_type: PlaylistType::Live,
            dvr: Duration::ZERO,
            dvr_bytes: 4_000_000_000,
            dvr_cache: 64_000_000,
            movie_segments: 128_000_000,
            package: Package::OnDemand,
            idle_stop: Duration::from_secs(60),
            start_wait: Duration::from_secs(10),
            transcode: true,
            compat: false,
            ffmpeg: "ffmpeg".to_owned(),
            transcoders: 4,
            encryption: Encryption::default(),
        }
    }
}

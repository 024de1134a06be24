//! The settings of HTTP Live Streaming, `[hls]`; one field for one key of the file.

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
    /// The longest part.
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
    /// How long a channel is packaged after the last request.
    #[serde(with = "quantity::duration")]
    pub idle_stop: Duration,
    /// How long the first request waits for something to play.
    #[serde(with = "quantity::duration")]
    pub start_wait: Duration,
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
            idle_stop: Duration::from_secs(60),
            start_wait: Duration::from_secs(10),
        }
    }
}

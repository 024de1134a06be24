//! The settings of live channels, `[live]`; one field for one key of the file.
//!
//! What feeds a channel by itself has sections of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quantity;

/// How channels are kept, and how their readers are served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// The most channels at a time; 0: no limit.
    pub channels: u32,
    /// How long a channel waits for a publisher that has gone.
    #[serde(with = "quantity::duration")]
    pub grace: Duration,
    /// How long a client that has announced a channel, or paused it, may go without recording.
    #[serde(with = "quantity::duration")]
    pub record_wait: Duration,
    /// Whether a second publisher takes a channel over; otherwise it is refused.
    pub takeover: bool,
    /// The most time that a channel keeps for readers that join or lag.
    #[serde(with = "quantity::duration")]
    pub ring_time: Duration,
    /// The most bytes that a channel keeps.
    #[serde(with = "quantity::bytes")]
    pub ring_bytes: usize,
    /// The longest that a packet waits for others to travel with.
    #[serde(with = "quantity::duration")]
    pub hold: Duration,
    /// Whether a reader begins at the newest key frame, and not with the next packet.
    pub fast_start: bool,
    /// How fast a reader gets what lies between that key frame and the present, in bit/s; 0: no limit.
    #[serde(with = "quantity::bit_rate")]
    pub fast_start_rate: u64,
    /// A reader that takes nothing for so long is disconnected.
    #[serde(with = "quantity::duration")]
    pub slow_reader: Duration,
    /// How long a client waits for the description of a channel that begins on demand.
    #[serde(with = "quantity::duration")]
    pub describe_wait: Duration,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            channels: 1000,
            grace: Duration::from_secs(30),
            record_wait: Duration::from_secs(60),
            takeover: false,
            ring_time: Duration::from_secs(10),
            ring_bytes: 32_000_000,
            hold: Duration::from_millis(2),
            fast_start: true,
            fast_start_rate: 0,
            slow_reader: Duration::from_secs(30),
            describe_wait: Duration::from_secs(10),
        }
    }
}

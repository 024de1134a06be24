//! What a channel knows of its publisher's clock: what channels of the same program are aligned by.

use std::time::Instant;

use crate::base::clock::Clock;
use crate::base::media_time::NtpTime;

/// The clock that a channel's reports go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherClock {
    /// Whether the publisher tells it in reports of its own; until then that of arrivals stands for it.
    pub is_told: bool,
    /// An instant, and what it shows then; less by the time that media are on their way.
    pub shown: (Instant, NtpTime),
    /// What it shows at the time 0 of the media, if these are stamped with times that other
    /// channels may share: those of a transport stream. `None` where a clock on the wall is told.
    pub zero: Option<NtpTime>,
}

impl PublisherClock {
    /// How far it is ahead of this server's, in nanoseconds.
    pub fn ahead_of(&self, server: Clock) -> i64 {
        let (at, shown) = self.shown;
        shown.nanos_since(server.ntp(at))
    }
}

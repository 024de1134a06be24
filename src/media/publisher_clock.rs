//! What a channel knows of its publisher's clock: what channels of the same program are aligned by.

use crate::base::media_time::NtpTime;

/// The clock that a channel's reports go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublisherClock {
    /// Whether the publisher tells it in reports of its own; until then that of arrivals stands for it.
    pub is_told: bool,
    /// How far it is ahead of the server's, in nanoseconds; less by the time that media are on their way.
    pub ahead: i64,
    /// What it shows at the time 0 of the media, if these are stamped with times that other
    /// channels may share: those of a transport stream. `None` where a clock on the wall is told.
    pub zero: Option<NtpTime>,
}

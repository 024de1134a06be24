//! Why sessions end.

/// Why a session of a publisher or a viewer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its client took leave.
    Left,
    /// The connection of its client is gone.
    HungUp,
    /// Its client gave no sign of life, or sent no media, for too long.
    Silent,
    /// Its client announced a channel, or paused it, and did not record for too long.
    NotRecorded,
    /// Its client took nothing for too long.
    Slow,
    /// The server ended it: with its channel, for another publisher, or with itself.
    Ended,
}

impl Ending {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Left,
        Self::HungUp,
        Self::Silent,
        Self::NotRecorded,
        Self::Slow,
        Self::Ended,
    ];

    /// The word for metrics: `hung_up`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::HungUp => "hung_up",
            Self::Silent => "silent",
            Self::NotRecorded => "not_recorded",
            Self::Slow => "slow",
            Self::Ended => "ended",
        }
    }
}

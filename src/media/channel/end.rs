//! Why channels are over.

use std::fmt;

/// Why a channel is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Its publisher left, and nobody came within the grace time.
    PublisherGone,
    /// A publisher came whose tracks do not fit.
    Replaced,
    /// Its source was taken out of the configuration, or its file was deleted.
    Removed,
    /// The server stops.
    Stopped,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublisherGone => "the publisher is gone",
            Self::Replaced => "another publisher came with other tracks",
            Self::Removed => "the channel was removed",
            Self::Stopped => "the server stops",
        })
    }
}

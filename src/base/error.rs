//! Kinds of failure, and the one table from a kind to a protocol's status.

/// What kind of failure an error is, as far as a client may know.
///
/// Each folder's error type answers `kind()`; this table alone decides the
/// status code, so that RTSP and HTTP never disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request makes no sense.
    Invalid,
    /// There is nothing of that name, or nothing that this client may know of.
    NotFound,
    /// It exists, but this server cannot serve it; the text says why.
    Unsupported,
    /// A configured limit is reached.
    Limit,
    /// It could work later.
    Unavailable,
    /// The server failed.
    Internal,
}

impl Kind {
    /// The RTSP status code (RFC 2326, 7.1.1).
    pub fn rtsp_status(self) -> u16 {
        match self {
            Self::Limit => 453,
            other => other.http_status(),
        }
    }

    /// The HTTP status code (RFC 9110, 15).
    pub fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::NotFound => 404,
            Self::Unsupported => 415,
            Self::Limit | Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// An error with everything that caused it, on one line: `opening a.mov: reading moov: end of file`.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("opening a.mov")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_chain_reads_from_the_outside_in() {
        let error = Outer(std::io::Error::other("disk on fire"));
        assert_eq!(chain(&error), "opening a.mov: disk on fire");
    }

    #[test]
    fn limits_have_an_rtsp_status_of_their_own() {
        assert_eq!(Kind::Limit.rtsp_status(), 453);
        assert_eq!(Kind::Limit.http_status(), 503);
        assert_eq!(Kind::Unsupported.rtsp_status(), 415);
    }
}

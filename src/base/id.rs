//! Identifiers that must not be confused with one another.

use std::fmt;

/// A track of a presentation: the number in its control URL (`trackID=3`).
///
/// For a movie it is the track ID of the file's track header
/// (ISO/IEC 14496-12, 8.3.2), as QTSS used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u32);

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An RTSP session identifier (RFC 2326, 3.4): 63 random bits, written in decimal as QTSS did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

impl SessionId {
    /// Makes an identifier from 64 random bits; the top bit is dropped.
    pub fn from_random(bits: u64) -> Self {
        Self(bits >> 1)
    }

    /// Reads the decimal form; `None` for anything that this server cannot have issued.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_ids_survive_their_text_form() {
        let id = SessionId::from_random(u64::MAX);
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        for bad in ["", "-1", "+1", "12a", "99999999999999999999"] {
            assert_eq!(SessionId::parse(bad), None, "{bad}");
        }
    }
}

//! `Session`: which session a request belongs to.

use std::fmt;
use std::time::Duration;

use super::{Invalid, digits, parameter};

/// A session's identifier and how long it lives without a sign of its client (RFC 2326, 12.37).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionHeader {
    /// The identifier, as it was sent; [`SessionId::parse`](crate::base::id::SessionId::parse) tells
    /// whether this server can have issued it.
    pub id: String,
    /// The timeout, whole seconds on the wire.
    pub timeout: Option<Duration>,
}

impl SessionHeader {
    /// Reads the header's value; all after the first `;` but the timeout is ignored.
    ///
    /// # Errors
    /// [`Invalid`] when there is no identifier.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let (id, rest) = text.split_once(';').unwrap_or((text, ""));
        let id = id.trim();
        if id.is_empty() {
            return Err(Invalid {
                header: "Session",
                reason: "no identifier",
            });
        }
        Ok(Self {
            id: id.to_owned(),
            timeout: parameter(rest, "timeout")
                .and_then(digits)
                .map(Duration::from_secs),
        })
    }
}

impl fmt::Display for SessionHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        match self.timeout {
            Some(timeout) => write!(f, ";timeout={}", timeout.as_secs()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_ends_at_the_semicolon() {
        let read = SessionHeader::read(" 123 ; timeout=60").unwrap();
        assert_eq!(read.id, "123");
        assert_eq!(read.timeout, Some(Duration::from_secs(60)));
        assert_eq!(read.to_string(), "123;timeout=60");
        assert_eq!(SessionHeader::read("a;timeout=x").unwrap().timeout, None);
        assert!(SessionHeader::read(";timeout=60").is_err());
    }
}

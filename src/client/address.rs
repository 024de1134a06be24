//! Where a server is and what is wanted of it: an RTSP URL, taken apart.

use percent_encoding::percent_decode_str;

use crate::wire::rtsp::uri::RequestUri;

/// The port of RTSP (RFC 2326, 9.2).
const DEFAULT_PORT: u16 = 554;

/// An RTSP URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The URL as requests name it: without user name and password, and without a final slash.
    pub url: String,
    /// Host and port, as one connects to them.
    pub authority: String,
    /// The path with its slash and its query, as an HTTP tunnel names it.
    pub path: String,
    /// User name and password.
    pub credentials: Option<(String, String)>,
}

/// A text that is no RTSP URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It begins with something else.
    #[error("a URL that begins with rtsp:// is wanted")]
    NotRtsp,
    /// It has no host.
    #[error("the URL names no host")]
    NoHost,
}

impl Address {
    /// Reads a URL; a user name and password in it are percent-decoded.
    ///
    /// # Errors
    /// [`BadAddress`] for what is no `rtsp://host…`.
    pub fn read(text: &str) -> Result<Self, BadAddress> {
        let uri = RequestUri::read(text);
        if !uri
            .scheme
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("rtsp"))
        {
            return Err(BadAddress::NotRtsp);
        }
        let authority = uri.authority.unwrap_or_default();
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        if host.is_empty() || host.starts_with(':') {
            return Err(BadAddress::NoHost);
        }
        let query = uri
            .query
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let path = format!("/{}{query}", uri.path.trim_matches('/'));
        Ok(Self {
            url: format!("rtsp://{host}{path}"),
            authority: with_port(host),
            path,
            credentials: user.map(credentials),
        })
    }
}

fn with_port(host: &str) -> String {
    let after_address = host.rsplit(']').next().unwrap_or(host);
    if after_address.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{DEFAULT_PORT}")
    }
}

fn credentials(text: &str) -> (String, String) {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    (decode(user), decode(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let address = Address::read("rtsp://me:a%40b@host/live/one/?x=1").unwrap();
        assert_eq!(address.url, "rtsp://host/live/one?x=1");
        assert_eq!(address.authority, "host:554");
        assert_eq!(address.path, "/live/one?x=1");
        let (user, password) = address.credentials.unwrap();
        assert_eq!((user.as_str(), password.as_str()), ("me", "a@b"));
    }

    #[test]
    fn ports_and_ipv6_addresses_are_kept() {
        let authority = |url| Address::read(url).unwrap().authority;
        assert_eq!(authority("rtsp://host:8554/a"), "host:8554");
        assert_eq!(authority("RTSP://[::1]:8554/a"), "[::1]:8554");
        assert_eq!(authority("rtsp://[::1]/a"), "[::1]:554");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "live", "http://host/a", "/live"] {
            assert_eq!(Address::read(text), Err(BadAddress::NotRtsp), "{text}");
        }
        assert_eq!(Address::read("rtsp:///a"), Err(BadAddress::NoHost));
        assert_eq!(Address::read("rtsp://:8554/a"), Err(BadAddress::NoHost));
    }
}

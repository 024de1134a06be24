//! Where a source is found: a URL, read and checked, whose password nobody gets to see.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

/// The URL of a source.
///
/// Its text, also for debugging, has neither the credentials nor the query,
/// where some cameras want a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrl {
    scheme: Scheme,
    url: Url,
    credentials: Option<Credentials>,
}

/// What a source speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A camera or another server, pulled by RTSP.
    Rtsp,
    /// The same over TLS.
    Rtsps,
    /// An MPEG transport stream in datagrams: `udp://[source or interface@]address:port`.
    Udp,
    /// An MPEG transport stream in RTP packets (RFC 2250).
    Rtp,
    /// An MPEG transport stream from a TCP server.
    Tcp,
    /// An MPEG transport stream or an HLS playlist.
    Http,
    /// The same over TLS.
    Https,
    /// An MPEG transport stream from a named pipe, or from standard input (`pipe:-`).
    Pipe,
}

/// A user's name and password, as the other side wants them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

const SCHEMES: [(&str, Scheme); 8] = [
    ("rtsp", Scheme::Rtsp),
    ("rtsps", Scheme::Rtsps),
    ("udp", Scheme::Udp),
    ("rtp", Scheme::Rtp),
    ("tcp", Scheme::Tcp),
    ("http", Scheme::Http),
    ("https", Scheme::Https),
    ("pipe", Scheme::Pipe),
];

impl SourceUrl {
    /// Reads a URL such as `rtsp://user:password@camera/live`.
    ///
    /// # Errors
    /// Why it is none of a source, with what to write instead, and without its password.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text).map_err(|error| format!("this is no URL: {error}"))?;
        let known = SCHEMES.iter().find(|(name, _)| *name == url.scheme());
        let Some((_, scheme)) = known else {
            let names: Vec<_> = SCHEMES.iter().map(|(name, _)| *name).collect();
            let scheme = url.scheme();
            return Err(format!("`{scheme}` is none of {}", names.join(", ")));
        };
        scheme.check(&url)?;
        let credentials = match scheme {
            Scheme::Udp | Scheme::Rtp if url.password().is_none() => None,
            _ => Credentials::of(&url)?,
        };
        if credentials.is_some() {
            if !scheme.has_credentials() {
                return Err(format!("`{}` knows no user and password", url.scheme()));
            }
            let removed = url.set_username("").and_then(|()| url.set_password(None));
            removed.map_err(|()| "a user and a password need a host".to_owned())?;
        }
        Ok(Self {
            scheme: *scheme,
            url,
            credentials,
        })
    }

    /// What the source speaks.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it is `pipe:-`.
    pub fn is_standard_input(&self) -> bool {
        self.scheme == Scheme::Pipe && self.url.path() == "-"
    }

    /// The URL without user and password, to be sent, not to be shown.
    ///
    /// For `udp` and `rtp` what stands before the `@` is no user, and stays: a sender or an interface.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The user and password.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Takes these, which do not stand in the URL, but elsewhere.
    pub(super) fn set_credentials(&mut self, credentials: Credentials) {
        self.credentials = Some(credentials);
    }
}

impl Scheme {
    fn check(self, url: &Url) -> Result<(), String> {
        let host = url.host_str().is_some_and(|host| !host.is_empty());
        match self {
            Self::Pipe if url.path().is_empty() => {
                Err("name a pipe: pipe:/run/encoder.ts, or pipe:- for standard input".to_owned())
            }
            Self::Pipe => Ok(()),
            _ if !host => Err(format!("name a host: {}://host/", url.scheme())),
            Self::Udp | Self::Rtp | Self::Tcp if url.port().is_none() => {
                Err(format!("name a port: {}://host:1234", url.scheme()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn has_credentials(self) -> bool {
        matches!(self, Self::Rtsp | Self::Rtsps | Self::Http | Self::Https)
    }

    /// Whether it is RTSP, with or without TLS.
    pub fn is_rtsp(self) -> bool {
        matches!(self, Self::Rtsp | Self::Rtsps)
    }
}

impl Credentials {
    /// Reads `USER:PASSWORD`; the password may have colons.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':')?;
        (!user.is_empty()).then(|| Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    fn of(url: &Url) -> Result<Option<Self>, String> {
        if url.username().is_empty() && url.password().is_none() {
            return Ok(None);
        }
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(String::from)
                .map_err(|_| "user and password must be percent-encoded UTF-8".to_owned())
        };
        Ok(Some(Self {
            user: decoded(url.username())?,
            password: decoded(url.password().unwrap_or_default())?,
        }))
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.url.as_str();
        match text.split_once('?') {
            Some((before, _)) => write!(f, "{before}?…"),
            None => f.write_str(text),
        }
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for SourceUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::read(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_decoded_and_taken_out() {
        let url = SourceUrl::read("rtsp://ad%40min:p%3Ass@camera:554/live?channel=1").unwrap();
        let credentials = url.credentials().unwrap();
        assert_eq!(credentials.user, "ad@min");
        assert_eq!(credentials.password, "p:ss");
        assert_eq!(url.url().as_str(), "rtsp://camera:554/live?channel=1");
        assert_eq!(url.scheme(), Scheme::Rtsp);
    }

    #[test]
    fn nothing_shows_a_password() {
        let url = SourceUrl::read("rtsps://admin:secret@camera/live?password=secret").unwrap();
        assert_eq!(url.to_string(), "rtsps://camera/live?…");
        let debugged = format!("{url:?} {:?}", url.credentials());
        assert!(!debugged.contains("secret"), "{debugged}");
        for bad in [
            "udp://u:secret@h:1",
            "ftp://u:secret@h/",
            "rtsp://u:secret@",
        ] {
            let error = SourceUrl::read(bad).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn every_scheme_has_its_form() {
        for good in [
            "rtsp://camera/",
            "rtsps://[::1]:322/x",
            "udp://@239.1.1.1:5000",
            "rtp://127.0.0.1:5004",
            "tcp://encoder:9999",
            "http://radio/live.ts",
            "https://cdn/live.m3u8",
            "pipe:/run/encoder.ts",
            "pipe:-",
        ] {
            assert!(SourceUrl::read(good).is_ok(), "{good}");
        }
        for (bad, reason) in [
            ("camera", "this is no URL: relative URL without a base"),
            ("udp://host", "name a port: udp://host:1234"),
            ("rtsp:/live", "name a host: rtsp://host/"),
            (
                "pipe:",
                "name a pipe: pipe:/run/encoder.ts, or pipe:- for standard input",
            ),
            (
                "rtmp://host/",
                "`rtmp` is none of rtsp, rtsps, udp, rtp, tcp, http, https, pipe",
            ),
        ] {
            assert_eq!(SourceUrl::read(bad).unwrap_err(), reason, "{bad}");
        }
    }
}

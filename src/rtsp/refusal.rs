//! A request that is answered with an error status.

use std::borrow::Cow;
use std::time::Duration;

use crate::base::path::MediaPath;
use crate::wire::rtsp::{Method, Status};

/// The methods that this server serves, as `Public` and `Allow` list them.
pub(super) const METHODS: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, ANNOUNCE, RECORD, GET_PARAMETER, SET_PARAMETER";

/// The methods that make sense for a movie.
const METHODS_OF_MOVIES: &str =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

/// Why a request is refused: the status for the client, the reason for the log.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// The status code (RFC 2326, 7.1.1).
    pub(super) status: Status,
    /// What was wrong, in a few words.
    pub(super) reason: Cow<'static, str>,
    /// Header fields that the status asks for.
    pub(super) headers: Vec<(&'static str, String)>,
    /// A text for the client: what was not understood, or why it cannot be had.
    pub(super) body: String,
}

impl Refusal {
    /// A refusal with a bare status.
    pub(super) fn new(status: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: Status(status),
            reason: reason.into(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// 302, for a movie that is elsewhere.
    pub(super) fn moved(url: String) -> Self {
        Self {
            headers: vec![("Location", url)],
            ..Self::new(302, "the movie is elsewhere")
        }
    }

    /// 401, with the challenges to log in by (RFC 2326, 14).
    pub(super) fn challenge(challenges: Vec<String>) -> Self {
        let header = |challenge| ("WWW-Authenticate", challenge);
        Self {
            headers: challenges.into_iter().map(header).collect(),
            ..Self::new(401, "the client has to log in")
        }
    }

    /// 503, for a client that may try again after `wait` (RFC 2326, 12.31).
    pub(super) fn later(wait: Duration, reason: &'static str) -> Self {
        Self {
            headers: vec![("Retry-After", wait.as_secs().max(1).to_string())],
            ..Self::new(503, reason)
        }
    }

    /// 405, for a method that RTSP knows and this server does not serve.
    pub(super) fn not_served(method: &Method) -> Self {
        Self {
            headers: vec![("Allow", METHODS.to_owned())],
            ..Self::new(405, format!("{} is not served", method.name()))
        }
    }

    /// 551, for a feature that the client requires (RFC 2326, 12.32).
    pub(super) fn option(name: &str) -> Self {
        Self {
            headers: vec![("Unsupported", name.to_owned())],
            ..Self::new(551, format!("option {name} is not supported"))
        }
    }

    /// 415, with the reason as text, for whoever put the movie there.
    pub(super) fn unsupported(reason: String) -> Self {
        Self::told(415, reason)
    }

    /// A refusal whose reason is for the client to read, too.
    pub(super) fn told(status: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        let refusal = Self::new(status, reason);
        Self {
            headers: vec![("Content-Type", "text/plain; charset=utf-8".to_owned())],
            body: format!("{}\r\n", refusal.reason),
            ..refusal
        }
    }

    /// 405, for an ANNOUNCE of what is a file.
    pub(super) fn not_for_movies(path: &MediaPath) -> Self {
        Self {
            headers: vec![("Allow", METHODS_OF_MOVIES.to_owned())],
            ..Self::told(
                405,
                format!("{path} is a file, which a channel cannot hide"),
            )
        }
    }

    /// 451, naming the parameters that were not understood (RFC 2326, 10.8).
    pub(super) fn parameters(names: String) -> Self {
        Self {
            headers: vec![("Content-Type", "text/parameters".to_owned())],
            body: names,
            ..Self::new(451, "parameter not understood")
        }
    }
}

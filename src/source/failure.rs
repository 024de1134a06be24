//! Why a source stopped feeding its channel, and how often sources did that come by themselves.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::claims::Clash;
use crate::media::description::Unfit;
use crate::media::mounts::Busy;

/// Why an attempt ended; the text is one line for people and names no password.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was told to.
    #[error("stopped")]
    Stopped,
    /// The other side cannot be reached.
    #[error("connecting to {host}: {source}")]
    Connect {
        /// Host and port.
        host: String,
        /// What the system or TLS said.
        source: io::Error,
    },
    /// A port of this host, or a group, cannot be received from.
    #[error("receiving at {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Another feed has the port.
    #[error(transparent)]
    Clash(#[from] Clash),
    /// A request was not answered.
    #[error("no answer to {request} within {patience:?}")]
    NoAnswer {
        /// The request's method.
        request: &'static str,
        /// How long was waited.
        patience: Duration,
    },
    /// The dialogue went wrong, or a request was refused.
    #[error("{0}")]
    Rtsp(String),
    /// A request by HTTP was refused, or what it brought is of no use.
    #[error("{0}")]
    Http(String),
    /// The connection, the pipe or the socket failed.
    #[error("receiving: {0}")]
    Receive(io::Error),
    /// What is offered cannot be a channel.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The channel's name is somebody else's.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Nothing arrived any more.
    #[error("no media for {0:?}")]
    Silent(Duration),
    /// Something arrived, but no media.
    #[error("no media for {patience:?}: {reason}")]
    Barren {
        /// How long was waited.
        patience: Duration,
        /// What is wrong with what arrived.
        reason: &'static str,
    },
    /// What arrives is no format that is known.
    #[error("what comes is neither an MPEG transport stream nor MP3 nor AAC")]
    Unknown,
    /// The other side ended the stream.
    #[error("the other side ended the stream")]
    Ended,
    /// The channel was taken away.
    #[error("the channel has another publisher")]
    Replaced,
    /// Its network is not let in any more.
    #[error("nobody may publish from that network any more")]
    Foreign,
    /// The code that served the source gave up, as libraries do that meet the unforeseen.
    #[error("an internal error, told on the standard error output")]
    Internal,
}

impl Failure {
    /// The word for metrics, `silent`; `None` for an end that is none.
    fn word(&self) -> Option<&'static str> {
        Some(match self {
            Self::Stopped | Self::Ended => return None,
            Self::Connect { .. } => "connect",
            Self::Bind { .. } => "bind",
            Self::Clash(_) => "clash",
            Self::NoAnswer { .. } => "no_answer",
            Self::Rtsp(_) => "rtsp",
            Self::Http(_) => "http",
            Self::Receive(_) => "receive",
            Self::Unfit(_) => "unfit",
            Self::Busy(_) => "busy",
            Self::Silent(_) => "silent",
            Self::Barren { .. } => "barren",
            Self::Unknown => "unknown",
            Self::Replaced => "replaced",
            Self::Foreign => "foreign",
            Self::Internal => "internal",
        })
    }
}

/// How often encoders failed that came by themselves, by the reason.
#[derive(Debug, Default)]
pub struct Failures(Mutex<BTreeMap<&'static str, u64>>);

impl Failures {
    /// Counts one, if it is no orderly end.
    pub fn count(&self, failure: &Failure) {
        if let Some(word) = failure.word() {
            *self.lock().entry(word).or_default() += 1;
        }
    }

    /// The reasons in words for metrics, each with its count.
    pub fn list(&self) -> Vec<(&'static str, u64)> {
        self.lock()
            .iter()
            .map(|(word, count)| (*word, *count))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

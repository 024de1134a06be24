//! Why a source stopped feeding its channel.

use std::io;
use std::net::SocketAddr;
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
    /// The code that served the source gave up, as libraries do that meet the unforeseen.
    #[error("an internal error, told on the standard error output")]
    Internal,
}

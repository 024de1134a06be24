//! An RTSP client: reads from servers and publishes to them, over TCP, UDP or an HTTP tunnel.
//!
//! The dialogue is a state machine without sockets; connections carry it. What
//! the media is made of, and what is done with it, is not known here.

mod address;
mod connection;
mod dialogue;
mod publishing;
mod reading;
mod tunnel;

use std::fmt;
use std::io;

pub use address::{Address, BadAddress};
pub use publishing::Publishing;
pub use reading::{Reading, Track};

use crate::media::description::Unfit;
use crate::wire::rtsp::{ParseError, Status};

/// How media and requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Everything on one TCP connection (RFC 2326, 10.12).
    Tcp,
    /// Media as datagrams.
    Udp,
    /// Everything on a pair of HTTP connections, as QuickTime began it.
    Http,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Http => "http",
        })
    }
}

/// Why a server cannot be read from, or published to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached.
    #[error("{0}")]
    Network(#[from] io::Error),
    /// It closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// It refused a request.
    #[error("{method} was answered with {status}")]
    Refused {
        /// The method of the request.
        method: String,
        /// The answer's status.
        status: Status,
    },
    /// It wants a password that it was not given, or another one.
    #[error("the server wants a user name and password, in the URL as rtsp://user:password@host/")]
    Unauthorised,
    /// What it sends is no RTSP.
    #[error("the server sends no sound RTSP: {0}")]
    Malformed(String),
    /// Its description cannot be used.
    #[error("the description that the server sent: {0}")]
    Unfit(#[from] Unfit),
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        Self::Malformed(error.to_string())
    }
}

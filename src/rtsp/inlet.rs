//! Where a connection's requests come from: its socket, or the other half of its HTTP tunnel.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use crate::net::stream::Incoming;

use super::tunnel::Uplink;

/// How many bytes are read at a time where requests arrive, and where media does.
pub(super) const MESSAGES: usize = 4 * 1024;
pub(super) const MEDIA: usize = 64 * 1024;

/// How many where nothing of interest does.
const IGNORED: usize = 64;

/// How long a tunnel whose GET is closed waits for what its POST still brings.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A source of RTSP messages.
pub(super) enum Inlet {
    /// The connection itself.
    Socket(Incoming),
    /// POSTs, for as long as the GET that carries the answers is open.
    Tunnel {
        /// The GET's reading side, on which nothing of interest arrives.
        get: Incoming,
        /// What the POSTs brought, decoded.
        uplink: Uplink,
        /// What the GET calls this server.
        host: Option<String>,
    },
}

impl Inlet {
    /// Whether requests come by POST.
    pub(super) fn is_tunnel(&self) -> bool {
        matches!(self, Self::Tunnel { .. })
    }

    /// What the client calls this server, as far as it tells beside its requests.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Socket(_) => None,
            Self::Tunnel { host, .. } => host.as_deref(),
        }
    }

    /// Appends what arrives next to `buffer`, of a socket up to `most` bytes; `false` when nothing will. Cancel safe.
    ///
    /// # Errors
    /// What the system says of a connection that broke.
    pub(super) async fn fill(&mut self, buffer: &mut BytesMut, most: usize) -> io::Result<bool> {
        match self {
            Self::Socket(socket) => socket.fill(buffer, most).await,
            Self::Tunnel { get, uplink, .. } => tokio::select! {
                biased;
                piece = uplink.next() => Ok(take(piece, buffer)),
                broken = until_closed(get) => {
                    broken?;
                    // Clients close both halves after TEARDOWN, and it may be the slower one.
                    let last = timeout(LAST_WORDS, uplink.next()).await;
                    Ok(take(last.unwrap_or_default(), buffer))
                }
            },
        }
    }
}

/// Appends a piece of the requests; `false` when there is none.
fn take(piece: Option<Bytes>, buffer: &mut BytesMut) -> bool {
    let piece = piece.unwrap_or_default();
    buffer.extend_from_slice(&piece);
    !piece.is_empty()
}

async fn until_closed(socket: &mut Incoming) -> io::Result<()> {
    let mut ignored = BytesMut::new();
    while socket.fill(&mut ignored, IGNORED).await? {
        ignored.clear();
    }
    Ok(())
}

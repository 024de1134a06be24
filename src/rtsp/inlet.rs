//! Where a connection's requests come from: its socket, or the other half of its HTTP tunnel.

use std::io;

use bytes::BytesMut;
use tokio::net::tcp::OwnedReadHalf;

use super::tunnel::Uplink;

/// How many bytes are asked for at a time.
const CHUNK: usize = 4096;

/// A source of RTSP messages.
pub(super) enum Inlet {
    /// The connection itself.
    Socket(OwnedReadHalf),
    /// POSTs, for as long as the GET that carries the answers is open.
    Tunnel {
        /// The GET's reading side, on which nothing of interest arrives.
        get: OwnedReadHalf,
        /// What the POSTs brought, decoded.
        uplink: Uplink,
    },
}

impl Inlet {
    /// Appends what arrives next to `buffer`; `false` when nothing will. Cancel safe.
    ///
    /// # Errors
    /// What the system says of a connection that broke.
    pub(super) async fn fill(&mut self, buffer: &mut BytesMut) -> io::Result<bool> {
        match self {
            Self::Socket(socket) => read_some(socket, buffer).await,
            Self::Tunnel { get, uplink } => tokio::select! {
                biased;
                piece = uplink.next() => {
                    let piece = piece.unwrap_or_default();
                    buffer.extend_from_slice(&piece);
                    Ok(!piece.is_empty())
                }
                broken = until_closed(get) => broken.map(|()| false),
            },
        }
    }
}

/// Appends what arrives next to `buffer`, which grows only when something has;
/// `false` at the end of the stream. Cancel safe.
pub(super) async fn read_some(socket: &OwnedReadHalf, buffer: &mut BytesMut) -> io::Result<bool> {
    loop {
        socket.readable().await?;
        buffer.reserve(CHUNK);
        match socket.try_read_buf(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read.map(|length| length > 0),
        }
    }
}

async fn until_closed(socket: &OwnedReadHalf) -> io::Result<()> {
    let mut ignored = [0; 64];
    loop {
        socket.readable().await?;
        match socket.try_read(&mut ignored) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

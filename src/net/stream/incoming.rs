//! The direction of a connection in which its client sends.

use std::io::{self, Read};
use std::mem;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::tcp::OwnedReadHalf;

use super::TlsSession;

/// What a client sends. See the module's head.
#[derive(Debug)]
pub struct Incoming {
    socket: OwnedReadHalf,
    /// What was looked at and is still to be read.
    seen: BytesMut,
    tls: Option<Arc<TlsSession>>,
}

impl Incoming {
    pub(super) fn new(socket: OwnedReadHalf, seen: BytesMut, tls: Option<Arc<TlsSession>>) -> Self {
        Self { socket, seen, tls }
    }

    /// Appends what arrives next to `buffer`, about `most` bytes; it grows only when something has
    /// arrived. `false` at the end of the stream. Cancel safe.
    ///
    /// # Errors
    /// What the system or TLS says of a connection that broke.
    pub async fn fill(&mut self, buffer: &mut BytesMut, most: usize) -> io::Result<bool> {
        if !self.seen.is_empty() {
            buffer.unsplit(mem::take(&mut self.seen));
            return Ok(true);
        }
        match &self.tls {
            Some(tls) => open(&self.socket, tls, buffer).await,
            None => read(&self.socket, buffer, most).await,
        }
    }
}

async fn read(socket: &OwnedReadHalf, buffer: &mut BytesMut, most: usize) -> io::Result<bool> {
    loop {
        socket.readable().await?;
        buffer.reserve(most);
        match socket.try_read_buf(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read.map(|length| length > 0),
        }
    }
}

/// TLS says itself how much it reads: some records.
async fn open(socket: &OwnedReadHalf, tls: &TlsSession, buffer: &mut BytesMut) -> io::Result<bool> {
    loop {
        if let Some(has_come) = tls.open(buffer) {
            return Ok(has_come);
        }
        socket.readable().await?;
        match tls.receive(&mut Ready(socket)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            received => received?,
        }
    }
}

/// Reads what a socket has, and waits for nothing.
struct Ready<'a>(&'a OwnedReadHalf);

impl Read for Ready<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

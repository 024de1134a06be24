//! The direction of a connection in which its client receives.
//!
//! What is left to send when the socket is full is not kept here (`interleaved`).

use std::borrow::Cow;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use socket2::SockRef;
use tokio::net::tcp::OwnedWriteHalf;

use super::TlsSession;

/// The way to a client. See the module's head.
#[derive(Debug)]
pub struct Outgoing {
    socket: OwnedWriteHalf,
    tls: Option<Arc<TlsSession>>,
}

impl Outgoing {
    pub(super) fn new(socket: OwnedWriteHalf, tls: Option<Arc<TlsSession>>) -> Self {
        Self { socket, tls }
    }

    pub(in super::super) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// What has to be sent for `bytes`, in the order of the calls.
    ///
    /// # Errors
    /// When the connection is over for TLS.
    pub(in super::super) fn seal<'b>(&self, bytes: &'b [u8]) -> io::Result<Cow<'b, [u8]>> {
        match &self.tls {
            Some(tls) => tls.seal(bytes).map(Cow::Owned),
            None => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// What has to be sent before the end; nothing in the clear.
    pub(in super::super) fn farewell(&self) -> Vec<u8> {
        self.tls
            .as_ref()
            .map_or_else(Vec::new, |tls| tls.farewell())
    }

    /// How many of these bytes, which are [sealed](Self::seal), the socket took, 0 when it has no room.
    ///
    /// Asks the system and not the runtime, which would first look whether it
    /// knows of room; [`try_write`](Self::try_write) sets that right when
    /// something is left to write.
    pub(in super::super) fn write_now(&self, sealed: &[u8]) -> io::Result<usize> {
        would_block_is_none(SockRef::from(self.socket.as_ref()).send(sealed))
    }

    /// The same by the runtime, which learns here when to wait for room.
    pub(in super::super) fn try_write(&self, sealed: &[u8]) -> io::Result<usize> {
        would_block_is_none(self.socket.try_write(sealed))
    }

    /// Waits until there may be room. Cancel safe.
    pub(in super::super) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Ends this direction; the client still receives what the socket already took.
    pub(in super::super) fn shut(&self) {
        // A peer that is gone already makes this fail, which changes nothing.
        let _ = SockRef::from(self.socket.as_ref()).shutdown(Shutdown::Write);
    }
}

impl From<OwnedWriteHalf> for Outgoing {
    fn from(socket: OwnedWriteHalf) -> Self {
        Self::new(socket, None)
    }
}

fn would_block_is_none(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

//! A client's connection as bytes that come and go, in the clear or by TLS.
//!
//! How TLS begins is not here (`tls_acceptor`), and what the bytes mean is not known.

mod incoming;
mod outgoing;
mod tls_session;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub use incoming::Incoming;
pub use outgoing::Outgoing;
use tls_session::TlsSession;

/// For how many bytes there is room when more is looked at.
const PIECE: usize = 2048;

/// Bytes of the send buffer of a connection that media are paced on (Linux doubles it).
const PACED_BUFFER: usize = 256 * 1024;

/// A connection that was accepted, with its handshake done where it has one.
#[derive(Debug)]
pub struct Stream {
    way: Way,
    /// What was looked at and is still to be read.
    seen: BytesMut,
}

#[derive(Debug)]
enum Way {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn new(way: Way) -> Self {
        Self {
            way,
            seen: BytesMut::new(),
        }
    }

    /// Whether nobody between the client and this server can read along.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.way, Way::Tls(_))
    }

    /// Has the system take little of what is sent before the client reads it, for media that are sent as time passes.
    ///
    /// Left alone it would take megabytes for a player that has stopped reading, and minutes of a movie would
    /// count as sent; but answers as large as files need that on long ways.
    ///
    /// # Errors
    /// What the system says.
    pub fn take_little(&self) -> io::Result<()> {
        let stream = match &self.way {
            Way::Plain(stream) => stream,
            Way::Tls(stream) => stream.get_ref().0,
        };
        SockRef::from(stream).set_send_buffer_size(PACED_BUFFER)
    }

    /// What was looked at; it will be read all the same.
    pub fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// Waits until there is more to be [`seen`](Self::seen). Cancel safe.
    ///
    /// # Errors
    /// `UnexpectedEof` when nothing more comes, or what the system or TLS says.
    pub async fn look(&mut self) -> io::Result<()> {
        self.seen.reserve(PIECE);
        let more = match &mut self.way {
            Way::Plain(stream) => stream.read_buf(&mut self.seen).await?,
            Way::Tls(stream) => stream.read_buf(&mut self.seen).await?,
        };
        match more {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Its two directions, to be used at the same time.
    pub fn into_split(self) -> (Incoming, Outgoing) {
        let (stream, tls) = match self.way {
            Way::Plain(stream) => (stream, None),
            Way::Tls(stream) => {
                let (stream, connection) = stream.into_inner();
                (stream, Some(Arc::new(TlsSession::new(connection))))
            }
        };
        let (reader, writer) = stream.into_split();
        let incoming = Incoming::new(reader, self.seen, tls.clone());
        (incoming, Outgoing::new(writer, tls))
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::new(Way::Plain(stream))
    }
}

impl From<TlsStream<TcpStream>> for Stream {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::new(Way::Tls(Box::new(stream)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.seen.is_empty() {
            let size = self.seen.len().min(into.remaining());
            into.put_slice(&self.seen.split_to(size));
            if self.seen.is_empty() {
                self.seen = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        match &mut self.way {
            Way::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Way::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.way {
            Way::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Way::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.way {
            Way::Plain(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
            Way::Tls(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.way {
            Way::Plain(stream) => stream.is_write_vectored(),
            Way::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Plain(stream) => Pin::new(stream).poll_flush(context),
            Way::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Way::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests;

//! The body of an upload as a stream of bytes, whatever its framing.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::uploads::Uploads;
use crate::net::stream::Stream;
use crate::wire::http_body::{BodyReader, Framing, Part};

/// The most bytes that are taken from the socket at a time.
const PIECE: usize = 4096;

/// Reads a body off a connection; what follows it stays in `buffer`.
pub(super) struct UploadBody<'a> {
    stream: &'a mut Stream,
    buffer: &'a mut BytesMut,
    reader: BodyReader,
    framing: Framing,
    part: Bytes,
    is_complete: bool,
    received: u64,
    uploads: &'a Uploads,
}

impl<'a> UploadBody<'a> {
    /// A body of which `buffer` holds what has arrived; its bytes are counted in `uploads`.
    pub(super) fn new(
        stream: &'a mut Stream,
        buffer: &'a mut BytesMut,
        framing: Framing,
        uploads: &'a Uploads,
    ) -> Self {
        Self {
            stream,
            buffer,
            reader: BodyReader::new(framing),
            framing,
            part: Bytes::new(),
            is_complete: false,
            received: 0,
            uploads,
        }
    }

    /// Whether the body has come to its end, and not only the connection.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How many of its bytes were read.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Fills `part`; it stays empty at the end.
    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.part.is_empty() {
            match self.reader.next(self.buffer).map_err(io::Error::other)? {
                Part::Data(data) => self.part = data,
                Part::End => {
                    self.is_complete = true;
                    return Poll::Ready(Ok(()));
                }
                Part::More => {
                    self.buffer.reserve(PIECE);
                    let read = pin!(self.stream.read_buf(self.buffer));
                    if ready!(read.poll(context))? == 0 {
                        self.is_complete = self.framing == Framing::UntilClosed;
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for UploadBody<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_part(context))?;
        let size = self.part.len().min(into.remaining());
        let piece = self.part.split_to(size);
        into.put_slice(&piece);
        self.received += size as u64;
        self.uploads.received(size);
        Poll::Ready(Ok(()))
    }
}

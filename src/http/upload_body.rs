//! The body of an upload as a stream of bytes, whatever its framing.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Incoming};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::uploads::Uploads;
use crate::net::stream::Stream;
use crate::wire::http_body::{BodyReader, Framing, Part};

/// The most bytes that are taken from the socket at a time.
const PIECE: usize = 4096;

/// Reads a body off a connection or a request.
pub(super) struct UploadBody<'a> {
    origin: Origin<'a>,
    part: Bytes,
    is_complete: bool,
    received: u64,
    uploads: &'a Uploads,
}

/// Where its bytes come from.
enum Origin<'a> {
    /// A connection; what follows the body stays in `buffer`.
    Connection {
        stream: &'a mut Stream,
        buffer: &'a mut BytesMut,
        reader: BodyReader,
        framing: Framing,
    },
    /// A request that an HTTP library reads.
    Request(Incoming),
}

impl<'a> UploadBody<'a> {
    /// A body of which `buffer` holds what has arrived; its bytes are counted in `uploads`.
    pub(super) fn new(
        stream: &'a mut Stream,
        buffer: &'a mut BytesMut,
        framing: Framing,
        uploads: &'a Uploads,
    ) -> Self {
        let origin = Origin::Connection {
            stream,
            buffer,
            reader: BodyReader::new(framing),
            framing,
        };
        Self::with_origin(origin, uploads)
    }

    /// The body of a request; its bytes are counted in `uploads`.
    pub(super) fn of_request(body: Incoming, uploads: &'a Uploads) -> Self {
        Self::with_origin(Origin::Request(body), uploads)
    }

    fn with_origin(origin: Origin<'a>, uploads: &'a Uploads) -> Self {
        Self {
            origin,
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
            match ready!(self.origin.poll_next(context))? {
                Next::Data(data) => self.part = data,
                Next::End { is_complete } => {
                    self.is_complete = is_complete;
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What comes next of a body.
enum Next {
    /// Bytes of it, perhaps none.
    Data(Bytes),
    /// Its end, or only that of the connection.
    End { is_complete: bool },
}

impl Origin<'_> {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Next>> {
        match self {
            Self::Connection {
                stream,
                buffer,
                reader,
                framing,
            } => {
                match reader.next(buffer).map_err(io::Error::other)? {
                    Part::Data(data) => return Poll::Ready(Ok(Next::Data(data))),
                    Part::End => return Poll::Ready(Ok(Next::End { is_complete: true })),
                    Part::More => {}
                }
                buffer.reserve(PIECE);
                let read = pin!(stream.read_buf(*buffer));
                let is_over = ready!(read.poll(context))? == 0;
                let is_complete = *framing == Framing::UntilClosed;
                Poll::Ready(Ok(match is_over {
                    true => Next::End { is_complete },
                    false => Next::Data(Bytes::new()),
                }))
            }
            Self::Request(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                let Some(frame) = frame.transpose().map_err(io::Error::other)? else {
                    return Poll::Ready(Ok(Next::End { is_complete: true }));
                };
                // What follows the bytes are trailers, of which nothing is needed.
                let data = frame.into_data().unwrap_or_default();
                Poll::Ready(Ok(Next::Data(data)))
            }
        }
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

//! The body of an answer: pieces that many answers share, sent one after the other without a copy.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::connection::Begun;
use crate::media::sessions::Session;

/// A body of known length.
#[derive(Debug, Default)]
pub(super) struct Body {
    pieces: VecDeque<Bytes>,
    /// Bytes of them.
    length: u64,
    /// Who gets it.
    session: Option<Arc<Session>>,
    /// The request that it answers.
    request: Option<Begun>,
}

impl Body {
    /// How many bytes it has.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// The request lasts until the body is gone.
    pub(super) fn lasts(&mut self, request: Begun) {
        self.request = Some(request);
    }

    /// Counts what is sent for `session`, which stays open until then.
    pub(super) fn count_for(&mut self, session: Arc<Session>) {
        self.session = Some(session);
    }
}

impl FromIterator<Bytes> for Body {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let pieces: VecDeque<_> = pieces
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .collect();
        Self {
            length: pieces.iter().map(|piece| piece.len() as u64).sum(),
            pieces,
            session: None,
            request: None,
        }
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        Self::from_iter([bytes.into()])
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = self.get_mut();
        let Some(piece) = body.pieces.pop_front() else {
            return Poll::Ready(None);
        };
        let bytes = piece.len() as u64;
        body.length -= bytes;
        if let Some(session) = &body.session {
            session.counters().sent(0, bytes, Duration::ZERO);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

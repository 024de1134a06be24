//! The body of an answer: pieces that many answers share, sent one after the other without a copy.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use hyper::body::{Frame, SizeHint};

use super::connection::Begun;
use crate::media::sessions::Session;

/// A body: bytes that are there, and perhaps more that come.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The next piece; as a rule there is only one, which then needs no room elsewhere.
    next: Option<Bytes>,
    /// The pieces after it.
    rest: VecDeque<Bytes>,
    /// Bytes of all these.
    length: u64,
    /// What comes after them.
    coming: Option<Coming>,
    /// Bytes of what comes; `None` when nobody knows.
    coming_length: Option<u64>,
    /// Who gets it.
    session: Option<Arc<Session>>,
    /// The request that it answers.
    request: Option<Begun>,
}

/// Why a body ends before it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Broken(pub(super) &'static str);

/// Pieces that come in time.
struct Coming(Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>);

impl Debug for Coming {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Coming")
    }
}

impl Body {
    /// A body without a known length, which may last for ever.
    pub(super) fn endless(
        pieces: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
    ) -> Self {
        Self {
            coming: Some(Coming(Box::pin(pieces))),
            ..Self::default()
        }
    }

    /// A body of `length` bytes, which come in time.
    pub(super) fn coming(
        length: u64,
        pieces: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
    ) -> Self {
        Self {
            coming_length: Some(length),
            ..Self::endless(pieces)
        }
    }

    /// A body of `length` bytes that is not sent, for what is asked of its head alone.
    pub(super) fn unsent(length: u64) -> Self {
        Self::coming(length, futures::stream::empty())
    }

    /// How many bytes it has; `None` when nobody knows.
    pub(super) fn len(&self) -> Option<u64> {
        match self.coming {
            Some(_) => Some(self.length + self.coming_length?),
            None => Some(self.length),
        }
    }

    /// The request lasts until the body is gone.
    pub(super) fn lasts(&mut self, request: Begun) {
        if self.coming.is_some() {
            request.may_last();
        }
        self.request = Some(request);
    }

    /// Counts what is sent for `session`, which stays open until then.
    pub(super) fn count_for(&mut self, session: Arc<Session>) {
        self.session = Some(session);
    }

    /// Hands out the next piece.
    fn give(&self, piece: Bytes) -> Frame<Bytes> {
        if let Some(session) = &self.session {
            let bytes = piece.len() as u64;
            session.counters().sent(0, bytes, Duration::ZERO);
        }
        if let (Some(request), Some(_)) = (&self.request, &self.coming) {
            request.has_more(self.coming_length.is_some());
        }
        Frame::data(piece)
    }
}

impl FromIterator<Bytes> for Body {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        let (next, rest) = (pieces.next(), pieces.collect::<VecDeque<_>>());
        Self {
            length: next.iter().chain(&rest).map(|one| one.len() as u64).sum(),
            next,
            rest,
            ..Self::default()
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
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let body = self.get_mut();
        if let (Some(request), Some(_)) = (&body.request, &body.coming) {
            request.is_taken();
        }
        let piece = match (body.next.take(), &mut body.coming) {
            (Some(piece), _) => {
                body.next = body.rest.pop_front();
                body.length -= piece.len() as u64;
                Some(Ok(piece))
            }
            (None, Some(Coming(pieces))) => {
                let piece = ready!(pieces.as_mut().poll_next(context));
                if let (Some(Ok(piece)), Some(length)) = (&piece, &mut body.coming_length) {
                    *length = length.saturating_sub(piece.len() as u64);
                }
                piece
            }
            (None, None) => None,
        };
        Poll::Ready(piece.map(|piece| piece.map(|piece| body.give(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none() && self.coming.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.len() {
            Some(length) => SizeHint::with_exact(length),
            None => SizeHint::default(),
        }
    }
}

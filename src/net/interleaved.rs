//! One TCP connection's way out, shared by its RTSP answers and the interleaved media (RFC 2326, 10.12).
//!
//! Whoever has something to send writes it straight to the socket; only what
//! the socket does not take waits here, for the connection's own task to write
//! when there is room. In the good case that is one system call, without a
//! copy, an allocation or a wake-up. What the bytes mean is not known here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Notify;

use super::Sent;
use super::stream::Outgoing;

/// The way out of one connection. See the module's head.
///
/// Bytes leave in the order of the calls, whole calls at a time: a frame that
/// the socket took half of is completed before anything else is written.
#[derive(Debug)]
pub struct Interleaved {
    way: Outgoing,
    base64: bool,
    limit: usize,
    queue: Mutex<Queue>,
    backlog: AtomicUsize,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    written: usize,
    closed: Option<Closed>,
    /// Who waits for the queue to be empty.
    wanting: Vec<Arc<Notify>>,
}

/// Why nothing more can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// [`Interleaved::close`] was called.
    #[error("connection was closed here")]
    Here,
    /// The peer closed or reset the connection.
    #[error("connection was closed by its peer")]
    ByPeer,
    /// The peer took so little that the backlog passed its limit.
    #[error("peer reads too slowly")]
    TooSlow,
}

impl Interleaved {
    /// A way out on `way`, which closes when more than `limit` bytes wait.
    pub fn new(way: impl Into<Outgoing>, limit: usize) -> Self {
        Self {
            way: way.into(),
            base64: false,
            limit,
            queue: Mutex::default(),
            backlog: AtomicUsize::new(0),
            changed: Notify::new(),
        }
    }

    /// The same, with each call's bytes in base64: a client's half of an HTTP tunnel.
    pub fn base64(way: impl Into<Outgoing>, limit: usize) -> Self {
        Self {
            base64: true,
            ..Self::new(way, limit)
        }
    }

    /// Whether what is sent here is encrypted on its way.
    pub fn is_encrypted(&self) -> bool {
        self.way.is_encrypted()
    }

    /// Sends `bytes` or queues what the socket does not take; never blocks.
    ///
    /// Media waits for [`backlog`](Self::backlog) to be 0 before it sends;
    /// answers may always be sent.
    ///
    /// # Errors
    /// [`Closed`] when the connection is, or by this call becomes, closed.
    pub fn send(&self, bytes: &[u8]) -> Result<Sent, Closed> {
        if self.base64 {
            return self.send_plain(STANDARD.encode(bytes).as_bytes());
        }
        self.send_plain(bytes)
    }

    fn send_plain(&self, bytes: &[u8]) -> Result<Sent, Closed> {
        let mut queue = self.lock();
        if let Some(closed) = queue.closed {
            return Err(closed);
        }
        // With the lock held, for records have to leave in the order in which they were made.
        let sealed = self.way.seal(bytes);
        let sealed = sealed.map_err(|_| self.close_for(&mut queue, Closed::ByPeer))?;
        if queue.waiting() > 0 {
            return self.append(&mut queue, &sealed);
        }
        let written = self
            .way
            .write_now(&sealed)
            .map_err(|_| self.close_for(&mut queue, Closed::ByPeer))?;
        match sealed.get(written..) {
            None | Some([]) => Ok(Sent::All),
            Some(rest) => self.append(&mut queue, rest),
        }
    }

    /// How many bytes wait for room in the socket.
    pub fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Wakes `waiting` once when [`backlog`](Self::backlog) is 0 or the connection closed; at once when it is so already.
    pub fn notify_when_empty(&self, waiting: &Arc<Notify>) {
        let mut queue = self.lock();
        if queue.waiting() == 0 {
            waiting.notify_one();
        } else if !queue
            .wanting
            .iter()
            .any(|known| Arc::ptr_eq(known, waiting))
        {
            queue.wanting.push(Arc::clone(waiting));
        }
    }

    /// Writes what waits whenever there is room, until the connection is closed.
    ///
    /// To be polled by the connection's task for as long as it lives. Cancel
    /// safe: dropped and called again it goes on where it was.
    pub async fn drain(&self) -> Closed {
        loop {
            let changed = self.changed.notified();
            if let Some(closed) = self.closed() {
                return closed;
            }
            if self.backlog() == 0 {
                changed.await;
                continue;
            }
            tokio::select! {
                // An error shows again in the write.
                _ = self.way.writable() => self.flush(),
                () = changed => {}
            }
        }
    }

    /// Closes the connection for sending: the peer still receives what the socket already took.
    pub fn close(&self) {
        self.close_for(&mut self.lock(), Closed::Here);
    }

    /// Why the connection is closed, `None` while it is open.
    pub fn closed(&self) -> Option<Closed> {
        self.lock().closed
    }

    fn append(&self, queue: &mut Queue, bytes: &[u8]) -> Result<Sent, Closed> {
        if queue.waiting().saturating_add(bytes.len()) > self.limit {
            return Err(self.close_for(queue, Closed::TooSlow));
        }
        let idle = queue.waiting() == 0;
        queue.append(bytes);
        self.backlog.store(queue.waiting(), Ordering::Relaxed);
        if idle {
            self.changed.notify_one();
        }
        Ok(Sent::Backlogged)
    }

    fn flush(&self) {
        let mut queue = self.lock();
        match self.way.try_write(queue.rest()) {
            Ok(written) => queue.advance(written),
            Err(_) => {
                self.close_for(&mut queue, Closed::ByPeer);
            }
        }
        self.backlog.store(queue.waiting(), Ordering::Relaxed);
        queue.tell_empty();
    }

    fn close_for(&self, queue: &mut Queue, reason: Closed) -> Closed {
        if let Some(closed) = queue.closed {
            return closed;
        }
        if queue.waiting() == 0 {
            self.say_farewell();
        }
        (queue.bytes, queue.written) = (Vec::new(), 0);
        queue.closed = Some(reason);
        self.backlog.store(0, Ordering::Relaxed);
        queue.tell_empty();
        self.way.shut();
        self.changed.notify_one();
        reason
    }

    /// The peer learns that nothing was cut off, if it is there and has room for so little.
    fn say_farewell(&self) {
        let farewell = self.way.farewell();
        if !farewell.is_empty() {
            let _ = self.way.write_now(&farewell);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn waiting(&self) -> usize {
        self.rest().len()
    }

    fn append(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.written);
        self.written = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives the memory back once everything is written, as most connections never queue again.
    fn advance(&mut self, written: usize) {
        self.written += written;
        if self.waiting() == 0 {
            (self.bytes, self.written) = (Vec::new(), 0);
        }
    }

    fn tell_empty(&mut self) {
        if self.waiting() == 0 {
            self.wanting
                .drain(..)
                .for_each(|waiting| waiting.notify_one());
        }
    }
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    use super::*;

    /// A way out through buffers of a few KiB, and the peer's end.
    async fn narrow(limit: usize) -> (Arc<Interleaved>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let (peer, accepted) = tokio::join!(
            socket.connect(listener.local_addr().unwrap()),
            listener.accept()
        );
        let stream = accepted.unwrap().0;
        SockRef::from(&stream).set_send_buffer_size(4096).unwrap();
        stream.writable().await.unwrap();
        let (reader, writer) = stream.into_split();
        // Only the peer's side matters to these tests; the socket stays open with the writer.
        drop(reader);
        (Arc::new(Interleaved::new(writer, limit)), peer.unwrap())
    }

    fn frame(number: u32) -> Vec<u8> {
        number.to_be_bytes().repeat(300)
    }

    #[tokio::test]
    async fn frames_cut_by_a_full_socket_arrive_whole_and_in_order() {
        const FRAMES: u32 = 500;
        let (outlet, mut peer) = narrow(usize::MAX).await;
        let mut backlogged = 0;
        for number in 0..FRAMES {
            backlogged += u32::from(outlet.send(&frame(number)) == Ok(Sent::Backlogged));
        }
        assert!(backlogged > 0 && outlet.backlog() > 0);
        let expected: Vec<u8> = (0..FRAMES).flat_map(frame).collect();
        let mut received = vec![0; expected.len()];
        tokio::select! {
            closed = outlet.drain() => panic!("{closed}"),
            read = peer.read_exact(&mut received) => { read.unwrap(); }
        }
        assert!(received == expected);
        assert_eq!(outlet.backlog(), 0);
        assert_eq!(outlet.send(b"x"), Ok(Sent::All));
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_cut_off_at_the_limit() {
        let (outlet, _peer) = narrow(10_000).await;
        let closed = loop {
            if let Err(closed) = outlet.send(&[0; 1000]) {
                break closed;
            }
            assert!(outlet.backlog() <= 10_000);
        };
        assert_eq!(closed, Closed::TooSlow);
        assert_eq!(outlet.send(b"x"), Err(Closed::TooSlow));
        assert_eq!(outlet.drain().await, Closed::TooSlow);
    }

    #[tokio::test]
    async fn closing_lets_the_peer_read_what_was_sent() {
        let (outlet, mut peer) = narrow(1000).await;
        assert_eq!(outlet.send(b"bye"), Ok(Sent::All));
        let draining = tokio::spawn({
            let outlet = Arc::clone(&outlet);
            async move { outlet.drain().await }
        });
        outlet.close();
        assert_eq!(draining.await.unwrap(), Closed::Here);
        let mut text = String::new();
        peer.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "bye");
    }

    #[tokio::test]
    async fn a_peer_that_leaves_closes_the_way_out() {
        let (outlet, mut peer) = narrow(1 << 20).await;
        peer.write_all(b"unread").await.unwrap();
        drop(peer);
        let leaving = async {
            while outlet.send(&[0; 1000]).is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            closed = outlet.drain() => assert_eq!(closed, Closed::ByPeer),
            () = leaving => assert_eq!(outlet.closed(), Some(Closed::ByPeer)),
        }
    }
}

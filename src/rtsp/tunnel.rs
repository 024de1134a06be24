//! RTSP over HTTP: a GET that carries answers and media, POSTs that carry requests.
//!
//! Both halves bear the same `x-sessioncookie`; they come in any order, and a
//! client may close its POST and open another one. Requests are base64, what
//! the server sends is not. The bodies' lengths mean nothing, which is why no
//! HTTP library reads them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::net::sniff;
use crate::net::stream::{Incoming, Stream};
use crate::wire::base64_stream::{Decoder, Rubbish};
use crate::wire::http_head::{HttpHead, HttpHeadParser};

use super::answer::SERVER;
use super::inlet::MEDIA;

/// How long a POST waits for its GET.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many pieces of requests may wait for the connection to read them.
const PIECES: usize = 8;

/// The longest cookie that is accepted, in bytes.
const MAX_COOKIE: usize = 256;

/// The longest head of an HTTP request on these ports, in bytes.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// The answer to a GET. Its date is in the past, so that no proxy keeps what follows.
pub(super) fn get_answer() -> String {
    format!(
        "HTTP/1.0 200 OK\r\n\
         Server: {SERVER}\r\n\
         Connection: close\r\n\
         Date: Thu, 19 Aug 1982 18:30:00 GMT\r\n\
         Cache-Control: no-store\r\n\
         Pragma: no-cache\r\n\
         Content-Type: application/x-rtsp-tunnelled\r\n\r\n"
    )
}

/// The cookie of a half of a tunnel. Browsers send none of their own accord: pages that make them do
/// so cannot reach RTSP, which trusts programs of this host.
pub(super) fn cookie_of(head: &HttpHead) -> Option<&str> {
    let is_of_page = head.headers.get("Origin").is_some();
    head.session_cookie().filter(|_| !is_of_page)
}

/// Whether `stream`, which speaks HTTP, begins with half of a tunnel. Its bytes are still to be read. Cancel safe.
pub(super) async fn is_tunnel(stream: &mut Stream) -> bool {
    timeout(sniff::TIME_LIMIT, look_for_cookie(stream))
        .await
        .unwrap_or(false)
}

async fn look_for_cookie(stream: &mut Stream) -> bool {
    loop {
        match HttpHeadParser::new(MAX_HEAD).next(&mut BytesMut::from(stream.seen())) {
            Ok(Some(head)) => return cookie_of(&head).is_some(),
            Ok(None) if stream.seen().len() < MAX_HEAD => {}
            _ => return false,
        }
        if stream.look().await.is_err() {
            return false;
        }
    }
}

/// The tunnels whose GET is open, and those that only have a POST so far.
#[derive(Debug, Default)]
pub(super) struct Tunnels {
    open: Mutex<HashMap<String, Tunnel>>,
}

#[derive(Debug)]
struct Tunnel {
    pieces: mpsc::Sender<Bytes>,
    waiting: Option<Waiting>,
}

/// The end of a tunnel that its GET has not taken yet.
#[derive(Debug)]
struct Waiting {
    pieces: mpsc::Receiver<Bytes>,
    until: Instant,
}

/// The requests that the POSTs of a tunnel bring. The tunnel is closed when it is dropped.
#[derive(Debug)]
pub(super) struct Uplink {
    pieces: mpsc::Receiver<Bytes>,
    cookie: String,
    tunnels: Arc<Tunnels>,
}

impl Tunnels {
    /// Opens the tunnel of `cookie` for a GET; `None` when another GET has it.
    pub(super) fn get(self: &Arc<Self>, cookie: &str) -> Option<Uplink> {
        if !is_cookie(cookie) {
            return None;
        }
        let pieces = match self.lock().entry(cookie.to_owned()) {
            Entry::Occupied(mut tunnel) => tunnel.get_mut().waiting.take()?.pieces,
            Entry::Vacant(vacant) => {
                let (sender, pieces) = mpsc::channel(PIECES);
                vacant.insert(Tunnel {
                    pieces: sender,
                    waiting: None,
                });
                pieces
            }
        };
        Some(Uplink {
            pieces,
            cookie: cookie.to_owned(),
            tunnels: Arc::clone(self),
        })
    }

    /// The way into the tunnel of `cookie` for a POST; its GET may come later.
    pub(super) fn post(&self, cookie: &str, now: Instant) -> Option<mpsc::Sender<Bytes>> {
        if !is_cookie(cookie) {
            return None;
        }
        let mut open = self.lock();
        let tunnel = open.entry(cookie.to_owned()).or_insert_with(|| {
            let (sender, pieces) = mpsc::channel(PIECES);
            Tunnel {
                pieces: sender,
                waiting: Some(Waiting {
                    pieces,
                    until: now + PATIENCE,
                }),
            }
        });
        Some(tunnel.pieces.clone())
    }

    /// Gives up the POSTs whose GET has not come in time.
    pub(super) fn expire(&self, now: Instant) {
        let late = |tunnel: &Tunnel| {
            tunnel
                .waiting
                .as_ref()
                .is_some_and(|waiting| waiting.until < now)
        };
        self.lock().retain(|_, tunnel| !late(tunnel));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Tunnel>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Uplink {
    /// The next piece of the requests; it stays open between POSTs. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        self.pieces.recv().await
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        self.tunnels.lock().remove(&self.cookie);
    }
}

/// Carries a POST's body, of which `body` has arrived already, into its tunnel until either ends.
///
/// # Errors
/// [`Rubbish`] when the body is no base64.
pub(super) async fn carry(
    post: &mut Incoming,
    mut body: BytesMut,
    pieces: &mpsc::Sender<Bytes>,
) -> Result<(), Rubbish> {
    let mut decoder = Decoder::new();
    loop {
        let mut piece = BytesMut::new();
        let decoded = decoder.decode(&body, &mut piece);
        if !piece.is_empty() && pieces.send(piece.freeze()).await.is_err() {
            return Ok(());
        }
        decoded?;
        body = BytesMut::new();
        tokio::select! {
            () = pieces.closed() => return Ok(()),
            read = post.fill(&mut body, MEDIA) => if !read.unwrap_or(false) {
                return Ok(());
            },
        }
    }
}

fn is_cookie(text: &str) -> bool {
    (1..=MAX_COOKIE).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    #[tokio::test]
    async fn either_half_may_come_first() {
        let tunnels = Arc::new(Tunnels::default());
        let now = Clock::start().now();
        let early = tunnels.post("a", now).unwrap();
        early.try_send(Bytes::from_static(b"1")).unwrap();
        drop(early);
        let mut uplink = tunnels.get("a").unwrap();
        tunnels
            .post("a", now)
            .unwrap()
            .try_send(Bytes::from_static(b"2"))
            .unwrap();
        assert_eq!(uplink.next().await.as_deref(), Some(&b"1"[..]));
        assert_eq!(uplink.next().await.as_deref(), Some(&b"2"[..]));
        assert!(tunnels.get("a").is_none());
        drop(uplink);
        assert!(tunnels.get("a").is_some());
    }

    #[test]
    fn a_post_without_a_get_is_given_up() {
        let tunnels = Arc::new(Tunnels::default());
        let now = Clock::start().now();
        let post = tunnels.post("a", now).unwrap();
        tunnels.expire(now + PATIENCE);
        assert!(!post.is_closed());
        tunnels.expire(now + PATIENCE + Duration::from_secs(1));
        assert!(post.is_closed());
        let uplink = tunnels.get("b");
        tunnels.expire(now + PATIENCE * 9);
        assert!(uplink.is_some() && tunnels.get("b").is_none());
    }

    #[test]
    fn cookies_have_bounds() {
        let tunnels = Arc::new(Tunnels::default());
        assert!(tunnels.get("").is_none());
        assert!(tunnels.get(&"a".repeat(257)).is_none());
    }
}

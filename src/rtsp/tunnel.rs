//! RTSP over HTTP: a GET that carries answers and media, POSTs that carry requests.
//!
//! Both halves bear the same `x-sessioncookie` and come from the same client, in any order; a
//! client may close its POST and open another one. Requests are base64, what
//! the server sends is not. The bodies' lengths mean nothing, which is why no
//! HTTP library reads them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::access::Caller;
use crate::base::holder::Holder;
use crate::base::peer::Peer;
use crate::net::sniff;
use crate::net::stream::{Incoming, Stream};
use crate::wire::base64_stream::{Decoder, Rubbish};
use crate::wire::http_head::{HttpHead, HttpHeadParser};

use super::answer::SERVER;
use super::inlet::MEDIA;

/// How long a POST waits for its GET.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many POSTs may wait for their GETs, and how many of one address, but for programs of this host.
const WAITING: usize = 1024;
const WAITING_OF_ADDRESS: usize = 32;

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

/// The cookie of a half of a tunnel. What pages make browsers send is none: they cannot reach RTSP,
/// which trusts programs of this host.
fn cookie_of(head: &HttpHead) -> Option<&str> {
    let is_of_page = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "origin" || name.starts_with("sec-fetch-")
    };
    let is_of_page = head.headers.iter().any(|(name, _)| is_of_page(name));
    let is_fit = |cookie: &&str| !is_of_page && (1..=MAX_COOKIE).contains(&cookie.len());
    head.session_cookie().filter(is_fit)
}

/// What a half of a tunnel calls this server; one that has two names for it has a foreign one.
pub(super) fn host_of(head: &HttpHead) -> Option<&str> {
    let mut hosts = head.headers.all("Host");
    let host = hosts.next()?;
    Some(if hosts.next().is_none() { host } else { "" })
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

/// What joins the halves of a tunnel: they bear the same cookie and come from the same client. By the
/// cookie alone somebody elsewhere could speak as the client of the other half.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Link {
    cookie: String,
    address: IpAddr,
    is_proxied: bool,
    is_of_this_host: bool,
}

impl Link {
    /// That of the half which `peer` sends with this `head`; `None` when it is no half of a tunnel.
    pub(super) fn of(head: &HttpHead, peer: Peer) -> Option<Self> {
        let caller = Caller {
            host: host_of(head),
            ..Caller::at(peer)
        };
        Some(Self {
            cookie: cookie_of(head)?.to_owned(),
            address: peer.ip(),
            is_proxied: peer.is_proxied,
            is_of_this_host: caller.is_of_this_host(),
        })
    }

    /// Whether `other` counts together with it where each address has a share.
    fn shares_with(&self, other: &Self) -> bool {
        !self.is_of_this_host && Holder::of(self.address) == Holder::of(other.address)
    }
}

/// The tunnels whose GET is open, and the POSTs that wait for theirs.
#[derive(Debug, Default)]
pub(super) struct Tunnels(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    open: HashMap<Link, mpsc::Sender<Bytes>>,
    waiting: HashMap<Link, oneshot::Sender<mpsc::Sender<Bytes>>>,
}

/// The requests that the POSTs of a tunnel bring. The tunnel is closed when it is dropped.
#[derive(Debug)]
pub(super) struct Uplink {
    pieces: mpsc::Receiver<Bytes>,
    link: Link,
    tunnels: Arc<Tunnels>,
}

/// Why a POST does not get into its tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unjoined {
    /// Its GET has not come in time.
    Alone,
    /// Too many wait already, or another one for the same GET.
    Crowded,
}

impl Tunnels {
    /// Opens the tunnel of `link` for a GET; `None` when another GET has it.
    pub(super) fn get(self: &Arc<Self>, link: &Link) -> Option<Uplink> {
        let mut table = self.lock();
        if table.open.contains_key(link) {
            return None;
        }
        let (sender, pieces) = mpsc::channel(PIECES);
        if let Some(post) = table.waiting.remove(link) {
            // It may have given up just now.
            let _ = post.send(sender.clone());
        }
        table.open.insert(link.clone(), sender);
        Some(Uplink {
            pieces,
            link: link.clone(),
            tunnels: Arc::clone(self),
        })
    }

    /// The way into the tunnel of `link` for a POST, which waits for its GET if that comes later.
    /// Nothing of its body is to be read before. Cancel safe.
    ///
    /// # Errors
    /// [`Unjoined`].
    pub(super) async fn post(&self, link: &Link) -> Result<mpsc::Sender<Bytes>, Unjoined> {
        let joined = {
            let mut table = self.lock();
            if let Some(pieces) = table.open.get(link) {
                return Ok(pieces.clone());
            }
            table.wait(link)?
        };
        let _place = Place {
            tunnels: self,
            link,
        };
        match timeout(PATIENCE, joined).await {
            Ok(Ok(pieces)) => Ok(pieces),
            _ => Err(Unjoined::Alone),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Takes a place for a POST that waits: what tells it the way into its tunnel.
    fn wait(&mut self, link: &Link) -> Result<oneshot::Receiver<mpsc::Sender<Bytes>>, Unjoined> {
        let waiting = self.waiting.keys();
        let shared = waiting.filter(|other| link.shares_with(other)).count();
        let is_full = self.waiting.len() >= WAITING || shared >= WAITING_OF_ADDRESS;
        if is_full || self.waiting.contains_key(link) {
            return Err(Unjoined::Crowded);
        }
        let (sender, joined) = oneshot::channel();
        self.waiting.insert(link.clone(), sender);
        Ok(joined)
    }
}

/// The place of a POST that waits; given back on drop.
struct Place<'a> {
    tunnels: &'a Tunnels,
    link: &'a Link,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut table = self.tunnels.lock();
        // Another one may have it by now.
        let waiting = table.waiting.get(self.link);
        if waiting.is_some_and(oneshot::Sender::is_closed) {
            table.waiting.remove(self.link);
        }
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
        self.tunnels.lock().open.remove(&self.link);
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures::poll;

    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::direct((address.parse::<IpAddr>().unwrap(), 9).into())
    }

    fn link_of(fields: &str, peer: Peer) -> Option<Link> {
        let head = format!("GET /a HTTP/1.1\r\n{fields}\r\n");
        let head = HttpHeadParser::new(MAX_HEAD).next(&mut BytesMut::from(head.as_str()));
        Link::of(&head.unwrap().unwrap(), peer)
    }

    fn link(cookie: &str) -> Link {
        link_of(&format!("x-sessioncookie: {cookie}\r\n"), peer("192.0.2.1")).unwrap()
    }

    #[tokio::test]
    async fn either_half_may_come_first() {
        let tunnels = Arc::new(Tunnels::default());
        let a = link("a");
        let mut early = Box::pin(tunnels.post(&a));
        assert!(poll!(&mut early).is_pending());
        let mut uplink = tunnels.get(&a).unwrap();
        for (post, piece) in [(early.await, "1"), (tunnels.post(&a).await, "2")] {
            post.unwrap().try_send(Bytes::from(piece)).unwrap();
        }
        assert_eq!(uplink.next().await.as_deref(), Some(&b"1"[..]));
        assert_eq!(uplink.next().await.as_deref(), Some(&b"2"[..]));
        assert!(tunnels.get(&a).is_none());
        drop(uplink);
        assert!(tunnels.get(&a).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_post_without_a_get_is_given_up() {
        let tunnels = Arc::new(Tunnels::default());
        let a = link("a");
        assert_eq!(tunnels.post(&a).await.unwrap_err(), Unjoined::Alone);
        assert!(tunnels.lock().waiting.is_empty());
        let mut dropped = Box::pin(tunnels.post(&a));
        assert!(poll!(&mut dropped).is_pending());
        assert_eq!(tunnels.post(&a).await.unwrap_err(), Unjoined::Crowded);
        drop(dropped);
        assert!(tunnels.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn an_address_has_a_share_of_those_who_wait() {
        let tunnels = Tunnels::default();
        let of = |address: String, count: usize| {
            let cookie = |number| format!("x-sessioncookie: {number}\r\n");
            let links = (0..count).map(move |number| link_of(&cookie(number), peer(&address)));
            links.map(Option::unwrap)
        };
        let here = of(Ipv4Addr::LOCALHOST.to_string(), 2 * WAITING_OF_ADDRESS);
        let others = (0..).flat_map(|host| of(format!("192.0.2.{host}"), WAITING_OF_ADDRESS + 1));
        let all: Vec<_> = here.chain(others.take(WAITING)).collect();
        let mut waiting = Vec::new();
        for link in &all {
            let mut post = Box::pin(tunnels.post(link));
            if poll!(&mut post).is_pending() {
                waiting.push(post);
            }
        }
        let table = tunnels.lock();
        assert_eq!((waiting.len(), table.waiting.len()), (WAITING, WAITING));
        let of_first = table.waiting.keys();
        let of_first = of_first.filter(|link| link.address == peer("192.0.2.0").ip());
        assert_eq!(of_first.count(), WAITING_OF_ADDRESS);
        drop(table);
        drop(waiting);
        assert!(tunnels.lock().waiting.is_empty());
    }

    #[test]
    fn halves_are_joined_that_are_of_one_client() {
        let cookie = "x-sessioncookie: a\r\n";
        let named = |host: &str| format!("{cookie}Host: {host}\r\n");
        let here = peer("127.0.0.1");
        let of = |fields: &str, peer| link_of(fields, peer).unwrap();
        let get = of(&named("localhost:8554"), here);
        assert_eq!(get, of(&named("127.0.0.1"), here));
        assert_eq!(get, of(cookie, here));
        let proxied = Peer {
            is_proxied: true,
            ..here
        };
        for other in [
            of(cookie, peer("127.0.0.2")),
            of(cookie, peer("192.0.2.1")),
            of(cookie, proxied),
            of(&named("rebound.example"), here),
            of(&format!("{}Host: localhost\r\n", named("localhost")), here),
            of("x-sessioncookie: b\r\n", here),
        ] {
            assert_ne!(get, other);
        }
        let from_elsewhere = |host: &str| of(&named(host), peer("192.0.2.1"));
        assert_eq!(from_elsewhere("a"), from_elsewhere("b"));
    }

    #[test]
    fn what_is_no_half_has_no_link() {
        for fields in [
            "",
            "x-sessioncookie:\r\n",
            "x-sessioncookie: a\r\nOrigin: null\r\n",
            "x-sessioncookie: a\r\nSec-Fetch-Mode: cors\r\n",
            "sec-fetch-site: same-origin\r\nx-sessioncookie: a\r\n",
        ] {
            assert_eq!(link_of(fields, peer("127.0.0.1")), None, "{fields}");
        }
        let long = format!("x-sessioncookie: {}\r\n", "a".repeat(MAX_COOKIE + 1));
        assert_eq!(link_of(&long, peer("127.0.0.1")), None);
    }
}

//! Listening TCP sockets: bound to one address each, accepting no more than there are permits.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tracing::warn;

use super::host::canonical;
use super::permits::{Permit, Permits, Place};
use super::stream::Stream;
use super::tls_acceptor::TlsAcceptor;
use crate::base::peer::Peer;

const BACKLOG: i32 = 1024;
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local: SocketAddr,
    permits: Permits,
    tls: Option<Arc<TlsAcceptor>>,
}

/// A socket that could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("listening on {address}")]
pub struct BindError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// A new connection: as the system gives it, or [opened](Accepted::open).
#[derive(Debug)]
pub struct Accepted<S = TcpStream> {
    /// The connection, sending without delay (`TCP_NODELAY`).
    pub stream: S,
    /// The client.
    pub peer: Peer,
    /// The address at which the client reached the server, likewise.
    pub local: SocketAddr,
    /// Keep it for as long as the connection is open.
    pub permit: Permit,
}

impl Accepted {
    /// The connection after its handshake, if `tls` asks for one; bounded in time. Cancel safe: the
    /// connection is closed.
    ///
    /// # Errors
    /// `TimedOut`, or what the system or TLS says.
    pub async fn open(self, tls: Option<&TlsAcceptor>) -> io::Result<Accepted<Stream>> {
        match tls {
            Some(tls) => Ok(Accepted {
                stream: tls.accept(self.stream).await?,
                peer: self.peer,
                local: self.local,
                permit: self.permit,
            }),
            None => Ok(self.plain()),
        }
    }

    /// The connection in the clear.
    pub fn plain(self) -> Accepted<Stream> {
        Accepted {
            stream: self.stream.into(),
            peer: self.peer,
            local: self.local,
            permit: self.permit,
        }
    }
}

impl Listener {
    /// Listens at `address`. `[::]` takes IPv4 as well, also where the machine
    /// has no IPv6; port 0 takes any port. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`] with what the system said.
    pub fn bind(address: SocketAddr, permits: &Permits) -> Result<Self, BindError> {
        let bound = bind_or_ipv4(address).and_then(|socket| {
            let socket = TcpListener::from_std(socket.into())?;
            Ok((socket.local_addr()?, socket))
        });
        let (local, socket) = bound.map_err(|source| BindError { address, source })?;
        Ok(Self {
            socket,
            local,
            permits: permits.clone(),
            tls: None,
        })
    }

    /// The same for connections that begin with a handshake of TLS.
    pub fn with_tls(self, tls: Arc<TlsAcceptor>) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// With what its connections are to be [opened](Accepted::open).
    pub fn tls(&self) -> Option<Arc<TlsAcceptor>> {
        self.tls.clone()
    }

    /// The address that is bound, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next connection, once there is a permit for it; those of an address that has too many
    /// are closed before anything is read. When the system has
    /// no descriptor or memory left it tries again, more slowly each time. Cancel safe.
    pub async fn accept(&self) -> Accepted {
        let mut wait = FIRST_WAIT;
        loop {
            let place = self.permits.place().await;
            match self.accept_once(place).await {
                Ok(Some(accepted)) => return accepted,
                Ok(None) => {}
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    if wait == FIRST_WAIT {
                        warn!(address = %self.local, %error, "cannot accept connections");
                    }
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// The next connection; `None` for one that its address may not have.
    async fn accept_once(&self, place: Place) -> io::Result<Option<Accepted>> {
        let (stream, peer) = self.socket.accept().await?;
        let peer = Peer::direct(canonical(peer));
        let Ok(permit) = self.permits.give(place, peer) else {
            reset(&stream);
            return Ok(None);
        };
        stream.set_nodelay(true)?;
        let local = canonical(stream.local_addr()?);
        Ok(Some(Accepted {
            stream,
            peer,
            local,
            permit,
        }))
    }
}

/// Has the connection break off when it is dropped, so that the system keeps nothing of it.
fn reset(stream: &TcpStream) {
    // Without it the connection ends in the usual way.
    SockRef::from(stream).set_linger(Some(Duration::ZERO)).ok();
}

fn bind_or_ipv4(address: SocketAddr) -> io::Result<Socket> {
    let any_ipv6 = address.is_ipv6() && address.ip().is_unspecified();
    bind(address).or_else(|error| {
        let without = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
        if any_ipv6 && error.kind() != io::ErrorKind::AddrInUse {
            bind(without).map_err(|_| error)
        } else {
            Err(error)
        }
    })
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// The client gave up before it was accepted; the next one may be accepted at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, InvalidInput, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | InvalidInput | NotConnected
    )
}

#[cfg(test)]
mod tests {
    use futures::poll;

    use super::*;

    fn listener(address: &str, limit: usize) -> Listener {
        Listener::bind(address.parse().unwrap(), &Permits::new(limit)).unwrap()
    }

    #[tokio::test]
    async fn both_families_reach_a_dual_stack_listener() {
        let listener = listener("[::]:0", 2);
        let port = listener.local_addr().port();
        assert_ne!(port, 0);
        for host in ["127.0.0.1", "::1"] {
            let ip: IpAddr = host.parse().unwrap();
            let Ok(client) = TcpStream::connect((ip, port)).await else {
                println!("skipped: this machine has no {host}");
                continue;
            };
            let accepted = listener.accept().await;
            assert_eq!(accepted.peer.address, client.local_addr().unwrap());
            assert_eq!(accepted.local, SocketAddr::new(ip, port));
            assert!(accepted.stream.nodelay().unwrap());
        }
    }

    #[tokio::test]
    async fn nobody_is_accepted_without_a_permit() {
        let listener = listener("127.0.0.1:0", 1);
        let _one = TcpStream::connect(listener.local_addr()).await.unwrap();
        let _two = TcpStream::connect(listener.local_addr()).await.unwrap();
        let first = listener.accept().await;
        let second = listener.accept();
        tokio::pin!(second);
        assert!(poll!(&mut second).is_pending());
        drop(first);
        second.await;
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let one = listener("127.0.0.1:0", 1);
        let error = Listener::bind(one.local_addr(), &Permits::new(1)).unwrap_err();
        assert_eq!(error.address, one.local_addr());
        assert!(error.to_string().contains(&one.local_addr().to_string()));
    }
}

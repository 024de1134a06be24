//! Datagrams that senders send by themselves: to this host, or to a multicast group.
//!
//! Ports that RTSP clients ask for are shared among them and are `udp_ports`'s.
//! What the datagrams hold is not known here. A [`Receiver`] can also stand on
//! webrtc-util's `Conn`, so that whoever receives runs over simulated networks.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use webrtc_util::Conn;

use super::host::canonical;
use super::multicast::{Interface, join};

/// Bytes of the receive buffer that is asked for; the system may give less (`net.core.rmem_max`).
const BUFFER: usize = 4 << 20;

/// What to receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    /// An address of this host, or a multicast group, with the port.
    pub address: SocketAddr,
    /// Who may send.
    pub senders: Senders,
    /// The interface on which to join a group, by its name or its address; empty: the system chooses.
    pub interface: String,
}

/// Whose datagrams are taken (RFC 4570, 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Senders {
    /// Everybody's.
    #[default]
    Any,
    /// Those of these addresses.
    Only(Vec<IpAddr>),
    /// Those of all other addresses.
    Except(Vec<IpAddr>),
}

impl Senders {
    /// Whether datagrams of `sender` are taken.
    pub fn admit(&self, sender: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => list.contains(&sender),
            Self::Except(list) => !list.contains(&sender),
        }
    }

    /// Whether nobody may send to both.
    pub fn exclude(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Only(list), other) | (other, Self::Only(list)) => {
                !list.iter().any(|sender| other.admit(*sender))
            }
            _ => false,
        }
    }
}

/// A way in for datagrams. It leaves its group when dropped.
pub struct Receiver {
    way: Way,
    senders: Senders,
    refused: AtomicU64,
}

enum Way {
    Socket(UdpSocket),
    Conn(Arc<dyn Conn + Send + Sync>),
}

impl Receiver {
    /// Binds, and joins if the address is a group. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// What the system said, or that there is no such interface.
    pub fn bind(reception: &Reception) -> io::Result<Self> {
        let address = reception.address;
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A smaller buffer than asked for is no reason to stop.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let is_group = address.ip().is_multicast();
        // Others on this host may listen to the same group, but not to the same port of the host.
        socket.set_reuse_address(is_group)?;
        // Bound to the group itself, it gets nothing that is sent to other groups.
        socket.bind(&address.into())?;
        if is_group {
            let interface = Interface::find(&reception.interface)?;
            interface.choose(&socket, address.is_ipv6())?;
            join(&socket, address.ip(), &reception.senders, &interface)?;
        }
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Self::on(Way::Socket(socket), reception.senders.clone()))
    }

    /// Receives from `conn`, a simulated network as a rule.
    pub fn over(conn: Arc<dyn Conn + Send + Sync>, senders: Senders) -> Self {
        Self::on(Way::Conn(conn), senders)
    }

    fn on(way: Way, senders: Senders) -> Self {
        Self {
            way,
            senders,
            refused: AtomicU64::new(0),
        }
    }

    /// The address that is bound, with the real port.
    ///
    /// # Errors
    /// What the system said.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.way {
            Way::Socket(socket) => socket.local_addr(),
            Way::Conn(conn) => conn.local_addr().map_err(io::Error::other),
        }
    }

    /// The next datagram of somebody who may send, cut to `buffer`: its size in
    /// bytes, and its sender in IPv4 form where it is one. Cancel safe.
    ///
    /// # Errors
    /// What the system said.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            let (size, sender) = match &self.way {
                Way::Socket(socket) => socket.recv_from(buffer).await?,
                Way::Conn(conn) => conn.recv_from(buffer).await.map_err(io::Error::other)?,
            };
            let sender = canonical(sender);
            if self.senders.admit(sender.ip()) {
                return Ok((size, sender));
            }
            self.refused.fetch_add(1, Relaxed);
        }
    }

    /// Sends a datagram from where others arrive; it may be lost.
    ///
    /// To a group it goes by the interface on which the group was joined, and no further than that
    /// network. Cancel safe: it is sent or not.
    ///
    /// # Errors
    /// What the system said.
    pub async fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        match &self.way {
            Way::Socket(socket) => socket.send_to(datagram, to).await?,
            Way::Conn(conn) => conn.send_to(datagram, to).await.map_err(io::Error::other)?,
        };
        Ok(())
    }

    /// The group that it receives from, if everybody may send there.
    pub fn open_group(&self) -> Option<SocketAddr> {
        let local = self.local_addr().ok()?;
        (local.ip().is_multicast() && self.senders == Senders::Any).then_some(local)
    }

    /// Datagrams that came from somebody who may not send.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("local_addr", &self.local_addr().ok())
            .field("senders", &self.senders)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reception(address: &str, senders: Senders) -> Reception {
        Reception {
            address: address.parse().unwrap(),
            senders,
            interface: String::new(),
        }
    }

    fn only(address: &str) -> Senders {
        Senders::Only(vec![address.parse().unwrap()])
    }

    #[tokio::test]
    async fn datagrams_of_those_who_may_send_arrive() {
        let receiver = Receiver::bind(&reception("127.0.0.1:0", only("127.0.0.1"))).unwrap();
        let address = receiver.local_addr().unwrap();
        for sender in ["127.0.0.2:0", "127.0.0.1:0"] {
            let socket = UdpSocket::bind(sender).await.unwrap();
            socket.send_to(sender.as_bytes(), address).await.unwrap();
        }
        let mut buffer = [0; 100];
        let (size, sender) = receiver.receive(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..size], b"127.0.0.1:0");
        assert_eq!(sender.ip(), IpAddr::from([127, 0, 0, 1]));
        assert_eq!(receiver.refused(), 1);
    }

    #[tokio::test]
    async fn groups_are_joined_on_the_loopback() {
        for (address, senders) in [
            ("239.7.7.7:0", Senders::Any),
            ("232.7.7.7:0", only("127.0.0.1")),
        ] {
            for interface in ["127.0.0.1", "lo"] {
                let reception = Reception {
                    interface: interface.to_owned(),
                    ..reception(address, senders.clone())
                };
                Receiver::bind(&reception).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn an_interface_that_is_not_there_is_named() {
        let reception = Reception {
            interface: "none0".to_owned(),
            ..reception("239.7.7.7:0", Senders::Any)
        };
        let error = Receiver::bind(&reception).unwrap_err();
        assert_eq!(error.to_string(), "there is no interface none0");
    }

    #[test]
    fn lists_of_senders_exclude_each_other_when_nobody_is_on_both() {
        let except = Senders::Except(vec!["10.0.0.1".parse().unwrap()]);
        assert!(only("10.0.0.1").exclude(&only("10.0.0.2")));
        assert!(only("10.0.0.1").exclude(&except) && except.exclude(&only("10.0.0.1")));
        assert!(!only("10.0.0.2").exclude(&except));
        assert!(!Senders::Any.exclude(&only("10.0.0.1")));
        assert!(!except.exclude(&except));
    }
}

//! The other end of a connection, or of a request that a proxy passes on.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address, in IPv4 form where it is an IPv4 address; with port 0 where that is not known.
    pub address: SocketAddr,
    /// Whether a proxy tells so. Then a loopback address need not be one of this host.
    pub is_proxied: bool,
}

impl Peer {
    /// A client that has connected itself.
    pub fn direct(address: SocketAddr) -> Self {
        Self {
            address,
            is_proxied: false,
        }
    }

    /// Its address without the port.
    pub fn ip(self) -> IpAddr {
        self.address.ip()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

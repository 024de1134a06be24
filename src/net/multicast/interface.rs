//! Which of the machine's interfaces multicast uses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use rustix::net::netdevice::name_to_index;
use socket2::Socket;
use webrtc_util::ifaces::{self, ifaces};

/// An interface as sockets want it named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// An address of it, for IPv4; unspecified: the system chooses.
    pub(super) ipv4: Ipv4Addr,
    /// Its index, for IPv6; 0: the system chooses.
    pub(super) index: u32,
}

impl Interface {
    /// Left to the system.
    pub const ANY: Self = Self {
        ipv4: Ipv4Addr::UNSPECIFIED,
        index: 0,
    };

    /// The interface of that name (`eth0`) or with that address; empty: left to the system.
    ///
    /// # Errors
    /// `NotFound` when there is none; what the system said.
    pub fn find(wanted: &str) -> io::Result<Self> {
        if wanted.is_empty() {
            return Ok(Self::ANY);
        }
        let all = ifaces().map_err(io::Error::other)?;
        let address: Option<IpAddr> = wanted.parse().ok();
        let is_wanted = |one: &ifaces::Interface| match address {
            Some(address) => one.addr.is_some_and(|own| own.ip() == address),
            None => one.name == wanted,
        };
        let missing = || {
            let text = format!("there is no interface {wanted}");
            io::Error::new(io::ErrorKind::NotFound, text)
        };
        let name = match all.iter().find(|one| is_wanted(one)) {
            Some(one) => &one.name,
            None => return Err(missing()),
        };
        let own = all.iter().filter(|one| one.name == *name);
        let first = own
            .filter_map(|one| one.addr)
            .find_map(|own| match own.ip() {
                IpAddr::V4(ip) => Some(ip),
                IpAddr::V6(_) => None,
            });
        Ok(Self {
            ipv4: match address {
                Some(IpAddr::V4(ip)) => ip,
                _ => first.unwrap_or(Ipv4Addr::UNSPECIFIED),
            },
            index: index_of(name).map_err(|_| missing())?,
        })
    }
}

impl Interface {
    /// Has `socket` send to groups on this interface.
    pub(in crate::net) fn choose(&self, socket: &Socket, ipv6: bool) -> io::Result<()> {
        match ipv6 {
            true => socket.set_multicast_if_v6(self.index),
            false => socket.set_multicast_if_v4(&self.ipv4),
        }
    }
}

fn index_of(name: &str) -> io::Result<u32> {
    // Any socket will do to ask.
    let asking = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(name_to_index(&asking, name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_found_by_name_and_by_address() {
        let found = Interface::find("127.0.0.1").unwrap();
        assert_eq!(found.ipv4, Ipv4Addr::LOCALHOST);
        assert_ne!(found.index, 0);
        assert_eq!(Interface::find("lo").ok(), Some(found));
        assert_eq!(Interface::find("").unwrap(), Interface::ANY);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for wanted in ["none0", "192.0.2.1"] {
            let error = Interface::find(wanted).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    }
}

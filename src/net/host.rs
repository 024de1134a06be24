//! A client's address without its port: what tells one machine, or the NAT before it, from another.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// An IP address, with the zone that a link-local one needs to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    ip: IpAddr,
    /// The link that a link-local address is of (RFC 4007, 6); 0 for all others.
    zone: u32,
}

impl Host {
    /// The host of `address`, in IPv4 form where it is an IPv4 address mapped into IPv6.
    pub fn of(address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical();
        let zone = match address {
            SocketAddr::V6(address) if is_link_local(ip) => address.scope_id(),
            _ => 0,
        };
        Self { ip, zone }
    }

    /// Its IP address.
    pub fn ip(self) -> IpAddr {
        self.ip
    }

    /// The address of `port` on it.
    pub fn at(self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => (ip, port).into(),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.zone).into(),
        }
    }

    /// Whether it is known which link it is on, as far as that matters.
    pub fn has_zone(self) -> bool {
        self.zone != 0 || !is_link_local(self.ip)
    }
}

/// `address` in IPv4 form where a dual-stack socket shows an IPv4 address as an IPv6 one.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    Host::of(address).at(address.port())
}

fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(address: &str) -> Host {
        Host::of(address.parse().unwrap())
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        assert_eq!(host("[::ffff:192.0.2.1]:5"), host("192.0.2.1:6"));
        assert_eq!(host("192.0.2.1:6").at(7), "192.0.2.1:7".parse().unwrap());
    }

    #[test]
    fn only_link_local_addresses_have_a_zone() {
        assert_eq!(
            host("[fe80::1%3]:5").at(6),
            "[fe80::1%3]:6".parse().unwrap()
        );
        assert_ne!(host("[fe80::1%3]:5"), host("[fe80::1%4]:5"));
        assert_eq!(host("[2001:db8::1%3]:5"), host("[2001:db8::1]:5"));
        assert!(host("[fe80::1%3]:5").has_zone() && host("[2001:db8::1]:5").has_zone());
        assert!(!host("[fe80::1]:5").has_zone());
    }
}

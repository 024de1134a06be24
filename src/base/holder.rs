//! Who holds an address, as far as that can be told: what counts as one client where each has a share.

use std::net::{IpAddr, Ipv6Addr};

/// The holder of an address of IPv4, or of a network of 64 bits of IPv6, of which one host may have
/// all addresses (RFC 8981).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder(IpAddr);

impl Holder {
    /// Who holds `address`, which of IPv4 may have the form that it has in IPv6.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let network = u128::from(address) >> 64 << 64;
                Ipv6Addr::from(network).into()
            }
            address => address,
        })
    }

    /// Whether it is this host.
    pub fn is_this_host(self) -> bool {
        self.0.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_an_address_or_a_network() {
        let holder = |text: &str| Holder::of(text.parse().unwrap());
        for (one, other, is_same) in [
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:1:2:3", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::1", "::2", false),
        ] {
            assert_eq!(holder(one) == holder(other), is_same, "{one} {other}");
        }
        for (text, is_here) in [
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("::2", false),
        ] {
            assert_eq!(holder(text).is_this_host(), is_here, "{text}");
        }
    }
}

//! From which networks somebody may come at all, whatever passwords are known there. Pure.

use std::net::IpAddr;

use ipnet::IpNet;

/// From which networks media may be watched and published, and the server administered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientNetworks {
    /// For watching, listing and downloading.
    pub watch: Networks,
    /// For publishing, and for titles.
    pub publish: Networks,
    /// For the administration port.
    pub admin: Networks,
}

/// Networks that are let in, and such that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// These and no others; all, if there are none.
    pub allow: Vec<IpNet>,
    /// But none of these.
    pub deny: Vec<IpNet>,
}

impl ClientNetworks {
    /// Whether who is at `peer` may go on to publish, or to watch.
    pub fn let_in(&self, is_publisher: bool, peer: IpAddr) -> bool {
        match is_publisher {
            true => self.publish.has(peer),
            false => self.watch.has(peer),
        }
    }
}

impl Networks {
    /// Whether `address` is one of them. One of IPv4 is the same in the form that it has in IPv6.
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_in = |networks: &[IpNet]| networks.iter().any(|one| one.contains(&address));
        !is_in(&self.deny) && (self.allow.is_empty() || is_in(&self.allow))
    }

    /// Whether all addresses are.
    pub fn is_everybody(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(list: &[&str]) -> Vec<IpNet> {
        list.iter().map(|one| one.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_denied_is_so_whatever_is_allowed() {
        let all: &[&str] = &[];
        let office = ["10.0.0.0/8", "2001:db8::/32"];
        for (allow, deny, address, is_in) in [
            (all, all, "192.0.2.1", true),
            (all, &["192.0.2.0/24"], "192.0.2.1", false),
            (all, &["192.0.2.0/24"], "192.0.3.1", true),
            (all, &["192.0.2.0/24"], "::ffff:192.0.2.1", false),
            (all, &["192.0.2.0/24"], "2001:db8::1", true),
            (&office, all, "10.1.2.3", true),
            (&office, all, "::ffff:10.1.2.3", true),
            (&office, all, "11.1.2.3", false),
            (&office, all, "127.0.0.1", false),
            (&office, all, "2001:db8:1::1", true),
            (&office, all, "2001:db9::1", false),
            (&office, &["10.0.0.7/32"], "10.0.0.7", false),
            (&office, &["10.0.0.7/32"], "10.0.0.8", true),
            (&["10.0.0.7/32"], &["10.0.0.0/8"], "10.0.0.7", false),
            (all, &["0.0.0.0/0"], "10.0.0.7", false),
            (all, &["0.0.0.0/0"], "::1", true),
        ] {
            let networks = Networks {
                allow: networks(allow),
                deny: networks(deny),
            };
            let found = networks.has(address.parse().unwrap());
            assert_eq!(found, is_in, "{address} in {allow:?} but {deny:?}");
        }
    }
}

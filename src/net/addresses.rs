//! The addresses of this machine, for the URLs that are shown to people.

use std::net::{IpAddr, Ipv6Addr};

use webrtc_util::ifaces::ifaces;

/// The addresses at which this machine can be reached: the loopback first, then
/// IPv4, then IPv6, without link-local ones, which no URL can name portably.
///
/// Empty when the system does not tell.
pub fn of_this_machine() -> Vec<IpAddr> {
    let interfaces = ifaces().unwrap_or_default();
    let addresses = interfaces.into_iter().filter_map(|one| one.addr);
    let mut list: Vec<IpAddr> = addresses
        .map(|address| address.ip())
        .filter(is_nameable)
        .collect();
    list.sort_by_key(|ip| (!ip.is_loopback(), *ip));
    list.dedup();
    list
}

fn is_nameable(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && *ip != Ipv6Addr::UNSPECIFIED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_comes_first() {
        let list = of_this_machine();
        assert!(list.first().is_some_and(IpAddr::is_loopback), "{list:?}");
    }
}

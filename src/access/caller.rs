//! From where a request comes, and whether its sender is trusted as a program of this host. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::peer::Peer;

/// Who sends a request, as far as that can be told without a login.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The address that it comes from.
    pub peer: IpAddr,
    /// Whether a proxy tells so, whose loopback may be another host's, or stand for all its clients.
    pub is_proxied: bool,
    /// What it calls this server: the `Host` header; `None` without one, and in RTSP.
    pub host: Option<&'a str>,
    /// Whose page makes a browser send it: the `Origin` header.
    pub origin: Option<&'a str>,
    /// What a browser says of that page: the `Sec-Fetch-Site` header.
    pub site: Option<&'a str>,
}

impl<'a> Caller<'a> {
    /// One at `peer` that is no browser.
    pub fn at(peer: Peer) -> Self {
        Self {
            peer: peer.ip(),
            is_proxied: peer.is_proxied,
            host: None,
            origin: None,
            site: None,
        }
    }

    /// Whether it is a program of this host.
    ///
    /// A browser of this host sends what pages of any site make it send, and those may have made
    /// their own names mean this host, so it is trusted with pages of this server only, and only where
    /// that was called by what means this host everywhere.
    pub fn is_of_this_host(&self) -> bool {
        let is_own = |origin: &str| {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            let pair = authority.zip(self.host);
            pair.is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
        };
        !self.is_proxied
            && self.peer.to_canonical().is_loopback()
            && self.host.is_none_or(is_nobodys_name)
            && self.origin.is_none_or(is_own)
            && matches!(self.site, None | Some("same-origin" | "none"))
    }
}

/// Whether the authority of a URL has an address, or a name that nobody can have (RFC 6761, 6.3).
fn is_nobodys_name(authority: &str) -> bool {
    if let Some(rest) = authority.strip_prefix('[') {
        let address = rest.split(']').next().unwrap_or_default();
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let host = authority.split(':').next().unwrap_or_default();
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost") || host.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(peer: &str, is_proxied: bool) -> Caller<'static> {
        let ip: IpAddr = peer.parse().unwrap();
        Caller::at(Peer {
            address: (ip, 9).into(),
            is_proxied,
        })
    }

    #[test]
    fn only_programs_of_this_host_are_trusted() {
        for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(at(peer, false).is_of_this_host(), "{peer}");
            assert!(!at(peer, true).is_of_this_host(), "{peer}");
        }
        for peer in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "::"] {
            assert!(!at(peer, false).is_of_this_host(), "{peer}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_not_trusted() {
        let caller = at("127.0.0.1", false);
        let own = Some("http://localhost:8000");
        for (host, origin, site, is_trusted) in [
            (Some("localhost:8000"), None, None, true),
            (Some("LocalHost"), None, None, true),
            (Some("127.0.0.1:8000"), None, None, true),
            (Some("192.0.2.1"), None, None, true),
            (Some("[::1]:8000"), None, None, true),
            (Some("media.localhost:8000"), None, None, true),
            (Some("localhost:8000"), own, None, true),
            (Some("localhost:8000"), own, Some("same-origin"), true),
            (Some("localhost:8000"), None, Some("none"), true),
            (Some("localhost:8000"), None, Some("cross-site"), false),
            (Some("localhost:8000"), None, Some("same-site"), false),
            (Some("localhost:9000"), own, None, false),
            (Some("localhost:8000"), Some("null"), None, false),
            (Some("127.0.0.1:8000"), own, None, false),
            (None, own, None, false),
            (Some("rebound.example:8000"), None, None, false),
            (
                Some("rebound.example"),
                Some("http://rebound.example"),
                Some("same-origin"),
                false,
            ),
            (Some("127.0.0.1.example"), None, None, false),
            (Some("notlocalhost"), None, None, false),
            (Some("[::1"), None, None, true),
            (Some("[x]"), None, None, false),
            (Some(""), None, None, false),
        ] {
            let caller = Caller {
                host,
                origin,
                site,
                ..caller
            };
            let found = caller.is_of_this_host();
            assert_eq!(found, is_trusted, "{host:?} {origin:?} {site:?}");
        }
    }
}

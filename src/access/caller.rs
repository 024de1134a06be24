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
        self.calls_here() && matches!(self.site, None | Some("same-origin"))
    }

    /// Whether it is a program of this host, or a browser there in which somebody has typed the URL. That is
    /// enough to look at something, but not to change it: a link in a mail leads there as well.
    pub fn looks_from_this_host(&self) -> bool {
        self.calls_here() && matches!(self.site, None | Some("same-origin" | "none"))
    }

    /// Whether it is at this host, calls that so, and is no page of another server.
    fn calls_here(&self) -> bool {
        let is_own = |origin: &str| {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            let pair = authority.zip(self.host);
            pair.is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
        };
        !self.is_proxied
            && self.peer.to_canonical().is_loopback()
            && self.host.is_none_or(means_this_host)
            && self.origin.is_none_or(is_own)
    }
}

/// Whether the authority of a URL means this host everywhere: by an address of the loopback, or by a name that nobody
/// can have (RFC 6761, 6.3). Other addresses lead here as well, as 0.0.0.0 does, but browsers do not tell there
/// whose pages they show (Fetch Metadata, 2).
fn means_this_host(authority: &str) -> bool {
    let is_here = |address: IpAddr| address.to_canonical().is_loopback();
    if let Some(rest) = authority.strip_prefix('[') {
        let address = rest.split(']').next().unwrap_or_default();
        return address
            .parse()
            .is_ok_and(|address: Ipv6Addr| is_here(address.into()));
    }
    let host = authority.split(':').next().unwrap_or_default();
    let host = host.to_ascii_lowercase();
    let is_address = || {
        host.parse()
            .is_ok_and(|address: Ipv4Addr| is_here(address.into()))
    };
    host == "localhost" || host.ends_with(".localhost") || is_address()
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
            (Some("127.9.9.9"), None, None, true),
            (Some("[::ffff:127.0.0.1]:8000"), None, None, true),
            (Some("192.0.2.1"), None, None, false),
            (Some("0.0.0.0:8000"), None, None, false),
            (Some("[::]:8000"), None, None, false),
            (Some("[::1]:8000"), None, None, true),
            (Some("media.localhost:8000"), None, None, true),
            (Some("localhost:8000"), own, None, true),
            (Some("localhost:8000"), own, Some("same-origin"), true),
            (Some("localhost:8000"), None, Some("none"), false),
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
    #[test]
    fn who_types_a_url_may_look() {
        for (host, site, may_look) in [
            (None, None, true),
            (Some("localhost:1220"), Some("none"), true),
            (Some("localhost:1220"), Some("same-origin"), true),
            (Some("localhost:1220"), Some("cross-site"), false),
            (Some("rebound.example:1220"), Some("none"), false),
            (Some("rebound.example:1220"), None, false),
            (Some("0.0.0.0:1220"), None, false),
        ] {
            let caller = Caller {
                host,
                site,
                ..at("127.0.0.1", false)
            };
            assert_eq!(caller.looks_from_this_host(), may_look, "{host:?} {site:?}");
        }
        assert!(!at("192.0.2.1", false).looks_from_this_host());
        assert!(!at("127.0.0.1", true).looks_from_this_host());
    }
}

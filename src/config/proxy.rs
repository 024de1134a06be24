//! The settings of `[proxy]`: which proxies stand before this server, and how they tell whose requests they pass on.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ranges;
use crate::base::peer::Peer;
use crate::wire::forwarded::{self, Field, Untold};

/// Proxies before this server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// Those that begin each connection with the PROXY protocol.
    #[serde(with = "ranges::networks")]
    pub tcp: Vec<IpNet>,
    /// Those that tell in a header whose requests they pass on.
    #[serde(with = "ranges::networks")]
    pub http: Vec<IpNet>,
    /// In which.
    pub header: Field,
    /// The path below which those show this server, `/media`; empty: `/`.
    #[serde(with = "prefix")]
    pub prefix: String,
}

impl Proxy {
    /// Whether connections from `address` have to begin with the PROXY protocol.
    pub fn is_tcp(&self, address: IpAddr) -> bool {
        has(&self.tcp, address)
    }

    /// Whether what `address` tells of its requests is believed.
    pub fn is_http(&self, address: IpAddr) -> bool {
        has(&self.http, address)
    }

    /// Who sends a request that comes from `peer` with these `values` of the header.
    ///
    /// # Errors
    /// [`Untold`] when a proxy does not tell.
    pub fn sender<'v>(
        &self,
        peer: Peer,
        values: impl DoubleEndedIterator<Item = &'v str>,
    ) -> Result<Peer, Untold> {
        if !self.is_http(peer.ip()) {
            return Ok(peer);
        }
        let client = forwarded::client(self.header, values, |address| self.is_http(address))?;
        Ok(Peer {
            address: client.map_or(peer.address, |client| (client, 0).into()),
            is_proxied: true,
        })
    }

    /// What goes before the paths in the requests of `peer`, and before the links that it is told.
    pub fn prefix_for(&self, peer: Peer) -> &str {
        match self.is_http(peer.ip()) {
            true => &self.prefix,
            false => "",
        }
    }
}

fn has(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// A path of plain letters: `"/media"`; none: `""`.
mod prefix {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        let text = String::deserialize(from)?;
        let path = text.trim().trim_matches('/');
        let is_plain = |name: &str| {
            let mut letters = name.bytes();
            let is_name = !matches!(name, "" | "." | "..");
            is_name
                && letters.all(|letter| letter.is_ascii_alphanumeric() || b"-._~".contains(&letter))
        };
        match path {
            "" => Ok(String::new()),
            _ if path.split('/').all(is_plain) => Ok(format!("/{path}")),
            _ => Err(D::Error::custom(format_args!(
                "`{text}` is no path of plain letters: \"/media\""
            ))),
        }
    }

    pub(super) fn serialize<S: Serializer>(value: &str, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy() -> Proxy {
        Proxy {
            http: vec!["10.0.0.0/8".parse().unwrap()],
            ..Proxy::default()
        }
    }

    #[test]
    fn only_proxies_are_believed() {
        let peer = |address: &str, is_proxied| Peer {
            address: address.parse().unwrap(),
            is_proxied,
        };
        for (from, told, expected) in [
            (
                "192.0.2.1:9",
                Some("203.0.113.7"),
                Ok(("192.0.2.1:9", false)),
            ),
            (
                "10.0.0.5:9",
                Some("203.0.113.7"),
                Ok(("203.0.113.7:0", true)),
            ),
            ("10.0.0.5:9", Some("127.0.0.1"), Ok(("127.0.0.1:0", true))),
            ("10.0.0.5:9", None, Ok(("10.0.0.5:9", true))),
            ("10.0.0.5:9", Some("unknown"), Err(Untold)),
        ] {
            let found = proxy().sender(peer(from, false), told.into_iter());
            let expected = expected.map(|(address, is_proxied)| peer(address, is_proxied));
            assert_eq!(found, expected, "{from} {told:?}");
        }
    }

    #[test]
    fn prefixes_are_plain() {
        let read = |text: &str| {
            let table = toml::Table::from_iter([("prefix".to_owned(), text.into())]);
            let proxy = Proxy::deserialize(table);
            proxy.ok().map(|proxy| proxy.prefix)
        };
        for (text, prefix) in [
            ("", Some("")),
            ("/", Some("")),
            ("media", Some("/media")),
            ("/media/", Some("/media")),
            ("/a/b-c", Some("/a/b-c")),
            ("//a//b", None),
            ("/a/../b", None),
            ("/a b", None),
            ("/%61", None),
            ("/a\"", None),
        ] {
            assert_eq!(read(text).as_deref(), prefix, "{text}");
        }
    }
}

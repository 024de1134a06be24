//! How ranges of addresses are written in the file: `"10.0.0.0/8"`, `"192.0.2.7"`.
//!
//! Each submodule serves one field type by `#[serde(with = "…")]`.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use super::fault::wrong;
use super::lists::List;

/// A range of addresses, `"239.255.0.0/16"`; none: `""`.
pub(super) mod network {
    use super::*;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<IpNet>, D::Error> {
        let text = String::deserialize(from)?;
        match text.trim() {
            "" => Ok(None),
            some => read_network(some).map(Some),
        }
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Option<IpNet>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(network) => to.collect_str(network),
            None => to.serialize_str(""),
        }
    }
}

/// Ranges of addresses, one or a list: `["239.0.0.0/8", "10.0.0.7"]`.
pub(super) mod networks {
    use super::*;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<IpNet>, D::Error> {
        let list = List::deserialize(from)?.items();
        list.iter().map(|text| read_network(text.trim())).collect()
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &[IpNet],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(value.iter().map(ToString::to_string))
    }
}

/// A network, or an address alone.
fn read_network<E: Error>(text: &str) -> Result<IpNet, E> {
    let network = text.parse::<IpNet>();
    let network = network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network.map(|network| unmapped(network.trunc()));
    network.map_err(|_| {
        wrong(
            text,
            "an address or a range of addresses: \"192.0.2.7\", \"239.255.0.0/16\"",
        )
    })
}

/// Addresses of IPv4 in the form that they have in IPv6 are those of IPv4.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let length = mapped.prefix_len().checked_sub(96);
    let address = mapped.addr().to_ipv4_mapped();
    let plain = address.zip(length);
    let plain = plain.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    plain.map_or(network, IpNet::V4)
}

//! The settings of multicast, `[multicast]`, and of its announcements, `[sap]`; one field for one key of the file.

use std::ops::RangeInclusive;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::quantity;
use super::ranges;

/// Multicast, received and sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Multicast {
    /// The groups that channels are sent to; `None`: channels are not sent by multicast.
    #[serde(with = "ranges::network")]
    pub groups: Option<IpNet>,
    /// The ports that channels are sent to.
    #[serde(with = "quantity::ports")]
    pub ports: RangeInclusive<u16>,
    /// How many networks on the way forward what is sent; 1: none.
    pub ttl: u8,
    /// The interface, by its name or its address; empty: the system chooses.
    pub interface: String,
    /// Whether viewers are told to listen to this server alone.
    pub source_specific: bool,
}

impl Default for Multicast {
    fn default() -> Self {
        Self {
            groups: None,
            ports: 20_000..=29_999,
            ttl: 1,
            interface: String::new(),
            source_specific: false,
        }
    }
}

/// Announcements of multicast sessions (RFC 2974).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sap {
    /// Whether sessions that others announce become channels.
    pub listen: bool,
    /// Whether channels that are sent by multicast are announced.
    pub announce: bool,
    /// The groups that sessions of others may use.
    #[serde(with = "ranges::networks")]
    pub groups: Vec<IpNet>,
    /// Who may announce; empty: everybody.
    #[serde(with = "ranges::networks")]
    pub senders: Vec<IpNet>,
    /// The most sessions of others at a time.
    pub sessions: u16,
}

impl Default for Sap {
    fn default() -> Self {
        let organisation_local = IpNet::new_assert([239, 0, 0, 0].into(), 8);
        Self {
            listen: false,
            announce: false,
            groups: vec![organisation_local],
            senders: Vec::new(),
            sessions: 32,
        }
    }
}

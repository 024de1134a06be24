//! Settings that name networks: from where clients may come, as `[access.watch]` and its like say.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ranges;
use super::settings::Config;
use crate::access;

impl Config {
    /// From where clients are let in, as the gate takes it.
    pub fn client_networks(&self) -> access::ClientNetworks {
        let taken = |networks: &Networks| access::Networks {
            allow: networks.allow.clone(),
            deny: networks.deny.clone(),
        };
        let access = &self.access;
        access::ClientNetworks {
            watch: taken(&access.watch),
            publish: taken(&access.publish),
            admin: taken(&access.admin),
        }
    }
}

/// From where somebody may come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Networks {
    /// From these networks only; empty: from all.
    #[serde(with = "ranges::networks")]
    pub allow: Vec<IpNet>,
    /// But from none of these.
    #[serde(with = "ranges::networks")]
    pub deny: Vec<IpNet>,
}

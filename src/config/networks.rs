//! Settings that name networks: from where clients may come, as `[access.watch]` and its like say.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ranges;

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

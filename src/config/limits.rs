//! The settings of `[limits]`.

use serde::{Deserialize, Serialize};

use super::quantity;
use crate::media::room::{self, Bound};

/// How much the server takes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The most viewers at a time; 0: no limit.
    pub connections: u32,
    /// The most media sent to viewers at a time, in bit/s; 0: no limit.
    #[serde(with = "quantity::bit_rate")]
    pub throughput: u64,
    /// The most viewers at a time at one address; 0: no limit.
    pub connections_per_address: u32,
    /// The most media sent at a time to one address, in bit/s; 0: no limit.
    #[serde(with = "quantity::bit_rate")]
    pub throughput_per_address: u64,
    /// The most TCP connections at a time of one address, whatever they are for; 0: no limit.
    pub tcp_connections_per_address: u32,
    /// The most requests by HTTP a second of one address; 0: no limit.
    pub requests_per_address: u32,
    /// The most bytes that may wait for one TCP client.
    #[serde(with = "quantity::bytes")]
    pub tcp_backlog: usize,
    /// The most bytes of movie files that are kept in memory for their viewers.
    #[serde(with = "quantity::bytes")]
    pub movie_cache: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 0,
            throughput: 0,
            connections_per_address: 0,
            throughput_per_address: 0,
            tcp_connections_per_address: 1000,
            requests_per_address: 0,
            tcp_backlog: 1_000_000,
            movie_cache: 64_000_000,
        }
    }
}

impl Limits {
    /// Those for viewers.
    pub fn of_viewers(&self) -> room::Limits {
        room::Limits {
            all: Bound {
                viewers: self.connections,
                bit_rate: self.throughput,
            },
            of_address: Bound {
                viewers: self.connections_per_address,
                bit_rate: self.throughput_per_address,
            },
        }
    }
}

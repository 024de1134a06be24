//! Which group and which ports a channel is sent to: derived from its name, the same after a restart.
//!
//! Pure: names and ranges in, addresses out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;
use sha2::{Digest, Sha256};

/// Ports of one channel: a pair for each track that it can have.
const PORTS: u16 = 64;

/// How many places are looked at for a channel.
const TRIES: u32 = 64;

/// What is to be chosen from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) network: IpNet,
    pub(super) ports: RangeInclusive<u16>,
}

/// The place of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) group: IpAddr,
    /// The RTP port of its first track.
    pub(super) port: u16,
}

impl Place {
    /// The ports of RTP and RTCP of the track at `index`; `None` beyond those that a channel has.
    pub(super) fn ports(&self, index: usize) -> Option<(u16, u16)> {
        let offset = u16::try_from(index).ok()?.checked_mul(2)?;
        (offset < PORTS).then_some(())?;
        let rtp = self.port.checked_add(offset)?;
        Some((rtp, rtp.checked_add(1)?))
    }
}

impl Groups {
    /// The first place of the channel's own series that none of `taken` has; as long
    /// as there may be one, in a group that none of them has.
    pub(super) fn place(&self, channel: &str, taken: &[Place]) -> Option<Place> {
        let series = || (0..TRIES).map(|number| self.candidate(channel, number));
        let apart = |place: &Place| taken.iter().all(|other| other.group != place.group);
        series()
            .find(apart)
            .or_else(|| series().find(|place| !taken.contains(place)))
    }

    fn candidate(&self, channel: &str, number: u32) -> Place {
        let mut hash = Sha256::new();
        hash.update(channel.as_bytes());
        hash.update(number.to_be_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let [first, second] = [0, 16].map(|at| {
            let bytes = hash[at..at + 16].try_into();
            u128::from_be_bytes(bytes.expect("16 of 32 bytes"))
        });
        Place {
            group: self.group(first),
            port: self.port(second),
        }
    }

    /// Neither the first address of the range nor the last one, where SAP has its place, if there are others.
    fn group(&self, hash: u128) -> IpAddr {
        let (first, bits) = match self.network.network() {
            IpAddr::V4(first) => (u128::from(first.to_bits()), 32),
            IpAddr::V6(first) => (first.to_bits(), 128),
        };
        let hosts = bits - u32::from(self.network.prefix_len());
        let last = 1u128
            .checked_shl(hosts)
            .map_or(u128::MAX, |count| count - 1);
        let host = match last {
            0 => 0,
            1 => hash % 2,
            last => 1 + hash % (last - 1),
        };
        match self.network {
            IpNet::V4(_) => Ipv4Addr::from_bits((first + host) as u32).into(),
            IpNet::V6(_) => Ipv6Addr::from_bits(first + host).into(),
        }
    }

    fn port(&self, hash: u128) -> u16 {
        let (first, last) = (*self.ports.start(), *self.ports.end());
        let blocks = (last.saturating_sub(first).saturating_add(1) / PORTS).max(1);
        let block = (hash % u128::from(blocks)) as u16;
        first.saturating_add(block * PORTS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn groups(network: &str) -> Groups {
        Groups {
            network: network.parse().unwrap(),
            ports: 20_000..=29_999,
        }
    }

    #[test]
    fn a_name_has_its_place_for_good() {
        let place = groups("239.255.0.0/16").place("news/now", &[]).unwrap();
        assert_eq!(place.group, IpAddr::from([239, 255, 108, 206]));
        assert_eq!(place.port, 22_688);
        assert_eq!(place.ports(0), Some((22_688, 22_689)));
        assert_eq!(place.ports(31), Some((22_750, 22_751)));
        assert_eq!(place.ports(32), None);
    }

    #[test]
    fn clashes_are_solved_alike_every_time() {
        let groups = groups("239.1.1.0/30");
        let mut taken = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            let place = groups.place(name, &taken).unwrap();
            assert_eq!(groups.place(name, &taken), Some(place));
            assert!(!taken.contains(&place));
            taken.push(place);
        }
        let used = |host| {
            taken
                .iter()
                .any(|place| place.group == IpAddr::from([239, 1, 1, host]))
        };
        assert!(used(1) && used(2) && !used(0) && !used(3));
    }

    #[test]
    fn one_group_with_one_block_of_ports_is_for_one_channel() {
        let groups = Groups {
            network: "239.1.1.1/32".parse().unwrap(),
            ports: 5000..=5063,
        };
        let place = groups.place("a", &[]).unwrap();
        assert_eq!((place.group, place.port), ([239, 1, 1, 1].into(), 5000));
        assert_eq!(groups.place("b", &[place]), None);
    }

    proptest! {
        #[test]
        fn every_place_is_in_the_range(name: String, prefix in 4..=32u8, v6_prefix in 8..=128u8) {
            for network in [format!("239.255.3.7/{prefix}"), format!("ff15::7:8/{v6_prefix}")] {
                let network: IpNet = network.parse().unwrap();
                let groups = Groups { network: network.trunc(), ports: 5000..=5200 };
                let place = groups.place(&name, &[]).unwrap();
                prop_assert!(groups.network.contains(&place.group));
                prop_assert!(place.ports(31).unwrap().1 <= 5200);
            }
        }
    }
}

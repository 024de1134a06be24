//! Whom a datagram comes from, when many clients send to one server port. Pure: addresses in, clients out.
//!
//! A client is known by the ports that it named. When its NAT made other ports
//! of them, the first datagram that can only be its own tells the real one, and
//! packets go there from then on (symmetric RTP, RFC 4961). Only datagrams from
//! the session's own IP address are looked at.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering::Relaxed};

use super::udp_ports::{ClientPorts, Feedback};

/// Which of a pair's two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Rtp,
    Rtcp,
}

/// One track's client, as the sender and the receiver of a pair share it.
pub(super) struct Client {
    pub(super) ip: IpAddr,
    pub(super) feedback: Arc<dyn Feedback>,
    rtp: Side,
    rtcp: Side,
}

/// One of the client's ports.
struct Side {
    declared: u16,
    current: AtomicU16,
    heard: AtomicBool,
}

impl Client {
    pub(super) fn new(ports: ClientPorts, feedback: Arc<dyn Feedback>) -> Self {
        Self {
            ip: ports.ip,
            feedback,
            rtp: Side::new(ports.rtp),
            rtcp: Side::new(ports.rtcp),
        }
    }

    /// Where to send to now.
    pub(super) fn port(&self, channel: Channel) -> u16 {
        self.side(channel).current.load(Relaxed)
    }

    fn side(&self, channel: Channel) -> &Side {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }
}

impl Side {
    fn new(declared: u16) -> Self {
        Self {
            declared,
            current: AtomicU16::new(declared),
            heard: AtomicBool::new(false),
        }
    }
}

/// The clients of one pair of server ports.
#[derive(Default)]
pub(super) struct Demux {
    rtp: HashMap<(IpAddr, u16), Arc<Client>>,
    rtcp: HashMap<(IpAddr, u16), Arc<Client>>,
    by_ip: HashMap<IpAddr, Vec<Arc<Client>>>,
}

impl Demux {
    /// Enters a client; `false` when one of its ports belongs to another client of this pair.
    pub(super) fn enter(&mut self, client: &Arc<Client>) -> bool {
        let rtp = (client.ip, client.rtp.declared);
        let rtcp = (client.ip, client.rtcp.declared);
        if self.rtp.contains_key(&rtp) || self.rtcp.contains_key(&rtcp) {
            return false;
        }
        self.rtp.insert(rtp, Arc::clone(client));
        self.rtcp.insert(rtcp, Arc::clone(client));
        let neighbours = self.by_ip.entry(client.ip).or_default();
        neighbours.push(Arc::clone(client));
        true
    }

    /// Removes a client.
    pub(super) fn release(&mut self, client: &Arc<Client>) {
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let side = client.side(channel);
            let addresses = self.addresses(channel);
            addresses.remove(&(client.ip, side.declared));
            addresses.remove(&(client.ip, side.current.load(Relaxed)));
        }
        if let Some(neighbours) = self.by_ip.get_mut(&client.ip) {
            neighbours.retain(|other| !Arc::ptr_eq(other, client));
            if neighbours.is_empty() {
                self.by_ip.remove(&client.ip);
            }
        }
    }

    /// The client that a datagram from `port` of `ip` comes from.
    ///
    /// `reports_on` tells whether the datagram is a reception report on a given
    /// SSRC; it is only asked when the address is not known.
    pub(super) fn sender(
        &mut self,
        channel: Channel,
        (ip, port): (IpAddr, u16),
        reports_on: impl Fn(u32) -> bool,
    ) -> Option<Arc<Client>> {
        let known = self.addresses(channel).get(&(ip, port)).cloned();
        let client = known.or_else(|| self.behind_nat(channel, ip, reports_on))?;
        self.hear(channel, &client, port);
        Some(client)
    }

    /// The client of that IP address that must be the one: the stream reported
    /// on is its own, or it is the only one not heard from yet.
    fn behind_nat(
        &self,
        channel: Channel,
        ip: IpAddr,
        reports_on: impl Fn(u32) -> bool,
    ) -> Option<Arc<Client>> {
        let neighbours = self.by_ip.get(&ip)?;
        let reporting = neighbours
            .iter()
            .find(|client| reports_on(client.feedback.ssrc()));
        let mut silent = neighbours
            .iter()
            .filter(|client| !client.side(channel).heard.load(Relaxed));
        let only = silent.next().filter(|_| silent.next().is_none());
        reporting.or(only).cloned()
    }

    /// Sends to `port` from now on; the declared port stays the client's own, so that it can come back to it.
    fn hear(&mut self, channel: Channel, client: &Arc<Client>, port: u16) {
        let side = client.side(channel);
        let before = side.current.swap(port, Relaxed);
        if before != port {
            let addresses = self.addresses(channel);
            if before != side.declared {
                addresses.remove(&(client.ip, before));
            }
            addresses.insert((client.ip, port), Arc::clone(client));
        }
        side.heard.store(true, Relaxed);
        if channel == Channel::Rtcp && port == side.declared {
            // No NAT changes its ports, so what comes from others is not its own.
            client.rtp.heard.store(true, Relaxed);
        }
    }

    fn addresses(&mut self, channel: Channel) -> &mut HashMap<(IpAddr, u16), Arc<Client>> {
        match channel {
            Channel::Rtp => &mut self.rtp,
            Channel::Rtcp => &mut self.rtcp,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Instant;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    struct Stream(u32);

    impl Feedback for Stream {
        fn rtcp(&self, _: &[u8], _: Instant) {}
        fn ssrc(&self) -> u32 {
            self.0
        }
        fn alive(&self, _: Instant) {}
    }

    fn claim(demux: &mut Demux, rtp: u16, ssrc: u32) -> Option<Arc<Client>> {
        let ports = ClientPorts {
            ip: HOME,
            rtp,
            rtcp: rtp + 1,
        };
        let client = Arc::new(Client::new(ports, Arc::new(Stream(ssrc))));
        demux.enter(&client).then_some(client)
    }

    fn sender(demux: &mut Demux, channel: Channel, ip: IpAddr, port: u16) -> Option<u32> {
        let client = demux.sender(channel, (ip, port), |_| false)?;
        Some(client.feedback.ssrc())
    }

    #[test]
    fn addresses_tell_clients_apart_until_they_leave() {
        let mut demux = Demux::default();
        let one = claim(&mut demux, 5000, 1).unwrap();
        let _two = claim(&mut demux, 5002, 2).unwrap();
        assert!(claim(&mut demux, 5000, 3).is_none());
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5001), Some(1));
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5003), Some(2));
        demux.release(&one);
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5001), None);
        assert!(claim(&mut demux, 5000, 3).is_some());
    }

    #[test]
    fn the_only_silent_client_is_followed_to_its_real_port() {
        let mut demux = Demux::default();
        let client = claim(&mut demux, 5000, 1).unwrap();
        assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_000), Some(1));
        assert_eq!(client.port(Channel::Rtp), 40_000);
        assert_eq!(client.port(Channel::Rtcp), 5001);
        assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_001), None);
        assert_eq!(client.port(Channel::Rtp), 40_000);
        demux.release(&client);
        assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_000), None);
    }

    #[test]
    fn nobody_is_followed_to_another_ip_address() {
        let mut demux = Demux::default();
        let client = claim(&mut demux, 5000, 1).unwrap();
        for port in [5000, 40_000] {
            let found = demux.sender(Channel::Rtp, (ELSEWHERE, port), |_| true);
            assert!(found.is_none());
        }
        assert_eq!(client.port(Channel::Rtp), 5000);
    }

    #[test]
    fn of_two_silent_clients_a_report_tells_which() {
        let mut demux = Demux::default();
        let _one = claim(&mut demux, 5000, 1).unwrap();
        let two = claim(&mut demux, 5002, 2).unwrap();
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_001), None);
        let found = demux.sender(Channel::Rtcp, (HOME, 40_001), |ssrc| ssrc == 2);
        assert!(Arc::ptr_eq(&found.unwrap(), &two));
        assert_eq!(two.port(Channel::Rtcp), 40_001);
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_001), Some(2));
    }

    #[test]
    fn a_client_that_reports_from_its_own_port_is_not_led_away() {
        let mut demux = Demux::default();
        let client = claim(&mut demux, 5000, 1).unwrap();
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5001), Some(1));
        assert_eq!(sender(&mut demux, Channel::Rtp, HOME, 40_000), None);
        assert_eq!(client.port(Channel::Rtp), 5000);
    }

    #[test]
    fn a_client_led_away_comes_back_with_its_own_port() {
        let mut demux = Demux::default();
        let client = claim(&mut demux, 5000, 1).unwrap();
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_000), Some(1));
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 5001), Some(1));
        assert_eq!(client.port(Channel::Rtcp), 5001);
        assert_eq!(sender(&mut demux, Channel::Rtcp, HOME, 40_000), None);
    }
}

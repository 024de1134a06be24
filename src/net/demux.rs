//! Whom a datagram comes from, when many clients send to one server port. Pure: addresses in, clients out.
//!
//! A client is known by the ports that it named. When its NAT made other ports
//! of them, the first datagram that can only be its own tells the real one, and
//! packets go there from then on (symmetric RTP, RFC 4961). Only datagrams from
//! the session's own host are looked at. So that a datagram can only be of one
//! client, those of one host that are not heard from yet should not meet on one
//! pair: [`Demux::awaits`] tells.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering::Relaxed};

use super::host::Host;
use super::udp_ports::{ClientPorts, Feedback};

/// Which of a pair's two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Rtp,
    Rtcp,
}

/// One track's client, as the sender and the receiver of a pair share it.
pub(super) struct Client {
    host: Host,
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
            host: ports.host,
            feedback,
            rtp: Side::new(ports.rtp),
            rtcp: Side::new(ports.rtcp),
        }
    }

    pub(super) fn host(&self) -> Host {
        self.host
    }

    /// Where to send to now.
    pub(super) fn address(&self, channel: Channel) -> SocketAddr {
        self.host.at(self.side(channel).current.load(Relaxed))
    }

    fn declared(&self, channel: Channel) -> SocketAddr {
        self.host.at(self.side(channel).declared)
    }

    fn is_heard(&self) -> bool {
        self.rtp.heard.load(Relaxed) && self.rtcp.heard.load(Relaxed)
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
    rtp: HashMap<SocketAddr, Arc<Client>>,
    rtcp: HashMap<SocketAddr, Arc<Client>>,
    /// By what they are sent; readers of one channel are sent the same stream.
    by_stream: HashMap<(Host, u32), Vec<Arc<Client>>>,
    /// Those of which one port or both are not heard from yet.
    awaited: HashMap<Host, Vec<Arc<Client>>>,
}

impl Demux {
    /// Enters a client; `false` when one of its ports belongs to another client of this pair.
    pub(super) fn enter(&mut self, client: &Arc<Client>) -> bool {
        let rtp = client.declared(Channel::Rtp);
        let rtcp = client.declared(Channel::Rtcp);
        if self.rtp.contains_key(&rtp) || self.rtcp.contains_key(&rtcp) {
            return false;
        }
        self.rtp.insert(rtp, Arc::clone(client));
        self.rtcp.insert(rtcp, Arc::clone(client));
        let stream = (client.host, client.feedback.ssrc());
        let receivers = self.by_stream.entry(stream).or_default();
        receivers.push(Arc::clone(client));
        let awaited = self.awaited.entry(client.host).or_default();
        awaited.push(Arc::clone(client));
        true
    }

    /// Whether a client of `host` is not heard from yet on both of its ports.
    pub(super) fn awaits(&self, host: Host) -> bool {
        self.awaited.contains_key(&host)
    }

    /// Removes a client.
    pub(super) fn release(&mut self, client: &Arc<Client>) {
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let addresses = self.addresses(channel);
            addresses.remove(&client.declared(channel));
            addresses.remove(&client.address(channel));
        }
        let stream = (client.host, client.feedback.ssrc());
        take_out(&mut self.by_stream, &stream, client);
        if !client.is_heard() {
            self.stop_awaiting(client);
        }
    }

    /// The client that a datagram from `address` comes from.
    ///
    /// `reported` are the SSRCs that the datagram is a reception report on; it
    /// is only asked when the address is not known.
    pub(super) fn sender(
        &mut self,
        channel: Channel,
        address: SocketAddr,
        reported: impl FnOnce() -> Vec<u32>,
    ) -> Option<Arc<Client>> {
        let known = self.addresses(channel).get(&address).cloned();
        let client = known.or_else(|| self.behind_nat(channel, Host::of(address), reported))?;
        self.hear(channel, &client, address.port());
        Some(client)
    }

    /// The client not heard from yet that alone can have protected the RTCP packet from `address`, which does
    /// not tell strangers what it reports on.
    pub(super) fn author(&mut self, address: SocketAddr, packet: &[u8]) -> Option<Arc<Client>> {
        let awaited = self.awaited.get(&Host::of(address))?;
        let mut awaited = awaited.iter();
        let author = awaited.find(|client| client.feedback.is_author(packet));
        let author = author.cloned()?;
        self.hear(Channel::Rtcp, &author, address.port());
        Some(author)
    }

    /// The client of that host that must be the one: the stream reported on
    /// is its alone, or it is the only one not heard from yet. A report on other
    /// streams is of somebody who has left.
    fn behind_nat(
        &self,
        channel: Channel,
        host: Host,
        reported: impl FnOnce() -> Vec<u32>,
    ) -> Option<Arc<Client>> {
        let reported = reported();
        if !reported.is_empty() {
            let mut streams = reported.into_iter().map(|ssrc| (host, ssrc));
            let receivers = streams.find_map(|stream| self.by_stream.get(&stream))?;
            return match &receivers[..] {
                [only] => Some(Arc::clone(only)),
                several => only_silent(several, channel),
            };
        }
        only_silent(self.awaited.get(&host)?, channel)
    }

    /// Sends to `port` from now on; the declared port stays the client's own, so that it can come back to it.
    fn hear(&mut self, channel: Channel, client: &Arc<Client>, port: u16) {
        let side = client.side(channel);
        let before = side.current.swap(port, Relaxed);
        if before != port {
            let addresses = self.addresses(channel);
            if before != side.declared {
                addresses.remove(&client.host.at(before));
            }
            addresses.insert(client.host.at(port), Arc::clone(client));
        }
        if !client.is_heard() {
            side.heard.store(true, Relaxed);
            if port == side.declared {
                // No NAT changes its ports, so what comes from others is not its own.
                client.rtp.heard.store(true, Relaxed);
                client.rtcp.heard.store(true, Relaxed);
            }
            if client.is_heard() {
                self.stop_awaiting(client);
            }
        }
    }

    fn stop_awaiting(&mut self, client: &Arc<Client>) {
        take_out(&mut self.awaited, &client.host, client);
    }

    fn addresses(&mut self, channel: Channel) -> &mut HashMap<SocketAddr, Arc<Client>> {
        match channel {
            Channel::Rtp => &mut self.rtp,
            Channel::Rtcp => &mut self.rtcp,
        }
    }
}

/// The one client of `clients` that was not heard on that port yet; `None` when there are more.
fn only_silent(clients: &[Arc<Client>], channel: Channel) -> Option<Arc<Client>> {
    let mut silent = clients
        .iter()
        .filter(|client| !client.side(channel).heard.load(Relaxed));
    let only = silent.next().filter(|_| silent.next().is_none());
    only.cloned()
}

/// Takes `client` out of the list at `key`, and the list out of the map when it was the last.
fn take_out<K: Eq + Hash>(lists: &mut HashMap<K, Vec<Arc<Client>>>, key: &K, client: &Arc<Client>) {
    if let Some(list) = lists.get_mut(key) {
        list.retain(|other| !Arc::ptr_eq(other, client));
        if list.is_empty() {
            lists.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;

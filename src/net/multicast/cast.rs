//! A channel on its way to a group: sent once, as long as somebody listens.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio_util::task::AbortOnDropHandle;

use super::casts::{Common, Settings};
use super::group_track::GroupTrack;
use super::groups::Place;
use super::{Interface, source_address};
use crate::base::id::SessionId;
use crate::media::channel::Channel;
use crate::media::description::MAX_TRACKS;
use crate::media::ring::Start;
use crate::media::sessions::{Role, Session, SessionFacts};
use crate::net::fan::{Member, Membership};
use crate::net::host::Host;
use crate::net::outlet::{PacketOutlet, TrackOutlet};
use crate::net::receiver::{Receiver, Reception, Senders};
use crate::net::udp_socket::{Route, UdpSocket};
use crate::wire::rtcp;

/// The longest RTCP packet that is looked at, in bytes.
const LONGEST_REPORT: usize = 2048;

/// A channel that is sent to a group, or will be when somebody listens.
///
/// It has its place for as long as somebody holds it.
pub struct Cast {
    channel: Arc<Channel>,
    place: Place,
    ttl: u8,
    source: IpAddr,
    source_specific: bool,
    scope: u32,
    socket: Arc<UdpSocket>,
    common: Arc<Common>,
    state: Mutex<State>,
    /// Takes what listeners report, if the group can be joined.
    _reports: Vec<AbortOnDropHandle<()>>,
}

#[derive(Default)]
struct State {
    listeners: Vec<Arc<Session>>,
    sending: Option<Membership>,
}

impl Cast {
    /// A channel's cast at `place`. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// What the system said, such as that no network leads to the group.
    pub(super) fn open(
        channel: &Arc<Channel>,
        place: Place,
        settings: &Settings,
        common: &Arc<Common>,
    ) -> io::Result<Arc<Self>> {
        let interface = Interface::find(&settings.interface)?;
        let source = source_address(place.group, &interface)?;
        let socket = Arc::new(UdpSocket::for_groups(source, &interface, settings.ttl)?);
        let description = channel.description();
        let tracks = description.map_or(0, |description| description.tracks().len());
        Ok(Arc::new_cyclic(|cast| Self {
            channel: Arc::clone(channel),
            place,
            ttl: settings.ttl,
            source,
            source_specific: settings.source_specific,
            scope: interface.index,
            socket,
            common: Arc::clone(common),
            state: Mutex::default(),
            _reports: (0..tracks)
                .filter_map(|index| Some(place.ports(index)?.1))
                .map(|port| Reception {
                    address: SocketAddr::new(place.group, port),
                    senders: Senders::Any,
                    interface: settings.interface.clone(),
                })
                .filter_map(|reception| receive_reports(&reception, cast))
                .collect(),
        }))
    }

    /// The channel.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The channel's name without the `.sdp` that it answers to as well.
    pub fn name(&self) -> &str {
        self.channel.path().channel_name()
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.lock().listeners.len()
    }

    /// The group.
    pub fn group(&self) -> IpAddr {
        self.place.group
    }

    /// The ports of RTP and RTCP of the track at `index`; `None` when it is not sent.
    pub fn ports(&self, index: usize) -> Option<(u16, u16)> {
        self.place.ports(index)
    }

    /// How many networks forward it.
    pub fn ttl(&self) -> u8 {
        self.ttl
    }

    /// The address that it comes from.
    pub fn source(&self) -> IpAddr {
        self.source
    }

    /// Whether listeners are to be told of that address.
    pub fn is_source_specific(&self) -> bool {
        self.source_specific
    }

    /// Whether somebody listens, so that it is sent.
    pub fn is_sent(&self) -> bool {
        self.lock().sending.is_some()
    }

    /// Listens for `session`: the first to do so begins the sending, at `start`;
    /// when the last one is dropped it ends. To be called inside a tokio runtime.
    pub fn listen(self: &Arc<Self>, session: &Arc<Session>, start: Start) -> GroupListener {
        let mut state = self.lock();
        state.listeners.push(Arc::clone(session));
        if state.sending.is_none() {
            let prepared = self.common.fan.prepare(&self.channel, self.member(), start);
            state.sending = Some(prepared.start());
            self.common.changed.send_modify(|count| *count += 1);
        }
        GroupListener {
            cast: Arc::clone(self),
            session: Arc::clone(session),
        }
    }

    /// All tracks, to the fan one reader among others.
    fn member(&self) -> Member {
        let common = &self.common;
        let session = common.sessions.open(SessionFacts {
            id: SessionId::from_random(rand::random()),
            role: Role::Group,
            path: self.channel.path().clone(),
            peer: self.at(self.place.port),
            user_agent: String::new(),
            transport: "group",
            opened: common.clock.now(),
        });
        let description = self.channel.description();
        let count = description.map_or(0, |description| description.tracks().len());
        let tracks = (0..count).filter_map(|index| {
            let (rtp, rtcp) = self.place.ports(index)?;
            let track = GroupTrack::new(Arc::clone(&self.socket), self.at(rtp), self.at(rtcp));
            Some((index, TrackOutlet::Packets(PacketOutlet::Group(track))))
        });
        Member {
            session,
            tracks: tracks.collect(),
        }
    }

    /// Sends a datagram to another group, as far as the channel goes; it may be lost.
    pub(super) fn send_to(&self, group: IpAddr, port: u16, datagram: &[u8]) {
        let route = Route {
            to: self.address(group, port),
            source: None,
        };
        if let Err(error) = self.socket.send(route, datagram) {
            tracing::debug!(%group, "nothing can be sent: {error}");
        }
    }

    fn at(&self, port: u16) -> SocketAddr {
        self.address(self.place.group, port)
    }

    fn address(&self, group: IpAddr, port: u16) -> SocketAddr {
        match group {
            IpAddr::V4(group) => (group, port).into(),
            IpAddr::V6(group) => SocketAddrV6::new(group, port, 0, self.scope).into(),
        }
    }

    /// Takes what somebody reports to the group: signs of life of its listeners at that host.
    /// What the server itself sends there comes back, and is none.
    fn take_report(&self, sender: SocketAddr, report: &[u8]) {
        let ssrc = report.get(4..8).and_then(|bytes| bytes.try_into().ok());
        let ssrc = ssrc.map(u32::from_be_bytes);
        let own = |index| ssrc == Some(self.channel.ssrc(index));
        if rtcp::parse(report).is_err() || (0..MAX_TRACKS).any(own) {
            return;
        }
        let now = self.common.clock.now();
        let host = Host::of(sender);
        for listener in &self.lock().listeners {
            if Host::of(listener.facts().peer) == host {
                listener.rtcp(report, now);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the reports that arrive at the group's port until dropped; `None` when nothing can arrive.
fn receive_reports(reception: &Reception, cast: &Weak<Cast>) -> Option<AbortOnDropHandle<()>> {
    let receiver = Receiver::bind(reception);
    let receiver = receiver.inspect_err(
        |error| tracing::debug!(address = %reception.address, "no reports are received: {error}"),
    );
    let (receiver, cast) = (receiver.ok()?, Weak::clone(cast));
    let task = async move {
        let mut buffer = [0; LONGEST_REPORT];
        while let Ok((size, sender)) = receiver.receive(&mut buffer).await {
            let Some(cast) = cast.upgrade() else {
                return;
            };
            cast.take_report(sender, buffer.get(..size).unwrap_or_default());
        }
    };
    Some(AbortOnDropHandle::new(tokio::spawn(task)))
}

impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cast")
            .field("channel", self.channel.path())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// One reader who listens to a group; dropping it ends that.
#[derive(Debug)]
pub struct GroupListener {
    cast: Arc<Cast>,
    session: Arc<Session>,
}

impl GroupListener {
    /// Why nothing more is sent; `None` while something can be.
    pub fn ended(&self) -> Option<String> {
        let state = self.cast.lock();
        let why = state.sending.as_ref().and_then(Membership::ended);
        why.map(|why| why.to_string())
    }
}

impl Drop for GroupListener {
    fn drop(&mut self) {
        let mut state = self.cast.lock();
        let own = |one: &Arc<Session>| Arc::ptr_eq(one, &self.session);
        if let Some(at) = state.listeners.iter().position(own) {
            state.listeners.swap_remove(at);
        }
        if !state.listeners.is_empty() {
            return;
        }
        if let Some(sending) = state.sending.take() {
            let common = &self.cast.common;
            sending.part(common.clock.now());
            common.changed.send_modify(|count| *count += 1);
        }
    }
}

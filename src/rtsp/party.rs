//! One client's session with all that belongs to it: the dialogue's state, the client's role, the statistics.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::BytesMut;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::base::id::SessionId;
use crate::log::access::Entry;
use crate::media::burst::PacketKind;
use crate::media::sessions;
use crate::net::udp_ports::Feedback;
use crate::wire::rtsp::Request;

use super::protection::{self, Opener};
use super::publisher::Publisher;
use super::session::Session;
use super::viewer::Viewer;
use super::visit::Visit;

/// A client that has a session.
pub(super) struct Party {
    /// `None` before the first track is set up, and when the session is over.
    session: Mutex<Option<Session>>,
    role: Role,
    watched: Arc<sessions::Session>,
    visit: Visit,
    received: AtomicU64,
    over: CancellationToken,
    /// When it was first seen that what the viewer watches is over.
    left: OnceLock<Instant>,
}

/// What a client does in its session.
pub(super) enum Role {
    /// It sends media.
    Publisher(Publisher),
    /// It receives media.
    Viewer(Viewer),
}

impl Drop for Party {
    /// A party that never entered, because its first SETUP failed, keeps no place either.
    fn drop(&mut self) {
        self.watched.leave();
    }
}

impl Party {
    /// A party without tracks, which is counted in `watched`.
    pub(super) fn new(role: Role, watched: Arc<sessions::Session>, visit: Visit) -> Arc<Self> {
        Arc::new(Self {
            session: Mutex::default(),
            role,
            watched,
            visit,
            received: AtomicU64::new(0),
            over: CancellationToken::new(),
            left: OnceLock::new(),
        })
    }

    pub(super) fn id(&self) -> SessionId {
        self.watched.facts().id
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.visit.peer
    }

    pub(super) fn session(&self) -> &Mutex<Option<Session>> {
        &self.session
    }

    pub(super) fn watched(&self) -> &Arc<sessions::Session> {
        &self.watched
    }

    /// The viewer that the client is; `None` when it is something else.
    pub(super) fn viewer(&self) -> Option<&Viewer> {
        match &self.role {
            Role::Viewer(viewer) => Some(viewer),
            Role::Publisher(_) => None,
        }
    }

    /// The publisher that the client is; `None` when it is something else.
    pub(super) fn publisher(&self) -> Option<&Publisher> {
        match &self.role {
            Role::Publisher(publisher) => Some(publisher),
            Role::Viewer(_) => None,
        }
    }

    /// Cancelled when the session is over, for whatever reason.
    pub(super) fn over(&self) -> &CancellationToken {
        &self.over
    }

    /// Whether media flows: what the client has started has not come to its end yet.
    pub(super) fn is_playing(&self) -> bool {
        match &self.role {
            Role::Publisher(publisher) => publisher.is_recording(),
            Role::Viewer(viewer) => viewer.subject().is_playing(),
        }
    }

    /// Why there is nothing more for the client, in words for the log; `None` while there can be.
    pub(super) fn ended(&self) -> Option<String> {
        match &self.role {
            Role::Publisher(publisher) => publisher.ended(),
            Role::Viewer(viewer) => viewer.subject().ended(),
        }
    }

    /// Whether the client has announced a channel, or paused it, and did not record for longer than `limit`.
    pub(super) fn is_overdue(&self, now: Instant, limit: Duration) -> bool {
        self.publisher()
            .is_some_and(|publisher| publisher.is_overdue(now, limit))
    }

    /// Whether the client watches a channel, and took nothing of it for too long.
    pub(super) fn is_slow(&self) -> bool {
        self.viewer()
            .is_some_and(|viewer| viewer.subject().is_slow())
    }

    /// Whether the client watches a channel that is over, and has not had `time` yet to say goodbye.
    pub(super) fn takes_leave(&self, now: Instant, time: Duration) -> bool {
        let is_left = |viewer: &Viewer| viewer.subject().is_over();
        self.viewer().is_some_and(is_left) && now < *self.left.get_or_init(|| now) + time
    }

    /// What the session takes of `limits.throughput`, in bit/s.
    pub(super) fn bit_rate(&self) -> u64 {
        match &self.role {
            Role::Publisher(_) => 0,
            Role::Viewer(viewer) => viewer.subject().bit_rate(),
        }
    }

    /// Notes a request: a sign of life, but of a publisher that records, which shows its life by its media.
    pub(super) fn heard(&self, request: &Request, now: Instant) {
        if !self.publisher().is_some_and(Publisher::is_recording) {
            self.watched.touch(now);
        }
        let mut bytes = BytesMut::new();
        request.write(&mut bytes);
        self.received.fetch_add(bytes.len() as u64, Relaxed);
    }

    /// Takes an RTCP packet of the client.
    pub(super) fn rtcp(&self, packet: &[u8], now: Instant) {
        self.watched.rtcp(packet, now);
        self.received.fetch_add(packet.len() as u64, Relaxed);
    }

    /// Starts what the last request has prepared, once its answer is on the way.
    pub(super) fn start(&self, now: Instant) {
        match &self.role {
            Role::Publisher(_) => {}
            Role::Viewer(viewer) => viewer.start(now),
        }
    }

    /// Holds the media.
    pub(super) fn pause(&self) {
        match &self.role {
            Role::Publisher(publisher) => publisher.pause(),
            Role::Viewer(viewer) => viewer.subject().pause(),
        }
    }

    /// Ends the media, to a viewer with BYE.
    pub(super) fn stop(&self, now: Instant) {
        match &self.role {
            Role::Publisher(publisher) => publisher.stop(),
            Role::Viewer(viewer) => viewer.subject().stop(now),
        }
    }

    /// What the access log says of the session when it ends.
    pub(super) fn entry(&self, status: u16, now: Instant, ended: SystemTime, open: usize) -> Entry {
        let facts = self.watched.facts();
        let sent = self.watched.counters().snapshot();
        let reception = self.watched.reception();
        let lost = reception.map_or(0, |reception| reception.lost_packets);
        let entry = Entry {
            duration: now.saturating_duration_since(facts.opened),
            transport: match self.watched.transport() {
                "udp" | "srtp" | "multicast" => "UDP",
                _ => "TCP",
            },
            bytes_sent: sent.bytes,
            bytes_received: self.received.load(Relaxed),
            packets_sent: sent.packets,
            packets_lost: u64::try_from(lost).unwrap_or(0),
            ..self.visit.entry(status, ended, open)
        };
        match &self.role {
            Role::Publisher(_) => entry,
            Role::Viewer(viewer) => viewer.entry(facts.opened, entry),
        }
    }
}

/// What a client sends back to the server's UDP ports.
pub(super) struct UdpFeedback {
    pub(super) watched: Arc<sessions::Session>,
    pub(super) ssrc: u32,
    /// What takes the protection off, if it comes by SRTP.
    pub(super) opener: Option<Arc<Opener>>,
}

impl Feedback for UdpFeedback {
    fn rtcp(&self, bytes: &[u8], now: Instant) {
        if let Some(packet) = protection::open(self.opener.as_deref(), PacketKind::Rtcp, bytes) {
            self.watched.rtcp(&packet, now);
        }
    }

    fn is_author(&self, packet: &[u8]) -> bool {
        let opener = self.opener.as_ref();
        opener.is_some_and(|opener| opener.is_author(packet))
    }

    fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn alive(&self, now: Instant) {
        self.watched.touch(now);
    }
}

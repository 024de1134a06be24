//! A client's session with all that belongs to it: the dialogue's state, the playback, the statistics.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use bytes::BytesMut;
use tokio::sync::Mutex;

use crate::base::id::{SessionId, TrackId};
use crate::codec::Kind;
use crate::log::access::Entry;
use crate::media::sessions::{self, SessionFacts};
use crate::net::outlet::TrackOutlet;
use crate::net::udp_ports::Feedback;
use crate::vod::{self, Movie, Playback, ServedTrack};
use crate::wire::rtsp::Request;

use super::service::Parts;
use super::session::Session;
use super::visit::Visit;

/// One viewer of a movie.
pub(super) struct Viewer {
    /// `None` before the first track is set up, and when the session is over.
    session: Mutex<Option<Session>>,
    movie: Arc<Movie>,
    playback: Arc<Playback>,
    watched: Arc<sessions::Session>,
    visit: Visit,
    first_play: OnceLock<Instant>,
    received: AtomicU64,
}

impl Viewer {
    /// A viewer without tracks; `transport` is `udp`, `tcp` or `http`.
    pub(super) fn new(
        id: SessionId,
        movie: Arc<Movie>,
        visit: Visit,
        transport: &'static str,
        parts: &Parts,
    ) -> Arc<Self> {
        let watched = parts.sessions.open(SessionFacts {
            id,
            path: movie.path().clone(),
            peer: visit.peer,
            user_agent: visit.user_agent.clone(),
            transport,
            opened: parts.clock.now(),
        });
        Arc::new(Self {
            session: Mutex::default(),
            playback: Playback::new(Arc::clone(&movie), &parts.pacer, Arc::clone(&watched)),
            movie,
            watched,
            visit,
            first_play: OnceLock::new(),
            received: AtomicU64::new(0),
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

    pub(super) fn movie(&self) -> &Arc<Movie> {
        &self.movie
    }

    pub(super) fn playback(&self) -> &Arc<Playback> {
        &self.playback
    }

    pub(super) fn watched(&self) -> &Arc<sessions::Session> {
        &self.watched
    }

    /// Notes a request: a sign of life.
    pub(super) fn heard(&self, request: &Request, now: Instant) {
        self.watched.touch(now);
        let mut bytes = BytesMut::new();
        request.write(&mut bytes);
        self.received.fetch_add(bytes.len() as u64, Relaxed);
    }

    /// Takes an RTCP packet of the client.
    pub(super) fn rtcp(&self, packet: &[u8], now: Instant) {
        self.watched.rtcp(packet, now);
        self.received.fetch_add(packet.len() as u64, Relaxed);
    }

    /// Gives a track its way out.
    pub(super) fn add_track(
        &self,
        id: TrackId,
        ssrc: u32,
        outlet: TrackOutlet,
    ) -> Result<(), vod::Error> {
        let served = self.movie.served().iter().find(|track| track.id == id);
        let served = served.ok_or(vod::Error::NoTrack(id))?;
        self.playback.add_track(id, ssrc, outlet)?;
        self.watched.add_stream(ssrc, served.rtp_rate);
        Ok(())
    }

    /// Starts what a PLAY has prepared, once its answer is on the way.
    pub(super) fn start(&self, now: Instant) {
        self.first_play.get_or_init(|| now);
        self.playback.start(now);
    }

    /// Ends the media with BYE.
    pub(super) fn stop(&self, now: Instant) {
        self.playback.stop(now);
    }

    /// What the access log says of the session when it ends.
    pub(super) fn entry(&self, status: u16, now: Instant, ended: SystemTime, open: usize) -> Entry {
        let opened = self.watched.facts().opened;
        let sent = self.watched.counters().snapshot();
        let lost = self
            .watched
            .reception()
            .map_or(0, |reception| reception.lost_packets);
        Entry {
            start_delay: self
                .first_play
                .get()
                .map(|first| first.saturating_duration_since(opened)),
            duration: now.saturating_duration_since(opened),
            movie_duration: self.movie.duration().duration().unwrap_or_default(),
            movie_size: self.movie.size(),
            bit_rate: self.movie.bit_rate(),
            transport: match self.watched.facts().transport {
                "udp" => "UDP",
                _ => "TCP",
            },
            audio_codec: self.encoding(Kind::Audio),
            video_codec: self.encoding(Kind::Video),
            bytes_sent: sent.bytes,
            bytes_received: self.received.load(Relaxed),
            packets_sent: sent.packets,
            packets_lost: u64::try_from(lost).unwrap_or(0),
            ..self.visit.entry(status, ended, open)
        }
    }

    fn encoding(&self, kind: Kind) -> String {
        let of_kind = |track: &&ServedTrack| track.kind == kind;
        let track = self.movie.served().iter().find(of_kind);
        track.map_or_else(String::new, |track| track.encoding.clone())
    }
}

/// What a client sends back to the server's UDP ports.
pub(super) struct UdpFeedback {
    pub(super) watched: Arc<sessions::Session>,
    pub(super) ssrc: u32,
}

impl Feedback for UdpFeedback {
    fn rtcp(&self, bytes: &[u8], now: Instant) {
        self.watched.rtcp(bytes, now);
    }

    fn ssrc(&self) -> u32 {
        self.ssrc
    }

    fn alive(&self, now: Instant) {
        self.watched.touch(now);
    }
}

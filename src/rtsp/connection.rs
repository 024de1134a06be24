//! One RTSP connection: reads messages, sends the replies in their order, and knows when to end.
//!
//! What the replies are is the matter of `reply.rs`.

use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::time::{sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::access::SECRETS;
use crate::base::clock::Clock;
use crate::base::id::SessionId;
use crate::base::peer::Peer;
use crate::media::burst::PacketKind;
use crate::media::ending::Ending;
use crate::net::interleaved::Interleaved;
use crate::wire::query::without_values;
use crate::wire::rtsp::{Limits, Message, ParseError, Parser, Request, Response};

use super::allowance::Allowance;
use super::answer::Opening;
use super::channels::Channels;
use super::inflow::Inflow;
use super::inlet::{Inlet, MEDIA, MESSAGES};
use super::offered_keys::OfferedKeys;
use super::party::Party;
use super::permission::Openers;
use super::protection;
use super::service::Service;

/// How long a connection may take to its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// How long a client has for its last words, and to read the last answer before the connection is reset.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection and what it has set up.
pub(super) struct Connection {
    service: Arc<Service>,
    pub(super) peer: Peer,
    local: SocketAddr,
    pub(super) inlet: Inlet,
    outlet: Arc<Interleaved>,
    parser: Parser,
    buffer: BytesMut,
    channels: Channels,
    allowance: Allowance,
    inflow: Inflow,
    offered_keys: OfferedKeys,
    /// The sessions that requests on this connection belonged to.
    sessions: Vec<Attended>,
    pub(super) openers: Openers,
    opened: Instant,
    /// When the last message was complete.
    heard: Option<Instant>,
    /// Until when the client may have its last words, once the server has ended all sessions.
    farewell: Option<Instant>,
}

/// A session, as far as its connection has to do with it.
struct Attended {
    id: SessionId,
    over: CancellationToken,
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// The peer closed it, or it broke.
    ByPeer,
    /// The client has nothing more to say, or said nonsense: it may read the answer first.
    Farewell,
    /// The server stops.
    Stop,
}

impl Connection {
    pub(super) fn new(
        service: &Arc<Service>,
        inlet: Inlet,
        outlet: Arc<Interleaved>,
        peer: Peer,
        local: SocketAddr,
    ) -> Self {
        let opened = service.parts.clock.now();
        Self {
            service: Arc::clone(service),
            peer,
            local,
            inlet,
            outlet,
            parser: Parser::new(Limits::default()),
            buffer: BytesMut::new(),
            channels: Channels::default(),
            allowance: Allowance::new(opened),
            inflow: Inflow::default(),
            offered_keys: OfferedKeys::default(),
            sessions: Vec::new(),
            openers: Openers::default(),
            opened,
            heard: None,
            farewell: None,
        }
    }

    /// Serves the connection until it ends, or `stop`.
    pub(super) async fn run(mut self, stop: &CancellationToken) {
        let end = self.converse(stop).await;
        if matches!(end, End::ByPeer) && self.inlet.is_tunnel() {
            let _ = timeout(FAREWELL, self.hear_last_words()).await;
        }
        debug!(peer = %self.peer, ?end, "connection ends");
        self.close(end).await;
    }

    async fn converse(&mut self, stop: &CancellationToken) -> End {
        let outlet = Arc::clone(&self.outlet);
        let mut closed = pin!(outlet.drain());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stop,
                _ = &mut closed => return End::ByPeer,
                // Dropped only when the connection ends.
                step = self.step() => if let Some(end) = step {
                    return end;
                },
            }
        }
    }

    /// Serves what a tunnel's POST still brings after the GET is closed: as a rule TEARDOWN.
    async fn hear_last_words(&mut self) {
        while self.step().await.is_none() {}
    }

    /// Serves the next message, or waits for more bytes of it.
    async fn step(&mut self) -> Option<End> {
        self.take_frames();
        match self.parser.next(&mut self.buffer) {
            Ok(None) => self.listen().await,
            Ok(Some(Message::Request(request))) => self.serve(&request).await,
            // Frames are taken before, as many as there are.
            Ok(Some(Message::Frame { .. } | Message::Response(_))) => None,
            Err(error) => Some(self.give_up(&error)),
        }
    }

    /// A connection may be silent for as long as one of its sessions lives.
    async fn listen(&mut self) -> Option<End> {
        let publishes = !self.inflow.is_empty();
        if self.buffer.is_empty() && !publishes {
            // A waiting connection keeps no memory.
            self.buffer = BytesMut::new();
        }
        let patience = self.patience();
        let clock = self.service.parts.clock;
        let abandoned = abandoned(&self.sessions, &mut self.farewell, clock);
        let at_once = if publishes { MEDIA } else { MESSAGES };
        let more = self.inlet.fill(&mut self.buffer, at_once);
        let more = timeout_at(patience.into(), more);
        let more = tokio::select! {
            biased;
            // What it had begun to read is of no use any more.
            () = abandoned => return Some(End::Farewell),
            more = more => more,
        };
        match more {
            Ok(Ok(true)) => None,
            Ok(_) => Some(End::ByPeer),
            Err(_) if self.has_sessions() => {
                self.heard = Some(self.service.parts.clock.now());
                None
            }
            Err(_) => Some(End::Farewell),
        }
    }

    /// Until when the next message must be complete.
    fn patience(&self) -> Instant {
        let limit = self.service.config().rtsp.connection_timeout;
        match self.heard {
            Some(heard) => heard + limit,
            None => self.opened + limit.min(FIRST_REQUEST),
        }
    }

    fn has_sessions(&mut self) -> bool {
        let service = &self.service;
        self.sessions
            .retain(|session| service.party(session.id).is_some());
        !self.sessions.is_empty()
    }

    /// Takes the frames at the start of the buffer, without a copy.
    fn take_frames(&mut self) {
        let now = self.service.parts.clock.now();
        let mut taken = 0;
        while let Some(frame) = self
            .buffer
            .get(taken..)
            .and_then(|rest| self.parser.frame(rest))
        {
            if !self.inflow.take(frame.channel, frame.packet, now) {
                self.report(frame.channel, frame.packet, now);
            }
            taken += frame.length();
        }
        if taken > 0 {
            self.heard = Some(now);
            self.buffer.advance(taken);
        }
    }

    /// A frame of a viewer: RTCP, or nothing of interest.
    fn report(&self, channel: u8, packet: &[u8], now: Instant) {
        let Some((session, opener)) = self.channels.reporter(channel) else {
            return;
        };
        let party = self.service.party(session);
        let packet = protection::open(opener, PacketKind::Rtcp, packet);
        if let (Some(party), Some(packet)) = (party, packet) {
            party.rtcp(&packet, now);
        }
    }

    async fn serve(&mut self, request: &Request) -> Option<End> {
        let now = self.service.parts.clock.now();
        self.heard = Some(now);
        let wait = self.allowance.take(now);
        if !wait.is_zero() {
            self.service.parts.totals.throttled();
            sleep(wait).await;
        }
        let opening = self.opening(request.cseq());
        let mut reply = self.reply(request, &opening).await;
        let closing = request.headers.get("Connection");
        let closing = closing.is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if closing {
            reply.response.headers.push("Connection", "close");
        }
        debug!(peer = %self.peer, method = request.method.name(), uri = without_values(&request.uri, &SECRETS), status = reply.response.status.0, "answered");
        let sent = self.send(&reply.response);
        if let Some(party) = reply.starts.filter(|_| sent) {
            party.start(self.service.parts.clock.now());
        }
        closing.then_some(End::Farewell)
    }

    /// Answers what cannot be read; nothing after it can be, either.
    fn give_up(&self, error: &ParseError) -> End {
        debug!(peer = %self.peer, %error, "malformed request");
        let opening = self.opening(error.cseq.as_deref());
        let mut response = opening.response(error.status);
        response.headers.push("Connection", "close");
        self.send(&response);
        End::Farewell
    }

    fn opening(&self, cseq: Option<&str>) -> Opening {
        let clock = &self.service.parts.clock;
        Opening {
            cseq: cseq.map(str::to_owned),
            date: clock.present_wall(),
        }
    }

    /// Whether the answer is on its way; if not, the connection is closed.
    fn send(&self, response: &Response) -> bool {
        self.service.parts.totals.answered(response.status.0);
        let mut bytes = BytesMut::new();
        response.write(&mut bytes);
        self.outlet.send(&bytes).is_ok()
    }

    /// Ends the sessions whose media this connection carried, and those that
    /// published; viewers over UDP live on.
    async fn close(mut self, end: End) {
        let ending = match end {
            End::Stop => Ending::Ended,
            End::ByPeer | End::Farewell => Ending::HungUp,
        };
        for id in self.sessions().chain(self.channels.sessions()) {
            let party = self.service.party(id);
            if let Some(party) = party.filter(|party| self.carries(party)) {
                self.service.end(&party, ending).await;
            }
        }
        self.outlet.close();
        if matches!(end, End::Farewell) {
            // Unread bytes would have the system reset the connection, and the answer with it.
            let _ = timeout(FAREWELL, self.ignore_rest()).await;
        }
    }

    /// Whether a session ends with this connection. A publisher that has hung up
    /// must not keep its channel from the one that comes back.
    fn carries(&self, party: &Party) -> bool {
        let publisher = party.publisher();
        publisher.is_some_and(|publisher| publisher.ends_with(&self.outlet))
            || self.channels.sessions().contains(&party.id())
    }

    async fn ignore_rest(&mut self) {
        while let Ok(true) = self.inlet.fill(&mut self.buffer, MESSAGES).await {
            self.buffer.clear();
        }
    }

    /// Notes that requests on this connection belong to a session.
    pub(super) fn remember(&mut self, party: &Party) {
        let id = party.id();
        if self.sessions().all(|known| known != id) {
            let over = party.over().clone();
            self.sessions.push(Attended { id, over });
        }
    }

    /// Frees what a session had of this connection.
    pub(super) fn forget(&mut self, party: &Party) {
        self.sessions.retain(|session| session.id != party.id());
        self.channels.release(party.id());
        if let Some(publisher) = party.publisher() {
            self.inflow.close(publisher.ingest());
        }
    }

    /// The sessions that requests on this connection belonged to.
    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.iter().map(|session| session.id)
    }

    pub(super) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn outlet(&self) -> &Arc<Interleaved> {
        &self.outlet
    }

    pub(super) fn channels(&mut self) -> &mut Channels {
        &mut self.channels
    }

    pub(super) fn inflow(&mut self) -> &mut Inflow {
        &mut self.inflow
    }

    pub(super) fn offered_keys(&mut self) -> &mut OfferedKeys {
        &mut self.offered_keys
    }

    /// What the statistics call an interleaved transport on this connection.
    pub(super) fn transport(&self) -> &'static str {
        match (&self.inlet, self.is_encrypted()) {
            (Inlet::Socket(_), false) => "tcp",
            (Inlet::Socket(_), true) => "tls",
            (Inlet::Tunnel { .. }, false) => "http",
            (Inlet::Tunnel { .. }, true) => "https",
        }
    }

    /// Whether nobody on the way can read what is said and sent on this connection.
    pub(super) fn is_encrypted(&self) -> bool {
        self.outlet.is_encrypted()
    }
}

/// Returns when the server has ended all `sessions`, and their client had time for its last words, up
/// to `farewell`; for ever when there are none.
///
/// Not every player minds BYE, and tracks that sent nothing have none to say. Cancel safe.
async fn abandoned(sessions: &[Attended], farewell: &mut Option<Instant>, clock: Clock) {
    if sessions.is_empty() {
        *farewell = None;
        return pending().await;
    }
    for session in sessions
        .iter()
        .filter(|session| !session.over.is_cancelled())
    {
        *farewell = None;
        session.over.cancelled().await;
    }
    let until = *farewell.get_or_insert_with(|| clock.now() + FAREWELL);
    sleep_until(until.into()).await;
}

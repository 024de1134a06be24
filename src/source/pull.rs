//! Pulling a channel by RTSP from a camera or another server, with the retina crate.
//!
//! Retina leads the dialogue: authentication, keep-alives, TEARDOWN. Its packets
//! go on as they came, also those of formats that nobody here knows. Over UDP it
//! receives at sockets of its own, drops what arrives late before anybody else
//! sees it, and sends no receiver reports: TCP is the better choice but in a
//! quiet local network.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use retina::client::{
    Credentials, InitialSequenceNumberPolicy, InitialTimestampPolicy, PacketItem, PlayOptions,
    Playing, Session, SessionGroup, SessionIdPolicy, SessionOptions, SetupOptions, Stream,
    TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::rtcp::ReceivedCompoundPacket;
use url::Url;

use super::tls_bridge::TlsBridge;
use super::{Attempt, Failure};
use crate::base::clock::Clock;
use crate::config::{self, ChannelSource, Scheme};
use crate::media::burst::PacketKind;
use crate::media::description::{Description, Track};
use crate::media::intake::{Arrival, Intake};

/// How long to wait for the answer to a TEARDOWN.
const FAREWELL: Duration = Duration::from_secs(2);

/// The packet type of an RTCP packet that says goodbye (RFC 3550, 6.6).
const BYE: u8 = 203;

const USER_AGENT: &str = concat!("Reelcast/", env!("CARGO_PKG_VERSION"));

/// A channel that is pulled by RTSP.
#[derive(Debug)]
pub(super) struct Pull {
    settings: ChannelSource,
}

impl Pull {
    pub(super) fn new(settings: &ChannelSource) -> Self {
        Self {
            settings: settings.clone(),
        }
    }

    /// Pulls until the camera ends, fails or falls silent, or the attempt is stopped.
    pub(super) async fn run_once(&self, attempt: &Attempt) -> Failure {
        let sessions = Arc::new(SessionGroup::default());
        // It carries the TEARDOWN too, so it outlives the session.
        let mut bridge = None;
        let failure = tokio::select! {
            biased;
            () = attempt.stop.cancelled() => Failure::Stopped,
            Err(failure) = self.feed(attempt, &sessions, &mut bridge) => failure,
        };
        // Retina takes leave in the background; a camera with few sessions to give wants it back first.
        let _ = tokio::time::timeout(FAREWELL, sessions.await_teardown()).await;
        match (failure, bridge.as_ref().and_then(TlsBridge::failure)) {
            (Failure::Rtsp(_) | Failure::Ended, Some(reason)) => Failure::Rtsp(reason),
            (Failure::Rtsp(reason), None) => {
                Failure::Rtsp(self.without_secrets(reason, bridge.as_ref()))
            }
            (failure, _) => failure,
        }
    }

    /// `reason` without what URLs in it must not show: a bridge's secret word, a query with a password.
    fn without_secrets(&self, mut reason: String, bridge: Option<&TlsBridge>) -> String {
        let url = &self.settings.url;
        if let Some(bridge) = bridge {
            reason = reason.replace(bridge.url().as_str(), &url.to_string());
        }
        match url.url().query() {
            Some(query) if !query.is_empty() => reason.replace(query, "…"),
            _ => reason,
        }
    }

    async fn feed(
        &self,
        attempt: &Attempt,
        sessions: &Arc<SessionGroup>,
        bridge: &mut Option<TlsBridge>,
    ) -> Result<Infallible, Failure> {
        let (url, credentials) = self.approach(bridge).await?;
        let options = SessionOptions::default()
            .creds(credentials)
            .user_agent(USER_AGENT.to_owned())
            .session_group(Arc::clone(sessions))
            .session_id(SessionIdPolicy::UseFirst);
        let mut session = self
            .answer("DESCRIBE", Session::describe(url, options))
            .await?;
        let description = Description::read(session.sdp())?;
        let tracks = tracks_of(session.streams(), description.tracks());
        for stream in (0..tracks.len()).filter(|stream| tracks[*stream].is_some()) {
            let setup = session.setup(stream, self.setup_options());
            self.answer("SETUP", setup).await?;
        }
        // What cameras write into RTP-Info is of no use here, and often wrong.
        let play = PlayOptions::default()
            .initial_timestamp(InitialTimestampPolicy::Ignore)
            .initial_seq(InitialSequenceNumberPolicy::Ignore);
        let session = self.answer("PLAY", session.play(play)).await?;
        let intake = self.intake(attempt, description)?;
        let relay = Relay {
            open: tracks.iter().map(Option::is_some).collect(),
            tracks,
            session,
            intake,
            heard: attempt.clock.now(),
            patience: self.settings.timeout,
            clock: attempt.clock,
        };
        Err(relay.run().await)
    }

    /// Where to connect and with which credentials: to the camera, or to a bridge that has its own.
    async fn approach(
        &self,
        bridge: &mut Option<TlsBridge>,
    ) -> Result<(Url, Option<Credentials>), Failure> {
        let url = &self.settings.url;
        if url.scheme() == Scheme::Rtsps {
            let opened = self
                .within("TLS", TlsBridge::open(&self.settings))
                .await??;
            return Ok((bridge.insert(opened).url().clone(), None));
        }
        let credentials = url.credentials().map(|known| Credentials {
            username: known.user.clone(),
            password: known.password.clone(),
        });
        Ok((url.url().clone(), credentials))
    }

    fn setup_options(&self) -> SetupOptions {
        SetupOptions::default().transport(match self.settings.transport {
            config::Transport::Tcp => Transport::Tcp(TcpTransportOptions::default()),
            config::Transport::Udp => Transport::Udp(UdpTransportOptions::default()),
        })
    }

    /// The way into the channel for what retina hands on.
    fn intake(&self, attempt: &Attempt, description: Description) -> Result<Intake, Failure> {
        let arrival = match self.settings.transport {
            config::Transport::Tcp => Arrival::InOrder,
            config::Transport::Udp => Arrival::Sifted,
        };
        let tracks = description.tracks().iter().enumerate();
        let arrivals: Vec<_> = tracks
            .map(|(index, track)| (index, track.clock_hz, arrival))
            .collect();
        Ok(Intake::new(attempt.publish(description)?, arrivals))
    }

    async fn answer<T>(
        &self,
        request: &'static str,
        dialogue: impl Future<Output = Result<T, retina::Error>>,
    ) -> Result<T, Failure> {
        let answer = self.within(request, dialogue).await?;
        answer.map_err(|error| Failure::Rtsp(brief(&error)))
    }

    async fn within<T>(
        &self,
        request: &'static str,
        dialogue: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        let patience = self.settings.timeout;
        let answer = tokio::time::timeout(patience, dialogue).await;
        answer.map_err(|_| Failure::NoAnswer { request, patience })
    }
}

/// The first paragraph of an error; what follows are addresses and positions in the connection.
fn brief(error: &retina::Error) -> String {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which track of the description each stream is; retina leaves out media that it cannot read.
fn tracks_of(streams: &[Stream], tracks: &[Track]) -> Vec<Option<usize>> {
    let mut tracks = tracks.iter().enumerate();
    let index = |stream: &Stream| {
        let track = tracks.find(|(_, track)| track.payload_type == stream.rtp_payload_type());
        track.map(|(index, _)| index)
    };
    streams.iter().map(index).collect()
}

/// Packets on their way from a session to a channel.
struct Relay {
    session: Session<Playing>,
    intake: Intake,
    /// The track of each stream of the session.
    tracks: Vec<Option<usize>>,
    /// The streams that have not said goodbye.
    open: Vec<bool>,
    /// When media came last.
    heard: Instant,
    patience: Duration,
    clock: Clock,
}

impl Relay {
    async fn run(mut self) -> Failure {
        let mut replaced = pin!(self.intake.publisher().replaced());
        loop {
            let silent_at = self.heard + self.patience;
            let wake = self
                .intake
                .deadline()
                .map_or(silent_at, |due| due.min(silent_at));
            tokio::select! {
                biased;
                () = &mut replaced => return Failure::Replaced,
                () = tokio::time::sleep_until(wake.into()) => {
                    let now = self.clock.now();
                    if now >= silent_at {
                        return Failure::Silent(self.patience);
                    }
                    self.intake.advance(now);
                }
                item = self.session.next() => match item {
                    Some(Ok(item)) => self.take(&item),
                    Some(Err(error)) => return Failure::Rtsp(brief(&error)),
                    None => return Failure::Ended,
                },
            }
            if !self.open.contains(&true) {
                return Failure::Ended;
            }
        }
    }

    fn take(&mut self, item: &PacketItem) {
        match item {
            PacketItem::Rtp(packet) => self.take_rtp(packet.stream_id(), packet.raw()),
            PacketItem::Rtcp(compound) => self.take_rtcp(compound),
            // Retina may come to tell of more than packets.
            _ => {}
        }
    }

    fn take_rtp(&mut self, stream: usize, packet: &[u8]) {
        let now = self.clock.now();
        let taken = self.push(stream, PacketKind::Rtp, packet, now);
        // What the channel refuses is no sign of life.
        if taken {
            self.heard = now;
        }
    }

    fn take_rtcp(&mut self, compound: &ReceivedCompoundPacket) {
        let (stream, now) = (compound.stream_id(), self.clock.now());
        self.push(stream, PacketKind::Rtcp, compound.raw(), now);
        if says_goodbye(compound)
            && let Some(open) = self.open.get_mut(stream)
        {
            *open = false;
        }
    }

    /// Whether the channel took the packet; it counts what it refuses.
    fn push(&mut self, stream: usize, kind: PacketKind, packet: &[u8], now: Instant) -> bool {
        let track = self.tracks.get(stream).copied().flatten();
        track.is_some_and(|track| self.intake.push(track, kind, packet, now).is_ok())
    }
}

fn says_goodbye(compound: &ReceivedCompoundPacket) -> bool {
    compound.pkts().any(|packet| packet.payload_type() == BYE)
}

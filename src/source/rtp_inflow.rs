//! RTP that arrives as datagrams at places of its own, on its way into a channel, and what is
//! reported of it to its sender (RFC 3550, 6.4).
//!
//! Where the datagrams come from is the matter of [`Receiver`]: of sockets, or of
//! simulated networks in the tests.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;

use super::sole_sender::SoleSender;
use super::{Failure, Status};
use crate::base::clock::Clock;
use crate::media::burst::PacketKind;
use crate::media::intake::{Arrival, Intake};
use crate::media::publisher::Publisher;
use crate::net::receiver::Receiver;
use crate::wire::rtcp;

/// The longest datagram that is received whole, in bytes; RTP is rarely longer than 1500, but may be.
const LONGEST: usize = 9000;

/// A way in, and what arrives there.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) receiver: Receiver,
    /// The track's index.
    pub(super) track: usize,
    pub(super) carries: Carries,
}

/// How often a sender is told how its packets arrive, about (RFC 3550, 6.2).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// What arrives at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    Rtp,
    Rtcp,
    /// Both (RFC 5761).
    Both,
}

/// The way of one feed's datagrams into its channel.
pub(super) struct RtpInflow {
    state: Mutex<State>,
    status: Arc<Status>,
    clock: Clock,
}

struct State {
    intake: Intake,
    sender: SoleSender,
    /// Of each track, where its sender's own reports came from last.
    reporters: Vec<Option<SocketAddr>>,
}

impl RtpInflow {
    /// The way to `publisher`, all of whose tracks come in datagrams.
    pub(super) fn new(publisher: Publisher, status: &Arc<Status>, clock: Clock) -> Self {
        let description = publisher.channel().description();
        let tracks = description.iter().flat_map(|known| known.tracks());
        let clocks: Vec<u32> = tracks.map(|track| track.clock_hz).collect();
        let arrivals = clocks.iter().enumerate();
        let arrivals = arrivals.map(|(index, clock)| (index, *clock, Arrival::Datagrams));
        Self {
            state: Mutex::new(State {
                sender: SoleSender::new(clocks.len()),
                reporters: vec![None; clocks.len()],
                intake: Intake::new(publisher, arrivals),
            }),
            status: Arc::clone(status),
            clock,
        }
    }

    /// Feeds the channel with what arrives, until it has another publisher or an inlet fails.
    pub(super) async fn run(self, inlets: &[Inlet]) -> Failure {
        let replaced = self.lock().intake.publisher().replaced();
        let drained = try_join_all(inlets.iter().map(|inlet| self.drain(inlet)));
        tokio::select! {
            biased;
            () = replaced => Failure::Replaced,
            Err(error) = drained => Failure::Receive(error),
            never = self.report(inlets) => match never {},
            else => Failure::Ended,
        }
    }

    /// Takes what arrives at one inlet. What a packet leaves to be done later is
    /// done by the inlet that it came by.
    async fn drain(&self, inlet: &Inlet) -> io::Result<()> {
        let mut buffer = vec![0; LONGEST];
        loop {
            let due = self.lock().intake.deadline();
            tokio::select! {
                received = inlet.receiver.receive(&mut buffer) => {
                    let (size, sender) = received?;
                    self.take(inlet, sender, buffer.get(..size).unwrap_or_default());
                }
                () = async {
                    match due {
                        Some(due) => tokio::time::sleep_until(due.into()).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
            let now = self.clock.now();
            self.lock().intake.advance(now);
        }
    }

    fn take(&self, inlet: &Inlet, sender: SocketAddr, datagram: &[u8]) {
        let kind = match inlet.carries {
            Carries::Rtp => PacketKind::Rtp,
            Carries::Rtcp => PacketKind::Rtcp,
            Carries::Both if rtcp::is_rtcp(datagram) => PacketKind::Rtcp,
            Carries::Both => PacketKind::Rtp,
        };
        let now = self.clock.now();
        let mut state = self.lock();
        let admitted = match kind {
            PacketKind::Rtp => state.sender.admits_rtp(inlet.track, sender, now),
            PacketKind::Rtcp => state.sender.admits_rtcp(sender),
        };
        if admitted {
            if let Some(reporter) = state.reporters.get_mut(inlet.track)
                && kind == PacketKind::Rtcp
            {
                *reporter = Some(sender);
            }
            // The channel counts what it refuses.
            let _ = state.intake.push(inlet.track, kind, datagram, now);
        } else if kind == PacketKind::Rtp {
            self.status.ignored();
        }
    }

    /// Tells senders how their packets arrive, now and then for ever: a group that is open to all,
    /// or the host that sends reports itself. A report that is lost is made up for by the next.
    async fn report(&self, inlets: &[Inlet]) -> Infallible {
        let ssrc = rand::random();
        // The first comes early, and none at the same time as those of others (RFC 3550, 6.2).
        let mut interval = REPORT_INTERVAL / 2;
        loop {
            tokio::time::sleep(interval.mul_f64(0.5 + rand::random::<f64>())).await;
            interval = REPORT_INTERVAL;
            for inlet in inlets.iter().filter(|inlet| inlet.carries != Carries::Rtp) {
                if let Some((report, to)) = self.report_of(inlet, ssrc) {
                    let _ = inlet.receiver.send(&report, to).await;
                }
            }
        }
    }

    /// The report on the track whose RTCP arrives at `inlet`, and where it goes.
    fn report_of(&self, inlet: &Inlet, ssrc: u32) -> Option<(Vec<u8>, SocketAddr)> {
        let (now, mut report) = (self.clock.now(), Vec::new());
        let mut state = self.lock();
        let reporter = *state.reporters.get(inlet.track)?;
        let to = inlet.receiver.open_group().or(reporter)?;
        state.intake.report(inlet.track, ssrc, now, &mut report);
        (!report.is_empty()).then_some((report, to))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

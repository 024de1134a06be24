//! From packets as they arrive to the channel that they feed, whichever way they come.
//!
//! Sans-IO: time comes in with the calls. Datagrams are put in order first and
//! reported on; frames of a connection are in order already.

use std::time::{Duration, Instant};

use super::burst::PacketKind;
use super::jitter::{Reorder, ReorderCounts};
use super::publisher::{Malformed, Publisher};
use super::receiver::Receiver;
use crate::wire::rtcp::{self, Feedback};
use crate::wire::rtp::Packet;

/// How many packets may wait for one before them.
const WINDOW: usize = 256;

/// How long they wait for it: more than networks reorder, less than viewers notice.
const PATIENCE: Duration = Duration::from_millis(50);

/// How the packets of a track arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// One by one, in whatever order, perhaps twice or never.
    Datagrams,
    /// The same, but whoever received them has dropped what came late: nothing is to be waited for.
    Sifted,
    /// In the order in which they were sent.
    InOrder,
}

/// The intake of one publisher.
#[derive(Debug)]
pub struct Intake {
    publisher: Publisher,
    /// The tracks that come in datagrams, by their index.
    datagrams: Vec<(usize, Datagrams)>,
}

#[derive(Debug)]
struct Datagrams {
    reorder: Reorder,
    receiver: Receiver,
}

impl Intake {
    /// An intake for `publisher`; of each track that will arrive `tracks` has the index, the RTP clock rate and the way.
    pub fn new(
        publisher: Publisher,
        tracks: impl IntoIterator<Item = (usize, u32, Arrival)>,
    ) -> Self {
        let datagrams = tracks.into_iter().filter_map(|(index, clock_hz, arrival)| {
            let patience = arrival.patience()?;
            Some((index, Datagrams::new(clock_hz, patience)))
        });
        Self {
            publisher,
            datagrams: datagrams.collect(),
        }
    }

    /// The right to feed the channel.
    pub fn publisher(&mut self) -> &mut Publisher {
        &mut self.publisher
    }

    /// Takes a packet of the track at `index` that arrived at `now`.
    ///
    /// # Errors
    /// [`Malformed`] when it, or one that waited for it, does not fit the channel; it was counted already.
    pub fn push(
        &mut self,
        index: usize,
        kind: PacketKind,
        packet: &[u8],
        now: Instant,
    ) -> Result<(), Malformed> {
        let Some((_, datagrams)) = self.datagrams.iter_mut().find(|(of, _)| *of == index) else {
            return self.publisher.push(index, kind, packet, now);
        };
        match kind {
            PacketKind::Rtcp => {
                datagrams.note_report(packet, now);
                self.publisher.push(index, kind, packet, now)
            }
            PacketKind::Rtp => {
                let Ok(header) = Packet::read(packet) else {
                    return self.publisher.push(index, kind, packet, now);
                };
                datagrams.receiver.rtp(&header, now);
                datagrams.reorder.push(packet, now);
                release(&mut self.publisher, index, datagrams, now)
            }
        }
    }

    /// When [`advance`](Self::advance) must be called at the latest; `None` while nothing waits.
    pub fn deadline(&self) -> Option<Instant> {
        let tracks = self.datagrams.iter();
        let waiting = tracks.filter_map(|(_, datagrams)| datagrams.reorder.deadline());
        waiting.chain(self.publisher.flush_due()).min()
    }

    /// Does what has fallen due: gives up missing packets, hands a burst on.
    pub fn advance(&mut self, now: Instant) {
        for (index, datagrams) in &mut self.datagrams {
            // What did not fit was counted when it was refused.
            let _ = release(&mut self.publisher, *index, datagrams, now);
        }
        if self.publisher.flush_due().is_some_and(|due| due <= now) {
            self.publisher.flush(now);
        }
    }

    /// What has happened to the order of all datagrams together.
    pub fn order(&self) -> ReorderCounts {
        let tracks = self.datagrams.iter();
        let counts = tracks.map(|(_, datagrams)| datagrams.reorder.counts());
        counts.fold(ReorderCounts::default(), ReorderCounts::plus)
    }

    /// Appends a receiver report on the track at `index`, as `ssrc`; nothing when there is nothing to tell.
    pub fn report(&mut self, index: usize, ssrc: u32, now: Instant, out: &mut Vec<u8>) {
        let track = self.datagrams.iter_mut().find(|(of, _)| *of == index);
        if let Some(block) = track.and_then(|(_, datagrams)| datagrams.receiver.block(now)) {
            rtcp::write_receiver_report(out, ssrc, &[block], "reelcast");
        }
    }
}

impl Arrival {
    /// How long packets wait for one before them; `None` where nothing is to be put in order.
    fn patience(self) -> Option<Duration> {
        match self {
            Self::Datagrams => Some(PATIENCE),
            Self::Sifted => Some(Duration::ZERO),
            Self::InOrder => None,
        }
    }
}

/// Hands on what need not wait any longer.
fn release(
    publisher: &mut Publisher,
    index: usize,
    datagrams: &mut Datagrams,
    now: Instant,
) -> Result<(), Malformed> {
    let mut outcome = Ok(());
    while let Some(packet) = datagrams.reorder.pop(now) {
        let pushed = publisher.push(index, PacketKind::Rtp, packet, now);
        outcome = outcome.and(pushed);
    }
    outcome
}

impl Datagrams {
    fn new(clock_hz: u32, patience: Duration) -> Self {
        Self {
            reorder: Reorder::new(WINDOW, patience),
            receiver: Receiver::new(clock_hz),
        }
    }

    fn note_report(&mut self, packet: &[u8], now: Instant) {
        for part in rtcp::parse(packet).into_iter().flatten() {
            if let Feedback::SenderReport { report, .. } = part {
                self.receiver.sender_report(&report, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;
    use crate::base::path::MediaPath;
    use crate::media::description::Description;
    use crate::media::mounts::{Limits, Mounts, Takeover};
    use crate::wire::rtp;

    const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 h\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n";

    /// How many packets the channel has after each of `sequences`, and what became of their order.
    fn taken(arrival: Arrival, sequences: &[u16]) -> (Vec<u64>, ReorderCounts) {
        let clock = Clock::start();
        let mounts = Mounts::new(Limits::default(), clock);
        let path = MediaPath::from_plain("live").unwrap();
        let description = Description::read(SDP).unwrap();
        let publisher = mounts.publish(&path, description, "test".to_owned(), Takeover::Refuse);
        let mut intake = Intake::new(publisher.unwrap(), [(0, 8000, arrival)]);
        let channel = mounts.open(&path).unwrap();
        let taken = sequences.iter().map(|sequence| {
            let mut header = [0; rtp::HEADER_LEN];
            rtp::write_header(&mut header, false, 0, *sequence, 0, 7);
            let packet = [header.as_slice(), &[0; 160]].concat();
            let pushed = intake.push(0, PacketKind::Rtp, &packet, clock.started());
            assert_eq!(pushed, Ok(()));
            channel.stats().snapshot().packets
        });
        (taken.collect(), intake.order())
    }

    #[test]
    fn datagrams_wait_for_those_before_them() {
        let (taken, order) = taken(Arrival::Datagrams, &[1, 3, 3, 2]);
        assert_eq!(taken, [1, 1, 1, 3]);
        assert_eq!((order.replayed, order.given_up), (1, 0));
    }

    #[test]
    fn what_was_sifted_waits_for_nothing_and_passes_the_replay_detector_all_the_same() {
        let (taken, order) = taken(Arrival::Sifted, &[1, 3, 3, 4, 2]);
        assert_eq!(taken, [1, 2, 2, 3, 3]);
        assert_eq!((order.replayed, order.given_up, order.late), (1, 1, 1));
    }
}

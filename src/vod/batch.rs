//! Packets that leave together: one buffer, filled by a player and handed to outlets.

use std::ops::Range;
use std::time::Instant;

use crate::net::interleaved::Closed;
use crate::net::outlet::{FRAME_HEADER, TrackOutlet};

/// A worker's buffer of packets; used again for every playback that it serves.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    packets: Vec<Departure>,
    /// Where the packet that is being written begins.
    open: usize,
}

/// One packet of a batch.
#[derive(Clone, Debug)]
pub(super) struct Departure {
    /// Which of the player's streams it belongs to.
    pub stream: usize,
    /// RTP, or else RTCP.
    pub rtp: bool,
    /// When it should have left.
    pub due: Instant,
    /// Bytes of the packet without its frame.
    pub size: usize,
    /// Where it lies in the batch, its frame included.
    bytes: Range<usize>,
}

impl Batch {
    /// Empties the batch and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
        self.open = 0;
    }

    /// Bytes written so far, framing included.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The packets, in the order in which they leave.
    pub(super) fn packets(&self) -> &[Departure] {
        &self.packets
    }

    /// Begins a packet, framed for `channel` when it goes out interleaved (RFC 2326, 10.12).
    pub(super) fn open(&mut self, channel: Option<u8>) {
        self.open = self.bytes.len();
        if let Some(channel) = channel {
            self.bytes.extend_from_slice(&[b'$', channel, 0, 0]);
        }
    }

    /// Adds to the packet that was begun.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Where RTCP writers put their packet.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Takes back the packet that was begun.
    pub(super) fn abandon(&mut self) {
        self.bytes.truncate(self.open);
    }

    /// Ends the packet that was begun; a packet too long for its frame is dropped.
    pub(super) fn close(&mut self, stream: usize, rtp: bool, due: Instant, framed: bool) {
        let frame = if framed { FRAME_HEADER } else { 0 };
        let size = self.bytes.len() - self.open - frame;
        if framed {
            let Ok(length) = u16::try_from(size) else {
                return self.abandon();
            };
            self.bytes[self.open + 2..self.open + FRAME_HEADER]
                .copy_from_slice(&length.to_be_bytes());
        }
        self.packets.push(Departure {
            stream,
            rtp,
            due,
            size,
            bytes: self.open..self.bytes.len(),
        });
    }

    /// Hands every packet to its stream's outlet: one write for what goes to one
    /// connection, one call for neighbours of equal size over UDP. Answers how
    /// many RTP packets the network did not take.
    ///
    /// # Errors
    /// [`Closed`] when a connection is gone; packets after that were not sent.
    pub(super) fn send<'a>(
        &self,
        outlet: impl Fn(usize) -> &'a TrackOutlet,
    ) -> Result<usize, Closed> {
        let (mut rest, mut dropped) = (&self.packets[..], 0);
        while let Some(first) = rest.first() {
            let count = match outlet(first.stream) {
                TrackOutlet::Interleaved { outlet: shared, .. } => {
                    let same = |next: &&Departure| outlet(next.stream).goes_by(shared);
                    let count = rest.iter().take_while(same).count();
                    shared.send(&self.bytes[span(&rest[..count])])?;
                    count
                }
                TrackOutlet::Packets(lease) if first.rtp => {
                    let count = run_length(rest);
                    dropped += count
                        - lease
                            .send_run(&self.bytes[span(&rest[..count])], first.size)
                            .min(count);
                    count
                }
                TrackOutlet::Packets(lease) => {
                    // A lost report is made good by the next one.
                    let _ = lease.send_rtcp(&self.bytes[first.bytes.clone()]);
                    1
                }
            };
            rest = &rest[count..];
        }
        Ok(dropped)
    }
}

/// How many packets from the first on form a run: RTP of one stream, all of the
/// first one's size but the last, which may be shorter.
fn run_length(packets: &[Departure]) -> usize {
    let Some(first) = packets.first() else {
        return 0;
    };
    let alike = |next: &&Departure| next.stream == first.stream && next.rtp;
    let equal = |next: &&Departure| alike(next) && next.size == first.size;
    let count = packets.iter().take_while(equal).count();
    let shorter = packets
        .get(count)
        .filter(alike)
        .is_some_and(|next| next.size < first.size);
    count + usize::from(shorter)
}

fn span(packets: &[Departure]) -> Range<usize> {
    match (packets.first(), packets.last()) {
        (Some(first), Some(last)) => first.bytes.start..last.bytes.end,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    fn batch_of(packets: &[(usize, bool, usize)]) -> Batch {
        let now = Clock::start().started();
        let mut batch = Batch::default();
        for &(stream, rtp, size) in packets {
            batch.open(None);
            batch.append(&vec![0; size]);
            batch.close(stream, rtp, now, false);
        }
        batch
    }

    #[test]
    fn runs_end_at_a_shorter_packet_another_stream_or_rtcp() {
        let runs = |packets: &[_]| run_length(batch_of(packets).packets());
        assert_eq!(
            runs(&[(0, true, 100), (0, true, 100), (0, true, 60), (0, true, 60)]),
            3
        );
        assert_eq!(runs(&[(0, true, 60), (0, true, 100)]), 1);
        assert_eq!(runs(&[(0, true, 100), (1, true, 100)]), 1);
        assert_eq!(runs(&[(0, true, 100), (0, false, 100)]), 1);
    }

    #[test]
    fn frames_carry_channel_and_length() {
        let now = Clock::start().started();
        let mut batch = Batch::default();
        batch.open(Some(6));
        batch.append(&[1; 300]);
        batch.close(0, true, now, true);
        assert_eq!(batch.bytes[..5], [b'$', 6, 1, 44, 1]);
        batch.open(Some(6));
        batch.append(&vec![0; 70_000]);
        batch.close(0, true, now, true);
        assert_eq!((batch.len(), batch.packets().len()), (304, 1));
    }
}

//! One track's way out by SRTP: what one client is sent is protected under a key that nobody else has.
//!
//! Packets are copied and encrypted for each such client, which plain readers of the same
//! bursts see nothing of. How they are protected is the matter of `wire::srtp`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Sent;
use super::interleaved::Interleaved;
use super::outlet::FRAME_HEADER;
use super::udp_ports::UdpLease;
use crate::wire::srtp::{MasterKey, RTP_OVERHEAD, Sender};

/// A track that is protected for its client.
#[derive(Debug)]
pub struct ProtectedTrack {
    sender: Mutex<Sender>,
    way: Way,
}

/// How protected packets go.
#[derive(Debug)]
pub enum Way {
    /// As datagrams.
    Datagrams(UdpLease),
    /// As frames on a connection (RFC 2326, 10.12).
    Frames {
        /// The connection.
        connection: Arc<Interleaved>,
        /// The channel of RTP packets.
        rtp_channel: u8,
        /// The channel of RTCP packets.
        rtcp_channel: u8,
    },
}

impl ProtectedTrack {
    /// A track of which nothing was sent; its key must be of no other use.
    pub fn new(key: &MasterKey, way: Way) -> Self {
        Self {
            sender: Mutex::new(Sender::new(key)),
            way,
        }
    }

    /// The number under which the packet goes out next that is numbered `sequence`.
    pub fn sequence(&self, sequence: u16) -> u16 {
        self.sender().sequence(sequence)
    }

    /// The connection that frames go by.
    pub fn connection(&self) -> Option<&Arc<Interleaved>> {
        match &self.way {
            Way::Datagrams(_) => None,
            Way::Frames { connection, .. } => Some(connection),
        }
    }

    /// Sends a run of RTP packets that lie one behind the other, each `segment`
    /// bytes long, the last one at most; answers how many packets were sent.
    pub fn send_run(&self, packets: &[u8], segment: usize) -> usize {
        let segment = segment.max(1);
        let packets = packets.chunks(segment);
        match &self.way {
            Way::Datagrams(lease) => {
                let length = segment + RTP_OVERHEAD;
                let mut run = Vec::with_capacity(packets.len() * length);
                let mut sender = self.sender();
                packets.for_each(|packet| {
                    sender.protect_rtp(packet, &mut run);
                });
                drop(sender);
                lease.send_run(&run, length)
            }
            Way::Frames {
                connection,
                rtp_channel,
                ..
            } => {
                let length = FRAME_HEADER + segment + RTP_OVERHEAD;
                let mut frames = Vec::with_capacity(packets.len() * length);
                let mut sender = self.sender();
                let framed = packets
                    .filter(|packet| {
                        append_frame(&mut frames, *rtp_channel, |frame| {
                            sender.protect_rtp(packet, frame)
                        })
                    })
                    .count();
                drop(sender);
                connection.send(&frames).map_or(0, |_| framed)
            }
        }
    }

    /// Sends one compound RTCP packet.
    pub fn send_rtcp(&self, compound: &[u8]) -> Sent {
        let mut sender = self.sender();
        let mut protect = |out: &mut Vec<u8>| sender.protect_rtcp(compound, out);
        let mut out = Vec::new();
        match &self.way {
            Way::Datagrams(lease) if protect(&mut out) => lease.send_rtcp(&out),
            Way::Frames {
                connection,
                rtcp_channel,
                ..
            } if append_frame(&mut out, *rtcp_channel, protect) => {
                // That a connection is closed shows with the next packet.
                connection.send(&out).unwrap_or(Sent::Dropped)
            }
            _ => Sent::Dropped,
        }
    }

    fn sender(&self) -> MutexGuard<'_, Sender> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends what `write` appends as a frame; whether it wrote something that fits into one.
fn append_frame(
    frames: &mut Vec<u8>,
    channel: u8,
    write: impl FnOnce(&mut Vec<u8>) -> bool,
) -> bool {
    let start = frames.len();
    frames.extend_from_slice(&[b'$', channel, 0, 0]);
    let written = write(frames);
    match u16::try_from(frames.len() - start - FRAME_HEADER) {
        Ok(length) if written => {
            frames[start + 2..start + FRAME_HEADER].copy_from_slice(&length.to_be_bytes());
            true
        }
        _ => {
            frames.truncate(start);
            false
        }
    }
}

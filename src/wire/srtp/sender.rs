//! The sending side of one stream: plain packets in, protected ones out.

use super::index::Indices;
use super::key::MasterKey;
use super::session_keys::{Purpose, SessionKeys};
use super::{ENCRYPTED, REPLAY_WINDOW, RTCP_HEADER_LEN, RTCP_INDEX_LEN, TAG_LEN};
use crate::wire::rtp;

/// How far packets may go ahead of the last one before they are numbered anew. A receiver that has
/// missed some would mistake a wider gap for a rollover, or miss one.
const WIDEST_GAP: i16 = 1 << 14;

/// A stream's first number is below that, so that a receiver which has missed the first packets cannot
/// miss a rollover (RFC 3711, 3.3.1).
const FIRST_BELOW: u16 = 1 << 15;

/// Protects the packets of one synchronisation source under a key of its own (RFC 3711, 3.3 and 3.4).
///
/// No two packets are encrypted alike: what comes with a number that was used is not sent.
pub struct Sender {
    rtp: SessionKeys,
    rtcp: SessionKeys,
    indices: Indices,
    /// What is added to the numbers of packets.
    shift: u16,
    /// The index of the next RTCP packet.
    next_rtcp: u32,
}

impl Sender {
    /// A stream of which nothing was sent. No other may have the same key.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            rtp: SessionKeys::derive(master, Purpose::Rtp),
            rtcp: SessionKeys::derive(master, Purpose::Rtcp),
            indices: Indices::of_rtp(),
            shift: 0,
            next_rtcp: 0,
        }
    }

    /// The number under which the packet goes out next that is numbered `sequence`.
    ///
    /// It is the same, until the stream begins so late or goes on so far ahead that the receiver
    /// could not tell how often the numbers have begun anew.
    pub fn sequence(&mut self, sequence: u16) -> u16 {
        let shifted = sequence.wrapping_add(self.shift);
        let number = match self.indices.highest() {
            None => shifted % FIRST_BELOW,
            Some(highest) => {
                let ahead = shifted.wrapping_sub(highest as u16) as i16;
                match (-(REPLAY_WINDOW as i16)..=WIDEST_GAP).contains(&ahead) {
                    true => shifted,
                    false => (highest as u16).wrapping_add(1),
                }
            }
        };
        self.shift = number.wrapping_sub(sequence);
        number
    }

    /// Appends an RTP packet to `out`, protected; whether it can be sent. If not, `out` is as before.
    pub fn protect_rtp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> bool {
        let Some((ssrc, sequence, payload)) = rtp_head(packet) else {
            return false;
        };
        let number = self.sequence(sequence);
        let index = self.indices.of_sequence(number, 0);
        let Some(index) = index.filter(|index| self.indices.is_free(*index)) else {
            return false;
        };
        self.indices.take(index);
        let start = out.len();
        out.extend_from_slice(packet);
        let protected = &mut out[start..];
        protected[2..4].copy_from_slice(&number.to_be_bytes());
        self.rtp.apply(ssrc, index, &mut protected[payload..]);
        let rollovers = ((index >> 16) as u32).to_be_bytes();
        let tag = self.rtp.tag(protected, &rollovers);
        out.extend_from_slice(&tag);
        true
    }

    /// Appends a compound RTCP packet to `out`, protected; whether it can be sent. If not, `out` is as before.
    pub fn protect_rtcp(&mut self, compound: &[u8], out: &mut Vec<u8>) -> bool {
        let index = self.next_rtcp;
        let Some(ssrc) = rtcp_source(compound).filter(|_| index < ENCRYPTED) else {
            return false;
        };
        self.next_rtcp += 1;
        out.reserve(compound.len() + RTCP_INDEX_LEN + TAG_LEN);
        let start = out.len();
        out.extend_from_slice(compound);
        let encrypted = &mut out[start + RTCP_HEADER_LEN..];
        self.rtcp.apply(ssrc, index.into(), encrypted);
        out.extend_from_slice(&(ENCRYPTED | index).to_be_bytes());
        let tag = self.rtcp.tag(&out[start..], &[]);
        out.extend_from_slice(&tag);
        true
    }
}

/// The source and the number of an RTP packet, and where its payload begins; `None` when it is none.
pub(super) fn rtp_head(packet: &[u8]) -> Option<(u32, u16, usize)> {
    let header = packet.first_chunk::<{ rtp::HEADER_LEN }>()?;
    let [_, _, high, low, _, _, _, _, ssrc @ ..] = *header;
    let payload = rtp::header_len(packet)?;
    let sequence = u16::from_be_bytes([high, low]);
    Some((u32::from_be_bytes(ssrc), sequence, payload))
}

/// The source that an RTCP packet says it is of; `None` when it is too short to have one.
pub(super) fn rtcp_source(packet: &[u8]) -> Option<u32> {
    let source = packet.get(4..RTCP_HEADER_LEN)?;
    source.try_into().ok().map(u32::from_be_bytes)
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("srtp::Sender")
    }
}

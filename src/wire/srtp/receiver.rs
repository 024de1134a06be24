//! The receiving side: protected packets in, plain ones out.

use arrayvec::ArrayVec;

use super::index::Indices;
use super::key::MasterKey;
use super::sender::{rtcp_source, rtp_head};
use super::session_keys::{Purpose, SessionKeys};
use super::{ENCRYPTED, RTCP_HEADER_LEN, RTCP_INDEX_LEN, TAG_LEN};

/// The most sources under one key that are told apart. Who sends has one, and another one after a collision.
const MOST_SOURCES: usize = 4;

/// Takes the protection off packets that one peer sends under one key (RFC 3711, 3.3 and 3.4).
pub struct Receiver {
    rtp: SessionKeys,
    rtcp: SessionKeys,
    sources: Sources,
    /// How often the numbers of sources have begun anew before their first packets, as the sender said.
    rollovers: Vec<(u32, u32)>,
}

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is too short, or no such packet.
    #[error("no SRTP packet")]
    Malformed,
    /// Whoever sent it does not have the key.
    #[error("packet is not authentic")]
    NotAuthentic,
    /// It came before, or is too old to tell.
    #[error("packet was replayed")]
    Replayed,
    /// It is of one source too many.
    #[error("too many sources")]
    TooManySources,
}

impl Receiver {
    /// A receiver that nothing came to; `rollovers` says of sources how often their numbers have begun
    /// anew so far (the "ROC"), which is 0 for others.
    pub fn new(master: &MasterKey, rollovers: Vec<(u32, u32)>) -> Self {
        Self {
            rtp: SessionKeys::derive(master, Purpose::Rtp),
            rtcp: SessionKeys::derive(master, Purpose::Rtcp),
            sources: Sources::default(),
            rollovers,
        }
    }

    /// The RTP packet that `protected` holds.
    ///
    /// # Errors
    /// [`Refused`], and nothing is remembered of the packet.
    pub fn unprotect_rtp(&mut self, protected: &[u8]) -> Result<Vec<u8>, Refused> {
        let (packet, tag) = split_end(protected, TAG_LEN)?;
        let (ssrc, sequence, payload) = rtp_head(packet).ok_or(Refused::Malformed)?;
        let rollovers = self.rollovers.iter().find(|(known, _)| *known == ssrc);
        let rollovers = rollovers.map_or(0, |(_, rollovers)| *rollovers);
        let index = self.sources.with(ssrc, |source| {
            let index = source.rtp.of_sequence(sequence, rollovers);
            let index = index.filter(|index| source.rtp.is_free(*index));
            let index = index.ok_or(Refused::Replayed)?;
            let rollovers = ((index >> 16) as u32).to_be_bytes();
            if !self.rtp.is_tag(tag, packet, &rollovers) {
                return Err(Refused::NotAuthentic);
            }
            source.rtp.take(index);
            Ok(index)
        })?;
        let mut plain = packet.to_vec();
        self.rtp.apply(ssrc, index, &mut plain[payload..]);
        Ok(plain)
    }

    /// Whether the peer, and nobody else, can have sent this RTCP packet, now or before.
    pub fn is_author(&self, protected: &[u8]) -> bool {
        split_end(protected, TAG_LEN)
            .is_ok_and(|(authenticated, tag)| self.rtcp.is_tag(tag, authenticated, &[]))
    }

    /// The compound RTCP packet that `protected` holds.
    ///
    /// # Errors
    /// [`Refused`], and nothing is remembered of the packet.
    pub fn unprotect_rtcp(&mut self, protected: &[u8]) -> Result<Vec<u8>, Refused> {
        let (authenticated, tag) = split_end(protected, TAG_LEN)?;
        let (packet, index) = split_end(authenticated, RTCP_INDEX_LEN)?;
        let ssrc = rtcp_source(packet).ok_or(Refused::Malformed)?;
        let index = index.try_into().map_err(|_| Refused::Malformed)?;
        let (index, encrypted) = match u32::from_be_bytes(index) {
            index if index & ENCRYPTED != 0 => (u64::from(index ^ ENCRYPTED), true),
            index => (u64::from(index), false),
        };
        self.sources.with(ssrc, |source| {
            if !source.rtcp.is_free(index) {
                return Err(Refused::Replayed);
            }
            if !self.rtcp.is_tag(tag, authenticated, &[]) {
                return Err(Refused::NotAuthentic);
            }
            source.rtcp.take(index);
            Ok(())
        })?;
        let mut plain = packet.to_vec();
        if encrypted {
            self.rtcp.apply(ssrc, index, &mut plain[RTCP_HEADER_LEN..]);
        }
        Ok(plain)
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("srtp::Receiver")
    }
}

/// The sources that authentic packets came from.
#[derive(Default)]
struct Sources(ArrayVec<Source, MOST_SOURCES>);

/// What came from one synchronisation source.
struct Source {
    ssrc: u32,
    rtp: Indices,
    rtcp: Indices,
}

impl Sources {
    /// Has `judge` look at a packet of that source, which is remembered if the packet is taken.
    fn with<T>(
        &mut self,
        ssrc: u32,
        judge: impl FnOnce(&mut Source) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        if let Some(known) = self.0.iter_mut().find(|source| source.ssrc == ssrc) {
            return judge(known);
        }
        let mut new = Source {
            ssrc,
            rtp: Indices::of_rtp(),
            rtcp: Indices::of_rtcp(),
        };
        let judged = judge(&mut new)?;
        self.0.try_push(new).map_err(|_| Refused::TooManySources)?;
        Ok(judged)
    }
}

/// What stands before the last `len` bytes, and these.
fn split_end(bytes: &[u8], len: usize) -> Result<(&[u8], &[u8]), Refused> {
    let at = bytes.len().checked_sub(len).ok_or(Refused::Malformed)?;
    Ok(bytes.split_at(at))
}

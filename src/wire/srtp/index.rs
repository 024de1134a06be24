//! Packet indices: 48 bits, of which a packet carries 16, and both ends count the rest (RFC 3711, 3.3.1).

use webrtc_util::replay_detector::{ReplayDetector, SlidingWindowDetector};

use super::REPLAY_WINDOW;

/// The largest index of an RTP packet.
const LAST_RTP: u64 = (1 << 48) - 1;

/// The largest index of an RTCP packet.
const LAST_RTCP: u64 = (1 << 31) - 1;

/// The indices of one source's packets: which is the highest, and which of the newest were used.
pub(super) struct Indices {
    highest: Option<u64>,
    used: SlidingWindowDetector,
}

impl Indices {
    /// Those of RTP packets, none of which was used.
    pub(super) fn of_rtp() -> Self {
        Self::up_to(LAST_RTP)
    }

    /// Those of RTCP packets, none of which was used.
    pub(super) fn of_rtcp() -> Self {
        Self::up_to(LAST_RTCP)
    }

    fn up_to(last: u64) -> Self {
        Self {
            highest: None,
            used: SlidingWindowDetector::new(REPLAY_WINDOW, last),
        }
    }

    /// The highest index that was used.
    pub(super) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The index that a packet with the number `sequence` has most likely (RFC 3711, appendix A);
    /// `None` before the first rollover began.
    pub(super) fn of_sequence(&self, sequence: u16, rollovers: u32) -> Option<u64> {
        let Some(highest) = self.highest else {
            return Some(u64::from(rollovers) << 16 | u64::from(sequence));
        };
        let ahead = sequence.wrapping_sub(highest as u16) as i16;
        highest.checked_add_signed(ahead.into())
    }

    /// Whether a packet may have that index: it was not used, and is not too old to tell.
    pub(super) fn is_free(&mut self, index: u64) -> bool {
        self.used.check(index)
    }

    /// Uses the index that was asked for last.
    pub(super) fn take(&mut self, index: u64) {
        self.used.accept();
        self.highest = self.highest.max(Some(index));
    }
}

//! What a channel tells of itself: the sender reports of one track (RFC 3550, 6.4.1).

/// Counts what the reports of a track say.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    packets: u32,
    bytes: u32,
}

impl Reporter {
    /// Counts a packet with so many bytes of payload.
    pub(super) fn sent(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload as u32);
    }
}

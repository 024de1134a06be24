//! Finding packets in bytes: sync bytes at a steady distance, lost and found again.

use super::packet;

/// The distances between sync bytes: plain packets, packets behind a time code of four bytes
/// (M2TS), and packets before sixteen bytes of parity (DVB-ASI).
const STRIDES: [usize; 3] = [packet::SIZE, 192, 204];

const LONGEST: usize = STRIDES[STRIDES.len() - 1];

const SYNC: u8 = 0x47;

/// Cuts bytes into packets.
#[derive(Debug, Default)]
pub(super) struct Sync {
    buffer: Vec<u8>,
    /// Where in `buffer` the next packet starts; behind its end while bytes between packets are awaited.
    at: usize,
    /// The distance between packets, once it is known.
    stride: Option<usize>,
    /// How often packets were no longer where they should be.
    pub(super) lost: u64,
    /// Bytes that belonged to no packet.
    pub(super) skipped: u64,
}

impl Sync {
    /// Takes the next bytes; call [`next`](Self::next) until it returns `None` before the next call.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let used = self.at.min(self.buffer.len());
        self.buffer.drain(..used);
        self.at -= used;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole packet.
    pub(super) fn next(&mut self) -> Option<&[u8; packet::SIZE]> {
        loop {
            let Some(stride) = self.stride else {
                if self.search() {
                    continue;
                }
                return None;
            };
            let start = self.at;
            match self.buffer.get(start..)?.first()? {
                &SYNC => {
                    self.buffer.get(start..start + packet::SIZE)?;
                    self.at += stride;
                    return self.buffer.get(start..)?.first_chunk();
                }
                _ => {
                    self.stride = None;
                    self.lost += 1;
                }
            }
        }
    }

    /// Whether bytes came before the first packet, and it does not begin among them: more of them
    /// than the rest of a packet, or nowhere sync bytes as far as they would stand.
    pub(super) fn is_barren(&self) -> bool {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let stands = |at: usize, stride: usize| {
            let mut places = rest.iter().skip(at).step_by(stride);
            places.all(|byte| *byte == SYNC)
        };
        let begins = |at: usize| STRIDES.iter().any(|stride| stands(at, *stride));
        let is_long = self.skipped > LONGEST as u64;
        self.stride.is_none() && (is_long || !rest.is_empty() && !(0..rest.len()).any(begins))
    }

    /// Moves on to the next place where three sync bytes stand at one of the distances.
    fn search(&mut self) -> bool {
        while self.at + 2 * packet::SIZE < self.buffer.len() {
            let is_sync = |at: usize| self.buffer.get(at) == Some(&SYNC);
            let stands = |stride: &&usize| (0..3).all(|count| is_sync(self.at + count * **stride));
            self.stride = STRIDES.iter().find(stands).copied();
            if self.stride.is_some() {
                return true;
            }
            if is_sync(self.at) && self.at + 2 * LONGEST >= self.buffer.len() {
                return false;
            }
            self.at += 1;
            self.skipped += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets that are told apart by their second byte; payloads hold what looks like sync bytes.
    fn packets(count: u8, before: &[u8], after: &[u8]) -> Vec<u8> {
        let packet = |number: u8| {
            let mut packet = [0x11; packet::SIZE];
            (packet[0], packet[1]) = (SYNC, number);
            packet[5 + 7 * usize::from(number)] = SYNC;
            [before, &packet, after].concat()
        };
        (0..count).flat_map(packet).collect()
    }

    fn numbers(sync: &mut Sync, bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            sync.push(piece);
            while let Some(packet) = sync.next() {
                found.push(packet[1]);
            }
        }
        found
    }

    #[test]
    fn packets_of_every_size_are_found_in_pieces_of_every_size() {
        for (before, after) in [(0, 0), (4, 0), (0, 16)] {
            let bytes = packets(12, &[0; 4][..before], &[1; 16][..after]);
            for piece in [1, 7, 188, 191, 192, 204, 1316, 10_000] {
                let mut sync = Sync::default();
                let found = numbers(&mut sync, &bytes, piece);
                assert_eq!(found, Vec::from_iter(0..12), "{before} {after} {piece}");
                assert_eq!((sync.lost, sync.skipped), (0, before as u64));
            }
        }
    }

    #[test]
    fn lost_sync_is_found_again() {
        let mut bytes = packets(4, &[], &[]);
        bytes.extend_from_slice(&[0x47, 0, 0x47, 9, 9]);
        bytes.extend(packets(4, &[], &[]));
        let mut sync = Sync::default();
        assert_eq!(numbers(&mut sync, &bytes, 50), [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!((sync.lost, sync.skipped), (1, 5));
    }

    #[test]
    fn what_is_no_transport_stream_is_not_kept() {
        let mut sync = Sync::default();
        assert!(numbers(&mut sync, &[0x46; 100_000], 1000).is_empty());
        assert!(sync.buffer.len() < 2000);
        assert!(sync.skipped > 98_000);
    }
}

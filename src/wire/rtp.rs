//! RTP headers (RFC 3550, 5.1): a checked view of packets that arrive, and the bytes of those that leave.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//! |                           timestamp                           |
//! |           synchronization source (SSRC) identifier            |
//! +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
//! ```

use rtp_rs::RtpReader;
pub use rtp_rs::Seq;

/// Length in bytes of a header without contributing sources and extension.
pub const HEADER_LEN: usize = 12;

/// A packet whose header is sound, so that reading its fields cannot fail.
#[derive(Debug)]
pub struct Packet<'a>(RtpReader<'a>);

/// Bytes that are no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no RTP packet")]
pub struct NotRtp;

impl<'a> Packet<'a> {
    /// Checks `bytes` and views them as a packet.
    ///
    /// # Errors
    /// [`NotRtp`] for another version, and when the packet is shorter than its header says.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotRtp> {
        RtpReader::new(bytes).map(Self).map_err(|_| NotRtp)
    }

    /// The marker bit.
    pub fn marker(&self) -> bool {
        self.0.mark()
    }

    /// The payload type, 0 to 127.
    pub fn payload_type(&self) -> u8 {
        self.0.payload_type()
    }

    /// The sequence number; `<` between two minds the wrap.
    pub fn sequence(&self) -> Seq {
        self.0.sequence_number()
    }

    /// The RTP time, in ticks of the payload's clock.
    pub fn time(&self) -> u32 {
        self.0.timestamp()
    }

    /// The synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.0.ssrc()
    }

    /// The payload without padding.
    pub fn payload(&self) -> &'a [u8] {
        self.0.payload()
    }
}

/// Writes a header without padding, extension and contributing sources.
///
/// Of `payload_type` the lower seven bits count; `time` is in ticks of the payload's clock.
pub fn write_header(
    out: &mut [u8; HEADER_LEN],
    marker: bool,
    payload_type: u8,
    sequence: u16,
    time: u32,
    ssrc: u32,
) {
    out[0] = 0x80;
    out[1] = u8::from(marker) << 7 | payload_type & 0x7f;
    out[2..4].copy_from_slice(&sequence.to_be_bytes());
    out[4..8].copy_from_slice(&time.to_be_bytes());
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

/// Bytes of the header that `packet` begins with, its contributing sources and its extension included;
/// `None` for another version, and when the packet is shorter.
///
/// Says so of encrypted packets too, of which [`Packet`] would take the last byte for padding.
pub fn header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut len = HEADER_LEN + usize::from(first & 0x0f) * 4;
    if first & 0x10 != 0 {
        let words = packet.get(len + 2..len + 4)?.try_into().ok()?;
        len += 4 + usize::from(u16::from_be_bytes(words)) * 4;
    }
    (first >> 6 == 2 && len <= packet.len()).then_some(len)
}

/// Gives a packet another place in another stream: sequence number, time and source.
///
/// Everything else of `packet` stays as it is; what is shorter than a header is left alone.
pub fn renumber(packet: &mut [u8], sequence: u16, time: u32, ssrc: u32) {
    if let Some(header) = packet.first_chunk_mut::<HEADER_LEN>() {
        header[2..4].copy_from_slice(&sequence.to_be_bytes());
        header[4..8].copy_from_slice(&time.to_be_bytes());
        header[8..12].copy_from_slice(&ssrc.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_round_trip(marker: bool, payload_type in 0u8..128, sequence: u16, time: u32, ssrc: u32) {
            let mut bytes = [0; HEADER_LEN];
            write_header(&mut bytes, marker, payload_type, sequence, time, ssrc);
            let packet = Packet::read(&bytes).unwrap();
            prop_assert_eq!(packet.marker(), marker);
            prop_assert_eq!(packet.payload_type(), payload_type);
            prop_assert_eq!(packet.sequence(), Seq::from(sequence));
            prop_assert_eq!(packet.time(), time);
            prop_assert_eq!(packet.ssrc(), ssrc);
            prop_assert!(packet.payload().is_empty());
        }

        #[test]
        fn rubbish_does_not_panic(bytes: Vec<u8>) {
            if let Ok(packet) = Packet::read(&bytes) {
                prop_assert!(packet.payload().len() <= bytes.len());
                let header = header_len(&bytes).unwrap();
                prop_assert!(bytes[header..].starts_with(packet.payload()));
            }
        }
    }
}

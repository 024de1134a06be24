//! Packed audio: frames behind an ID3 tag that tells their time (rfc8216bis, 3.1.4).

use crate::container::ts::CLOCK_HZ;

/// The tag before frames of which the first is presented at `time`, in ticks of 90 kHz, as the
/// PTS of a transport stream would tell it.
pub fn timestamp_tag(time: u64) -> Vec<u8> {
    const _: () = assert!(CLOCK_HZ == 90_000);
    let frame = 10 + OWNER.len() + 8;
    let mut tag = Vec::with_capacity(10 + frame);
    tag.extend_from_slice(b"ID3\x04\0\0");
    tag.extend_from_slice(&size(frame));
    tag.extend_from_slice(b"PRIV");
    tag.extend_from_slice(&size(frame - 10));
    tag.extend_from_slice(&[0, 0]);
    tag.extend_from_slice(OWNER);
    tag.extend_from_slice(&(time & ((1 << 33) - 1)).to_be_bytes());
    tag
}

/// Four bytes of seven bits (ID3v2.4.0, 6.2); these sizes need one.
fn size(bytes: usize) -> [u8; 4] {
    [0, 0, 0, bytes as u8 & 0x7f]
}

const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_has_the_form_that_players_look_for() {
        let tag = timestamp_tag(1 << 33 | 0x1_0203_0405);
        assert_eq!(tag.len(), 73);
        assert_eq!(tag[..20], *b"ID3\x04\0\0\0\0\0\x3fPRIV\0\0\0\x35\0\0");
        assert_eq!(tag[20..65], *OWNER);
        assert_eq!(tag[65..], [0, 0, 0, 1, 2, 3, 4, 5]);
    }
}

//! ID3 tags as HLS has them: what is on, and when (ID3v2.4.0; rfc8216bis, 3.1.4).

use super::ts::CLOCK_HZ;

/// A tag that consists of the frames added to it.
#[derive(Clone, Debug, Default)]
pub struct Tag {
    frames: Vec<u8>,
}

impl Tag {
    /// Says when the packed audio behind the tag is presented: at `time`, in ticks of 90 kHz, as the
    /// PTS of a transport stream would tell it.
    pub fn timestamp(self, time: u64) -> Self {
        const _: () = assert!(CLOCK_HZ == 90_000);
        let owner = b"com.apple.streaming.transportStreamTimestamp\0";
        let time = time & ((1 << 33) - 1);
        self.frame(b"PRIV", &[owner, &time.to_be_bytes()])
    }

    /// Says what is on.
    pub fn title(self, title: &str) -> Self {
        self.frame(b"TIT2", &[&[UTF_8], title.as_bytes()])
    }

    fn frame(mut self, name: &[u8; 4], content: &[&[u8]]) -> Self {
        self.frames.extend_from_slice(name);
        let length = content.iter().map(|part| part.len()).sum();
        self.frames.extend_from_slice(&size(length));
        // Flags.
        self.frames.extend_from_slice(&[0, 0]);
        self.frames.extend(content.iter().copied().flatten());
        self
    }

    /// The bytes of the tag.
    pub fn bytes(&self) -> Vec<u8> {
        let mut tag = b"ID3\x04\0\0".to_vec();
        tag.extend_from_slice(&size(self.frames.len()));
        tag.extend_from_slice(&self.frames);
        tag
    }
}

/// Four bytes of seven bits (ID3v2.4.0, 6.2); tags are much shorter than that.
fn size(bytes: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (bytes >> shift) as u8 & 0x7f)
}

/// How a text is encoded (4).
const UTF_8: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timestamp_has_the_form_that_players_look_for() {
        let tag = Tag::default().timestamp(1 << 33 | 0x1_0203_0405).bytes();
        assert_eq!(tag.len(), 73);
        assert_eq!(tag[..20], *b"ID3\x04\0\0\0\0\0\x3fPRIV\0\0\0\x35\0\0");
        assert_eq!(
            tag[20..65],
            *b"com.apple.streaming.transportStreamTimestamp\0"
        );
        assert_eq!(tag[65..], [0, 0, 0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn long_titles_have_sizes_of_seven_bits() {
        let tag = Tag::default().title(&"é".repeat(100)).bytes();
        assert_eq!(
            tag[..21],
            *b"ID3\x04\0\0\0\0\x01\x53TIT2\0\0\x01\x49\0\0\x03"
        );
        assert_eq!(tag.len(), 10 + 10 + 201);
    }
}

//! Titles inside a stream of sound, as SHOUTcast sends them to players that ask for them. Pure.
//!
//! There is no standard. A player that sends `Icy-MetaData: 1` is told an interval by
//! `icy-metaint`. After every so many bytes of sound comes one that tells how long the text behind
//! it is, in units of 16 bytes, and then the text, filled up with zeros; 0 means that nothing has changed.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

/// Bytes of sound between two places for a title: what Icecast sends, which all players know.
pub const INTERVAL: usize = 16_000;

/// The longest title that is told, in bytes; one byte counts the units of the whole text.
const MAX_TITLE: usize = 4000;

/// The unit in which the length of a text is told, in bytes.
const UNIT: usize = 16;

/// Puts titles into the sound that one player gets.
#[derive(Debug)]
pub struct Interleaver {
    /// Bytes of sound until the next place for a title.
    left: usize,
    told: Option<Arc<str>>,
}

impl Default for Interleaver {
    fn default() -> Self {
        Self {
            left: INTERVAL,
            told: None,
        }
    }
}

impl Interleaver {
    /// Appends `sound` to `out`, with `title` wherever it has its place and was not told before.
    pub fn push(&mut self, mut sound: Bytes, title: Option<&Arc<str>>, out: &mut VecDeque<Bytes>) {
        while sound.len() >= self.left {
            out.push_back(sound.split_to(self.left));
            out.push_back(self.news(title));
            self.left = INTERVAL;
        }
        self.left -= sound.len();
        if !sound.is_empty() {
            out.push_back(sound);
        }
    }

    fn news(&mut self, title: Option<&Arc<str>>) -> Bytes {
        if self.told.as_ref() == title {
            return Bytes::from_static(&[0]);
        }
        self.told = title.cloned();
        block(title.map_or("", |title| title))
    }
}

/// The bytes that tell a title.
fn block(title: &str) -> Bytes {
    let title = &title[..title.floor_char_boundary(MAX_TITLE)];
    // Players look for the quote and semicolon that end it.
    let text = format!("StreamTitle='{}';", title.replace("';", "'"));
    let units = text.len().div_ceil(UNIT);
    let mut block = Vec::with_capacity(1 + units * UNIT);
    block.push(units as u8);
    block.extend_from_slice(text.as_bytes());
    block.resize(1 + units * UNIT, 0);
    block.into()
}

const _: () = assert!((MAX_TITLE + "StreamTitle='';".len()).div_ceil(UNIT) <= u8::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn send(interleaver: &mut Interleaver, sizes: &[usize], title: Option<&Arc<str>>) -> Vec<u8> {
        let mut out = VecDeque::new();
        for size in sizes {
            interleaver.push(vec![0xff; *size].into(), title, &mut out);
        }
        out.into_iter().flatten().collect()
    }

    #[test]
    fn a_title_stands_after_so_much_sound_and_once() {
        let title = Arc::from("Ann - Song");
        for sizes in [
            &[2 * INTERVAL + 5][..],
            &[1, INTERVAL - 1, INTERVAL + 5],
            &[INTERVAL - 1, 1, 7, INTERVAL - 2],
        ] {
            let bytes = send(&mut Interleaver::default(), sizes, Some(&title));
            assert_eq!(bytes[INTERVAL - 1..][..2], [0xff, 2], "{sizes:?}");
            let text = b"StreamTitle='Ann - Song';\0\0\0\0\0\0\0";
            assert_eq!(&bytes[INTERVAL + 1..][..text.len()], text);
            let second = 2 * INTERVAL + 33;
            assert_eq!(bytes[second - 1..][..3], [0xff, 0, 0xff]);
            assert_eq!(bytes.len(), second + 1 + 5);
        }
    }

    #[test]
    fn a_title_that_ends_is_told() {
        let title = Arc::from("a");
        let mut interleaver = Interleaver::default();
        assert_eq!(send(&mut interleaver, &[INTERVAL], None)[INTERVAL..], [0]);
        send(&mut interleaver, &[INTERVAL], Some(&title));
        let bytes = send(&mut interleaver, &[INTERVAL], None);
        assert_eq!(&bytes[INTERVAL..], b"\x01StreamTitle='';\0");
    }

    #[test]
    fn no_title_ends_the_text_early_or_is_too_long() {
        assert_eq!(
            &block("Rock';n'Roll")[1..28],
            b"StreamTitle='Rock'n'Roll';\0"
        );
        let long = block(&"ä".repeat(5000));
        assert_eq!(long.len(), 1 + usize::from(long[0]) * UNIT);
        assert!(long.ends_with("ä';\0".as_bytes()) || long.ends_with(b"';\0"));
    }
}

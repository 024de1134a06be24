//! Base64 that arrives in arbitrary pieces: the client's half of an HTTP tunnel.
//!
//! QuickTime encodes each request by itself, so padding stands in the middle of
//! the stream; others break the lines.

use bytes::{BufMut, BytesMut};

/// Decodes a stream of base64 (RFC 4648, 4), keeping an incomplete group of four from piece to piece.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    bits: u32,
    letters: u8,
    padding: u8,
}

/// A byte that does not belong into base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte 0x{0:02x} does not belong into base64")]
pub struct Rubbish(pub u8);

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends to `out` what `input` completes. Line ends and blanks are skipped.
    ///
    /// # Errors
    /// [`Rubbish`] at the first byte that cannot be; what stands before it is decoded,
    /// and the stream cannot go on.
    pub fn decode(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), Rubbish> {
        out.reserve(input.len() / 4 * 3 + 3);
        for &byte in input {
            match byte {
                b'\r' | b'\n' | b' ' | b'\t' => {}
                b'=' if self.letters + self.padding >= 2 => self.pad(out),
                _ => {
                    let letter = sextet(byte).filter(|_| self.padding == 0);
                    self.push(letter.ok_or(Rubbish(byte))?, out);
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, letter: u8, out: &mut BytesMut) {
        self.bits = self.bits << 6 | u32::from(letter);
        self.letters += 1;
        if self.letters == 4 {
            self.finish_group(out);
        }
    }

    fn pad(&mut self, out: &mut BytesMut) {
        self.bits <<= 6;
        self.padding += 1;
        if self.letters + self.padding == 4 {
            self.finish_group(out);
        }
    }

    /// Four letters are three bytes; each `=` at their end stands for one that is not there.
    fn finish_group(&mut self, out: &mut BytesMut) {
        let [_, bytes @ ..] = self.bits.to_be_bytes();
        let count = 3 - usize::from(self.padding);
        out.put_slice(bytes.get(..count).unwrap_or_default());
        *self = Self::default();
    }
}

fn sextet(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&str]) -> Result<Vec<u8>, Rubbish> {
        let mut decoder = Decoder::new();
        let mut out = BytesMut::new();
        for piece in pieces {
            decoder.decode(piece.as_bytes(), &mut out)?;
        }
        Ok(out.to_vec())
    }

    #[test]
    fn padding_may_stand_in_the_middle() {
        assert_eq!(
            decode(&["T1A", "=", "T1BU\r\n", "Tw=", "="]),
            Ok(b"OPOPTO".to_vec())
        );
        assert_eq!(decode(&["T1"]), Ok(Vec::new()));
    }

    #[test]
    fn rubbish_is_told() {
        assert_eq!(decode(&["T1A-"]), Err(Rubbish(b'-')));
        assert_eq!(decode(&["="]), Err(Rubbish(b'=')));
        assert_eq!(decode(&["T="]), Err(Rubbish(b'=')));
        assert_eq!(decode(&["TW=A"]), Err(Rubbish(b'A')));
        assert_eq!(decode(&["TW==="]), Err(Rubbish(b'=')));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(messages: Vec<Vec<u8>>, step in 1usize..9) {
            let encoded: String = messages.iter().map(|bytes| BASE64_STANDARD.encode(bytes)).collect();
            let pieces: Vec<_> = encoded
                .as_bytes()
                .chunks(step)
                .map(|piece| std::str::from_utf8(piece).unwrap())
                .collect();
            prop_assert_eq!(decode(&pieces), Ok(messages.concat()));
        }

        #[test]
        fn rubbish_does_not_panic(bytes: Vec<u8>) {
            let _ = Decoder::new().decode(&bytes, &mut BytesMut::new());
        }
    }
}

//! Bytes as pairs of hexadecimal digits.

/// `bytes` in small digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that `text` spells; `None` for anything but pairs of digits, which may be large or small.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_spelled_and_read() {
        assert_eq!(hex(&[0, 0x1f, 0xa0]), "001fa0");
        for (text, bytes) in [
            ("", Some(vec![])),
            ("001fa0", Some(vec![0, 0x1f, 0xa0])),
            ("FfaB", Some(vec![0xff, 0xab])),
            ("0", None),
            ("0g", None),
            ("+1", None),
            ("é", None),
        ] {
            assert_eq!(unhex(text), bytes, "{text}");
        }
    }
}

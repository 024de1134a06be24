//! Fields of any number of bits.

/// Reads fields from the front of bytes, the most significant bit first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next field of up to 32 bits; `None` beyond the end.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Bits read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next `count` bits as bytes, filled up with zeros at the end.
    pub(super) fn take_bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        (0..count.div_ceil(8))
            .map(|index| {
                let left = (count - 8 * index).min(8) as u32;
                Some((self.take(left)? << (8 - left)) as u8)
            })
            .collect()
    }
}

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

    /// An unsigned Exp-Golomb code, `ue(v)` (ITU-T H.264, 9.1); `None` beyond 32 bits.
    pub(super) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        let rest = (zeros <= 31).then(|| self.take(zeros))??;
        Some((1 << zeros) - 1 + rest)
    }

    /// A signed Exp-Golomb code, `se(v)` (ITU-T H.264, 9.1.1).
    pub(super) fn signed(&mut self) -> Option<i32> {
        let code = self.unsigned()?;
        let half = code.div_ceil(2).cast_signed();
        Some(if code % 2 == 1 { half } else { -half })
    }

    /// Passes over `count` bits.
    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        let at = self.at.checked_add(count)?;
        (at <= 8 * self.bytes.len()).then_some(())?;
        self.at = at;
        Some(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_count_from_zero() {
        // 1, 010, 011, 00100, 00101
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let codes: Vec<_> = (0..5).map_while(|_| bits.unsigned()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let codes: Vec<_> = (0..5).map_while(|_| bits.signed()).collect();
        assert_eq!(codes, [0, 1, -1, 2, -2]);
    }

    #[test]
    fn codes_too_long_are_none() {
        assert_eq!(Bits::new(&[0; 9]).unsigned(), None);
        assert_eq!(
            Bits::new(&[0, 0, 0, 1, 0, 0, 0, 1]).unsigned(),
            Some(u32::MAX / 2)
        );
        assert_eq!(Bits::new(&[1]).skip(9), None);
    }
}

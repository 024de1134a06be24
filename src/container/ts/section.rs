//! Sections of program specific information (ISO/IEC 13818-1, 2.4.4), put together from packets.

/// The most bytes of a section.
const MAX: usize = 4096;
const HEADER: usize = 3;
const STUFFING: u8 = 0xff;

/// The sections of one PID.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// The beginning of a section; empty while none is awaited.
    partial: Vec<u8>,
    /// Sections whose checksum was wrong.
    pub(super) corrupt: u64,
}

impl Sections {
    /// Takes a packet's payload and hands each section that ends in it, checked, to `sink`.
    pub(super) fn push(&mut self, payload: &[u8], starts: bool, mut sink: impl FnMut(&[u8])) {
        if !starts {
            if !self.partial.is_empty() {
                self.partial.extend_from_slice(payload);
                self.drain(&mut sink);
            }
            return;
        }
        let Some((&pointer, rest)) = payload.split_first() else {
            return;
        };
        let Some((end, start)) = rest.split_at_checked(pointer.into()) else {
            return self.discard();
        };
        if !self.partial.is_empty() {
            self.partial.extend_from_slice(end);
            self.drain(&mut sink);
        }
        self.partial.clear();
        self.partial.extend_from_slice(start);
        self.drain(&mut sink);
    }

    /// Forgets the section that is under way, because a packet of it was lost.
    pub(super) fn discard(&mut self) {
        self.partial.clear();
    }

    /// Hands over the whole sections; what stays is the beginning of one that is not.
    fn drain(&mut self, sink: &mut impl FnMut(&[u8])) {
        let mut rest = &self.partial[..];
        while let Some(size) = size_of(rest) {
            let Some((section, after)) = rest.split_at_checked(size) else {
                break;
            };
            if crc32(section) == 0 {
                sink(section);
            } else {
                self.corrupt += 1;
            }
            rest = after;
        }
        // What is longer than any section, or stuffing, is nothing to go on with.
        let hopeless =
            rest.first() == Some(&STUFFING) || size_of(rest).is_some_and(|size| size > MAX);
        let done = if hopeless {
            self.partial.len()
        } else {
            self.partial.len() - rest.len()
        };
        self.partial.drain(..done);
    }
}

/// Bytes of the section that starts here, once its length is known.
fn size_of(bytes: &[u8]) -> Option<usize> {
    let &[table, high, low] = bytes.first_chunk::<HEADER>()?;
    let length = usize::from(high & 0xf) << 8 | usize::from(low);
    (table != STUFFING).then_some(HEADER + length)
}

/// The checksum of ISO/IEC 13818-1, annex A; 0 for a section with its own checksum at the end.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
            let carry = if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            sum << 1 ^ carry
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(table: u8, size: usize) -> Vec<u8> {
        let length = (size - HEADER) as u16 | 0xb000;
        let mut section = vec![table];
        section.extend_from_slice(&length.to_be_bytes());
        section.resize(size - 4, table);
        let sum = crc32(&section);
        section.extend_from_slice(&sum.to_be_bytes());
        section
    }

    fn read(sections: &mut Sections, payload: &[u8], starts: bool) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        sections.push(payload, starts, |section| found.push(section.to_vec()));
        found
    }

    #[test]
    fn the_checksum_is_that_of_mpeg() {
        assert_eq!(crc32(b"123456789"), 0x0376_e6e7);
    }

    #[test]
    fn sections_are_found_across_packets() {
        let (first, second) = (section(1, 300), section(2, 40));
        let mut sections = Sections::default();
        let start = [&[0], &first[..183]].concat();
        assert!(read(&mut sections, &start, true).is_empty());
        // The end of the first, the second, and stuffing.
        let next = [&[117], &first[183..], &second, &[0xff; 26]].concat();
        assert_eq!(read(&mut sections, &next, true), [first, second]);
        assert!(read(&mut sections, &[0xff; 184], false).is_empty());
        assert!(sections.partial.is_empty());
    }

    #[test]
    fn a_wrong_checksum_costs_that_section_only() {
        let mut wrong = section(1, 40);
        wrong[10] ^= 1;
        let right = section(2, 40);
        let mut sections = Sections::default();
        let payload = [&[0], &wrong[..], &right].concat();
        assert_eq!(read(&mut sections, &payload, true), [right]);
        assert_eq!(sections.corrupt, 1);
    }

    #[test]
    fn what_never_starts_is_ignored() {
        let mut sections = Sections::default();
        assert!(read(&mut sections, &section(1, 40), false).is_empty());
        assert!(read(&mut sections, &[200, 1, 2], true).is_empty());
        assert!(read(&mut sections, &[], true).is_empty());
        assert!(sections.partial.is_empty());
    }
}

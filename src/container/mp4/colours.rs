//! What a sample entry tells of the colours of its pictures: the `colr` box (ISO/IEC 14496-12, 12.1.5).

use bytes::Bytes;

use super::atom::find;
use super::boxes::Boxes;
use crate::container::big_endian::u16_at;

/// The code points of ITU-T H.273, as a `colr` box tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colours {
    /// `ColourPrimaries`.
    primaries: u16,
    /// `TransferCharacteristics`.
    transfer: u16,
    /// `MatrixCoefficients`.
    matrix: u16,
    /// Whether samples take all their values; QuickTime's boxes do not tell.
    is_full_range: bool,
}

impl Colours {
    /// Of a sample entry of pictures, the whole box; `None` where it does not tell, or by a profile alone.
    pub fn of(entry: &Bytes) -> Option<Self> {
        let tail = entry.slice(VIDEO_EXTENSIONS.min(entry.len())..);
        let body = find(&tail, b"colr")?.body;
        let is_full_range = match body.get(..4)? {
            b"nclx" => body.get(10).is_some_and(|flags| flags & 0x80 != 0),
            b"nclc" => false,
            _ => return None,
        };
        Some(Self {
            primaries: u16_at(&body, 4)?,
            transfer: u16_at(&body, 6)?,
            matrix: u16_at(&body, 8)?,
            is_full_range,
        })
    }

    /// The transfer characteristics, where they are of today's code points.
    pub fn transfer(self) -> Option<u8> {
        u8::try_from(self.transfer).ok()
    }

    /// Writes the box.
    pub(super) fn write(self, boxes: &mut Boxes) {
        boxes.atom(b"colr", |boxes| {
            boxes.slice(b"nclx");
            for points in [self.primaries, self.transfer, self.matrix] {
                boxes.u16(points);
            }
            boxes.slice(&[u8::from(self.is_full_range) << 7]);
        });
    }
}

/// Where the extensions of entries of pictures start in their boxes.
pub(super) const VIDEO_EXTENSIONS: usize = 86;

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample entry with these boxes behind its fields.
    fn entry(boxes: &[&[u8]]) -> Bytes {
        Bytes::from([&[0; VIDEO_EXTENSIONS], &*boxes.concat()].concat())
    }

    #[test]
    fn code_points_are_found_beside_the_configuration() {
        let config = b"\0\0\0\x09avcC\x01";
        let nclx = b"\0\0\0\x13colrnclx\0\x09\0\x12\0\x09\x80";
        let nclc = b"\0\0\0\x12colrnclc\0\x01\0\x01\0\x01";
        let profile = b"\0\0\0\x0ccolrprof";
        let cut = b"\0\0\0\x0fcolrnclx\0\x09\0";
        let found = [&[&config[..], nclx][..], &[nclc], &[profile], &[cut], &[]];
        let found = found.map(|boxes| Colours::of(&entry(boxes)));
        let told = found.map(|found| found.map(|found| (found.transfer(), found.is_full_range)));
        let expected = [
            Some((Some(18), true)),
            Some((Some(1), false)),
            None,
            None,
            None,
        ];
        assert_eq!(told, expected);
        let mut boxes = Boxes::default();
        found[0].unwrap().write(&mut boxes);
        assert_eq!(boxes.bytes, nclx);
    }
}

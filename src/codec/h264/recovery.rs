//! Where a decoder may start without an IDR picture (ITU-T H.264, D.2.8), as in streams for television and in
//! those that refresh their pictures little by little.

use crate::codec::bits::Bits;
use crate::codec::nal;

/// After how many pictures all is right again, as a recovery point tells it; `None` where a unit of supplemental
/// enhancement information holds none.
pub(in crate::codec) fn recovery_frames(unit: &[u8]) -> Option<u32> {
    let plain = nal::unescape(unit.get(1..)?);
    let mut rest = &plain[..];
    loop {
        let kind = coded(&mut rest)?;
        let size = coded(&mut rest)?;
        let message = rest.split_off(..size)?;
        if kind == RECOVERY_POINT {
            return Bits::new(message).unsigned();
        }
    }
}

/// The type or the size of a message: each 255 says that more follows (7.3.2.3.1).
fn coded(rest: &mut &[u8]) -> Option<usize> {
    let mut sum = 0;
    loop {
        let byte = *rest.split_off_first()?;
        sum += usize::from(byte);
        if byte != 255 {
            return Some(sum);
        }
    }
}

/// Whether a slice refers to no other picture; those whose header is cut short are taken to.
pub(in crate::codec) fn is_intra(slice: &[u8]) -> bool {
    let head = slice.get(1..).unwrap_or_default();
    let plain = nal::unescape(&head[..head.len().min(TELLING)]);
    let mut bits = Bits::new(&plain);
    let kind = bits.unsigned().and_then(|_first_block| bits.unsigned());
    kind.is_some_and(|kind| INTRA.contains(&kind))
}

/// The type of the message.
const RECOVERY_POINT: usize = 6;

/// Bytes of a slice behind its unit's header that hold its type.
const TELLING: usize = 12;

/// The types of slices that refer to nothing (table 7-6).
const INTRA: [u32; 4] = [2, 4, 7, 9];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::tests::hex;

    #[test]
    fn recovery_points_are_found_among_other_messages() {
        for (unit, frames) in [
            ("0606018480", Some(0)),
            ("060601c480", Some(0)),
            ("060602151080", Some(9)),
            // Behind the time of the picture, and behind 300 bytes.
            ("06010212340601c480", Some(0)),
            ("0601021234", None),
            ("060605", None),
            ("06ff", None),
            ("06", None),
            ("", None),
        ] {
            let unit = hex(unit);
            assert_eq!(recovery_frames(&unit), frames, "{unit:02x?}");
        }
        let long = [&[6, 5, 255, 45][..], &[0x55; 300], &[6, 1, 0xc4, 0x80]].concat();
        assert_eq!(recovery_frames(&long), Some(0));
    }

    #[test]
    fn slices_tell_their_type() {
        // first_mb_in_slice 0 and slice_type 7, 2, 5 and 6; then a slice that begins further down.
        for (slice, intra) in [
            ("6188840033", true),
            ("61b8", true),
            ("419a246e", false),
            ("019e4278", false),
            ("61004b2220", true),
            ("61", false),
            ("", false),
        ] {
            assert_eq!(is_intra(&hex(slice)), intra, "{slice}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_does_not_panic(unit: Vec<u8>) {
            recovery_frames(&unit);
            is_intra(&unit);
        }
    }
}

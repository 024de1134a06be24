//! Byte streams of NAL units, each behind a start code (ITU-T H.264 and H.265, annex B).

/// Bytes of a start code without the zeros that may precede it.
pub(super) const START_CODE: usize = 3;

/// The bytes of a stream up to its first start code.
pub(super) fn before_first(bytes: &[u8]) -> &[u8] {
    &bytes[..find(bytes, 0).unwrap_or(bytes.len())]
}

/// The NAL units of `bytes`, each with the place of its start code; the last reaches to the end.
pub(super) fn units(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut next = find(bytes, 0);
    std::iter::from_fn(move || {
        let start = next?;
        next = find(bytes, start + START_CODE);
        let unit = bytes.get(start + START_CODE..next.unwrap_or(bytes.len()))?;
        Some((start, without_zeros(unit)))
    })
}

/// Zeros behind a unit belong to the byte stream: no unit ends with one.
fn without_zeros(unit: &[u8]) -> &[u8] {
    let end = unit.iter().rposition(|byte| *byte != 0);
    &unit[..end.map_or(0, |last| last + 1)]
}

/// Where the next start code stands, at `from` or behind.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match *bytes.get(at..)?.first_chunk()? {
            [0, 0, 1] => return Some(at),
            [_, _, 0] => at += 1,
            // None can begin before a byte that is not 0.
            [_, _, _] => at += 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_between_start_codes() {
        let bytes = [
            9, 0, 0, 0, 1, 5, 0, 0, 3, 0, 0, 1, 6, 0, 0, 0, 0, 1, 0, 0, 1, 7,
        ];
        let found: Vec<_> = units(&bytes).collect();
        let expected: [(usize, &[u8]); 4] = [(2, &[5, 0, 0, 3]), (9, &[6]), (15, &[]), (18, &[7])];
        assert_eq!(found, expected);
        assert_eq!(before_first(&bytes), [9, 0]);
        assert_eq!(units(&[1, 0, 0]).count(), 0);
    }

    proptest::proptest! {
        #[test]
        fn every_start_code_is_found(bytes in proptest::collection::vec(0_u8..3, 0..60)) {
            let expected: Vec<_> = (0..bytes.len())
                .filter(|at| bytes[*at..].starts_with(&[0, 0, 1]))
                .collect();
            let found: Vec<_> = units(&bytes).map(|(at, _)| at).collect();
            assert_eq!(found, expected);
        }
    }
}

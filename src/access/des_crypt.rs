//! Hashes of passwords by DES, as `crypt` made them in Unix, and QTSS on Unix: 25 rounds of DES, in
//! which a salt swaps some bits (Morris and Thompson, "Password Security: A Case History", 1979; FIPS
//! 46-3). They are only read, for eight letters of a password are all that counts. Pure.

use super::md5_crypt::DIGITS;

/// How many letters a hash has, of which the first two are the salt.
const LENGTH: usize = 13;

/// How often a block of zeros is encrypted.
const ROUNDS: usize = 25;

/// Whether `known` is such a hash.
pub(super) fn is_known(known: &str) -> bool {
    known.len() == LENGTH && known.bytes().all(|digit| DIGITS.contains(&digit))
}

/// The hash of `password` with the salt of `known`, to be compared with it; `None` when that is
/// another kind of hash.
pub(super) fn hash(password: &str, known: &str) -> Option<String> {
    let salt = known.get(..2).filter(|_| is_known(known))?;
    let mut swapped = 0;
    for (index, digit) in salt.bytes().enumerate() {
        let value = DIGITS.iter().position(|known| *known == digit)?;
        // Bits of the salt count from the lowest, those of the block from the highest.
        swapped |= u64::from((value as u8).reverse_bits() >> 2) << (18 - 6 * index);
    }
    let keys = keys(password);
    let mut block = 0;
    for _ in 0..ROUNDS {
        block = encrypt(block, &keys, swapped);
    }
    // 64 bits in eleven digits of six, the highest first.
    let digits = (0..11).map(|place| match place {
        10 => block << 2 & 63,
        _ => block >> (58 - 6 * place) & 63,
    });
    let digits = digits.map(|digit| char::from(DIGITS[digit as usize]));
    Some(salt.chars().chain(digits).collect())
}

/// The keys of the sixteen steps, 48 bits each. A letter of the password gives seven bits of the key.
fn keys(password: &str) -> [u64; 16] {
    let mut key = [0; 8];
    for (byte, letter) in key.iter_mut().zip(password.bytes()) {
        *byte = letter << 1;
    }
    let chosen = select(u64::from_be_bytes(key), 64, &KEY);
    let half = (1 << 28) - 1;
    let (mut left, mut right) = (chosen >> 28, chosen & half);
    let rotate = |bits: u64, by: u32| (bits << by | bits >> (28 - by)) & half;
    SHIFTS.map(|by| {
        (left, right) = (rotate(left, by), rotate(right, by));
        select(left << 28 | right, 56, &STEP_KEY)
    })
}

/// Encrypts a block; `swapped` says which of 24 bits on the left of each expanded half are swapped with
/// those on its right.
fn encrypt(block: u64, keys: &[u64; 16], swapped: u64) -> u64 {
    let block = select(block, 64, &BEGIN);
    let (mut left, mut right) = (block >> 32, block & u64::from(u32::MAX));
    for key in keys {
        (left, right) = (right, left ^ mix(right, *key, swapped));
    }
    select(right << 32 | left, 64, &END)
}

/// What one half of a block, of 32 bits, does to the other in a step.
fn mix(half: u64, key: u64, swapped: u64) -> u64 {
    let expanded = select(half, 32, &EXPANSION);
    let differing = (expanded >> 24 ^ expanded) & swapped;
    let bits = expanded ^ differing ^ differing << 24 ^ key;
    let mut mixed = 0;
    for (index, table) in SUBSTITUTES.iter().enumerate() {
        let six = bits >> (42 - 6 * index) & 63;
        // The outer bits choose the row, the inner ones the column.
        let row = six >> 4 & 2 | six & 1;
        let column = six >> 1 & 15;
        mixed = mixed << 4 | u64::from(table[(row * 16 + column) as usize]);
    }
    select(mixed, 32, &STEP)
}

/// Puts those bits of `value`, which has `width` of them, one behind the other. The highest has the number 1.
fn select(value: u64, width: u8, places: &[u8]) -> u64 {
    let bit = |place: &u8| value >> (width - place) & 1;
    places.iter().fold(0, |bits, place| bits << 1 | bit(place))
}

#[rustfmt::skip]
const BEGIN: [u8; 64] = [
    58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
    62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
    57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3,
    61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
];

#[rustfmt::skip]
const END: [u8; 64] = [
    40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31,
    38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21, 61, 29,
    36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27,
    34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25,
];

#[rustfmt::skip]
const EXPANSION: [u8; 48] = [
    32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11,
    12, 13, 12, 13, 14, 15, 16, 17, 16, 17, 18, 19, 20, 21, 20, 21,
    22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1,
];

#[rustfmt::skip]
const STEP: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
    2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];

#[rustfmt::skip]
const KEY: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18,
    10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
    63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22,
    14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];

#[rustfmt::skip]
const STEP_KEY: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10,
    23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48,
    44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];

/// By how much the halves of the key are rotated before each step.
const SHIFTS: [u32; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

/// Four bits for each six; a row of sixteen after the other.
#[rustfmt::skip]
const SUBSTITUTES: [[u8; 64]; 8] = [
    [
        14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7,
        0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8,
        4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0,
        15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
    ],
    [
        15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10,
        3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5,
        0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15,
        13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
    ],
    [
        10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8,
        13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1,
        13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7,
        1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
    ],
    [
        7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15,
        13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9,
        10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4,
        3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
    ],
    [
        2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9,
        14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6,
        4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14,
        11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
    ],
    [
        12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11,
        10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8,
        9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6,
        4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
    ],
    [
        4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1,
        13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6,
        1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2,
        6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
    ],
    [
        13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7,
        1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2,
        7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8,
        2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_other_programs() {
        for (password, known) in [
            ("secret", "abNANd1rDfiNc"),
            ("secret", "./17m29LFAflg"),
            ("", "zz6dpSdr.LHZw"),
            ("12345678", "XyI8/B3TjQqJg"),
            ("password", "xOAFZqRz5RduI"),
            ("a longer password", "q9/jy2CIuLKSU"),
            ("é%ß", "A1LT0d3yPRj2A"),
        ] {
            assert_eq!(hash(password, known).as_deref(), Some(known), "{password}");
            assert_ne!(hash("other", known).as_deref(), Some(known), "{password}");
        }
    }

    #[test]
    fn other_hashes_are_not_known() {
        for known in [
            "",
            "ab",
            "abNANd1rDfiN",
            "abNANd1rDfiNcx",
            "abNANd1rDfiN$",
            "*bNANd1rDfiNc",
            "äbNANd1rDfiN",
        ] {
            assert_eq!(hash("secret", known), None, "{known}");
        }
    }
}

//! Hashes of passwords by MD5 in a thousand rounds, as `crypt` made them in FreeBSD, Apache's
//! `htpasswd`, and QTSS on Windows. Pure.

use md5::{Digest, Md5};

/// What such hashes begin with: those of FreeBSD, Apache and QTSS.
const MAGIC: [&str; 3] = ["$1$", "$apr1$", "$dufr$"];

/// The longest salt, in bytes; what has a longer one is no such hash.
const SALT: usize = 8;

const ROUNDS: usize = 1000;

/// The digits of all hashes by `crypt`, from 0 to 63.
pub(super) const DIGITS: &[u8; 64] =
    b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The order in which the bytes of the digest are written, three at a time.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// Whether `known` is such a hash.
pub(super) fn is_known(known: &str) -> bool {
    split(known).is_some()
}

/// The hash of `password` with the salt of `known`, to be compared with it; `None` when that is
/// another kind of hash.
pub(super) fn hash(password: &str, known: &str) -> Option<String> {
    let (magic, salt) = split(known)?;
    let digest = digest(password.as_bytes(), magic, salt.as_bytes());
    let mut text = format!("{magic}{salt}$");
    for [high, middle, low] in ORDER {
        let three = [digest[high], digest[middle], digest[low]].map(u32::from);
        write(&mut text, three[0] << 16 | three[1] << 8 | three[2], 4);
    }
    write(&mut text, u32::from(digest[11]), 2);
    Some(text)
}

/// The magic and the salt of a hash.
fn split(known: &str) -> Option<(&str, &str)> {
    let magic = MAGIC.into_iter().find(|magic| known.starts_with(magic))?;
    let (salt, _) = known.strip_prefix(magic)?.split_once('$')?;
    (salt.len() <= SALT).then_some((magic, salt))
}

fn digest(password: &[u8], magic: &str, salt: &[u8]) -> [u8; 16] {
    let inner = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    let mut outer = Md5::new()
        .chain_update(password)
        .chain_update(magic)
        .chain_update(salt);
    outer.update(
        inner
            .iter()
            .cycle()
            .take(password.len())
            .copied()
            .collect::<Vec<_>>(),
    );
    let mut bits = password.len();
    while bits > 0 {
        match bits & 1 {
            1 => outer.update([0]),
            _ => outer.update(password.get(..1).unwrap_or_default()),
        }
        bits >>= 1;
    }
    let mut digest = outer.finalize();
    for round in 0..ROUNDS {
        let mut next = Md5::new();
        let is_odd = round % 2 == 1;
        next.update(if is_odd { password } else { &digest[..] });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if is_odd { &digest[..] } else { password });
        digest = next.finalize();
    }
    digest.into()
}

/// Writes `value` in digits of six bits, the lowest first.
fn write(text: &mut String, value: u32, digits: u32) {
    for place in 0..digits {
        let digit = value >> (6 * place) & 63;
        text.push(char::from(DIGITS[digit as usize]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_other_programs() {
        for (password, known) in [
            ("secret", "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"),
            ("secret", "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"),
            ("", "$1$x$fwjfZtMwarkdetsjiQreU1"),
            (
                "a longer password, of more than sixteen bytes",
                "$apr1$abcdefgh$60/v33Rl40lVsypsR5Ehm0",
            ),
        ] {
            assert_eq!(hash(password, known).as_deref(), Some(known), "{password}");
        }
    }

    #[test]
    fn other_hashes_are_not_known() {
        for known in ["", "GHZBmpuE2OC2.", "$5$salt$x", "$1$", "$1$ninebytes$x"] {
            assert_eq!(hash("secret", known), None, "{known}");
        }
    }
}

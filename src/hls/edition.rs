//! The number in the names of a movie's HLS files that tells one edition of it from the next, so
//! that nobody's cache mixes the segments of two.

use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::keys::{Key, Keys};
use super::movie::Terms;
use crate::base::path::MediaPath;

/// The movie's file, as it is at present.
pub(super) struct Original<'a> {
    pub(super) path: &'a MediaPath,
    /// In bytes.
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// The number of the edition that is made of `original` by these terms. `form` names the way in
/// which it is made, and changes when that gives other segments.
pub(super) fn number(
    form: &str,
    original: &Original<'_>,
    terms: &Terms,
    keys: Option<&Keys>,
) -> u32 {
    let modified = original.modified.duration_since(SystemTime::UNIX_EPOCH);
    let mut digest = Sha256::new();
    digest.update(form);
    digest.update(original.path.as_str());
    digest.update(original.size.to_be_bytes());
    digest.update(modified.unwrap_or_default().as_nanos().to_be_bytes());
    digest.update(terms.target.as_nanos().to_be_bytes());
    if let Some(keys) = keys {
        let Key(key) = keys.key(0);
        digest.update([terms.encryption.method as u8, terms.encryption.keys as u8]);
        digest.update(terms.encryption.rotate_after.to_be_bytes());
        digest.update(key);
    }
    let digest = digest.finalize();
    let first = digest.iter().take(4);
    first.fold(0, |number, byte| number << 8 | u32::from(*byte))
}

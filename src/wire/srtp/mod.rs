//! SRTP and SRTCP (RFC 3711): RTP and RTCP packets, encrypted and authenticated. Pure.
//!
//! One transform is known, the one that all must know: AES in counter mode with keys of 128 bits, and
//! HMAC-SHA1 with tags of 80 bits. Master keys come from elsewhere: [`mikey`](super::mikey) is how
//! they travel. Key identifiers (MKI) and other rates of key derivation than 0 are not known.

mod index;
mod key;
mod receiver;
mod sender;
mod session_keys;
#[cfg(test)]
mod tests;

pub use key::{MASTER_LEN, MasterKey};
pub use receiver::{Receiver, Refused};
pub use sender::Sender;

/// By how many bytes SRTP makes a packet longer: the authentication tag.
pub const RTP_OVERHEAD: usize = TAG_LEN;

/// The name of the transform in session descriptions (RFC 4568, 6.2).
pub const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

/// Bytes of an authentication tag.
const TAG_LEN: usize = 10;

/// Bytes of the E flag and the index behind an SRTCP packet (RFC 3711, 3.4).
const RTCP_INDEX_LEN: usize = 4;

/// Bytes of an RTCP packet that are never encrypted: the first header, and the sender's source.
const RTCP_HEADER_LEN: usize = 8;

/// The flag that an SRTCP packet is encrypted, beside its index.
const ENCRYPTED: u32 = 1 << 31;

/// How far back it is remembered which packets came, or went out (RFC 3711, 3.3.2).
const REPLAY_WINDOW: usize = 64;

//! MIKEY (RFC 3830): messages that carry the master key of an SRTP stream. Pure.
//!
//! Only keys that are not encrypted are known: such messages must go over a connection that nobody else
//! can read, which is how GStreamer and ONVIF have it. Exchanges by pre-shared and public keys are not.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::Unfit;

use super::srtp::MasterKey;

/// A message that brings the key for one peer's packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The key that the packets are protected with.
    pub key: MasterKey,
    /// The streams that it is for, as far as the sender knows them.
    pub streams: Vec<Stream>,
}

/// A stream of SRTP: a crypto session of the message (RFC 3830, 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The synchronisation source; 0 when it is not chosen yet.
    pub ssrc: u32,
    /// How often its sequence numbers have begun anew.
    pub rollovers: u32,
}

/// The version of the protocol.
const VERSION: u8 = 1;

/// The message of an initiator that has a key in common with the responder, or needs none.
const PRE_SHARED: u8 = 0;

/// The map that says which crypto session is which stream of SRTP.
const MAP_OF_SRTP: u8 = 0;

/// Bytes of the common header before the map, and of one entry of that.
const HEADER_LEN: usize = 10;
const STREAM_LEN: usize = 9;

/// No encryption of keys, and no authentication of the message.
const NULL: u8 = 0;

/// Kinds of payloads (RFC 3830, 6.1).
mod payload {
    pub(super) const LAST: u8 = 0;
    /// Keys.
    pub(super) const KEMAC: u8 = 1;
    /// The time of the message.
    pub(super) const T: u8 = 5;
    pub(super) const ID: u8 = 6;
    /// What packets are protected by: a security policy.
    pub(super) const SP: u8 = 10;
    pub(super) const RAND: u8 = 11;
    pub(super) const GENERAL_EXTENSION: u8 = 21;
}

/// Kinds of keys (RFC 3830, 6.13): that of the traffic itself, with its salt behind it or apart.
const KEY: u8 = 2;
const KEY_AND_SALT: u8 = 3;

/// The parameters of a policy for SRTP (RFC 3830, 6.10.1), and what they must be: type and value.
///
/// For the length of the authentication key GStreamer says that of the tag; 20 is what the RFC means.
const POLICY: [(u8, &[u8]); 12] = [
    (policy::ENCRYPTION, &[policy::AES_CM]),
    (policy::ENCRYPTION_KEY, &[16]),
    (policy::AUTHENTICATION, &[policy::HMAC_SHA1]),
    (policy::AUTHENTICATION_KEY, &[20, 10]),
    (policy::SALT, &[14]),
    (policy::PSEUDO_RANDOM, &[0]),
    (policy::KEY_DERIVATION_RATE, &[0]),
    (policy::RTP_ENCRYPTED, &[1]),
    (policy::RTCP_ENCRYPTED, &[1]),
    (policy::RTP_AUTHENTICATED, &[1]),
    (policy::TAG, &[10]),
    (policy::PREFIX, &[0]),
];

mod policy {
    pub(super) const ENCRYPTION: u8 = 0;
    pub(super) const AES_CM: u8 = 1;
    pub(super) const ENCRYPTION_KEY: u8 = 1;
    pub(super) const AUTHENTICATION: u8 = 2;
    pub(super) const HMAC_SHA1: u8 = 1;
    pub(super) const AUTHENTICATION_KEY: u8 = 3;
    pub(super) const SALT: u8 = 4;
    pub(super) const PSEUDO_RANDOM: u8 = 5;
    pub(super) const KEY_DERIVATION_RATE: u8 = 6;
    pub(super) const RTP_ENCRYPTED: u8 = 7;
    pub(super) const RTCP_ENCRYPTED: u8 = 8;
    pub(super) const RTP_AUTHENTICATED: u8 = 10;
    pub(super) const TAG: u8 = 11;
    pub(super) const PREFIX: u8 = 12;
}

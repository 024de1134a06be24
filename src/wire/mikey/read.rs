//! From the bytes of a message to its key.

use super::{
    HEADER_LEN, KEY, KEY_AND_SALT, MAP_OF_SRTP, Message, NULL, POLICY, PRE_SHARED, STREAM_LEN,
    Stream, VERSION, payload,
};
use crate::wire::srtp::{MASTER_LEN, MasterKey};

/// Why a message is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It ends too early.
    #[error("the message of MIKEY is cut off")]
    CutOff,
    /// Another version, or another kind of message or of sessions than those that bring plain keys for SRTP.
    #[error("the message of MIKEY is no plain key for SRTP")]
    OtherKind,
    /// A payload that is not known.
    #[error("the message of MIKEY has a payload of the unknown kind {0}")]
    Payload(u8),
    /// Keys that are encrypted, or are no traffic keys of the length that it takes.
    #[error("the key in the message of MIKEY is not a plain traffic key of 240 bits with its salt")]
    Key,
    /// Another protection than the one that is known.
    #[error(
        "the message of MIKEY asks for a protection that is not AES_CM_128_HMAC_SHA1_80 (parameter {0})"
    )]
    Policy(u8),
}

impl Message {
    /// Reads a message; its time and random value are passed over.
    ///
    /// # Errors
    /// [`Unfit`] when there is no key in it that can be used.
    pub fn read(bytes: &[u8]) -> Result<Self, Unfit> {
        let mut rest = Rest(bytes);
        let header = rest.take(HEADER_LEN)?;
        let &[version, kind, first, _, _, _, _, _, count, map] = header else {
            return Err(Unfit::CutOff);
        };
        if (version, kind, map) != (VERSION, PRE_SHARED, MAP_OF_SRTP) {
            return Err(Unfit::OtherKind);
        }
        let streams = rest.take(usize::from(count) * STREAM_LEN)?;
        let mut key = None;
        let mut next = first;
        while next != payload::LAST {
            let kind = next;
            next = rest.byte()?;
            match kind {
                payload::KEMAC => key = Some(rest.kemac()?),
                payload::SP => rest.policy()?,
                payload::T => rest.pass_time()?,
                payload::RAND => rest.pass_random()?,
                payload::ID | payload::GENERAL_EXTENSION => rest.pass_typed()?,
                unknown => return Err(Unfit::Payload(unknown)),
            }
        }
        Ok(Self {
            key: key.ok_or(Unfit::Key)?,
            streams: streams
                .chunks_exact(STREAM_LEN)
                .filter_map(stream)
                .collect(),
        })
    }
}

fn stream(entry: &[u8]) -> Option<Stream> {
    let ssrc = entry.get(1..5)?.try_into().ok()?;
    let rollovers = entry.get(5..9)?.try_into().ok()?;
    Some(Stream {
        ssrc: u32::from_be_bytes(ssrc),
        rollovers: u32::from_be_bytes(rollovers),
    })
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Unfit> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Unfit::CutOff)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Unfit> {
        self.take(1).map(|byte| byte[0])
    }

    fn length(&mut self) -> Result<usize, Unfit> {
        let (high, low) = (self.byte()?, self.byte()?);
        Ok(usize::from(u16::from_be_bytes([high, low])))
    }

    /// A time of 64 bits, or a counter of 32 (RFC 3830, 6.6).
    fn pass_time(&mut self) -> Result<(), Unfit> {
        let len = match self.byte()? {
            2 => 4,
            _ => 8,
        };
        self.take(len).map(drop)
    }

    fn pass_random(&mut self) -> Result<(), Unfit> {
        let len = self.byte()?.into();
        self.take(len).map(drop)
    }

    /// A type, a length and that many bytes.
    fn pass_typed(&mut self) -> Result<(), Unfit> {
        self.byte()?;
        let len = self.length()?;
        self.take(len).map(drop)
    }

    /// What the peer protects its packets by, if it is what is known; parameters of other kinds too
    /// have to do with how it does that.
    fn policy(&mut self) -> Result<(), Unfit> {
        let (_number, protocol) = (self.byte()?, self.byte()?);
        if protocol != MAP_OF_SRTP {
            return Err(Unfit::OtherKind);
        }
        let len = self.length()?;
        let mut parameters = Self(self.take(len)?);
        while !parameters.0.is_empty() {
            let kind = parameters.byte()?;
            let len = parameters.byte()?.into();
            let value = parameters.take(len)?;
            let known = POLICY.iter().find(|(known, _)| *known == kind);
            let fits = |values: &[u8]| matches!(value, [one] if values.contains(one));
            // The order of forward error correction says nothing without that.
            if kind != FORWARD_ERROR_CORRECTION && !known.is_some_and(|(_, values)| fits(values)) {
                return Err(Unfit::Policy(kind));
            }
        }
        Ok(())
    }

    /// The first key of a payload of keys that are not encrypted (RFC 3830, 6.2 and 6.13).
    fn kemac(&mut self) -> Result<MasterKey, Unfit> {
        let encryption = self.byte()?;
        let len = self.length()?;
        let mut keys = Self(self.take(len)?);
        let authentication = self.byte()?;
        if (encryption, authentication) != (NULL, NULL) {
            return Err(Unfit::Key);
        }
        let _next = keys.byte()?;
        let kind = keys.byte()?;
        let (kind, validity) = (kind >> 4, kind & 0x0f);
        let len = keys.length()?;
        let mut key = keys.take(len)?.to_vec();
        match (kind, validity) {
            // A validity is an identifier that stands in each packet, or a time.
            (_, 1..) => return Err(Unfit::Key),
            (KEY, _) => {}
            (KEY_AND_SALT, _) => {
                let len = keys.length()?;
                key.extend(keys.take(len)?);
            }
            _ => return Err(Unfit::Key),
        }
        let key: [u8; MASTER_LEN] = key.try_into().map_err(|_| Unfit::Key)?;
        Ok(MasterKey::new(key))
    }
}

/// The parameter of a policy that says in which order packets are protected and made redundant.
const FORWARD_ERROR_CORRECTION: u8 = 9;

//! Packets of the Session Announcement Protocol (RFC 2974).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The version in the header.
const VERSION: u8 = 1;

/// The payload type of session descriptions, which needs not be told.
const SDP: &[u8] = b"application/sdp";

/// What a packet says of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is one.
    Announcement,
    /// There is none any more.
    Deletion,
}

/// An announcement, or the deletion of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Which of the two.
    pub kind: Kind,
    /// Together with the origin it stands for this very text; 0: for none.
    pub hash: u16,
    /// Who announces, as the packet says.
    pub origin: IpAddr,
    /// The session description; of a deletion perhaps its `o=` line only.
    pub sdp: &'a [u8],
}

/// Why bytes are no packet that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSap {
    /// Shorter than its header says.
    #[error("the packet is cut short")]
    Short,
    /// Of another version.
    #[error("the packet is of another version")]
    Version,
    /// Encrypted (RFC 2974, 7), which hardly anybody does.
    #[error("the packet is encrypted")]
    Encrypted,
    /// Compressed (RFC 2974, 3), which hardly anybody does.
    #[error("the packet is compressed")]
    Compressed,
    /// It holds something else than a session description.
    #[error("the packet holds no session description")]
    PayloadType,
}

impl<'a> Packet<'a> {
    /// Reads a datagram. Authentication data is passed over, not checked.
    ///
    /// # Errors
    /// [`NotSap`] for what cannot be read.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotSap> {
        let (&[flags, authentication, high, low], rest) =
            bytes.split_first_chunk().ok_or(NotSap::Short)?;
        if flags >> 5 != VERSION {
            return Err(NotSap::Version);
        }
        let (origin, rest) = read_origin(flags & 0x10 != 0, rest).ok_or(NotSap::Short)?;
        // In words of 32 bits.
        let rest = rest.get(4 * usize::from(authentication)..);
        let rest = rest.ok_or(NotSap::Short)?;
        if flags & 0x02 != 0 {
            return Err(NotSap::Encrypted);
        }
        if flags & 0x01 != 0 {
            return Err(NotSap::Compressed);
        }
        Ok(Self {
            kind: match flags & 0x04 {
                0 => Kind::Announcement,
                _ => Kind::Deletion,
            },
            hash: u16::from_be_bytes([high, low]),
            origin,
            sdp: sdp_of(rest)?,
        })
    }

    /// Appends the packet's bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (ipv6, origin) = match self.origin {
            IpAddr::V4(origin) => (0, origin.octets().to_vec()),
            IpAddr::V6(origin) => (0x10, origin.octets().to_vec()),
        };
        let deletion = match self.kind {
            Kind::Announcement => 0,
            Kind::Deletion => 0x04,
        };
        let [high, low] = self.hash.to_be_bytes();
        out.extend([VERSION << 5 | ipv6 | deletion, 0, high, low]);
        out.extend(origin);
        out.extend(SDP);
        out.push(0);
        out.extend(self.sdp);
    }
}

fn read_origin(ipv6: bool, bytes: &[u8]) -> Option<(IpAddr, &[u8])> {
    if ipv6 {
        let (origin, rest) = bytes.split_first_chunk::<16>()?;
        return Some((Ipv6Addr::from(*origin).into(), rest));
    }
    let (origin, rest) = bytes.split_first_chunk::<4>()?;
    Some((Ipv4Addr::from(*origin).into(), rest))
}

/// What follows the payload type. Where a description begins at once, the type was left out.
fn sdp_of(payload: &[u8]) -> Result<&[u8], NotSap> {
    if payload.starts_with(b"v=") || payload.starts_with(b"o=") {
        return Ok(payload);
    }
    let end = payload.iter().position(|byte| *byte == 0);
    let (kind, rest) = payload.split_at(end.ok_or(NotSap::PayloadType)?);
    match kind.eq_ignore_ascii_case(SDP) {
        true => Ok(rest.get(1..).unwrap_or_default()),
        false => Err(NotSap::PayloadType),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(kind: Kind, origin: &str) -> Packet<'static> {
        Packet {
            kind,
            hash: 0x1234,
            origin: origin.parse().unwrap(),
            sdp: b"v=0\r\ns=x\r\n",
        }
    }

    #[test]
    fn packets_round_trip() {
        for kind in [Kind::Announcement, Kind::Deletion] {
            for origin in ["10.0.0.1", "fe80::1"] {
                let packet = packet(kind, origin);
                let mut bytes = Vec::new();
                packet.write(&mut bytes);
                assert_eq!(Packet::read(&bytes), Ok(packet));
            }
        }
    }

    #[test]
    fn a_payload_type_may_be_left_out_and_authentication_is_passed_over() {
        let bytes = b"\x24\x01\x00\x07\x0a\x00\x00\x01AUTHo=- 1 1 IN IP4 10.0.0.1\r\n";
        let packet = Packet::read(bytes).unwrap();
        assert_eq!((packet.kind, packet.hash), (Kind::Deletion, 7));
        assert_eq!(packet.origin, IpAddr::from([10, 0, 0, 1]));
        assert!(packet.sdp.starts_with(b"o=- 1 1"));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let rest = b"\0\0\0\x0a\0\0\x01v=0\r\n";
        for (flags, why) in [
            (0x40, NotSap::Version),
            (0x22, NotSap::Encrypted),
            (0x21, NotSap::Compressed),
            (0x30, NotSap::Short),
        ] {
            let bytes = [&[flags][..], rest].concat();
            assert_eq!(Packet::read(&bytes), Err(why));
        }
        assert_eq!(Packet::read(b"\x20\0\0"), Err(NotSap::Short));
        let other = b"\x20\0\0\0\x0a\0\0\x01text/plain\0v=0";
        assert_eq!(Packet::read(other), Err(NotSap::PayloadType));
        let endless = b"\x20\x09\0\0\x0a\0\0\x01v=0";
        assert_eq!(Packet::read(endless), Err(NotSap::Short));
    }

    proptest! {
        #[test]
        fn rubbish_does_not_panic(bytes: Vec<u8>, flags in 0x20..0x40u8) {
            let _ = Packet::read(&bytes);
            let _ = Packet::read(&[&[flags], &bytes[..]].concat());
        }
    }
}

//! H.264 out of RTP: single units, STAP-A and FU-A (RFC 6184, 5.6 to 5.8).
//!
//! What only packetization mode 2 has, in which units travel out of order, is refused.

use super::nal::{self, Payloads, Units};
use super::{Depacketize, Fmtp};
use crate::codec::Malformed;
use crate::codec::h264::{ByteStream, SpsFacts};

/// What puts a track together whose `a=fmtp` this is.
pub(super) fn depacketizer(fmtp: Fmtp<'_>) -> Box<dyn Depacketize> {
    let sets = nal::described::<ByteStream>(fmtp.base64("sprop-parameter-sets"));
    Box::new(nal::Depacketizer::new(ByteStream, sets))
}

impl Payloads for ByteStream {
    fn unpack(&self, payload: &[u8], units: &mut Units<Self>) -> Result<(), Malformed> {
        let (&header, rest) = payload.split_first().ok_or(malformed("empty payload"))?;
        match header & 0x1f {
            1..=23 => units.unit([payload, &[]]),
            STAP_A => return aggregated(rest, units),
            FU_A => return fragment(header, rest, units),
            STAP_B => return Err(malformed("STAP-B, which is for interleaved mode")),
            MTAP16 | MTAP24 => return Err(malformed("MTAP, which is for interleaved mode")),
            FU_B => return Err(malformed("FU-B, which is for interleaved mode")),
            _ => return Err(malformed("reserved type of NAL unit")),
        }
        Ok(())
    }

    fn is_kept(unit: &[u8]) -> bool {
        let kind = unit.first().map_or(0, |header| header & 0x1f);
        (1..STAP_A).contains(&kind) && !matches!(kind, DELIMITER | FILLER)
    }

    fn is_sound(sps: &[u8]) -> bool {
        SpsFacts::read(sps).is_ok()
    }
}

fn aggregated(mut rest: &[u8], units: &mut Units<ByteStream>) -> Result<(), Malformed> {
    while let Some(length) = rest.split_off(..2) {
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let unit = rest
            .split_off(..length)
            .ok_or(malformed("STAP-A is cut short"))?;
        units.unit([unit, &[]]);
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(malformed("STAP-A is cut short"))
    }
}

fn fragment(indicator: u8, rest: &[u8], units: &mut Units<ByteStream>) -> Result<(), Malformed> {
    let (&header, data) = rest.split_first().ok_or(malformed("FU-A is cut short"))?;
    if header & STARTS != 0 {
        units.begin([&[indicator & 0xe0 | header & 0x1f], data]);
    } else {
        units.append(data);
    }
    if header & ENDS != 0 {
        units.end();
    }
    Ok(())
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("H.264", reason)
}

const STARTS: u8 = 0x80;
const ENDS: u8 = 0x40;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const STAP_A: u8 = 24;
const STAP_B: u8 = 25;
const MTAP16: u8 = 26;
const MTAP24: u8 = 27;
const FU_A: u8 = 28;
const FU_B: u8 = 29;

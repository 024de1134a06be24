//! H.265 out of RTP: single units, AP and FU (RFC 7798, 4.4).
//!
//! Decoding order numbers are passed over: units are taken in the order of their packets.

use super::nal::{self, Payloads, Units};
use super::{Depacketize, Fmtp};
use crate::codec::Format;
use crate::codec::Malformed;
use crate::codec::access_units::{ParameterSets, Role, Syntax};
use crate::codec::h265::{ByteStream, SpsFacts};

/// What puts a track together whose `a=fmtp` this is.
pub(super) fn depacketizer(fmtp: Fmtp<'_>) -> Box<dyn Depacketize> {
    let names = ["sprop-vps", "sprop-sps", "sprop-pps"];
    let sets = names.into_iter().flat_map(|name| fmtp.base64(name));
    let layout = Layout {
        has_order_numbers: fmtp
            .number("sprop-max-don-diff")
            .is_some_and(|most| most > 0),
    };
    Box::new(nal::Depacketizer::new(
        layout,
        nal::described::<Layout>(sets),
    ))
}

/// What the description says of the payloads.
struct Layout {
    /// Decoding order numbers stand before units (RFC 7798, 4.4.1).
    has_order_numbers: bool,
}

impl Syntax for Layout {
    fn role(unit: &[u8]) -> Role {
        ByteStream::role(unit)
    }

    fn format(sets: &ParameterSets) -> Option<Format> {
        ByteStream::format(sets)
    }
}

impl Payloads for Layout {
    fn unpack(&self, payload: &[u8], units: &mut Units<Self>) -> Result<(), Malformed> {
        let (header, mut rest) = payload
            .split_at_checked(HEADER)
            .ok_or(malformed("payload without a header"))?;
        match kind(payload) {
            AGGREGATION => self.aggregated(rest, units),
            FRAGMENTATION => self.fragment(header, rest, units),
            PACI => Err(malformed("PACI, which is not supported")),
            51.. => Err(malformed("reserved type of NAL unit")),
            _ => {
                self.pass_order_number(&mut rest, 2)?;
                units.unit([header, rest]);
                Ok(())
            }
        }
    }

    fn is_kept(unit: &[u8]) -> bool {
        unit.len() > HEADER && !matches!(kind(unit), DELIMITER | FILLER | AGGREGATION..)
    }

    fn is_sound(sps: &[u8]) -> bool {
        SpsFacts::read(sps).is_ok()
    }
}

impl Layout {
    fn pass_order_number(&self, rest: &mut &[u8], bytes: usize) -> Result<(), Malformed> {
        if self.has_order_numbers {
            rest.split_off(..bytes)
                .ok_or(malformed("no decoding order number"))?;
        }
        Ok(())
    }

    fn aggregated(&self, mut rest: &[u8], units: &mut Units<Self>) -> Result<(), Malformed> {
        // The first number is whole, the others are differences (RFC 7798, 4.4.2).
        let mut number = 2;
        while !rest.is_empty() {
            self.pass_order_number(&mut rest, number)?;
            number = 1;
            let length = rest.split_off(..2).ok_or(CUT)?;
            let length = length
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            units.unit([rest.split_off(..length).ok_or(CUT)?, &[]]);
        }
        Ok(())
    }

    fn fragment(
        &self,
        header: &[u8],
        rest: &[u8],
        units: &mut Units<Self>,
    ) -> Result<(), Malformed> {
        let (&[first, second], Some((&ends, mut data))) = (header, rest.split_first()) else {
            return Err(malformed("FU is cut short"));
        };
        if ends & STARTS != 0 {
            self.pass_order_number(&mut data, 2)?;
            units.begin([&[first & 0x81 | (ends & 0x3f) << 1, second], data]);
        } else {
            units.append(data);
        }
        if ends & ENDS != 0 {
            units.end();
        }
        Ok(())
    }
}

fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header >> 1 & 0x3f)
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("H.265", reason)
}

const CUT: Malformed = malformed("AP is cut short");

/// Bytes of a NAL unit's header.
const HEADER: usize = 2;
const STARTS: u8 = 0x80;
const ENDS: u8 = 0x40;
const DELIMITER: u8 = 35;
const FILLER: u8 = 38;
const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;
const PACI: u8 = 50;

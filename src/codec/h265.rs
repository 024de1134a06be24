//! H.265: the decoder configuration record and RTP payloads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};

use super::Malformed;

/// What a decoder must know before the first access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of the length before each NAL unit of a sample: 1, 2 or 4.
    pub length_size: usize,
    /// Video parameter sets, NAL unit headers included; none when they come in the stream.
    pub vps: Vec<Bytes>,
    /// Sequence parameter sets.
    pub sps: Vec<Bytes>,
    /// Picture parameter sets.
    pub pps: Vec<Bytes>,
}

impl Config {
    /// Reads an HEVCDecoderConfigurationRecord, the content of `hvcC` (ISO/IEC 14496-15, 8.3.3.1).
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short.
    pub fn from_hvcc(record: &[u8]) -> Result<Self, Malformed> {
        let mut rest = record;
        let head = take(&mut rest, 22)?;
        let mut config = Self {
            length_size: usize::from(head[21] & 3) + 1,
            vps: Vec::new(),
            sps: Vec::new(),
            pps: Vec::new(),
        };
        let arrays = rest.try_get_u8().map_err(|_| CUT)?;
        for _ in 0..arrays {
            config.read_array(&mut rest)?;
        }
        Ok(config)
    }

    fn read_array(&mut self, rest: &mut &[u8]) -> Result<(), Malformed> {
        let kind = rest.try_get_u8().map_err(|_| CUT)? & 0x3f;
        let count = rest.try_get_u16().map_err(|_| CUT)?;
        for _ in 0..count {
            let length = rest.try_get_u16().map_err(|_| CUT)?;
            let set = take(rest, length.into())?;
            match kind {
                32 => self.vps.push(Bytes::copy_from_slice(set)),
                33 => self.sps.push(Bytes::copy_from_slice(set)),
                34 => self.pps.push(Bytes::copy_from_slice(set)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The `fmtp` parameters (RFC 7798, 7.1), `None` when all parameter sets come in the stream.
    pub(super) fn fmtp(&self) -> Option<String> {
        let sets = [("vps", &self.vps), ("sps", &self.sps), ("pps", &self.pps)];
        let known: Vec<_> = sets
            .into_iter()
            .filter(|(_, sets)| !sets.is_empty())
            .map(|(name, sets)| {
                let coded: Vec<_> = sets.iter().map(|set| STANDARD.encode(set)).collect();
                format!("sprop-{name}={}", coded.join(","))
            })
            .collect();
        (!known.is_empty()).then(|| known.join(";"))
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    rest.split_off(..length).ok_or(CUT)
}

const CUT: Malformed = Malformed::new("H.265", "hvcC is cut short");

//! H.264: the decoder configuration record and RTP payloads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};

use super::Malformed;

/// What a decoder must know before the first access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of the length before each NAL unit of a sample: 1, 2 or 4.
    pub length_size: usize,
    /// Sequence parameter sets, NAL unit headers included; none when they come in the stream.
    pub sps: Vec<Bytes>,
    /// Picture parameter sets, NAL unit headers included.
    pub pps: Vec<Bytes>,
}

impl Config {
    /// Reads an AVCDecoderConfigurationRecord, the content of `avcC` (ISO/IEC 14496-15, 5.3.3.1).
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or of an unknown version.
    pub fn from_avcc(record: &[u8]) -> Result<Self, Malformed> {
        let mut rest = record;
        if rest.try_get_u8() != Ok(1) {
            return Err(malformed("avcC is not of version 1"));
        }
        let &[_profile, _compatibility, _level, length_size] = take(&mut rest, 4)? else {
            return Err(CUT);
        };
        let sps_count = rest.try_get_u8().map_err(|_| CUT)? & 0x1f;
        let sps = sets(&mut rest, sps_count)?;
        let pps_count = rest.try_get_u8().map_err(|_| CUT)?;
        Ok(Self {
            length_size: usize::from(length_size & 3) + 1,
            sps,
            pps: sets(&mut rest, pps_count)?,
        })
    }

    /// The `fmtp` parameters (RFC 6184, 8.1).
    pub(super) fn fmtp(&self) -> String {
        let mut fmtp = "packetization-mode=1".to_owned();
        if let Some(&[_, profile, constraints, level, ..]) = self.sps.first().map(|sps| &sps[..]) {
            fmtp += &format!(";profile-level-id={profile:02X}{constraints:02X}{level:02X}");
        }
        let sets: Vec<_> = self
            .sps
            .iter()
            .chain(&self.pps)
            .map(|set| STANDARD.encode(set))
            .collect();
        if !sets.is_empty() {
            fmtp += &format!(";sprop-parameter-sets={}", sets.join(","));
        }
        fmtp
    }
}

fn sets(rest: &mut &[u8], count: u8) -> Result<Vec<Bytes>, Malformed> {
    (0..count)
        .map(|_| {
            let length = rest.try_get_u16().map_err(|_| CUT)?;
            take(rest, length.into()).map(Bytes::copy_from_slice)
        })
        .collect()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    rest.split_off(..length).ok_or(CUT)
}

const CUT: Malformed = malformed("avcC is cut short");

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("H.264", reason)
}

//! AAC out of RTP as an MPEG-4 elementary stream (RFC 3640).
//!
//! Any layout of AU headers that `a=fmtp` tells is read; interleaved frames are refused.

use super::frames::{Frames, ticks};
use super::{AccessUnit, Depacketize, Fmtp};
use crate::codec::bits::Bits;
use crate::codec::{Format, Malformed, aac};
use crate::wire::rtp;

/// The state of one track.
pub(super) struct Depacketizer {
    config: aac::Config,
    headers: Headers,
    /// Ticks of a frame.
    duration: u32,
    frames: Frames,
    /// Bytes of the frame under way when it is whole.
    size: usize,
    /// Something was lost since the last marker.
    is_torn: bool,
}

/// How AU headers are laid out, in bits (RFC 3640, 3.2.1 and 4.1).
#[derive(Clone, Copy, Debug)]
struct Headers {
    size: u32,
    index: u32,
    index_delta: u32,
    composition_delta: u32,
    decoding_delta: u32,
    random_access: bool,
    stream_state: u32,
    auxiliary_size: u32,
    /// The bytes of each AU, where no header tells.
    constant_size: Option<usize>,
}

impl Headers {
    fn of(fmtp: Fmtp<'_>) -> Option<Self> {
        // What the modes prescribe (3.3.5 and 3.3.6) is often left out.
        let mode = fmtp.text("mode").unwrap_or_default().to_ascii_uppercase();
        let [size, index] = match mode.as_str() {
            "AAC-HBR" => [13, 3],
            "AAC-LBR" => [6, 2],
            _ => [0, 0],
        };
        let bits =
            |name, usual| Some(fmtp.number(name).unwrap_or(usual)).filter(|bits| *bits <= 32);
        let constant_size = fmtp.number("constantsize").filter(|size| *size > 0);
        Some(Self {
            size: bits("sizelength", if constant_size.is_some() { 0 } else { size })?,
            index: bits("indexlength", index)?,
            index_delta: bits("indexdeltalength", index)?,
            composition_delta: bits("ctsdeltalength", 0)?,
            decoding_delta: bits("dtsdeltalength", 0)?,
            random_access: fmtp.flag("randomaccessindication"),
            stream_state: bits("streamstateindication", 0)?,
            auxiliary_size: bits("auxiliarydatasizelength", 0)?,
            constant_size: constant_size.map(|size| size as usize),
        })
    }

    fn are_empty(&self) -> bool {
        let lengths = [
            self.size,
            self.index,
            self.index_delta,
            self.composition_delta,
            self.decoding_delta,
            self.stream_state,
        ];
        lengths == [0; 6] && !self.random_access
    }

    /// Reads the header of an AU; returns its bytes, `None` where the header does not tell.
    fn read(&self, bits: &mut Bits<'_>, is_first: bool) -> Result<Option<usize>, Malformed> {
        let size = bits.take(self.size).ok_or(CUT)? as usize;
        let index = if is_first {
            self.index
        } else {
            self.index_delta
        };
        let index = bits.take(index).ok_or(CUT)?;
        for delta in [self.composition_delta, self.decoding_delta] {
            if delta > 0 && bits.flag().ok_or(CUT)? {
                bits.take(delta).ok_or(CUT)?;
            }
        }
        bits.skip(usize::from(self.random_access)).ok_or(CUT)?;
        bits.take(self.stream_state).ok_or(CUT)?;
        if index > 0 && !is_first {
            return Err(malformed("interleaved frames, which are not supported"));
        }
        Ok((self.size > 0).then_some(size))
    }

    /// The bytes of the AUs in a payload, as far as headers tell, and what follows the headers.
    fn section<'a>(&self, payload: &'a [u8]) -> Result<(Vec<Option<usize>>, &'a [u8]), Malformed> {
        if self.are_empty() {
            return Ok((Vec::new(), payload));
        }
        let (length, rest) = payload.split_first_chunk().ok_or(CUT)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (headers, rest) = rest.split_at_checked(length.div_ceil(8)).ok_or(CUT)?;
        let mut bits = Bits::new(headers);
        let mut sizes = Vec::new();
        while bits.position() < length {
            let before = bits.position();
            sizes.push(self.read(&mut bits, sizes.is_empty())?);
            if bits.position() == before {
                break;
            }
        }
        Ok((sizes, rest))
    }

    /// What follows the auxiliary section (3.2.2).
    fn pass_auxiliary<'a>(&self, rest: &'a [u8]) -> Result<&'a [u8], Malformed> {
        if self.auxiliary_size == 0 {
            return Ok(rest);
        }
        let mut bits = Bits::new(rest);
        let size = bits.take(self.auxiliary_size).ok_or(CUT)? as usize;
        bits.skip(size).ok_or(CUT)?;
        rest.get(bits.position().div_ceil(8)..).ok_or(CUT)
    }
}

impl Depacketizer {
    /// `None` for what is no AAC, or has no configuration.
    pub(super) fn new(clock_hz: u32, fmtp: Fmtp<'_>) -> Option<Self> {
        let config = aac::Config::from_specific(&fmtp.hex("config")?).ok()?;
        let told = fmtp.number("constantduration").filter(|ticks| *ticks > 0);
        let duration = match told {
            Some(duration) => duration,
            None => ticks(config.frame_samples()?, config.rate_hz, clock_hz),
        };
        Some(Self {
            config,
            headers: Headers::of(fmtp)?,
            duration,
            frames: Frames::default(),
            size: 0,
            is_torn: false,
        })
    }

    fn take(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let (sizes, rest) = self.headers.section(packet.payload())?;
        let data = self.headers.pass_auxiliary(rest)?;
        match *sizes.as_slice() {
            [Some(size)] if size > data.len() => {
                return self.piece(size, packet, data);
            }
            [] | [None] => self.take_unsized(packet, data)?,
            ref sizes => self.take_sized(sizes, packet.time(), data)?,
        }
        Ok(())
    }

    fn take_sized(
        &mut self,
        sizes: &[Option<usize>],
        mut time: u32,
        mut data: &[u8],
    ) -> Result<(), Malformed> {
        for size in sizes {
            let size = size.or(self.headers.constant_size).ok_or(NO_SIZE)?;
            let frame = data
                .split_off(..size)
                .ok_or(malformed("frame is cut short"))?;
            self.push(time, frame);
            time = time.wrapping_add(self.duration);
        }
        Ok(())
    }

    /// Frames of a constant size, or one frame that fills the payload, or a piece of one up to a marker.
    fn take_unsized(&mut self, packet: &rtp::Packet<'_>, data: &[u8]) -> Result<(), Malformed> {
        if let Some(size) = self.headers.constant_size {
            let sizes = vec![Some(size); data.len() / size];
            return self.take_sized(&sizes, packet.time(), data);
        }
        if self.is_torn {
            // Nothing but a marker tells where a frame begins.
            return Ok(());
        }
        let partial = self.frames.partial();
        let goes_on = partial.is_some_and(|partial| partial.time == packet.time());
        if !goes_on {
            self.frames.begin(packet.time(), &[]);
        }
        self.frames.append(data).ok_or(TOO_LONG)?;
        if packet.marker() {
            self.finish();
        }
        Ok(())
    }

    /// A piece of a frame of `size` bytes (3.2.3).
    fn piece(
        &mut self,
        size: usize,
        packet: &rtp::Packet<'_>,
        data: &[u8],
    ) -> Result<(), Malformed> {
        let partial = self.frames.partial();
        let goes_on = partial.is_some_and(|partial| partial.time == packet.time());
        if !goes_on || self.size != size {
            self.frames.begin(packet.time(), &[]);
            self.size = size;
        }
        let length = self.frames.append(data).ok_or(TOO_LONG)?;
        if length == size {
            self.finish();
        } else if length > size || packet.marker() {
            self.frames.lose();
            return Err(malformed("pieces do not make up the frame"));
        }
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(partial) = self.frames.take_partial() {
            self.push(partial.time, &partial.data);
        }
    }

    fn push(&mut self, time: u32, frame: &[u8]) {
        if !frame.is_empty() {
            self.frames.push(time, frame.to_vec(), self.duration);
        }
    }
}

impl Depacketize for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        self.frames.lost(lost);
        self.is_torn |= lost > 0;
        let taken = self.take(packet);
        self.is_torn &= !packet.marker();
        if taken.is_err() {
            self.frames.lose();
        }
        taken
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.frames.pull()
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        Some(Format::Aac(self.config.clone()))
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("AAC", reason)
}

const CUT: Malformed = malformed("AU headers are cut short");
const NO_SIZE: Malformed = malformed("several frames, and no sizes");
const TOO_LONG: Malformed = malformed("frame without an end");

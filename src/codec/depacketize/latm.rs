//! AAC out of RTP as LATM (RFC 6416, 6; RFC 3016): one AudioMuxElement in each run of packets up to a marker.

use super::frames::{Frames, ticks};
use super::{AccessUnit, Depacketize, Fmtp};
use crate::codec::bits::Bits;
use crate::codec::latm::{self, Parameters};
use crate::codec::{Format, Malformed};
use crate::wire::rtp;

/// The state of one track.
pub(super) struct Depacketizer {
    clock_hz: u32,
    /// The configuration comes with the elements.
    is_inband: bool,
    config: Option<Parameters>,
    frames: Frames,
    /// Something was lost since the last marker.
    is_torn: bool,
}

impl Depacketizer {
    /// `None` when the configuration does not come with the elements and is not described either.
    pub(super) fn new(clock_hz: u32, fmtp: Fmtp<'_>) -> Option<Self> {
        let config = fmtp.hex("config");
        let config = config.and_then(|config| latm::stream_mux_config(&mut Bits::new(&config)));
        // Present unless told otherwise (RFC 6416, 7.3).
        let is_inband = fmtp.number("cpresent") != Some(0);
        (is_inband || config.is_some()).then(|| Self {
            clock_hz,
            is_inband,
            config,
            frames: Frames::default(),
            is_torn: false,
        })
    }

    /// Takes an AudioMuxElement apart (ISO/IEC 14496-3, table 1.41).
    fn element(&mut self, mut time: u32, element: &[u8]) -> Option<()> {
        let mut bits = Bits::new(element);
        let inband = match self.is_inband && !bits.flag()? {
            true => Some(latm::stream_mux_config(&mut bits)?),
            false => None,
        };
        let config = inband.or_else(|| self.config.clone())?;
        let payloads = (0..config.sub_frames).map(|_| latm::payload(&mut bits));
        let payloads: Vec<_> = payloads.collect::<Option<_>>()?;
        // What begins behind a loss may be the rest of an element, which ends anywhere.
        let left = 8 * element.len() - bits.position();
        (!self.is_torn || left < 8).then_some(())?;
        let duration = ticks(config.duration, config.aac.rate_hz, self.clock_hz);
        for frame in payloads {
            if !frame.is_empty() {
                self.frames.push(time, frame, duration);
            }
            time = time.wrapping_add(duration);
        }
        self.config = Some(config);
        Some(())
    }
}

impl Depacketize for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        self.frames.lost(lost);
        self.is_torn |= lost > 0;
        let time = packet.time();
        let goes_on = self
            .frames
            .partial()
            .is_some_and(|partial| partial.time == time);
        if goes_on {
            self.frames
                .append(packet.payload())
                .ok_or(malformed("element without an end"))?;
        } else {
            self.frames.begin(time, packet.payload());
        }
        if !packet.marker() {
            return Ok(());
        }
        let whole = self.frames.take_partial();
        let taken = whole.and_then(|whole| self.element(whole.time, &whole.data));
        if taken.is_none() {
            self.frames.lose();
        }
        self.is_torn = false;
        taken.ok_or(malformed("element of an unknown layout, or cut short"))
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.frames.pull()
    }

    fn flush(&mut self) {}

    fn format(&self) -> Option<Format> {
        let config = self.config.as_ref()?;
        Some(Format::Aac(config.aac.clone()))
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("LATM", reason)
}

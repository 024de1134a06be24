//! One track on its way from packets to units.

use crate::codec::{self, AccessUnit, Depacketize, Format, Kind, Malformed};
use crate::hls::decode_times::{DecodeTimes, Order};
use crate::media::description;
use crate::wire::rtp;

/// A step in time by more than this, in seconds, is a gap.
const LONGEST_STEP: i64 = 3;

/// A key frame that has not come for so long, in seconds, is told to be missing.
const AWAITED: u32 = 15;

/// Pictures come this many times a second where nothing tells how many.
const USUAL_RATE: f64 = 30.0;

/// One track.
pub(super) struct Track {
    pub(super) kind: Kind,
    pub(super) clock_hz: u32,
    pub(super) encoding: String,
    pub(super) fmtp: Option<String>,
    pub(super) depacketizer: Option<Box<dyn Depacketize>>,
    /// Its units are not made of packets here.
    pub(super) is_encoded: bool,
    /// A unit that was made elsewhere.
    pub(super) encoded: Option<(AccessUnit, Option<Format>)>,
    /// The RTP times of the newest packet that is encoded elsewhere, and of the newest unit made of such.
    pub(super) sent: Option<u32>,
    pub(super) made: Option<u32>,
    /// The sequence number that comes next.
    next: Option<u16>,
    /// Packets are missing before the next, and nothing tells how many.
    misses_packets: bool,
    /// The next unit does not go on from the one before.
    pub(super) is_torn: bool,
    /// A unit went out.
    pub(super) has_history: bool,
    /// The unit that a decoder started with has come.
    has_begun: bool,
    /// The time of the first unit that a decoder could not begin with, since there was one that it could.
    passed_over: Option<u32>,
    /// No key frame has come for long.
    pub(super) lacks_key: bool,
    /// Of the units that come out of the depacketiser.
    format: Option<Format>,
    order: Order,
    /// Of the units that were pulled.
    pub(super) told: Option<Format>,
    decode_times: DecodeTimes,
    /// When the last unit is presented, and the step before it, in ticks.
    last: Option<(i64, i64)>,
}

impl Track {
    pub(super) fn new(described: &description::Track, is_encoded: bool) -> Self {
        Self {
            kind: described.kind,
            clock_hz: described.clock_hz,
            encoding: described.encoding.clone(),
            fmtp: described.fmtp.clone(),
            depacketizer: depacketizer(described).filter(|_| !is_encoded),
            is_encoded,
            encoded: None,
            sent: None,
            made: None,
            next: None,
            misses_packets: false,
            is_torn: false,
            has_history: false,
            has_begun: false,
            passed_over: None,
            lacks_key: false,
            format: None,
            order: Order { depth: 0, step: 1 },
            told: None,
            decode_times: DecodeTimes::default(),
            last: None,
        }
    }

    pub(super) fn is_other(&self, described: &description::Track) -> bool {
        self.encoding != described.encoding || self.fmtp != described.fmtp
    }

    /// Whether half a second or more of it is still being encoded elsewhere.
    pub(super) fn is_owed(&self) -> bool {
        let Some((sent, made)) = self.sent.zip(self.made) else {
            return self.sent.is_some();
        };
        // RTP times wrap.
        let ticks = sent.wrapping_sub(made).cast_signed();
        i64::from(ticks) * 2 >= i64::from(self.clock_hz)
    }

    /// What comes next does not go on from what came so far.
    pub(super) fn tear(&mut self) {
        self.next = None;
        self.misses_packets = true;
        self.is_torn = true;
        self.has_begun = false;
        self.decode_times.begin_anew();
    }

    /// The times of what comes next do not go on from those so far, and may be earlier.
    pub(super) fn begin_elsewhere(&mut self) {
        self.is_torn = true;
        self.last = None;
        self.decode_times = DecodeTimes::default();
    }

    /// Hands a packet to the depacketiser, unless it is one that came before.
    pub(super) fn push(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let Some(depacketizer) = &mut self.depacketizer else {
            return Ok(());
        };
        let sequence = u16::from(packet.sequence());
        let lost = match self.next {
            Some(next) => sequence.wrapping_sub(next),
            None => u16::from(self.misses_packets),
        };
        if lost >= 1 << 15 {
            return Ok(());
        }
        self.misses_packets = false;
        self.next = Some(sequence.wrapping_add(1));
        depacketizer.push(packet, lost)
    }

    /// The next unit of use, and the format if it changes there.
    pub(super) fn pull(&mut self) -> Option<(AccessUnit, Option<Format>)> {
        if let Some((unit, format)) = self.encoded.take() {
            let format = format.and_then(|format| self.take_format(format));
            return Some((unit, format));
        }
        loop {
            let depacketizer = self.depacketizer.as_mut()?;
            let unit = depacketizer.pull()?;
            // Only where a decoder starts may it be told of another format.
            let format = unit.keyframe.then(|| depacketizer.format()).flatten();
            self.has_begun |= format.is_some();
            if self.has_begun {
                (self.passed_over, self.lacks_key) = (None, false);
                return Some((unit, format.and_then(|format| self.take_format(format))));
            }
            let since = *self.passed_over.get_or_insert(unit.time);
            // RTP times wrap.
            let waited = unit.time.wrapping_sub(since).cast_signed();
            self.lacks_key |= waited >= (AWAITED * self.clock_hz).cast_signed();
        }
    }

    /// Returns the format if it is another.
    fn take_format(&mut self, format: Format) -> Option<Format> {
        if self.format.as_ref() == Some(&format) {
            return None;
        }
        self.order = order(&format, self.clock_hz);
        self.format = Some(format.clone());
        Some(format)
    }

    /// The times of a unit whose place is `pts`, and whether there is a gap before it.
    pub(super) fn times(&mut self, pts: i64) -> (i64, i64, bool) {
        let is_gap = self.is_behind_gap(pts);
        if is_gap {
            self.decode_times.begin_anew();
        }
        let dts = self.decode_times.next(pts, self.order);
        (pts.max(dts), dts, is_gap)
    }

    fn is_behind_gap(&mut self, pts: i64) -> bool {
        let before = self.last;
        let step = before.map_or(0, |(last, _)| pts.saturating_sub(last));
        self.last = Some((pts, step));
        let usual = before.map_or(0, |(_, step)| step.max(0));
        let longest = LONGEST_STEP * i64::from(self.clock_hz);
        step > longest.max(usual.saturating_mul(4))
    }
}

pub(super) fn depacketizer(described: &description::Track) -> Option<Box<dyn Depacketize>> {
    codec::depacketizer(&described.encoding, described.fmtp.as_deref())
}

/// The order of the pictures of a stream, in ticks of its clock; sound has none.
fn order(format: &Format, clock_hz: u32) -> Order {
    /// Where a stream that may have such pictures does not tell: that of a usual pyramid.
    const UNTOLD: usize = 4;
    let depth = match format {
        Format::H264(config) => {
            let told = config.facts().and_then(|facts| facts.reorder_frames);
            told.map_or(UNTOLD, usize::from)
        }
        Format::H265(config) => {
            let told = config.facts().map(|facts| facts.reorder_frames);
            told.map_or(UNTOLD, usize::from)
        }
        Format::Mpeg4Video { .. } => 1,
        _ => 0,
    };
    let rate = format.frame_rate().unwrap_or(USUAL_RATE).clamp(1.0, 300.0);
    Order {
        depth,
        step: ((f64::from(clock_hz) / rate) as i64).max(1),
    }
}

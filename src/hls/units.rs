//! From a channel's bursts to samples of all tracks on one timeline.
//!
//! Sans-IO. Tracks are depacketised, their times are joined by the channel's sender reports, and
//! decoding times are found. Where segments begin is the matter of the segmenter.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::clocks::Clocks;
use super::decode_times::{DecodeTimes, Order};
use crate::base::media_time::{MediaTime, NtpTime};
use crate::codec::{self, AccessUnit, Depacketize, Format, Kind, Malformed};
use crate::media::burst::{Burst, PacketKind};
use crate::media::description::{self, Description};
use crate::wire::rtcp::{self, Feedback};
use crate::wire::rtp;

/// When the first unit of all is presented, in seconds: tracks that turn out to begin before it,
/// and decoding times, stay positive.
pub const START: i64 = 10;

/// One sample with its place on the timeline of all tracks.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The index of its track in the description.
    pub track: usize,
    /// When it is presented, in ticks of the track's clock; never negative.
    pub pts: MediaTime,
    /// When it is decoded: not later than `pts`, and later than the unit before it.
    pub dts: MediaTime,
    /// A decoder may start with it.
    pub keyframe: bool,
    /// Something of it, or just before it, was lost.
    pub damaged: bool,
    /// It does not go on from the unit before: the track's format has changed, or time has passed over.
    pub discontinuity: bool,
    /// When it was captured; `None` before the sender's first report.
    pub wall: Option<NtpTime>,
    /// For how long it is heard, in ticks of the track's clock; `None` for video.
    pub duration: Option<u32>,
    /// Its bytes, as [`AccessUnit::data`](codec::AccessUnit::data).
    pub data: Bytes,
}

#[cfg(test)]
impl Unit {
    /// A sound unit without bytes, decoded and presented at `time`; tests change what they are about.
    pub(in crate::hls) fn at(track: usize, time: MediaTime) -> Self {
        Self {
            track,
            pts: time,
            dts: time,
            keyframe: true,
            damaged: false,
            discontinuity: false,
            wall: None,
            duration: None,
            data: Bytes::new(),
        }
    }
}

/// A step in time by more than this, in seconds, is a gap.
const LONGEST_STEP: i64 = 3;

/// Pictures come this many times a second where nothing tells how many.
const USUAL_RATE: f64 = 30.0;

/// All tracks of a channel.
pub struct Units {
    tracks: Vec<Track>,
    clocks: Clocks,
    ready: VecDeque<Ready>,
    malformed: u64,
}

/// A unit, and the format of its track if it changes there.
struct Ready {
    unit: Unit,
    format: Option<Format>,
}

impl Units {
    /// For a channel of this description; tracks in encodings that are not known stay silent.
    ///
    /// The packets of the tracks `encoded`, by their index, are only looked at for their time;
    /// what somebody else makes of them is to be [given back](Self::push_encoded).
    pub fn new(description: &Description, encoded: &[usize]) -> Self {
        let tracks = description.tracks().iter().enumerate();
        let track = |(index, described)| Track::new(described, encoded.contains(&index));
        let tracks: Vec<_> = tracks.map(track).collect();
        let clocks = Clocks::new(tracks.iter().map(|track| track.clock_hz), lead(&tracks));
        Self {
            tracks,
            clocks,
            ready: VecDeque::new(),
            malformed: 0,
        }
    }

    /// The channel is described anew, as another publisher does; tracks whose parameters have
    /// changed begin anew, with a discontinuity.
    pub fn describe(&mut self, description: &Description) {
        for (track, described) in self.tracks.iter_mut().zip(description.tracks()) {
            if track.is_other(described) {
                track.encoding.clone_from(&described.encoding);
                track.fmtp.clone_from(&described.fmtp);
                track.depacketizer = depacketizer(described).filter(|_| !track.is_encoded);
                track.tear();
            }
        }
    }

    /// Takes the next burst of the channel; the units that it completes are to be pulled.
    pub fn push(&mut self, burst: &Burst) {
        for packet in burst.packets() {
            let (index, bytes) = (usize::from(packet.track), burst.bytes_of(packet));
            match packet.kind {
                PacketKind::Rtp => self.media(index, bytes, burst.arrived()),
                PacketKind::Rtcp => self.report(index, bytes),
            }
        }
    }

    /// Takes a report of [`Channel::reports`](crate::media::channel::Channel::reports), which a
    /// reader that joins asks for before its first burst.
    pub fn report(&mut self, track: usize, compound: &[u8]) {
        for feedback in rtcp::parse(compound).into_iter().flatten() {
            if let Feedback::SenderReport { report, .. } = feedback {
                self.clocks.report(track, report.rtp_time, report.ntp);
            }
        }
    }

    fn media(&mut self, index: usize, bytes: &[u8], arrived: Instant) {
        let (Some(track), Ok(packet)) = (self.tracks.get_mut(index), rtp::Packet::read(bytes))
        else {
            return;
        };
        if track.is_encoded {
            return self.clocks.came(index, packet.time(), arrived);
        }
        if track.push(&packet).is_err() {
            self.malformed += 1;
        }
        self.collect(index, arrived);
    }

    /// Takes what was made of an encoded track, and its format if that changes there.
    pub fn push_encoded(
        &mut self,
        index: usize,
        unit: AccessUnit,
        format: Option<Format>,
        now: Instant,
    ) {
        if let Some(track) = self.tracks.get_mut(index) {
            track.encoded = Some((unit, format));
            self.collect(index, now);
        }
    }

    /// Gives the units that a track has completed their places.
    fn collect(&mut self, index: usize, arrived: Instant) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        while let Some((unit, format)) = track.pull() {
            let place = self.clocks.place(index, unit.time, arrived);
            let (pts, dts, is_gap) = track.times(place.pts);
            let discontinuity = is_gap | std::mem::take(&mut track.is_torn);
            let is_first = !std::mem::replace(&mut track.has_history, true);
            let unit = Unit {
                track: index,
                pts: MediaTime::new(pts, track.clock_hz),
                dts: MediaTime::new(dts, track.clock_hz),
                keyframe: unit.keyframe,
                damaged: unit.damaged,
                discontinuity: !is_first && (discontinuity || format.is_some()),
                wall: place.wall,
                duration: unit.duration,
                data: unit.data,
            };
            self.ready.push_back(Ready { unit, format });
        }
    }

    /// Bursts were missed, as [`Taken::Missed`](crate::media::ring::Taken::Missed) says: what is
    /// under way is given up, and each track goes on with a discontinuity, at a key frame.
    pub fn missed(&mut self) {
        self.tracks.iter_mut().for_each(Track::tear);
    }

    /// Says that nothing follows for now, so that units whose end only the next packet would
    /// show come out; `now` is taken for the time of their arrival.
    pub fn flush(&mut self, now: Instant) {
        for index in 0..self.tracks.len() {
            if let Some(depacketizer) = self.depacketizer(index) {
                depacketizer.flush();
            }
            self.collect(index, now);
        }
    }

    fn depacketizer(&mut self, track: usize) -> Option<&mut Box<dyn Depacketize>> {
        self.tracks.get_mut(track)?.depacketizer.as_mut()
    }

    /// The next unit; those of a track come in decoding order, the tracks as their packets came.
    ///
    /// Pictures begin with a key frame whose format is known.
    pub fn pull(&mut self) -> Option<Unit> {
        let Ready { unit, format } = self.ready.pop_front()?;
        if let (Some(format), Some(track)) = (format, self.tracks.get_mut(unit.track)) {
            track.told = Some(format);
        }
        Some(unit)
    }

    /// The format of the units of a track that were pulled last; `None` before the first.
    pub fn format(&self, track: usize) -> Option<&Format> {
        self.tracks.get(track)?.told.as_ref()
    }

    /// By how much a track's clock runs faster than the sender's clock on the wall, in parts
    /// per million; `None` until enough reports have come.
    pub fn drift_ppm(&self, track: usize) -> Option<f64> {
        self.clocks.drift_ppm(track)
    }

    /// How many packets were not what their format promises.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }
}

/// The track whose times are kept as they are: sound, for a picture can wait unnoticed.
fn lead(tracks: &[Track]) -> usize {
    let is_known = |track: &Track| track.depacketizer.is_some() || track.is_encoded;
    let is_heard = |track: &Track| is_known(track) && track.kind == Kind::Audio;
    let heard = tracks.iter().position(is_heard);
    heard
        .or_else(|| tracks.iter().position(is_known))
        .unwrap_or(0)
}

/// One track.
struct Track {
    kind: Kind,
    clock_hz: u32,
    encoding: String,
    fmtp: Option<String>,
    depacketizer: Option<Box<dyn Depacketize>>,
    /// Its units are not made of packets here.
    is_encoded: bool,
    /// A unit that was made elsewhere.
    encoded: Option<(AccessUnit, Option<Format>)>,
    /// The sequence number that comes next.
    next: Option<u16>,
    /// Packets are missing before the next, and nothing tells how many.
    misses_packets: bool,
    /// The next unit does not go on from the one before.
    is_torn: bool,
    /// A unit went out.
    has_history: bool,
    /// The unit that a decoder started with has come.
    has_begun: bool,
    /// Of the units that come out of the depacketiser.
    format: Option<Format>,
    order: Order,
    /// Of the units that were pulled.
    told: Option<Format>,
    decode_times: DecodeTimes,
    /// When the last unit is presented, and the step before it, in ticks.
    last: Option<(i64, i64)>,
}

impl Track {
    fn new(described: &description::Track, is_encoded: bool) -> Self {
        Self {
            kind: described.kind,
            clock_hz: described.clock_hz,
            encoding: described.encoding.clone(),
            fmtp: described.fmtp.clone(),
            depacketizer: depacketizer(described).filter(|_| !is_encoded),
            is_encoded,
            encoded: None,
            next: None,
            misses_packets: false,
            is_torn: false,
            has_history: false,
            has_begun: false,
            format: None,
            order: Order { depth: 0, step: 1 },
            told: None,
            decode_times: DecodeTimes::default(),
            last: None,
        }
    }

    fn is_other(&self, described: &description::Track) -> bool {
        self.encoding != described.encoding || self.fmtp != described.fmtp
    }

    /// What comes next does not go on from what came so far.
    fn tear(&mut self) {
        self.next = None;
        self.misses_packets = true;
        self.is_torn = true;
        self.has_begun = false;
        self.decode_times.begin_anew();
    }

    /// Hands a packet to the depacketiser, unless it is one that came before.
    fn push(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
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
    fn pull(&mut self) -> Option<(AccessUnit, Option<Format>)> {
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
                return Some((unit, format.and_then(|format| self.take_format(format))));
            }
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
    fn times(&mut self, pts: i64) -> (i64, i64, bool) {
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

fn depacketizer(described: &description::Track) -> Option<Box<dyn Depacketize>> {
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

#[cfg(test)]
mod tests;

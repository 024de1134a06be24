//! From a channel's bursts to samples of all tracks on one timeline.
//!
//! Sans-IO. Tracks are depacketised, their times are joined by the channel's sender reports, and
//! decoding times are found. Where segments begin is the matter of the segmenter.

mod track;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use track::{Track, depacketizer};

use super::clocks::Clocks;
use super::reference::Reference;
use crate::base::media_time::{MediaTime, NtpTime};
use crate::codec::{AccessUnit, Depacketize, Format, Kind};
use crate::media::burst::{Burst, PacketKind};
use crate::media::description::Description;
use crate::media::publisher_clock::PublisherClock;
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
    /// Its bytes, as [`AccessUnit::data`](crate::codec::AccessUnit::data).
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

/// All tracks of a channel.
pub struct Units {
    tracks: Vec<Track>,
    clocks: Clocks,
    /// What the publisher's clock is held against.
    reference: Option<Reference>,
    /// What earlier bursts report is known already, or is no longer so.
    reported_until: Option<Instant>,
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
            reference: None,
            reported_until: None,
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

    /// The same with what the publisher's clock is held against.
    pub fn with_reference(mut self, reference: Reference) -> Self {
        if let Some(own) = reference.own() {
            // Segments of such a channel are not shifted, so that pictures could not step back without a loss.
            let lead = first(&self.tracks, Kind::Video).unwrap_or_else(|| lead(&self.tracks));
            self.clocks.begin_on(own, lead);
        }
        Self {
            reference: Some(reference),
            ..self
        }
    }

    /// Says by which clock the reports are made that come next.
    pub fn follow(&mut self, publisher: &PublisherClock) {
        self.clocks.tell(publisher.is_told);
        if let Some(reference) = &mut self.reference {
            reference.follow(publisher, &mut self.clocks);
        }
    }

    /// Says that the reports as of `now` have been taken, so that those of earlier bursts tell nothing new.
    pub fn skip_reports_until(&mut self, now: Instant) {
        self.reported_until = Some(now);
    }

    /// Takes the next burst of the channel; the units that it completes are to be pulled.
    pub fn push(&mut self, burst: &Burst) {
        let is_known = self
            .reported_until
            .is_some_and(|until| burst.arrived() < until);
        for packet in burst.packets() {
            let (index, bytes) = (usize::from(packet.track), burst.bytes_of(packet));
            match packet.kind {
                PacketKind::Rtp => self.media(index, bytes, burst.arrived()),
                PacketKind::Rtcp if is_known => {}
                PacketKind::Rtcp => {
                    // With the report and not before, for what has been reported goes by another clock.
                    if let Some(clock) = burst.clock() {
                        self.follow(&clock);
                    }
                    self.report(index, bytes);
                }
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
            track.sent = Some(packet.time());
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
            track.made = Some(unit.time);
            track.encoded = Some((unit, format));
            self.collect(index, now);
        }
    }

    /// Whether more has come of a track that is encoded than was given back, by half a second or more.
    pub fn is_owed(&self, track: usize) -> bool {
        self.tracks.get(track).is_some_and(Track::is_owed)
    }

    /// Gives the units that a track has completed their places.
    fn collect(&mut self, index: usize, arrived: Instant) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        while let Some((unit, format)) = track.pull() {
            let place = self.clocks.place(index, unit.time, arrived, unit.keyframe);
            if place.is_elsewhere {
                track.begin_elsewhere();
            }
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

    /// Whether pictures have come for long and none that a decoder may begin with, or none whose parameter
    /// sets are known.
    pub fn lack_key_frames(&self) -> bool {
        self.tracks.iter().any(|track| track.lacks_key)
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
    let heard = first(tracks, Kind::Audio);
    heard.or_else(|| first(tracks, Kind::Video)).unwrap_or(0)
}

/// The first track of that kind whose packets can be read.
fn first(tracks: &[Track], kind: Kind) -> Option<usize> {
    let is_known = |track: &Track| track.depacketizer.is_some() || track.is_encoded;
    tracks
        .iter()
        .position(|track| is_known(track) && track.kind == kind)
}

#[cfg(test)]
mod tests;

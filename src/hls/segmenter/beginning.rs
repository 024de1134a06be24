//! How the stream begins, at first and anew, and how each segment does.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::{BufMut, Bytes, BytesMut};

use super::{MAX_PATIENCE, Segmenter};
use crate::base::media_time::MediaTime;
use crate::codec::Format;
use crate::hls::keys::Keys;
use crate::hls::lane::Lane;
use crate::hls::lock::Lock;
use crate::hls::map::map;
use crate::hls::open::Open;
use crate::hls::part::{Head, Map};
use crate::hls::units::{START, Unit};
use crate::hls::waiting::Waiting;

impl Segmenter {
    /// The same with segments that are encrypted.
    pub fn with_keys(self, keys: Option<Keys>) -> Self {
        Self { keys, ..self }
    }

    /// The same without these tracks, whose segments are made [elsewhere](crate::hls::sounds).
    /// Their units are still to be pushed, for they tell how far the channel is, and if no pictures come,
    /// the first of them leads.
    pub fn without(mut self, tracks: &[usize]) -> Self {
        let place = self
            .lanes
            .iter()
            .position(|lane| tracks.contains(&lane.track));
        self.stand_in = place.map(|place| self.lanes.remove(place));
        self.apart = tracks.to_vec();
        self
    }

    /// How many tracks segments hold when something has come of each; 0 if fragments can carry none of them.
    pub fn track_count(&self) -> usize {
        self.lanes.len()
    }

    /// Has segments begin anew at the next key frame, because something else needs a new map.
    pub fn renew(&mut self) {
        self.is_outdated = true;
    }

    /// Says what is on from now on; nothing, if it is empty.
    pub fn set_title(&mut self, title: &str) {
        self.titles.set(title);
    }

    /// Begins anew with a key frame: with the formats that were offered, and where the timeline ended.
    pub(super) fn begin(&mut self, unit: &Unit, now: SystemTime) {
        self.bridge(unit, now);
        self.close();
        if !self.has_history {
            self.end = self.arrived(now);
        }
        self.lanes.iter_mut().for_each(Lane::adopt);
        self.take_place(unit);
        self.waiting.retain(unit.pts.nanos());
        if self.stand_in.take().is_some() {
            self.waiting = Waiting::default();
        }
        let Some(lane) = self.lanes.first_mut() else {
            return;
        };
        let (decoded, start) = (lane.ticks(unit.dts), lane.ticks(self.end));
        let was_late = decoded.saturating_add(self.shift) < start && self.has_history;
        if was_late && !unit.discontinuity && self.grid.is_none() {
            self.patience = (2 * self.patience).min(MAX_PATIENCE);
        }
        if self.grid.is_none() {
            self.shift = start.saturating_sub(decoded);
        }
        let presented = lane.ticks(unit.pts).saturating_add(self.shift);
        self.delay = presented.saturating_sub(start);
        let presented = MediaTime::new(presented, lane.timescale);
        lane.interrupt(Some(start));
        lane.learn(start, unit);
        self.part_target.learn(lane);
        if let Some(follower) = self.lanes.get_mut(1) {
            let earliest = follower.ticks(presented);
            // On a timeline that is shared nothing is heard twice.
            let heard = follower.next.filter(|_| self.grid.is_some());
            follower.await_first(earliest.max(heard.unwrap_or(earliest)));
        }
        self.target.begin_anew();
        let time = self.nanos(start);
        self.target.saw_key(time);
        self.is_broken = false;
        self.is_outdated = false;
        let heard = self.waiting.front().map(|unit| unit.data.clone());
        self.specimens = [unit.data.clone(), heard.unwrap_or_default()];
        let version = |map: &Option<Arc<Map>>| map.as_ref().map(|map| map.version);
        let before = version(&self.map);
        self.begin_segment(date(unit, now), self.has_history || self.follows);
        let is_other = before.is_some() && before != version(&self.map);
        match self.lanes.first().and_then(|lane| lane.format.as_ref()) {
            // For ffmpeg, which reads no map but the first.
            Some(format) if is_other => self.append(&Unit {
                data: behind_parameter_sets(format, &unit.data),
                ..unit.clone()
            }),
            _ => self.append(unit),
        }
    }

    /// Where on the timeline it is when something arrives at the time `now`.
    fn arrived(&self, now: SystemTime) -> MediaTime {
        let since = now.duration_since(self.epoch).unwrap_or_default();
        let since = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX / 2);
        MediaTime::new(since.saturating_add(START * NANOS), NANOS as u32)
    }

    pub(super) fn begin_segment(&mut self, date: SystemTime, discontinuity: bool) {
        let Some(lane) = self.lanes.first() else {
            return;
        };
        let lock = self.keys.as_ref().map(|keys| keys.lock(self.sequence));
        let protection = lock.as_ref().and_then(Lock::protection);
        let map = map(self.map.take(), &self.lanes, &self.specimens, protection);
        self.map = Some(Arc::clone(&map));
        let start = lane.next.unwrap_or_default();
        let presented = MediaTime::new(start.saturating_add(self.delay), lane.timescale);
        let discontinuity = match &self.grid {
            Some(grid) => {
                let line = grid.reach(self.sequence, presented.nanos(), self.interval());
                self.discontinuity_sequence = line.discontinuity_sequence;
                line.discontinuity
            }
            None => {
                self.discontinuity_sequence += u64::from(discontinuity);
                discontinuity
            }
        };
        self.has_history = true;
        let head = Head {
            sequence: self.sequence,
            discontinuity_sequence: self.discontinuity_sequence,
            discontinuity,
            start: MediaTime::new(start, lane.timescale),
            presented,
            shift: MediaTime::new(self.shift, lane.timescale),
            date,
            map,
            lock: lock.map(Arc::new),
        };
        self.open = Some(Open::new(head));
        self.sequence += 1;
    }
}

const NANOS: i64 = 1_000_000_000;

/// When a unit was captured; when it arrived, where nobody knows.
pub(super) fn date(unit: &Unit, now: SystemTime) -> SystemTime {
    unit.wall.map_or(now, |wall| wall.wall())
}

/// A key frame with the parameter sets of its format before it, as far as it has any.
fn behind_parameter_sets(format: &Format, picture: &Bytes) -> Bytes {
    let (length_size, kinds) = match format {
        Format::H264(config) => (config.length_size, [&config.sps[..], &config.pps, &[]]),
        Format::H265(config) => (
            config.length_size,
            [&config.vps[..], &config.sps, &config.pps],
        ),
        _ => return picture.clone(),
    };
    let mut data = BytesMut::new();
    for set in kinds.into_iter().flatten() {
        // Parameter sets are no longer than 64 KiB; only a length of one byte is too small for some.
        let length = (set.len() as u32).to_be_bytes();
        let Some((zeros, length)) = length.split_at_checked(4_usize.saturating_sub(length_size))
        else {
            continue;
        };
        if zeros.iter().all(|byte| *byte == 0) {
            data.put_slice(length);
            data.put_slice(set);
        }
    }
    data.put_slice(picture);
    data.freeze()
}

//! From a channel's bursts to the chunks of an endless stream.
//!
//! Sans-IO. How samples become bytes is the matter of `carrier`; which chunks are kept, and who
//! reads them, that of `chunks` and `stream`.

use std::collections::VecDeque;
use std::time::Instant;

use super::carrier::{Carrier, carries, ticks};
use super::chunks::Chunk;
use super::merge::{Change, Merge};
use crate::codec::{self, Format, Kind};
use crate::container::ts::CLOCK_HZ;
use crate::hls::object::Packing;
use crate::hls::units::{Unit, Units};
use crate::media::burst::Burst;
use crate::media::description::{Description, Track};

/// Writes one channel in one packing.
pub(super) struct Writer {
    packing: Packing,
    units: Units,
    /// The tracks that are carried, the one that leads first.
    lanes: Vec<Lane>,
    merge: Merge,
    carrier: Option<Carrier>,
    /// The carrier does not suit the formats any more.
    is_stale: bool,
    /// How many carriers there were.
    version: u8,
    /// When the first unit of the chunk under way is decoded, in ticks of 90 kHz.
    begun: Option<u64>,
    /// Whether a player can begin with it.
    is_start: bool,
    /// When the tables of a transport stream were written last, in ticks of 90 kHz.
    told: Option<u64>,
    chunks: VecDeque<Chunk>,
}

struct Lane {
    /// Its index in the description.
    track: usize,
    kind: Kind,
    /// Of its units; `None` while nobody has told.
    format: Option<Format>,
    /// Its place in the carrier; `None` while that does not carry it.
    place: Option<usize>,
}

/// Chunks are about this long, in ticks of 90 kHz: each costs every listener a system call.
const LENGTH: u64 = CLOCK_HZ as u64 / 10;

/// The tables of a transport stream are repeated after so long, in ticks of 90 kHz.
const TABLES: u64 = CLOCK_HZ as u64 / 2;

impl Writer {
    /// For a channel of this description: its first track that is heard, and in a transport
    /// stream before it the first that is seen.
    pub(super) fn new(packing: Packing, description: &Description) -> Self {
        let tracks = description.tracks();
        let lane = |kind| {
            let index = tracks.iter().position(|track| track.kind == kind)?;
            Lane::new(index, tracks.get(index)?)
        };
        let seen = lane(Kind::Video).filter(|_| packing == Packing::Ts);
        let lanes: Vec<_> = seen.into_iter().chain(lane(Kind::Audio)).collect();
        Self {
            packing,
            units: Units::new(description, &[]),
            merge: Merge::new(lanes.len()),
            lanes,
            carrier: None,
            is_stale: true,
            version: 0,
            begun: None,
            is_start: false,
            told: None,
            chunks: VecDeque::new(),
        }
    }

    /// Whether the packing can carry the channel, as far as its formats are known.
    pub(super) fn is_fit(&self) -> bool {
        let mut formats = self.lanes.iter().filter_map(|lane| lane.format.as_ref());
        !self.lanes.is_empty() && formats.all(|format| carries(self.packing, format))
    }

    /// Takes a sender report that came before the first burst.
    pub(super) fn report(&mut self, track: usize, compound: &[u8]) {
        self.units.report(track, compound);
    }

    /// The channel is described anew.
    pub(super) fn describe(&mut self, description: &Description) {
        self.units.describe(description);
    }

    /// Bursts were missed.
    pub(super) fn missed(&mut self) {
        self.units.missed();
    }

    /// Takes the next burst; the chunks that it completes are to be pulled.
    pub(super) fn push(&mut self, burst: &Burst) {
        self.units.push(burst);
        self.write_all(burst.arrived(), false);
    }

    /// Nothing follows for now: what waits goes out.
    pub(super) fn flush(&mut self, now: Instant) {
        self.units.flush(now);
        self.write_all(now, true);
        self.end_chunk(now);
    }

    /// The next chunk.
    pub(super) fn pull(&mut self) -> Option<Chunk> {
        self.chunks.pop_front()
    }

    fn write_all(&mut self, at: Instant, all: bool) {
        while let Some(unit) = self.units.pull() {
            let format = self.units.format(unit.track).filter(|_| unit.keyframe);
            let place = self.lanes.iter().position(|lane| lane.track == unit.track);
            if let Some(lane) = place {
                let format = format.filter(|format| {
                    self.lanes
                        .get(lane)
                        .is_some_and(|lane| lane.differs(format))
                });
                let format = format.cloned();
                self.merge.push(Change { lane, unit, format });
            }
        }
        while let Some(change) = self.merge.pop(all) {
            self.write(change, at);
        }
    }

    fn write(&mut self, change: Change, at: Instant) {
        let Change {
            lane: index,
            unit,
            format,
        } = change;
        let Some(lane) = self.lanes.get_mut(index) else {
            return;
        };
        if let Some(format) = format.filter(|format| lane.differs(format)) {
            lane.format = Some(format);
            lane.place = None;
            self.is_stale = true;
        }
        let dts = ticks(unit.dts);
        self.begin(index, &unit, dts, at);
        if let (Some(carrier), Some(lane)) = (&mut self.carrier, self.lanes.get(index))
            && let Some(place) = lane.place
        {
            self.begun.get_or_insert(dts);
            carrier.write(place, lane.kind, &unit);
        }
    }

    /// Ends the chunk under way where it is long enough, and where a player can begin with the
    /// next: there it has the tables first.
    fn begin(&mut self, lane: usize, unit: &Unit, dts: u64, at: Instant) {
        let has_passed = |since: Option<u64>, ticks| {
            since.is_none_or(|since| dts.saturating_sub(since) >= ticks)
        };
        let leads = lane == 0 && unit.keyframe;
        if leads && self.is_stale {
            self.end_chunk(at);
            self.change_carrier();
        }
        let is_due = has_passed(self.told, TABLES);
        let is_picture = self
            .lanes
            .get(lane)
            .is_some_and(|lane| lane.kind == Kind::Video);
        let is_start = leads && (is_picture || is_due || self.packing != Packing::Ts);
        let is_long = self.begun.is_some() && has_passed(self.begun, LENGTH);
        if is_long || is_start && self.packing == Packing::Ts {
            self.end_chunk(at);
        }
        self.is_start |= is_start && self.begun.is_none();
        if let Some(carrier) = self.carrier.as_mut().filter(|_| is_start || is_due) {
            carrier.tell_tables();
            self.told = Some(dts);
        }
    }

    fn end_chunk(&mut self, at: Instant) {
        self.begun = None;
        let is_start = std::mem::take(&mut self.is_start);
        let bytes = self.carrier.as_mut().map(Carrier::take).unwrap_or_default();
        if !bytes.is_empty() {
            self.chunks.push_back(Chunk {
                bytes,
                is_start,
                at,
            });
        }
    }

    /// Makes the carrier of the formats that are known by now.
    fn change_carrier(&mut self) {
        let mut places = 0..;
        for lane in &mut self.lanes {
            lane.place = lane.format.as_ref().and_then(|_| places.next());
        }
        let formats: Vec<_> = self
            .lanes
            .iter()
            .filter_map(|lane| lane.format.as_ref())
            .collect();
        self.carrier = Carrier::new(self.packing, &formats, self.version, self.carrier.as_ref());
        self.version = self.version.wrapping_add(1);
        self.is_stale = false;
        self.told = None;
    }
}

impl Lane {
    /// `None` for a track in an encoding that is not known, which stays silent.
    fn new(index: usize, described: &Track) -> Option<Self> {
        let depacketizer = codec::depacketizer(&described.encoding, described.fmtp.as_deref())?;
        Some(Self {
            track: index,
            kind: described.kind,
            format: depacketizer.format().filter(is_complete),
            place: None,
        })
    }

    /// Whether its units were of another format so far.
    fn differs(&self, format: &Format) -> bool {
        is_complete(format) && self.format.as_ref() != Some(format)
    }
}

/// Whether a format can be told to a decoder: some descriptions leave out the parameter sets.
fn is_complete(format: &Format) -> bool {
    match format {
        Format::H264(config) => !config.sps.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests;

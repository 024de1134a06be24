//! What one playlist plays of a movie that is encoded: its streams, the names of its files, and how they are encrypted.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::codec::Kind;
use crate::hls::keys::{Key, Keys};
use crate::hls::lock::{Lock, Manner};
use crate::hls::object::{File, Flavour, Object, Packing};
use crate::hls::part::Map;
use crate::hls::transcode::assembly::{self, Group};
use crate::hls::transcode::facts::Stream;

/// Streams that are together in segments.
#[derive(Debug)]
pub(super) struct Rendition {
    /// What tells its files from those of all others of that name.
    pub(super) number: u32,
    /// Its number among the sounds that one can choose from; 0 in the playlist of the variant.
    pub(super) place: u16,
    /// The pictures first.
    pub(super) streams: Vec<Stream>,
    /// What is before its fragments, once one was made.
    pub(super) map: OnceLock<Arc<Map>>,
    keys: Option<Keys>,
}

impl Rendition {
    /// Of those streams; `keys` are made into its own.
    pub(super) fn new(number: u32, place: u16, streams: Vec<Stream>, keys: Option<&Keys>) -> Self {
        Self {
            number,
            place,
            streams,
            map: OnceLock::new(),
            keys: keys.map(|keys| keys.of_number(number)),
        }
    }

    /// What a process is to make for it.
    pub(super) fn group(&self) -> Group<'_> {
        Group {
            streams: &self.streams,
            keys: self.keys.as_ref(),
            known: self.map.get(),
        }
    }

    /// How a file of it is called.
    pub(super) fn name(&self, file: File) -> String {
        let packager = self.number;
        Object::File { packager, file }.to_string()
    }

    /// Whether there is something of that kind in it.
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.streams
            .iter()
            .any(|stream| stream.coding.kind() == kind)
    }

    /// What its segments are for old players.
    pub(super) fn packing(&self) -> Packing {
        match self.has(Kind::Video) {
            true => Packing::Ts,
            false => Packing::Aac,
        }
    }

    /// Which map a segment has.
    pub(super) fn map_version(&self, number: u64) -> u32 {
        let lock = self.lock(number);
        lock.as_ref().map_or(0, assembly::map_version)
    }

    /// How a segment is encrypted, if it is.
    pub(super) fn lock(&self, number: u64) -> Option<Lock> {
        self.keys.as_ref().map(|keys| keys.lock(number))
    }

    /// The key of that period, if one of so many segments needs it.
    pub(super) fn key(&self, period: u64, segments: u64) -> Option<Bytes> {
        let last = self.lock(segments.checked_sub(1)?)?;
        let keys = self.keys.as_ref().filter(|_| period <= last.period)?;
        let Key(key) = keys.key(period);
        Some(Bytes::copy_from_slice(&key))
    }

    /// Whether transport streams carry it; samples are encrypted in fragments only.
    pub(super) fn carries(&self, flavour: Flavour) -> bool {
        let is_clear = |lock: Lock| lock.manner != Manner::Samples;
        flavour != Flavour::Ts || self.lock(0).is_none_or(is_clear)
    }
}

//! The grids of the groups that are packaged at the moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::epoch::Epoch;
use super::grid::Grid;
use crate::base::clock::Clock;
use crate::base::media_time::{MediaTime, NtpTime};
use crate::base::path::MediaPath;
use crate::config::{Config, HlsGroup};
use crate::hls::numbers::Numbers;
use crate::media::burst::Burst;
use crate::media::channel::Channel;
use crate::media::ring::{Start, Taken};

/// The grids by the names of their groups; each lives as long as a packager has it.
#[derive(Debug, Default)]
pub(in crate::hls) struct Grids {
    table: Mutex<HashMap<MediaPath, Entry>>,
}

#[derive(Debug)]
struct Entry {
    grid: Weak<Grid>,
    /// The one channel that it is for; `None` for those of a group.
    channel: Option<Weak<Channel>>,
}

impl Entry {
    fn is_for(&self, channel: Option<&Arc<Channel>>) -> bool {
        let own = self.channel.as_ref().map(Weak::as_ptr);
        own == channel.map(Arc::as_ptr)
    }
}

/// The most bursts looked at, at a time.
const BURSTS: usize = 256;

impl Grids {
    /// The grid of a group, which begins unless it is there; its segments are as long as the key
    /// frames of these channels need. That of a channel alone is for no other of the same name.
    pub(in crate::hls) fn of(
        &self,
        group: &HlsGroup,
        channels: &[Arc<Channel>],
        config: &Config,
        (numbers, clock): (&Numbers, Clock),
    ) -> Arc<Grid> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = channels.first().filter(|_| group.variants.len() == 1);
        let there = table.get(&group.name).filter(|there| there.is_for(alone));
        if let Some(grid) = there.and_then(|there| there.grid.upgrade()) {
            return grid;
        }
        table.retain(|_, there| there.grid.strong_count() > 0);
        let intervals: Vec<_> = channels.iter().map(key_interval).collect();
        let variants = group.variants.iter();
        let targets = variants.map(|variant| config.hls_of(variant).target_duration);
        let target = targets.max().unwrap_or_default();
        let clock = clock.anew();
        let epoch = Epoch::new(NtpTime::from_unix(EPOCH), clock);
        let first = numbers.first(&group.variants, clock);
        let first = (first.sequence, first.discontinuity);
        let grid = Grid::new(epoch, target, &intervals, first);
        let grid = Arc::new(match alone {
            Some(_) => grid.of_one_channel(),
            None => grid,
        });
        let entry = Entry {
            grid: Arc::downgrade(&grid),
            channel: alone.map(Arc::downgrade),
        };
        table.insert(group.name.clone(), entry);
        grid
    }
}

/// When the timelines of all that is packaged show [`START`](crate::hls::units::START), since 1970:
/// the beginning of 2026.
///
/// What is packaged anew under the same name, as after a restart or when nobody watched for a while,
/// goes on with later times, so that a player that knew it before finds its place. It is no further in the
/// past because players count in floating point.
pub(in crate::hls) const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// The longest time between key frames in what a channel keeps of its past.
fn key_interval(channel: &Arc<Channel>) -> Duration {
    let Some(description) = channel.description() else {
        return Duration::ZERO;
    };
    let (mut cursor, mut bursts) = (channel.cursor(Start::Past), Vec::new());
    while cursor.take(&mut bursts, BURSTS) == Taken::Bursts {}
    let keys: Vec<_> = bursts.iter().filter_map(|burst| key(burst)).collect();
    let interval = |pair: &[(u8, u32)]| {
        let [(_, before), (track, after)] = *pair else {
            return Duration::ZERO;
        };
        let track = description.tracks().get(usize::from(track));
        let ticks = after.wrapping_sub(before).cast_signed().max(0);
        let time = MediaTime::new(ticks.into(), track.map_or(1, |track| track.clock_hz));
        Duration::from_nanos(time.nanos().unsigned_abs())
    };
    let longest = keys.windows(2).map(interval).max().unwrap_or_default();
    longest.min(MOST)
}

/// What is longer between key frames was no interval of an encoder.
const MOST: Duration = Duration::from_secs(30);

/// The track of a key frame that begins in the burst, and its RTP time.
fn key(burst: &Burst) -> Option<(u8, u32)> {
    let packet = burst.packets().get(burst.keyframe()?)?;
    Some((packet.track, packet.time))
}

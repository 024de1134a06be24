//! Units on their way to the timeline of a group, or to dates of this server.

use std::time::{Duration, Instant};

use super::Line;
use crate::hls::packager::Packager;
use crate::hls::reference::Reference;
use crate::hls::units::Units;
use crate::media::description::Description;
use crate::media::ring::Start;

/// So long after its begin a publisher has told what its clock shows, if it ever does (RFC 3550, 6.2).
const TOLD_WITHIN: Duration = Duration::from_secs(6);

/// How often that is looked for.
const TICK: Duration = Duration::from_millis(100);

/// Waits until the publisher has told what its clock shows, for that says where its media are on
/// the timeline of a group of several channels; not longer than it may take. Cancel safe.
pub(super) async fn clock_told(packager: &Packager) {
    if packager.grid().is_none_or(|grid| grid.anchors().is_some()) {
        return;
    }
    let (channel, clock) = (packager.channel(), packager.clock());
    while !channel.publisher_clock().is_told && channel.ended().is_none() {
        let begun = begun(packager).unwrap_or_else(|| clock.now());
        if clock.now().saturating_duration_since(begun) >= TOLD_WITHIN {
            break;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// When the oldest of what the channel keeps arrived.
fn begun(packager: &Packager) -> Option<Instant> {
    let mut bursts = Vec::new();
    packager.channel().cursor(Start::Past).take(&mut bursts, 1);
    Some(bursts.first()?.arrived())
}

/// The units of the packager's channel, which know what has been reported of it so far.
pub(super) fn units(packager: &Packager, description: &Description, encoded: &[usize]) -> Units {
    let now = packager.clock().now();
    let reference = Reference::new(packager.grid().cloned(), packager.clock());
    let units = Units::new(description, encoded);
    let (mut units, mut reports) = (units.with_reference(reference), Vec::new());
    units.follow(&packager.channel().reports(now, &mut reports));
    for (track, report) in &reports {
        units.report(*track, report);
    }
    units.skip_reports_until(now);
    units
}

impl Line<'_> {
    /// Does not wait for what other variants of the group have long had, unless it is on its way: what is encoded
    /// begins with the channel's past, and is behind them until the encoder has come as far as the channel.
    pub(super) fn keep_up(&mut self) {
        let comes_on = std::mem::take(&mut self.comes_on);
        if comes_on && self.hold.is_owed() {
            return;
        }
        self.segmenter.keep_up();
        self.collect();
    }
}

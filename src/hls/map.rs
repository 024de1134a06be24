//! The map that the tracks in the segments need.

use std::sync::Arc;

use super::lane::Lane;
use super::part::Map;
use crate::container::mp4::init::InitSegment;

/// The map of the formats of `lanes`: the one before if it still tells them, else its next version.
///
/// `samples` holds one of each lane; empty where there is none yet.
pub(super) fn map(before: Option<Arc<Map>>, lanes: &[Lane], samples: [&[u8]; 2]) -> Arc<Map> {
    let tracks: Vec<_> = (1..)
        .zip(lanes)
        .filter_map(|(id, lane)| lane.map_track(id))
        .collect();
    let version = match before {
        Some(map) if map.tracks == tracks => return map,
        Some(map) => map.version + 1,
        None => 0,
    };
    let inits: Vec<_> = (1..)
        .zip(lanes)
        .zip(samples)
        .filter_map(|((id, lane), sample)| lane.init(id, sample))
        .collect();
    let InitSegment(data) = InitSegment::of(&inits);
    Arc::new(Map {
        version,
        data,
        tracks,
    })
}

//! The map that the tracks in the segments need.

use std::sync::Arc;

use bytes::Bytes;

use super::lane::Lane;
use super::part::Map;
use crate::container::mp4::cenc::Protection;
use crate::container::mp4::init::InitSegment;

/// The map of the formats of `lanes`, whose samples are encrypted as `protection` tells: the one
/// before if it still tells the same, else its next version.
///
/// `samples` holds one of each lane; empty where there is none yet.
pub(super) fn map(
    before: Option<Arc<Map>>,
    lanes: &[Lane],
    samples: &[Bytes; 2],
    protection: Option<Protection>,
) -> Arc<Map> {
    let tracks: Vec<_> = (1..)
        .zip(lanes)
        .filter_map(|(id, lane)| lane.map_track(id))
        .collect();
    let version = match before {
        Some(map) if map.tracks == tracks && map.protection == protection => return map,
        Some(map) => map.version + 1,
        None => 0,
    };
    let inits: Vec<_> = (1..)
        .zip(lanes)
        .zip(samples)
        .filter_map(|((id, lane), sample)| lane.init(id, sample))
        .collect();
    let InitSegment(data) = InitSegment::protected(&inits, protection.as_ref());
    Arc::new(Map {
        version,
        data,
        tracks,
        protection,
    })
}

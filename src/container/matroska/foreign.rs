//! What a head tells of the encodings that are only put together here.

use bytes::BytesMut;

use super::pictures_track;
use crate::codec::ForeignConfig;

pub(super) fn track(into: &mut BytesMut, config: &ForeignConfig) {
    match config {
        ForeignConfig::Jpeg => pictures_track(into, "V_MJPEG", &[], None),
    }
}

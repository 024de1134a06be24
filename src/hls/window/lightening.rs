//! What segments that are encrypted need not keep for as long as they stay: they are there as they are sent, and
//! as what other files may be made of.

use bytes::Bytes;

use super::Kept;
use crate::hls::transport;

impl Kept {
    /// Takes the parts from memory that nobody may ask for by themselves any more, where the segment has bytes of
    /// its own, and the samples of which nothing will be made: a transport stream is made of what is listed
    /// alone. Returns how many bytes they were.
    pub(super) fn lighten(&mut self, is_listed: bool) -> usize {
        if self.segment.head.lock.is_none() {
            return 0;
        }
        let before = self.bytes();
        let map = &self.segment.head.map;
        let has_video = map.has_video();
        let is_needed = is_listed && self.ts.is_none() && transport::packing(map).is_some();
        for part in &mut self.segment.parts {
            if self.segment.sealed.is_some() {
                part.data = Bytes::new();
            }
            let samples = part.samples.iter();
            let key_frames = samples.filter(|one| has_video && one.track == 0 && one.keyframe);
            if !is_needed && key_frames.count() < part.samples.len() {
                // A slice would hold what the others have, too.
                part.keep_key_frames(has_video, |data| Bytes::copy_from_slice(data));
            }
        }
        before - self.bytes()
    }
}

//! Pictures out of RTP whose payloads are pieces of them: MPEG video, MPEG-4 Visual, H.261, H.263 and VP8.

use std::collections::VecDeque;
use std::mem;

use super::{AccessUnit, MAX_UNIT};

/// The pictures of one track.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    open: Option<Picture>,
    /// Something was lost before the next picture.
    is_damaged: bool,
    ready: VecDeque<AccessUnit>,
}

#[derive(Debug)]
struct Picture {
    time: u32,
    data: Vec<u8>,
    is_key: bool,
    is_damaged: bool,
    /// Nothing can be added for now, for a piece before it is missing.
    is_cut: bool,
}

/// What is known of a piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) time: u32,
    /// A picture begins with it.
    pub(super) starts: bool,
    /// A decoder may start with it.
    pub(super) is_key: bool,
    /// A decoder finds its way from here where what is before it is missing.
    pub(super) resumes: bool,
    /// The picture ends with it.
    pub(super) ends: bool,
}

impl Pictures {
    /// Something is missing: the picture under way keeps what it has, and gets no more until a piece resumes it.
    pub(super) fn lose(&mut self) {
        self.is_damaged = true;
        if let Some(picture) = &mut self.open {
            picture.is_damaged = true;
            picture.is_cut = true;
        }
    }

    /// The next piece: the concatenation of `parts`.
    pub(super) fn push(&mut self, piece: Piece, parts: [&[u8]; 2]) {
        let open = self.open.as_mut();
        match open.filter(|picture| picture.time == piece.time) {
            Some(picture) => picture.is_cut &= !piece.resumes,
            None => {
                self.close();
                if piece.starts {
                    self.begin(piece);
                } else {
                    self.is_damaged = true;
                }
            }
        }
        self.append(parts);
        if piece.ends {
            self.close();
        }
    }

    /// Puts bits into the last byte of the picture of that time; false if it is not under way, or has a gap there.
    pub(super) fn complete(&mut self, time: u32, bits: u8) -> bool {
        let open = self.open.as_mut();
        let open = open.filter(|picture| picture.time == time && !picture.is_cut);
        let last = open.and_then(|picture| picture.data.last_mut());
        last.map(|last| *last |= bits).is_some()
    }

    fn begin(&mut self, piece: Piece) {
        self.open = Some(Picture {
            time: piece.time,
            data: Vec::new(),
            is_key: piece.is_key,
            is_damaged: mem::take(&mut self.is_damaged),
            is_cut: false,
        });
    }

    fn append(&mut self, parts: [&[u8]; 2]) {
        let Some(picture) = self.open.as_mut().filter(|picture| !picture.is_cut) else {
            return;
        };
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if picture.data.len() + bytes > MAX_UNIT {
            return self.lose();
        }
        for part in parts {
            picture.data.extend_from_slice(part);
        }
    }

    /// Ends the picture under way.
    pub(super) fn close(&mut self) {
        let Some(picture) = self.open.take() else {
            return;
        };
        self.ready.push_back(AccessUnit {
            time: picture.time,
            keyframe: picture.is_key,
            damaged: picture.is_damaged,
            data: picture.data.into(),
            duration: None,
        });
    }

    pub(super) fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }
}

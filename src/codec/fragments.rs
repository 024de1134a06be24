//! Cutting what does not fit into one payload.

/// A piece of something longer.
pub(super) struct Fragment<'a> {
    /// Where it starts in the whole, in bytes.
    pub(super) start: usize,
    pub(super) data: &'a [u8],
    /// Nothing follows it.
    pub(super) last: bool,
}

/// The pieces of `whole` in order, each but the last of `room` bytes (at least 1).
pub(super) fn fragments(whole: &[u8], room: usize) -> impl Iterator<Item = Fragment<'_>> {
    let room = room.max(1);
    whole.chunks(room).enumerate().map(move |(index, data)| {
        let start = index * room;
        Fragment {
            start,
            data,
            last: start + data.len() == whole.len(),
        }
    })
}

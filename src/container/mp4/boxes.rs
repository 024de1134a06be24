//! Boxes as they are written: the size of each is filled in when its content is there.

use bytes::BufMut;

/// Bytes of boxes, one after the other and within one another.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    pub(super) bytes: Vec<u8>,
}

impl Boxes {
    /// A box of `kind` with what `content` writes. Boxes of 4 GiB and more are beyond this writer.
    pub(super) fn atom(&mut self, kind: &[u8; 4], content: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.put_u32(0);
        self.bytes.put_slice(kind);
        content(self);
        let size = (self.bytes.len() - start) as u32;
        self.patch(start, size);
    }

    /// A box with version and flags before what `content` writes (ISO/IEC 14496-12, 4.2).
    pub(super) fn full(
        &mut self,
        kind: &[u8; 4],
        version: u8,
        flags: u32,
        content: impl FnOnce(&mut Self),
    ) {
        self.atom(kind, |boxes| {
            boxes.u32(u32::from(version) << 24 | flags);
            content(boxes);
        });
    }

    /// Writes `value` over the four bytes at `place`, which are there already.
    pub(super) fn patch(&mut self, place: usize, value: u32) {
        if let Some(field) = self.bytes.get_mut(place..place + 4) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.put_u8(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.put_u16(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.put_u32(value);
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.put_u64(value);
    }

    pub(super) fn zeros(&mut self, count: usize) {
        self.bytes.put_bytes(0, count);
    }

    pub(super) fn slice(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }
}

//! Writes the packets of one stream into a batch: frame, header, payload.

use std::time::Instant;

use super::batch::Batch;
use super::numbers::{Numbers, Stamp};
use crate::wire::rtp;

/// Writes packets of one stream that are due at the same time.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    numbers: &'a mut Numbers,
    batch: &'a mut Batch,
    stream: usize,
    channel: Option<u8>,
    due: Instant,
    /// The packet that is being written: what it says, its number, where its payload begins.
    open: Option<(Stamp, u16, usize)>,
}

impl<'a> Writer<'a> {
    /// Writes packets of stream number `stream` into `batch`, framed for `channel` when it is interleaved.
    pub(super) fn new(
        numbers: &'a mut Numbers,
        batch: &'a mut Batch,
        stream: usize,
        channel: Option<u8>,
        due: Instant,
    ) -> Self {
        Self {
            numbers,
            batch,
            stream,
            channel,
            due,
            open: None,
        }
    }

    /// Begins a packet.
    pub(super) fn open(&mut self, stamp: &Stamp) {
        let (sequence, time) = (self.numbers.sequence(stamp), self.numbers.time(stamp));
        let mut header = [0; rtp::HEADER_LEN];
        rtp::write_header(
            &mut header,
            stamp.marker,
            stamp.payload_type,
            sequence,
            time,
            self.numbers.ssrc,
        );
        header[0] |= u8::from(stamp.extension) << 4;
        self.batch.open(self.channel);
        self.batch.append(&header);
        self.open = Some((*stamp, sequence, self.batch.len()));
    }

    /// Adds to the payload.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.batch.append(bytes);
    }

    /// Ends the packet and counts it.
    pub(super) fn close(&mut self) {
        if let Some((stamp, sequence, payload)) = self.open.take() {
            self.numbers
                .sent(&stamp, sequence, self.batch.len() - payload);
            self.batch
                .close(self.stream, true, self.due, self.channel.is_some());
        }
    }

    /// Takes the packet back; its number is used for the next one.
    pub(super) fn abandon(&mut self) {
        self.open = None;
        self.batch.abandon();
    }
}

//! A multiplexer for tests: transport packets made by hand.

use super::pes;
use super::tables;
pub(crate) use super::tables::pat;

/// A PMT without descriptors of the program.
pub(crate) fn pmt(number: u16, version: u8, streams: &[(u8, u16, &[u8])]) -> Vec<u8> {
    tables::pmt(number, version, &[], streams)
}

/// Whether a PES packet tells its length.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Length {
    Given,
    Open,
}

/// A PES packet.
pub(crate) fn pes(
    id: u8,
    pts: Option<u64>,
    dts: Option<u64>,
    data: &[u8],
    length: Length,
) -> Vec<u8> {
    let size = (length == Length::Given).then_some(data.len());
    let mut bytes = Vec::new();
    pes::write_header(id, [pts, dts], size, &mut bytes);
    // Byte 6 of a written header says that data is aligned, which streams of others need not be.
    bytes[6] = 0x80;
    bytes.extend_from_slice(data);
    bytes
}

/// Writes packets and numbers them.
pub(crate) struct Mux {
    counters: [u8; 0x2000],
    pub(crate) bytes: Vec<u8>,
}

impl Mux {
    /// PAT, and PMT on PID 0x100, of program 1.
    pub(crate) fn new(streams: &[(u8, u16, &[u8])]) -> Self {
        let mut mux = Self {
            counters: [0; 0x2000],
            bytes: Vec::new(),
        };
        mux.section(0, &pat(&[(1, 0x100)]));
        mux.section(0x100, &pmt(1, 0, streams));
        mux
    }

    pub(crate) fn section(&mut self, pid: u16, section: &[u8]) {
        self.packets(pid, &[&[0], section].concat(), 0);
    }

    /// A PES packet with its length, as audio has it.
    pub(crate) fn audio(&mut self, pid: u16, pts: u64, data: &[u8]) {
        self.packets(pid, &pes(0xc0, Some(pts), None, data, Length::Given), 0);
    }

    /// A PES packet without length, as video has it.
    pub(crate) fn video(&mut self, pid: u16, pts: u64, dts: u64, data: &[u8]) {
        self.packets(pid, &pes(0xe0, Some(pts), Some(dts), data, Length::Open), 0);
    }

    /// The packets that carry `unit`; `flags` are those of the adaptation field of the first.
    pub(crate) fn packets(&mut self, pid: u16, unit: &[u8], flags: u8) {
        let mut rest = unit;
        let mut flags = flags;
        let mut start = 0x40;
        while !rest.is_empty() {
            let counter = &mut self.counters[usize::from(pid)];
            let room = if flags == 0 { 184 } else { 182 };
            let (payload, after) = rest.split_at(rest.len().min(room));
            let stuffing = 184 - payload.len();
            let control = if stuffing > 0 { 0x30 } else { 0x10 } | *counter;
            *counter = (*counter + 1) & 0xf;
            let [high, low] = pid.to_be_bytes();
            self.bytes
                .extend_from_slice(&[0x47, high | start, low, control]);
            let mut adaptation = vec![0xff; stuffing];
            if let Some(length) = adaptation.first_mut() {
                *length = stuffing as u8 - 1;
            }
            if let Some(first) = adaptation.get_mut(1) {
                *first = flags;
            }
            self.bytes.extend(adaptation);
            self.bytes.extend_from_slice(payload);
            (rest, start, flags) = (after, 0, 0);
        }
    }

    /// Numbers the next packets of `pid` as if so many fewer had gone before.
    pub(crate) fn counters_back(&mut self, pid: u16, count: u8) {
        let counter = &mut self.counters[usize::from(pid)];
        *counter = counter.wrapping_sub(count) & 0xf;
    }

    /// The bytes so far, which are then forgotten.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

//! A multiplexer for tests: transport packets made by hand.

use super::section::crc32;

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
    let mut fields = Vec::new();
    fields.extend(
        pts.into_iter()
            .flat_map(|pts| stamp(if dts.is_some() { 3 } else { 2 }, pts)),
    );
    fields.extend(dts.into_iter().flat_map(|dts| stamp(1, dts)));
    let flags = u8::from(pts.is_some()) << 7 | u8::from(dts.is_some()) << 6;
    let size = match length {
        Length::Given => (3 + fields.len() + data.len()) as u16,
        Length::Open => 0,
    };
    let [high, low] = size.to_be_bytes();
    let header = [0, 0, 1, id, high, low, 0x80, flags, fields.len() as u8];
    [&header, &fields[..], data].concat()
}

fn stamp(prefix: u8, value: u64) -> [u8; 5] {
    let bits = |shift: u32, mask: u64| ((value >> shift & mask) << 1) as u8 | 1;
    [
        prefix << 4 | bits(30, 7),
        (value >> 22) as u8,
        bits(15, 0x7f),
        (value >> 7) as u8,
        bits(0, 0x7f),
    ]
}

/// A table's section: header, `body` and checksum.
pub(crate) fn section(table: u8, extension: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let length = (5 + body.len() + 4) as u16 | 0xb000;
    let mut section = vec![table];
    section.extend_from_slice(&length.to_be_bytes());
    section.extend_from_slice(&extension.to_be_bytes());
    section.extend_from_slice(&[0xc1 | version << 1, 0, 0]);
    section.extend_from_slice(body);
    let sum = crc32(&section);
    section.extend_from_slice(&sum.to_be_bytes());
    section
}

/// A PAT of (program, PID of its PMT).
pub(crate) fn pat(programs: &[(u16, u16)]) -> Vec<u8> {
    let entry =
        |(number, pid): &(u16, u16)| [number.to_be_bytes(), (pid | 0xe000).to_be_bytes()].concat();
    section(
        0,
        1,
        0,
        &programs.iter().flat_map(entry).collect::<Vec<_>>(),
    )
}

/// A PMT of (stream type, PID, descriptors); the clock travels with the first stream.
pub(crate) fn pmt(number: u16, version: u8, streams: &[(u8, u16, &[u8])]) -> Vec<u8> {
    let clock = streams.first().map_or(0x1fff, |(_, pid, _)| *pid);
    let mut body = [(clock | 0xe000).to_be_bytes(), [0xf0, 0]].concat();
    for (stream_type, pid, descriptors) in streams {
        body.push(*stream_type);
        body.extend_from_slice(&(pid | 0xe000).to_be_bytes());
        body.extend_from_slice(&(descriptors.len() as u16 | 0xf000).to_be_bytes());
        body.extend_from_slice(descriptors);
    }
    section(2, number, version, &body)
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

//! Segments that are transport streams (ISO/IEC 13818-1; rfc8216bis, 3.1.1).
//!
//! The packets are read here, strictly; `elementary` reads what they carry.

use std::collections::BTreeMap;

use super::content::{Content, Track};
use super::elementary::{self, Unit};
use super::finding::Findings;
use super::rule::rules;

rules! {
    SYNC "ts-packets" Error "bis 3.1.1"
        "write whole packets of 188 bytes, each beginning with 0x47";
    TABLES "ts-tables" Error "bis 3.1.1"
        "begin every segment with a PAT and a PMT";
    PROGRAMS "ts-programs" Error "bis 3.1.1"
        "put one program into a transport stream";
    CONTINUITY "ts-continuity" Error "Apple 7.1"
        "let the continuity counters of each PID run on within and between segments";
    FAULTY "ts-faulty-packets" Error "ISO/IEC 13818-1 2.4.3.3"
        "leave out packets that are marked as faulty or scrambled";
    NO_CLOCK "ts-clock" Error "ISO/IEC 13818-1 2.7.2"
        "send a PCR at least every 100 ms, on the PID that the PMT names";
    CLOCK_LATE "ts-clock-late" Error "ISO/IEC 13818-1 2.4.2.6"
        "let the PCR be before the time at which what follows is decoded";
    NO_STREAMS "ts-empty" Error "bis 3.1.1"
        "carry media in every segment";
}

/// The continuity counter of each PID at the end of a segment.
pub(super) type Counters = BTreeMap<u16, u8>;

/// Reads a segment. `counters` is what the segment before ended with, and is brought up to date.
pub(super) fn read(
    bytes: &[u8],
    place: &str,
    counters: &mut Counters,
    findings: &mut Findings,
) -> Content {
    let mut reader = Reader {
        place,
        findings,
        counters,
        pmt_pid: None,
        streams: BTreeMap::new(),
        clock_pid: None,
        last_clock: None,
        late: None,
        broken: Vec::new(),
        untold: None,
    };
    let (packets, rest) = bytes.as_chunks::<SIZE>();
    for (number, packet) in packets.iter().enumerate() {
        if packet[0] != 0x47 {
            let found = format!("packet {number} begins with {:#04x}", packet[0]);
            reader.findings.add(&SYNC, place, found);
            break;
        }
        reader.packet(number, packet);
    }
    if !rest.is_empty() {
        let found = format!("{} bytes follow the last whole packet", rest.len());
        reader.findings.add(&SYNC, place, found);
    }
    reader.finish()
}

/// An elementary stream.
#[derive(Debug, Default)]
struct Stream {
    stream_type: u8,
    /// The PES packet that is being put together.
    pes: Vec<u8>,
    units: Vec<Unit>,
}

struct Reader<'a> {
    place: &'a str,
    findings: &'a mut Findings,
    counters: &'a mut Counters,
    pmt_pid: Option<u16>,
    streams: BTreeMap<u16, Stream>,
    clock_pid: Option<u16>,
    /// In units of 90 kHz.
    last_clock: Option<u64>,
    /// By how many seconds media came after its time, at most.
    late: Option<f64>,
    /// PIDs whose counters jump, each with the number of the packet.
    broken: Vec<(u16, usize)>,
    /// The first packet that came before the tables.
    untold: Option<usize>,
}

impl Reader<'_> {
    fn packet(&mut self, number: usize, packet: &[u8; SIZE]) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        if pid == NULL_PID {
            return;
        }
        if packet[1] & 0x80 != 0 || packet[3] & 0xc0 != 0 {
            let found = format!("packet {number} of PID {pid:#x}");
            self.findings.add(&FAULTY, self.place, found);
        }
        let has_payload = packet[3] & 0x10 != 0;
        let adaptation = adaptation(packet);
        self.count(number, pid, packet[3] & 0xf, has_payload, adaptation);
        if let Some(clock) = adaptation.and_then(clock) {
            self.clock(pid, clock);
        }
        let header = 4 + adaptation.map_or(0, |field| 1 + field.len());
        let payload = packet.get(header..).filter(|_| has_payload);
        let Some(payload) = payload else {
            return;
        };
        let starts = packet[1] & 0x40 != 0;
        match pid {
            0 => self.programs(payload),
            _ if self.pmt_pid == Some(pid) => self.program(payload),
            _ => self.payload(number, pid, starts, payload),
        }
    }

    fn count(
        &mut self,
        number: usize,
        pid: u16,
        counter: u8,
        has_payload: bool,
        adaptation: Option<&[u8]>,
    ) {
        let may_jump = adaptation.is_some_and(|field| field.first().is_some_and(|f| f & 0x80 != 0));
        let last = self.counters.insert(pid, counter);
        let expected = last.map(|last| if has_payload { (last + 1) & 0xf } else { last });
        if !may_jump && expected.is_some_and(|expected| expected != counter) {
            self.broken.push((pid, number));
        }
    }

    fn clock(&mut self, pid: u16, clock: u64) {
        if self.clock_pid.is_some_and(|own| own != pid) {
            return;
        }
        if let Some(last) = self.last_clock {
            let apart = clock.wrapping_sub(last) & MASK;
            if apart > MOST_APART && self.clock_pid.is_some() {
                let seconds = apart as f64 / 90_000.0;
                let found = format!("{seconds:.3} s between two PCRs, or they go back");
                self.findings.add(&NO_CLOCK, self.place, found);
            }
        }
        self.last_clock = Some(clock);
    }

    fn programs(&mut self, payload: &[u8]) {
        let Some(section) = section(payload, 0) else {
            return;
        };
        let programs: Vec<u16> = section
            .as_chunks::<4>()
            .0
            .iter()
            .filter(|entry| entry[..2] != [0, 0])
            .map(|entry| u16::from_be_bytes([entry[2] & 0x1f, entry[3]]))
            .collect();
        if programs.len() != 1 {
            let found = format!("the PAT lists {} programs", programs.len());
            self.findings.add(&PROGRAMS, self.place, found);
        }
        self.pmt_pid = programs.first().copied();
    }

    fn program(&mut self, payload: &[u8]) {
        let Some(section) = section(payload, 2) else {
            return;
        };
        let [clock_high, clock_low, info_high, info_low, rest @ ..] = section else {
            return;
        };
        self.clock_pid = Some(u16::from_be_bytes([clock_high & 0x1f, *clock_low]));
        let info = usize::from(u16::from_be_bytes([info_high & 0xf, *info_low]));
        let mut rest = rest.get(info..).unwrap_or_default();
        while let [stream_type, high, low, length_high, length_low, after @ ..] = rest {
            let pid = u16::from_be_bytes([high & 0x1f, *low]);
            let stream = self.streams.entry(pid).or_default();
            stream.stream_type = *stream_type;
            let length = usize::from(u16::from_be_bytes([length_high & 0xf, *length_low]));
            rest = after.get(length..).unwrap_or_default();
        }
    }

    fn payload(&mut self, number: usize, pid: u16, starts: bool, payload: &[u8]) {
        let Some(stream) = self.streams.get_mut(&pid) else {
            if self.streams.is_empty() {
                self.untold.get_or_insert(number);
            }
            return;
        };
        if starts {
            let ended = std::mem::take(&mut stream.pes);
            stream.units.extend(Unit::read(&ended));
            let clock = self.last_clock;
            if let (Some(clock), Some(time)) = (clock, elementary::decode_time(payload)) {
                let ahead = time.wrapping_sub(clock) & MASK;
                if ahead > MASK / 2 {
                    let late = (MASK + 1 - ahead) as f64 / 90_000.0;
                    self.late = Some(self.late.unwrap_or(0.0).max(late));
                }
            }
        }
        stream.pes.extend_from_slice(payload);
    }

    fn finish(mut self) -> Content {
        self.report();
        let mut content = Content {
            tracks: Vec::new(),
            wraps: true,
        };
        for (pid, mut stream) in std::mem::take(&mut self.streams) {
            let ended = std::mem::take(&mut stream.pes);
            stream.units.extend(Unit::read(&ended));
            let track: Option<Track> = elementary::track(
                pid,
                stream.stream_type,
                &stream.units,
                self.place,
                self.findings,
            );
            content.tracks.extend(track);
        }
        if content.tracks.is_empty() {
            self.findings
                .add(&NO_STREAMS, self.place, "the segment holds no media");
        }
        content
    }

    fn report(&mut self) {
        if let Some(number) = self.untold {
            let found = format!("packet {number} carries media before PAT and PMT");
            self.findings.add(&TABLES, self.place, found);
        } else if self.streams.is_empty() {
            self.findings
                .add(&TABLES, self.place, "there is no PAT, or no PMT");
        }
        if let [(pid, number), ..] = self.broken[..] {
            let found = format!(
                "the counter of PID {pid:#x} jumps at packet {number}, and {} more jumps",
                self.broken.len() - 1
            );
            self.findings.add(&CONTINUITY, self.place, found);
        }
        if self.last_clock.is_none() && !self.streams.is_empty() {
            self.findings.add(&NO_CLOCK, self.place, "there is no PCR");
        }
        if let Some(late) = self.late {
            let found = format!("media comes {late:.3} s after the time of its decoding");
            self.findings.add(&CLOCK_LATE, self.place, found);
        }
    }
}

/// The adaptation field without its length; `None` when there is none.
fn adaptation(packet: &[u8; SIZE]) -> Option<&[u8]> {
    if packet[3] & 0x20 == 0 {
        return None;
    }
    packet.get(5..5 + usize::from(packet[4]))
}

/// The base of the PCR.
fn clock(adaptation: &[u8]) -> Option<u64> {
    let has_clock = adaptation.first()? & 0x10 != 0;
    let base: &[u8; 5] = adaptation.get(1..6)?.first_chunk()?;
    let bits = base
        .iter()
        .fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    has_clock.then_some(bits >> 7)
}

/// What is between the header and the checksum of a section of this table.
fn section(payload: &[u8], table: u8) -> Option<&[u8]> {
    let (pointer, rest) = payload.split_first()?;
    let section = rest.get(usize::from(*pointer)..)?;
    let [own, high, low, ..] = section else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high & 0xf, *low]));
    let is_own = *own == table;
    section
        .get(8..(3 + length).checked_sub(4)?)
        .filter(|_| is_own)
}

const SIZE: usize = 188;
const NULL_PID: u16 = 0x1fff;

/// Times of 90 kHz have 33 bits.
pub(super) const MASK: u64 = (1 << 33) - 1;

/// 100 ms, and a little for multiplexers that round.
const MOST_APART: u64 = 9_900;

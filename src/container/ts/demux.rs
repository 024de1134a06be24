//! The demultiplexer: transport packets in, the chosen program's streams out.

use bytes::Bytes;

use super::packet::{NULL_PID, Packet};
use super::pes::{Assembler, Ended, Fault};
use super::section::Sections;
use super::sync::Sync;
use super::tables::{self, Program};
use super::timestamp::Timeline;

/// What a transport stream brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The chosen program has these streams from now on.
    Program(Program),
    /// A part of one of them.
    Unit(Unit),
}

/// The content of a PES packet of a stream whose coding is known.
#[derive(Debug, PartialEq, Eq)]
pub struct Unit {
    /// The stream.
    pub pid: u16,
    /// When what begins in it is presented, in ticks of [`CLOCK_HZ`](super::CLOCK_HZ) on a
    /// timeline that all streams share and that does not wrap.
    pub pts: Option<i64>,
    /// When it is decoded; the PTS where the stream does not tell.
    pub dts: Option<i64>,
    /// Bytes of the elementary stream.
    pub data: Bytes,
    /// Whether some of it is missing.
    pub lost: bool,
    /// Whether a decoder may start here, as far as the transport stream tells.
    pub random_access: bool,
}

/// What was wrong with a transport stream so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets, those of other programs and of no use among them.
    pub packets: u64,
    /// How often packets were no longer where they should be.
    pub lost_sync: u64,
    /// Bytes that belonged to no packet.
    pub skipped_bytes: u64,
    /// Gaps in the numbering of a stream's packets.
    pub gaps: u64,
    /// Packets that were sent twice.
    pub duplicates: u64,
    /// Scrambled packets of the program.
    pub scrambled: u64,
    /// Packets that the sender marked as faulty, or that contradict themselves.
    pub faulty: u64,
    /// Sections with a wrong checksum.
    pub corrupt_sections: u64,
    /// PES packets that were malformed or too long.
    pub malformed: u64,
}

impl Counts {
    /// The words for what can be wrong, as metrics have them, in the order of [`faults`](Self::faults).
    pub const FAULTS: [&str; 7] = [
        "lost_sync",
        "gap",
        "duplicate",
        "scrambled",
        "faulty",
        "corrupt_section",
        "malformed",
    ];

    /// How often each was wrong.
    pub fn faults(&self) -> [u64; Self::FAULTS.len()] {
        [
            self.lost_sync,
            self.gaps,
            self.duplicates,
            self.scrambled,
            self.faulty,
            self.corrupt_sections,
            self.malformed,
        ]
    }
}

/// Takes a transport stream apart.
#[derive(Debug, Default)]
pub struct Demux {
    sync: Sync,
    choice: Choice,
}

impl Demux {
    /// Of the program with that number, else of the first that the PAT names.
    pub fn new(wanted: Option<u16>) -> Self {
        let choice = Choice {
            wanted,
            ..Choice::default()
        };
        Self {
            sync: Sync::default(),
            choice,
        }
    }

    /// Takes the next bytes, any number of them, and adds what they brought to `events`.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        self.sync.push(bytes);
        while let Some(packet) = self.sync.next() {
            self.choice.counts.packets += 1;
            match Packet::read(packet) {
                Some(packet) if !packet.faulty => self.choice.take(&packet, events),
                _ => self.choice.counts.faulty += 1,
            }
        }
    }

    /// Adds what is left at the end of the stream to `events`.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        self.choice.end_units(events);
    }

    /// Whether something came, and all of it is neither packets nor the beginning of one.
    pub fn is_barren(&self) -> bool {
        self.choice.counts.packets == 0 && self.sync.is_barren()
    }

    /// What was wrong so far.
    pub fn counts(&self) -> Counts {
        let sections = &self.choice.pat.sections;
        let map = self
            .choice
            .map
            .as_ref()
            .map_or(0, |map| map.sections.corrupt);
        Counts {
            lost_sync: self.sync.lost,
            skipped_bytes: self.sync.skipped,
            corrupt_sections: self.choice.counts.corrupt_sections + sections.corrupt + map,
            ..self.choice.counts
        }
    }
}

/// The chosen program, and the way to it.
#[derive(Debug, Default)]
struct Choice {
    wanted: Option<u16>,
    pat: Table,
    /// The number of the chosen program, and its PMT.
    number: u16,
    map: Option<Table>,
    program: Option<Program>,
    streams: Vec<Elementary>,
    timeline: Timeline,
    counts: Counts,
}

/// A PID that carries sections.
#[derive(Debug, Default)]
struct Table {
    pid: u16,
    counter: Counter,
    sections: Sections,
}

/// A PID that carries a stream.
#[derive(Debug)]
struct Elementary {
    pid: u16,
    counter: Counter,
    assembler: Assembler,
}

impl Choice {
    fn take(&mut self, packet: &Packet<'_>, events: &mut Vec<Event>) {
        if packet.pid == NULL_PID {
            return;
        }
        self.keep_time(packet);
        if packet.pid == self.pat.pid {
            self.take_pat(packet, events);
        } else if self.map.as_ref().is_some_and(|map| map.pid == packet.pid) {
            self.take_map(packet, events);
        } else if let Some(at) = self.streams.iter().position(|one| one.pid == packet.pid) {
            self.take_stream(at, packet, events);
        }
    }

    fn keep_time(&mut self, packet: &Packet<'_>) {
        let clock = self.program.as_ref().map(|program| program.pcr_pid);
        if let (Some(pcr), true) = (packet.pcr, clock == Some(packet.pid)) {
            self.timeline.advance(pcr);
        }
    }

    fn take_pat(&mut self, packet: &Packet<'_>, events: &mut Vec<Event>) {
        let (wanted, number) = (self.wanted, self.number);
        let mut chosen = None;
        self.pat.take(packet, &mut self.counts, |section| {
            let Some(programs) = tables::programs(section) else {
                return;
            };
            let programs: Vec<_> = programs.collect();
            let with = |number| programs.iter().find(|(other, _)| *other == number);
            // The program that is under way stays, as long as it is there.
            let found = match wanted {
                Some(wanted) => with(wanted),
                None => with(number).or_else(|| programs.first()),
            };
            chosen = found.copied().or(chosen);
        });
        if let Some((number, pid)) = chosen {
            self.choose(number, pid, events);
        }
    }

    fn choose(&mut self, number: u16, pid: u16, events: &mut Vec<Event>) {
        if self.map.as_ref().is_some_and(|map| map.pid == pid) && self.number == number {
            return;
        }
        self.end_units(events);
        let old = self.map.replace(Table {
            pid,
            ..Table::default()
        });
        self.counts.corrupt_sections += old.map_or(0, |old| old.sections.corrupt);
        self.number = number;
        self.streams.clear();
        self.program = None;
    }

    fn take_map(&mut self, packet: &Packet<'_>, events: &mut Vec<Event>) {
        let Some(map) = &mut self.map else {
            return;
        };
        let mut latest = None;
        map.take(packet, &mut self.counts, |section| {
            // Programs may share the PID of their tables.
            let program = Program::read(section).filter(|found| found.number == self.number);
            latest = program.or_else(|| latest.take());
        });
        match latest {
            Some(program) if self.program.as_ref() != Some(&program) => {
                self.follow(program, events)
            }
            _ => {}
        }
    }

    /// Goes on with what `program` says; streams that stay lose nothing.
    fn follow(&mut self, program: Program, events: &mut Vec<Event>) {
        let known = |stream: &&tables::Stream| stream.coding.is_some();
        let pids: Vec<_> = program
            .streams
            .iter()
            .filter(known)
            .map(|one| one.pid)
            .collect();
        for gone in self
            .streams
            .iter_mut()
            .filter(|one| !pids.contains(&one.pid))
        {
            let ended = gone.assembler.end();
            let unit = unit(gone.pid, ended, &mut self.timeline, &mut self.counts);
            events.extend(unit.map(Event::Unit));
        }
        self.streams.retain(|one| pids.contains(&one.pid));
        for pid in pids {
            if self.streams.iter().all(|one| one.pid != pid) {
                self.streams.push(Elementary::new(pid));
            }
        }
        self.program = Some(program.clone());
        events.push(Event::Program(program));
    }

    fn take_stream(&mut self, at: usize, packet: &Packet<'_>, events: &mut Vec<Event>) {
        let Some(stream) = self.streams.get_mut(at) else {
            return;
        };
        let Some(payload) = stream.counter.payload(packet, &mut self.counts) else {
            return;
        };
        if payload.follows_gap {
            stream.assembler.lose();
        }
        let before = match packet.starts_unit {
            true => stream.assembler.begin(packet.random_access),
            false if stream.assembler.is_open() => None,
            // The middle of something whose beginning was never seen.
            false => return,
        };
        let after = stream.assembler.add(payload.bytes);
        for ended in [before, after] {
            let unit = unit(packet.pid, ended, &mut self.timeline, &mut self.counts);
            events.extend(unit.map(Event::Unit));
        }
    }

    fn end_units(&mut self, events: &mut Vec<Event>) {
        for stream in &mut self.streams {
            let ended = stream.assembler.end();
            let unit = unit(stream.pid, ended, &mut self.timeline, &mut self.counts);
            events.extend(unit.map(Event::Unit));
        }
    }
}

/// What a PES packet brought, on the timeline of the program.
fn unit(pid: u16, ended: Ended, timeline: &mut Timeline, counts: &mut Counts) -> Option<Unit> {
    let pes = match ended? {
        Ok(pes) => pes,
        Err(Fault::Malformed | Fault::TooLong) => {
            counts.malformed += 1;
            return None;
        }
    };
    // What is decoded now is nearest to the clock.
    let dts = pes.dts.or(pes.pts).map(|stamp| timeline.advance(stamp));
    Some(Unit {
        pid,
        pts: pes.pts.map(|stamp| timeline.place(stamp)),
        dts,
        data: pes.data,
        lost: pes.lost,
        random_access: pes.random_access,
    })
}

impl Table {
    fn take(&mut self, packet: &Packet<'_>, counts: &mut Counts, sink: impl FnMut(&[u8])) {
        let Some(payload) = self.counter.payload(packet, counts) else {
            return;
        };
        if payload.follows_gap {
            self.sections.discard();
        }
        self.sections.push(payload.bytes, packet.starts_unit, sink);
    }
}

impl Elementary {
    fn new(pid: u16) -> Self {
        Self {
            pid,
            counter: Counter::default(),
            assembler: Assembler::default(),
        }
    }
}

/// The continuity counter of a PID (ISO/IEC 13818-1, 2.4.3.3).
#[derive(Debug, Default)]
struct Counter {
    last: Option<u8>,
    /// Whether the last packet was already a duplicate; only one is allowed.
    repeated: bool,
}

/// A payload that is new and clear.
struct Payload<'a> {
    bytes: &'a [u8],
    follows_gap: bool,
}

impl Counter {
    /// `None` for a packet without payload, a duplicate, and a scrambled one.
    fn payload<'a>(&mut self, packet: &Packet<'a>, counts: &mut Counts) -> Option<Payload<'a>> {
        let bytes = packet.payload?;
        let last = self
            .last
            .replace(packet.counter)
            .filter(|_| !packet.discontinuity);
        if last == Some(packet.counter) && !self.repeated {
            self.repeated = true;
            counts.duplicates += 1;
            return None;
        }
        self.repeated = false;
        let follows_gap = last.is_some_and(|last| (last + 1) & 0xf != packet.counter);
        counts.gaps += u64::from(follows_gap);
        if packet.scrambled {
            counts.scrambled += 1;
            return None;
        }
        Some(Payload { bytes, follows_gap })
    }
}

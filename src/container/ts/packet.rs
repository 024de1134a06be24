//! One transport packet (ISO/IEC 13818-1, 2.4.3.2).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  sync = 0x47  |E|S|P|          PID            |SCR|AFC| counter|
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

/// Bytes of a packet.
pub(super) const SIZE: usize = 188;

/// The PID of packets that only fill up the rate.
pub(super) const NULL_PID: u16 = 0x1fff;

/// A packet, taken apart.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) pid: u16,
    /// A demodulator found errors that it could not mend.
    pub(super) faulty: bool,
    /// A section or a PES packet starts here.
    pub(super) starts_unit: bool,
    pub(super) scrambled: bool,
    /// Goes up by one with each packet of the PID that has a payload, modulo 16.
    pub(super) counter: u8,
    /// The counter and the clock may leap here.
    pub(super) discontinuity: bool,
    /// A decoder may start with what begins here.
    pub(super) random_access: bool,
    /// The base of the program clock reference, in ticks of 90 kHz, 33 bits.
    pub(super) pcr: Option<u64>,
    /// `None` when there is none.
    pub(super) payload: Option<&'a [u8]>,
}

impl<'a> Packet<'a> {
    /// `None` when the adaptation field reaches beyond the packet.
    pub(super) fn read(bytes: &'a [u8; SIZE]) -> Option<Self> {
        let &[_, high, low, control, ref rest @ ..] = bytes;
        let (adaptation, payload) = match control >> 4 & 3 {
            0 => return None,
            1 => (&[][..], Some(&rest[..])),
            has_payload => {
                let (&length, rest) = rest.split_first()?;
                let (adaptation, payload) = rest.split_at_checked(length.into())?;
                (adaptation, (has_payload == 3).then_some(payload))
            }
        };
        let flags = adaptation.first().copied().unwrap_or(0);
        Some(Self {
            pid: u16::from_be_bytes([high & 0x1f, low]),
            faulty: high & 0x80 != 0,
            starts_unit: high & 0x40 != 0,
            scrambled: control & 0xc0 != 0,
            counter: control & 0xf,
            discontinuity: flags & 0x80 != 0,
            random_access: flags & 0x40 != 0,
            pcr: (flags & 0x10 != 0).then(|| pcr_base(adaptation)).flatten(),
            payload: payload.filter(|payload| !payload.is_empty()),
        })
    }
}

fn pcr_base(adaptation: &[u8]) -> Option<u64> {
    let bytes: &[u8; 6] = adaptation.get(1..)?.first_chunk()?;
    let bits = bytes
        .iter()
        .fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    Some(bits >> 15)
}

/// Appends the packets that carry `unit`, a section with its pointer or a PES packet, to `into`.
///
/// The first has the clock, in ticks of 90 kHz, and says whether a decoder may start there.
/// `counter` is that of the first packet, and afterwards that of the next.
pub(super) fn write(
    pid: u16,
    counter: &mut u8,
    clock: Option<u64>,
    random_access: bool,
    unit: &[u8],
    into: &mut Vec<u8>,
) {
    let adaptation = Adaptation::new(clock, random_access);
    write_in(0, pid, counter, adaptation, unit, into);
}

/// The same in some more packets, so that `counter` is 0 afterwards.
pub(super) fn write_to_zero(
    pid: u16,
    counter: &mut u8,
    clock: Option<u64>,
    random_access: bool,
    unit: &[u8],
    into: &mut Vec<u8>,
) {
    let adaptation = Adaptation::new(clock, random_access);
    let needed = (unit.len() + adaptation.size()).div_ceil(ROOM);
    let count = (usize::from(*counter) + needed).next_multiple_of(16) - usize::from(*counter);
    write_in(count, pid, counter, adaptation, unit, into);
}

/// Writes `unit` in at least `count` packets, each of which has a byte of it.
fn write_in(
    mut count: usize,
    pid: u16,
    counter: &mut u8,
    mut adaptation: Adaptation,
    unit: &[u8],
    into: &mut Vec<u8>,
) {
    into.reserve((unit.len() / ROOM + 2).max(count) * SIZE);
    let mut start = STARTS_UNIT;
    let mut rest = unit;
    while !rest.is_empty() {
        count = count.saturating_sub(1);
        let room = ROOM - adaptation.size();
        let (payload, after) = rest.split_at(rest.len().saturating_sub(count).clamp(1, room));
        adaptation.grow_to(ROOM - payload.len());
        let has_adaptation = u8::from(adaptation.size() > 0) << 5;
        into.extend_from_slice(&header(pid, start, has_adaptation | 0x10 | *counter));
        adaptation.write(into);
        into.extend_from_slice(payload);
        *counter = (*counter + 1) & 0xf;
        (rest, start, adaptation) = (after, 0, Adaptation::default());
    }
}

/// Appends a packet without payload that tells the clock, in ticks of 90 kHz; `counter` is that
/// of the next packet with payload.
pub(super) fn write_clock(pid: u16, counter: u8, clock: u64, into: &mut Vec<u8>) {
    let mut adaptation = Adaptation::new(Some(clock), false);
    adaptation.grow_to(ROOM);
    let last = counter.wrapping_sub(1) & 0xf;
    into.extend_from_slice(&header(pid, 0, 0x20 | last));
    adaptation.write(into);
}

fn header(pid: u16, start: u8, control: u8) -> [u8; SIZE - ROOM] {
    let [high, low] = pid.to_be_bytes();
    [0x47, high | start, low, control]
}

/// An adaptation field that is written (2.4.3.4), with its length.
#[derive(Default)]
struct Adaptation {
    clock: Option<u64>,
    random_access: bool,
    /// Bytes with those that fill up the packet; 0 when there is none.
    size: usize,
}

impl Adaptation {
    fn new(clock: Option<u64>, random_access: bool) -> Self {
        let fields = if clock.is_some() { CLOCK } else { 0 };
        let is_there = clock.is_some() || random_access;
        Self {
            clock,
            random_access,
            size: if is_there {
                LENGTH_AND_FLAGS + fields
            } else {
                0
            },
        }
    }

    fn size(&self) -> usize {
        self.size
    }

    fn grow_to(&mut self, size: usize) {
        self.size = self.size.max(size);
    }

    fn write(&self, into: &mut Vec<u8>) {
        let end = into.len() + self.size;
        if self.size > 0 {
            into.push((self.size - 1) as u8);
        }
        if self.size > 1 {
            into.push(u8::from(self.random_access) << 6 | u8::from(self.clock.is_some()) << 4);
        }
        if let Some(clock) = self.clock {
            // The base, six reserved bits, and an extension of 0.
            let bits = (clock & ((1 << 33) - 1)) << 15 | 0x7e00;
            into.extend_from_slice(&bits.to_be_bytes()[2..]);
        }
        into.resize(end, 0xff);
    }
}

/// Bytes of a packet behind its header.
pub(super) const ROOM: usize = 184;

const STARTS_UNIT: u8 = 0x40;

/// Bytes of an adaptation field's head, and of a clock in it.
const LENGTH_AND_FLAGS: usize = 2;
const CLOCK: usize = 6;

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

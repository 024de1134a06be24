//! QCELP out of RTP: bundles of frames, perhaps spread over several packets (RFC 2658).
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! |RR | LLL | NNN |   L: packets over which frames are spread, less one; N: which of them this is
//! ```

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;

use super::AccessUnit;
use super::foreign::{Assemble, ForeignConfig};
use crate::codec::Malformed;
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug, Default)]
pub(super) struct Depacketizer {
    group: Option<Group>,
    is_damaged: bool,
    ready: VecDeque<AccessUnit>,
}

/// Packets over which frames are spread.
#[derive(Debug)]
struct Group {
    /// Of the first frame.
    time: u32,
    /// The frames of each packet, by its place; none where it is missing.
    packets: Vec<Vec<Bytes>>,
    /// The place of the newest.
    newest: usize,
}

impl Depacketizer {
    /// `None` for a clock that QCELP does not have.
    pub(super) fn new(clock_hz: u32) -> Option<Self> {
        (clock_hz == CLOCK_HZ).then(Self::default)
    }

    fn take(&mut self, packet: &rtp::Packet<'_>) -> Result<(), Malformed> {
        let (&header, frames) = packet.payload().split_first().ok_or(CUT)?;
        let (spread, place) = (usize::from(header >> 3 & 7), usize::from(header & 7));
        if spread > MOST_SPREAD || place > spread {
            return Err(malformed("place that no packet has"));
        }
        let frames = read(frames)?;
        // The times of packets are those of their first frames.
        let time = packet.time().wrapping_sub(place as u32 * TICKS);
        let goes_on = self.group.as_ref().is_some_and(|group| {
            let is_alike = (group.time, group.packets.len()) == (time, spread + 1);
            is_alike && group.newest < place
        });
        if !goes_on {
            self.finish();
        }
        let group = self.group.get_or_insert_with(|| Group {
            time,
            packets: vec![Vec::new(); spread + 1],
            newest: 0,
        });
        group.newest = place;
        if let Some(slot) = group.packets.get_mut(place) {
            *slot = frames;
        }
        if place == spread {
            self.finish();
        }
        Ok(())
    }

    /// Gives out what has come of the group under way.
    fn finish(&mut self) {
        let Some(group) = self.group.take() else {
            return;
        };
        let rounds = group.packets.iter().map(Vec::len).max().unwrap_or_default();
        let slots =
            (0..rounds).flat_map(|round| group.packets.iter().map(move |one| one.get(round)));
        for (number, frame) in (0..).zip(slots) {
            let Some(frame) = frame else {
                self.is_damaged = true;
                continue;
            };
            self.ready.push_back(AccessUnit {
                time: group.time.wrapping_add(number * TICKS),
                keyframe: true,
                damaged: mem::take(&mut self.is_damaged),
                data: Bytes::clone(frame),
                duration: Some(TICKS),
            });
        }
    }
}

impl Assemble for Depacketizer {
    fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        self.is_damaged |= lost > 0;
        let taken = self.take(packet);
        self.is_damaged |= taken.is_err();
        taken
    }

    fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }

    fn config(&self) -> Option<ForeignConfig> {
        Some(ForeignConfig::Qcelp)
    }
}

/// The frames of a payload, each of a size that its first byte tells.
fn read(mut payload: &[u8]) -> Result<Vec<Bytes>, Malformed> {
    let mut frames = Vec::new();
    while let Some(&rate) = payload.first() {
        let size = match rate {
            0 => 1,
            1 => 4,
            2 => 8,
            3 => 17,
            4 => 35,
            ERASURE => 1,
            _ => return Err(malformed("rate that is not known")),
        };
        let (frame, rest) = payload.split_at_checked(size).ok_or(CUT)?;
        if frames.len() == MOST_FRAMES {
            return Err(malformed("packet of too many frames"));
        }
        frames.push(Bytes::copy_from_slice(frame));
        payload = rest;
    }
    (!frames.is_empty()).then_some(frames).ok_or(CUT)
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("QCELP", reason)
}

const CUT: Malformed = malformed("payload is cut short");

const CLOCK_HZ: u32 = 8000;

/// A frame lasts 20 ms.
const TICKS: u32 = 160;

/// A frame of which nothing is known.
const ERASURE: u8 = 14;

const MOST_SPREAD: usize = 5;
const MOST_FRAMES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtp::{HEADER_LEN, write_header};

    /// What comes out after a payload: times, the last byte of each frame, and whether something is missing.
    fn push(
        track: &mut Depacketizer,
        time: u32,
        payload: &[u8],
        lost: u16,
    ) -> Result<Vec<(u32, u8, bool)>, Malformed> {
        let mut header = [0; HEADER_LEN];
        write_header(&mut header, false, 12, 0, time, 1);
        let packet = [&header[..], payload].concat();
        let pushed = track.push(&rtp::Packet::read(&packet).unwrap(), lost);
        let units = std::iter::from_fn(|| track.pull());
        let told = |unit: AccessUnit| (unit.time, unit.data[unit.data.len() - 1], unit.damaged);
        let units = units.map(told).collect();
        pushed.map(|()| units)
    }

    /// An eighth of the full rate.
    fn frame(number: u8) -> [u8; 4] {
        [1, 0, 0, number]
    }

    /// A payload of the frames of those numbers.
    fn payload(spread: u8, place: u8, numbers: &[u8]) -> Vec<u8> {
        let frames = numbers.iter().flat_map(|number| frame(*number));
        std::iter::once(spread << 3 | place).chain(frames).collect()
    }

    #[test]
    fn frames_of_every_rate_come_out() {
        let mut track = Depacketizer::default();
        let sizes = [(0, 1), (1, 4), (2, 8), (3, 17), (4, 35), (14, 1)];
        let frames = sizes.map(|(rate, size)| [vec![rate], vec![rate; size - 1]].concat());
        let found = push(&mut track, 7, &[&[0], &frames.concat()[..]].concat(), 0);
        let expected = (0..).zip(sizes);
        let expected = expected.map(|(number, (rate, _))| (7 + number * 160, rate, false));
        assert_eq!(found.unwrap(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn frames_that_were_spread_are_in_order_again() {
        let mut track = Depacketizer::default();
        assert_eq!(push(&mut track, 0, &payload(2, 0, &[0, 3]), 0), Ok(vec![]));
        assert_eq!(
            push(&mut track, 160, &payload(2, 1, &[1, 4]), 0),
            Ok(vec![])
        );
        let found = push(&mut track, 320, &payload(2, 2, &[2, 5]), 0).unwrap();
        let expected = [0, 1, 2, 3, 4, 5].map(|number| (u32::from(number) * 160, number, false));
        assert_eq!(found, expected);
        // One is missing, and another its last.
        push(&mut track, 960, &payload(1, 0, &[6, 8]), 0).unwrap();
        let found = push(&mut track, 1280, &payload(1, 0, &[10, 12]), 1).unwrap();
        assert_eq!(found, [(960, 6, true), (1280, 8, true)]);
        let found = push(&mut track, 1440, &payload(1, 1, &[11, 13]), 0).unwrap();
        let times = found.iter().map(|(time, ..)| *time);
        assert_eq!(times.collect::<Vec<_>>(), [1280, 1440, 1600, 1760]);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let cases = [
            vec![],
            vec![0],
            payload(6, 0, &[1]),
            payload(1, 2, &[1]),
            vec![0, 5],
            vec![0, 4, 1, 2],
            payload(0, 0, &[1; 11]),
        ];
        for payload in cases {
            let mut track = Depacketizer::default();
            assert!(push(&mut track, 0, &payload, 0).is_err(), "{payload:?}");
        }
    }
}

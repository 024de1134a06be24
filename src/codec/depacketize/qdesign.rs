//! QDesign Music 2 out of RTP (`X-QDM`): blocks in groups, whose parts are spread over the group's packets.
//!
//! So the loss of a packet makes all blocks of its group a little worse, and silences none.
//!
//! ```text
//! packet: [0xff, items of the configuration], then any number of: block in its group (a byte), part
//! item:   bytes (this one among them), what it is, content; one that is nothing is the last
//! ```

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::AccessUnit;
use super::frames::ticks;
use crate::codec::Malformed;
use crate::codec::qdesign::{Config, split_part};
use crate::wire::rtp;

/// The state of one track.
#[derive(Debug)]
pub struct Depacketizer {
    clock_hz: u32,
    setup: Option<Setup>,
    group: Option<Group>,
    ready: VecDeque<AccessUnit>,
}

/// What the first packet of a group tells.
#[derive(Clone, Debug)]
struct Setup {
    config: Config,
    /// The kind of its blocks.
    kind: u8,
    /// The packets of a group.
    packets: u8,
}

/// Blocks of which not all packets have come.
#[derive(Debug)]
struct Group {
    /// The time of its first block.
    time: u32,
    /// How many packets have come.
    packets: u8,
    /// Some are missing.
    is_damaged: bool,
    blocks: BTreeMap<u8, Vec<Bytes>>,
}

impl Depacketizer {
    pub(super) fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz,
            setup: None,
            group: None,
            ready: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, packet: &rtp::Packet<'_>, lost: u16) -> Result<(), Malformed> {
        if let Some(group) = &mut self.group {
            group.is_damaged |= lost > 0;
        }
        let mut parts = packet.payload();
        let begins = parts.first() == Some(&SETUP);
        let goes_on = self.group.as_ref().map(|group| group.time) == Some(packet.time());
        if begins || !goes_on {
            self.finish();
        }
        if begins {
            let (setup, after) = Setup::read(parts.get(1..).unwrap_or_default())?;
            self.setup = Some(setup);
            parts = after;
        }
        let Some(setup) = &self.setup else {
            // The middle of a group that began before.
            return Ok(());
        };
        let group = self.group.get_or_insert_with(|| Group::new(packet.time()));
        group.is_damaged |= lost > 0;
        let read = group.read(parts, setup.config.block_size);
        if group.packets >= setup.packets {
            self.finish();
        }
        read
    }

    pub(super) fn pull(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }

    /// Gives out what has come of the group under way.
    pub(super) fn finish(&mut self) {
        let Some((setup, group)) = self.setup.as_ref().zip(self.group.take()) else {
            return;
        };
        let Config {
            rate_hz,
            block_samples,
            ..
        } = setup.config;
        for (number, parts) in group.blocks {
            let samples = |blocks: u32| ticks(block_samples * blocks, rate_hz, self.clock_hz);
            if let Some(block) = setup.config.block(setup.kind, parts) {
                self.ready.push_back(AccessUnit {
                    time: group.time.wrapping_add(samples(number.into())),
                    keyframe: true,
                    damaged: group.is_damaged,
                    data: block,
                    duration: Some(samples(1)),
                });
            }
        }
    }

    pub(super) fn config(&self) -> Option<&Config> {
        self.setup.as_ref().map(|setup| &setup.config)
    }
}

impl Setup {
    /// Reads the items at the front of `bytes`; also returns what follows them.
    fn read(mut bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let (mut config, mut kind, mut packets) = (None, None, None);
        loop {
            let length = bytes.first().map_or(0, |length| usize::from(*length));
            let (item, after) = bytes.split_at_checked(length).ok_or(CUT)?;
            let &[_, what, ref content @ ..] = item else {
                return Err(CUT);
            };
            bytes = after;
            match what {
                END => break,
                PACKETS => packets = content.first().copied(),
                KIND => kind = content.get(1).copied(),
                CONFIG => config = Some(Config::read(content)?),
                _ => {}
            }
        }
        let told = config.zip(kind.filter(|kind| (1..0x80).contains(kind)));
        let (config, kind) = told.ok_or(malformed("configuration lacks an item"))?;
        let packets = packets.unwrap_or(1).max(1);
        let setup = Self {
            config,
            kind,
            packets,
        };
        Ok((setup, bytes))
    }
}

impl Group {
    fn new(time: u32) -> Self {
        Self {
            time,
            packets: 0,
            is_damaged: false,
            blocks: BTreeMap::new(),
        }
    }

    /// Takes the parts of one more packet; blocks have at most `most` bytes.
    fn read(&mut self, mut parts: &[u8], most: usize) -> Result<(), Malformed> {
        self.packets = self.packets.saturating_add(1);
        while let Some((number, rest)) = parts.split_first() {
            let (part, after) = split_part(rest).ok_or(malformed("part is cut short"))?;
            parts = after;
            if *number > LAST_BLOCK {
                return Err(malformed("no group has that many blocks"));
            }
            let block = self.blocks.entry(*number).or_default();
            let bytes: usize = block.iter().map(Bytes::len).sum();
            if bytes + part.len() > most {
                return Err(malformed("block has too many parts"));
            }
            block.push(Bytes::copy_from_slice(part));
        }
        Ok(())
    }
}

const fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("QDesign Music 2", reason)
}

const CUT: Malformed = malformed("configuration is cut short");

/// What a packet begins with that tells of the configuration.
const SETUP: u8 = 0xff;

/// The highest number of a block in its group.
const LAST_BLOCK: u8 = 0x7f;

/// What an item is.
const END: u8 = 0;
const PACKETS: u8 = 2;
const KIND: u8 = 3;
const CONFIG: u8 = 4;

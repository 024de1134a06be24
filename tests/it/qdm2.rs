//! The sound of QTSS-era movies is in their packets, whole and in order: judged by the sound itself.
//!
//! Hint tracks address QDesign 2 by compression blocks, and how they count past a chunk's
//! end is written nowhere; so neither the server nor the test's walker of hint tracks is
//! trusted with it. A block of QDesign 2 consists of parts that tell their own lengths, its
//! packets carry each part behind its block's number (both as FFmpeg reads them), and the
//! chunks with the sizes of the sound's description say where the blocks lie.
//! That the server sends what the walker finds is `hinted`'s matter.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::hint_walk::{child, children, deep, hint_tracks, long};
use crate::support::movies;

/// A block's parts, sorted: packets carry them in another order.
type Parts<'a> = Vec<&'a [u8]>;

#[test]
fn packets_hold_every_part_of_every_block_of_the_sound() {
    let Some(folder) = movies::qtss() else { return };
    for name in ["sample_100kbit.mov", "sample_300kbit.mov"] {
        let path = folder.join(name);
        let stored = stored_blocks(&path);
        let tracks = hint_tracks(&path);
        let sound = tracks
            .iter()
            .find(|track| track.packets[0].payload[0] == CONFIGURATION)
            .expect("a hint track for QDesign 2");
        let payloads = sound.packets.iter().map(|packet| packet.payload.as_slice());
        let sent = sent_blocks(payloads);
        // The hinter left the last block out.
        assert_eq!(sent.len(), stored.len() - 1, "{name}");
        for (number, (sent, stored)) in sent.iter().zip(&stored).enumerate() {
            assert_eq!(*sent, parts(stored), "{name}: block {number}");
        }
    }
}

/// The blocks of the movie's sound, from its chunks and the sizes in its description.
pub(crate) fn stored_blocks(path: &Path) -> Vec<Vec<u8>> {
    let file = std::fs::read(path).unwrap();
    let sound = children(child(&file, b"moov").unwrap())
        .filter(|(name, _)| name == b"trak")
        .map(|(_, track)| track)
        .find(|track| deep(track, &[b"mdia", b"hdlr"])[8..12] == *b"soun")
        .expect("a sound track");
    let tables = deep(sound, &[b"mdia", b"minf", b"stbl"]);
    let table = |name| child(tables, name).unwrap();
    let description = &table(b"stsd")[8..];
    let (samples_per_block, bytes_per_block) = (long(description, 36), long(description, 44));
    let runs: Vec<_> = table(b"stsc")[8..].chunks_exact(12).collect();
    let mut blocks = Vec::new();
    for (number, offset) in (1..).zip(table(b"stco")[8..].chunks_exact(4)) {
        let run = runs.iter().rfind(|run| long(run, 0) <= number).unwrap();
        let bytes = long(run, 4) / samples_per_block * bytes_per_block;
        let chunk = &file[long(offset, 0) as usize..][..bytes as usize];
        blocks.extend(
            chunk
                .chunks_exact(bytes_per_block as usize)
                .map(<[u8]>::to_vec),
        );
    }
    blocks
}

/// The parts of a block, which follow its kind, length and checksum; zeros fill it up.
fn parts(block: &[u8]) -> Parts<'_> {
    let mut rest = &block[length_of_head(block) + 2..];
    let mut parts = Vec::new();
    while rest.len() > 1 && rest[0] != 0 {
        parts.push(take_part(&mut rest));
    }
    parts.sort_unstable();
    parts
}

/// The parts that packets carry, by the block they belong to. A configuration starts a group
/// of blocks, which are numbered from 0.
fn sent_blocks<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Vec<Parts<'a>> {
    let mut groups: Vec<BTreeMap<u8, Parts<'a>>> = Vec::new();
    for mut rest in payloads {
        if rest[0] == CONFIGURATION {
            rest = after_configuration(rest);
            groups.push(BTreeMap::new());
        }
        let group = groups.last_mut().expect("a configuration comes first");
        while let Some((number, part)) = rest.split_first() {
            rest = part;
            group.entry(*number).or_default().push(take_part(&mut rest));
        }
    }
    let mut blocks: Vec<Parts<'a>> = groups.into_iter().flat_map(BTreeMap::into_values).collect();
    blocks.iter_mut().for_each(|parts| parts.sort_unstable());
    blocks
}

/// Items of a length, which counts itself, and a kind; kind 0 is the last.
fn after_configuration(payload: &[u8]) -> &[u8] {
    let mut rest = &payload[1..];
    loop {
        let (item, after) = rest.split_at(usize::from(rest[0]));
        rest = after;
        if item[1] == 0 {
            return rest;
        }
    }
}

/// A kind, a length, and as many bytes.
fn take_part<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let head = length_of_head(rest);
    let length = rest[1..head]
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (part, after) = rest.split_at(head + length);
    *rest = after;
    part
}

/// The kind's highest bit makes a length of two bytes out of one.
fn length_of_head(bytes: &[u8]) -> usize {
    if bytes[0] & 0x80 == 0 { 2 } else { 3 }
}

/// The first byte of a packet that starts with the decoder's configuration.
const CONFIGURATION: u8 = 0xff;

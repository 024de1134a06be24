//! Sample tables of the `stbl` box (ISO/IEC 14496-12, 8.6 and 8.7).

use bytes::Bytes;

use super::atom::Atom;
use super::sample_entry::SoundBlocks;
use crate::container::samples::{Blocks, Chunks, Parts, Runs, Sizes, Width};
use crate::container::{Error, SampleTable};

/// What a sample table needs to know of its track.
pub(super) struct Facts {
    /// How the bytes of single PCM frames are counted.
    pub(super) blocks: Option<SoundBlocks>,
    /// Samples (frames) of about 20 ms, to be handed out at once when they are that small.
    pub(super) group: u32,
    /// The file of each sample description.
    pub(super) files: Vec<u16>,
    /// Bytes of the movie's own file.
    pub(super) file_size: u64,
}

/// Reads the sample table in `stbl`; empty when the box has no tables, as in a movie of fragments.
///
/// # Errors
/// [`Error::Malformed`] when a table that all depends on is missing or broken.
pub(super) fn read(stbl: &Atom, facts: Facts) -> Result<SampleTable, Error> {
    let times = required(stbl, b"stts", "time to sample table")?.entries(8);
    let (sizes, count) = sizes(stbl)?;
    let blocks = blocks(&times, &sizes, &facts);
    let chunks = chunks(stbl)?;
    let offsets = stbl.child(b"ctts").map(|ctts| ctts.entries(8));
    let all_in_movie = facts.files.iter().all(|&file| file == 0);
    let held = if all_in_movie {
        held_by(facts.file_size, &sizes, blocks.as_ref())
    } else {
        u32::MAX
    };
    let mut table = SampleTable::new(Parts {
        count: count.min(held),
        base: 0,
        times: Runs::durations(times),
        compositions: offsets.map(Runs::offsets),
        sizes,
        blocks,
        chunks,
        sync: stbl.child(b"stss").map(|stss| stss.entries(4)),
        files: facts.files,
    });
    if all_in_movie && let Some(past) = table.chunks().first_sample_past(facts.file_size) {
        table.truncate(past);
    }
    Ok(table)
}

/// How many samples the tables claim to hold, to be compared with what they do.
pub(super) fn claimed(stbl: &Atom) -> u32 {
    let sizes = stbl.child(b"stsz").or_else(|| stbl.child(b"stz2"));
    sizes.and_then(|sizes| sizes.u32_at(8)).unwrap_or(0)
}

fn required(stbl: &Atom, kind: &[u8; 4], part: &'static str) -> Result<Atom, Error> {
    let reason = "it is missing";
    stbl.child(kind).ok_or(Error::Malformed { part, reason })
}

fn sizes(stbl: &Atom) -> Result<(Sizes, u32), Error> {
    let malformed = |reason| Error::Malformed {
        part: "sample size table",
        reason,
    };
    if let Some(stsz) = stbl.child(b"stsz") {
        let count = stsz.u32_at(8).unwrap_or(0);
        return Ok(match stsz.u32_at(4) {
            Some(size @ 1..) => (Sizes::Uniform(size), count),
            _ => Sizes::listed(&stsz.from(12), Width::Long, count),
        });
    }
    let stz2 = stbl
        .child(b"stz2")
        .ok_or_else(|| malformed("it is missing"))?;
    let width = match stz2.body.get(7) {
        Some(4) => Width::Nibble,
        Some(8) => Width::Byte,
        Some(16) => Width::Short,
        _ => return Err(malformed("its entries are of an unknown width")),
    };
    let count = stz2.u32_at(8).unwrap_or(0);
    Ok(Sizes::listed(&stz2.from(12), width, count))
}

fn chunks(stbl: &Atom) -> Result<Chunks, Error> {
    let layout = required(stbl, b"stsc", "sample to chunk table")?.entries(12);
    if let Some(wide) = stbl.child(b"co64") {
        return Chunks::new(wide.entries(8), true, layout);
    }
    let offsets = required(stbl, b"stco", "chunk offset table")?.entries(4);
    Chunks::new(offsets, false, layout)
}

/// Sound whose samples are single frames of one tick is counted in blocks, whatever size the file gives.
fn blocks(times: &Bytes, sizes: &Sizes, facts: &Facts) -> Option<Blocks> {
    let one_tick = times.get(4..8) == Some(&1u32.to_be_bytes());
    if !one_tick || !matches!(sizes, Sizes::Uniform(_)) {
        return None;
    }
    let SoundBlocks { samples, bytes } = facts.blocks?;
    Some(Blocks {
        samples,
        bytes,
        group: facts.group.max(1).next_multiple_of(samples.min(1 << 20)),
    })
}

/// How many samples of constant size a file of `size` bytes can hold.
fn held_by(size: u64, sizes: &Sizes, blocks: Option<&Blocks>) -> u32 {
    let count = match (blocks, sizes) {
        (Some(blocks), _) => {
            let held = size.div_ceil(u64::from(blocks.bytes.max(1)));
            held.saturating_mul(blocks.samples.into())
        }
        // Compressed QuickTime sound of version 0 may have many frames in a byte.
        (None, Sizes::Uniform(1)) => size.saturating_mul(64),
        (None, Sizes::Uniform(bytes)) => size / u64::from(*bytes),
        (None, Sizes::Listed(_)) => u64::MAX,
    };
    u32::try_from(count).unwrap_or(u32::MAX)
}

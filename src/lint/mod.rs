//! The checks of `reelcast lint`: playlists, segments and answers in, broken rules out. Pure.
//!
//! Playlists and containers are read here by code of their own, so that a fault of what the
//! server writes is seen. What fetches them is in `tool`.
//!
//! ```text
//!  multivariant ─> program ─> variants                     ┐
//!  media ─────> stream ─┬─> segments, parts, changes, delta ├─> finding ─> report
//!  segments ────────────┴─> content (three containers) ─> timeline
//!  answers ───────────────> delivery, reload               ┘
//! ```

mod attributes;
mod boxes;
mod byte_ranges;
mod changes;
mod content;
mod decryption;
pub mod delivery;
mod delta;
mod elementary;
pub mod finding;
mod fragments;
mod groups;
mod initialisation;
mod key;
mod lines;
pub mod media;
mod media_reader;
pub mod multivariant;
mod packed_audio;
mod parts;
mod pictures;
pub mod program;
pub mod reload;
pub mod report;
pub mod rule;
mod segments;
mod session_keys;
pub mod stream;
#[cfg(test)]
mod tests;
mod timeline;
mod transport_stream;
mod variants;

use rule::Rule;

/// Every rule that is checked.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let all: [&[&Rule]; 23] = [
        lines::RULES,
        attributes::RULES,
        media_reader::RULES,
        byte_ranges::RULES,
        key::RULES,
        multivariant::RULES,
        variants::RULES,
        groups::RULES,
        program::RULES,
        session_keys::RULES,
        segments::RULES,
        parts::RULES,
        changes::RULES,
        delta::RULES,
        reload::RULES,
        delivery::RULES,
        stream::RULES,
        timeline::RULES,
        transport_stream::RULES,
        elementary::RULES,
        packed_audio::RULES,
        initialisation::RULES,
        fragments::RULES,
    ];
    all.into_iter().flatten().copied()
}

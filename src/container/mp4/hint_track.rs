//! Hint tracks: their sample entry, references, SDP text and statistics (ISO/IEC 14496-12, 9.1; QTFF, "Hint media").

use bytes::Bytes;

use super::atom::{Atom, atoms, find};
use super::sample_entry::SampleEntry;
use crate::base::id::TrackId;
use crate::container::big_endian::{u16_at, u32_at};
use crate::container::{HintTotals, HintTrack};

/// Reads the hint track `trak` with the sample entry `entry`.
///
/// # Errors
/// The reason why it cannot be sent, one line.
pub(super) fn read(trak: &Atom, entry: &SampleEntry, timescale: u32) -> Result<HintTrack, String> {
    if entry.kind.0 != *b"rtp " {
        return Err(format!("it holds hints for '{}', not for RTP", entry.kind));
    }
    let extensions = entry.whole.slice(EXTENSIONS.min(entry.whole.len())..);
    let number = |kind| find(&extensions, kind).and_then(|atom| atom.u32_at(0));
    let rtp_rate = number(b"tims").unwrap_or(timescale);
    if rtp_rate == 0 {
        return Err("its RTP clock rate is 0".to_owned());
    }
    let user_data = trak.child(b"udta");
    let hint_info = user_data.as_ref().and_then(|udta| udta.child(b"hinf"));
    Ok(HintTrack {
        rtp_rate,
        time_offset: number(b"tsro"),
        sequence_offset: find(&extensions, b"snro").and_then(|atom| sequence_offset(&atom.body)),
        max_packet: u32_at(&entry.whole, 20).unwrap_or(0),
        sdp: user_data
            .and_then(|udta| track_sdp(&udta))
            .unwrap_or_default(),
        media: references(trak),
        totals: hint_info.map_or_else(HintTotals::default, |hinf| totals(&hinf)),
    })
}

/// Whether the track `trak` refers to others in order to send them.
pub(super) fn is_hint(trak: &Atom) -> bool {
    let references = trak.child(b"tref");
    references.is_some_and(|tref| tref.child(b"hint").is_some())
}

/// The session part of the SDP in the user data `udta` of a movie: a format code, then the text.
pub(super) fn movie_sdp(udta: &Atom) -> Option<String> {
    let texts = udta.child(b"hnti")?.child(b"rtp ")?;
    let text = texts.body.strip_prefix(b"sdp ")?;
    Some(sdp_text(text))
}

fn track_sdp(udta: &Atom) -> Option<String> {
    let text = udta.child(b"hnti")?.child(b"sdp ")?;
    Some(sdp_text(&text.body))
}

fn sdp_text(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(MAX_SDP)];
    String::from_utf8_lossy(bytes)
        .trim_end_matches('\0')
        .to_owned()
}

fn references(trak: &Atom) -> Vec<TrackId> {
    let hint = trak.child(b"tref").and_then(|tref| tref.child(b"hint"));
    let numbers = hint.map_or_else(Bytes::new, |hint| hint.body);
    numbers
        .as_chunks::<4>()
        .0
        .iter()
        .take(MAX_REFERENCES)
        .map(|number| TrackId(u32::from_be_bytes(*number)))
        .collect()
}

/// The standard says 32 bits, of which the lower 16 count; some hinters wrote 16.
fn sequence_offset(body: &[u8]) -> Option<u16> {
    match u32_at(body, 0) {
        Some(offset) => Some(offset as u16),
        None => u16_at(body, 0),
    }
}

fn totals(hinf: &Atom) -> HintTotals {
    let mut totals = HintTotals::default();
    for atom in atoms(&hinf.body) {
        let narrow = atom.u32_at(0).map(u64::from);
        match &atom.kind.0 {
            b"nump" => totals.packets = atom.u64_at(0),
            b"trpy" => totals.bytes = atom.u64_at(0),
            b"npck" => totals.packets = totals.packets.or(narrow),
            b"totl" => totals.bytes = totals.bytes.or(narrow),
            _ => {}
        }
    }
    totals
}

/// Where the boxes in a hint track's sample entry start.
const EXTENSIONS: usize = 24;
/// The longest SDP text, in bytes.
const MAX_SDP: usize = 64 << 10;
/// The most tracks that a hint track may send, as in QTSS.
const MAX_REFERENCES: usize = 1024;

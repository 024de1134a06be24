//! Hint samples of any content, alone and inside of a movie.

use reelcast::container::mp4::hint::{self, Piece};
use reelcast::container::{self, Movie, Track};

/// Walks `data` as a hint sample, and every hint track of `data` as a movie.
pub(crate) fn run(data: &[u8]) {
    walk(data, None);
    let Ok(movie) = container::open(&data) else {
        return;
    };
    for track in movie.tracks.iter().filter(|track| track.hint().is_some()) {
        let mut cursor = track.samples.cursor(0);
        for _ in 0..track.samples.len().min(100) {
            let Some(sample) = cursor.next(&track.samples) else {
                break;
            };
            let start = usize::try_from(sample.offset).unwrap_or(usize::MAX);
            let end = start.saturating_add(sample.size as usize);
            if let Some(bytes) = data.get(start..end) {
                walk(bytes, Some((&movie, track)));
            }
        }
    }
}

fn walk(sample: &[u8], place: Option<(&Movie, &Track)>) {
    let Ok(packets) = hint::packets(sample) else {
        return;
    };
    for packet in packets.flatten() {
        for constructor in packet.constructors().flatten() {
            let Some((movie, track)) = place else {
                continue;
            };
            let pieces = hint::pieces(movie, track, &constructor).flatten();
            let lengths = pieces.map(|piece| match piece {
                Piece::File(range) => range.length as usize,
                Piece::Bytes(bytes) => bytes.len(),
            });
            assert!(
                lengths.sum::<usize>() <= usize::from(u16::MAX),
                "a constructor is short"
            );
        }
    }
}

//! Files of any content: opening them and stepping through their samples.

use reelcast::container::{self, MAX_INDEX, Track};

/// Opens `data` as a movie and walks its tracks.
pub(crate) fn run(data: &[u8]) {
    let Ok(movie) = container::open(&data) else {
        return;
    };
    assert!(movie.index_memory() <= MAX_INDEX, "the index is bounded");
    for track in &movie.tracks {
        walk(track);
        for span in track.edits.spans() {
            assert!(span.media_start <= span.media_end, "a span runs forwards");
        }
    }
}

fn walk(track: &Track) {
    let table = &track.samples;
    let mut cursor = table.cursor(0);
    for _ in 0..1000 {
        // A run of PCM frames comes as one sample, so the numbers may skip.
        let index = cursor.index();
        let Some(sample) = cursor.next(table) else {
            break;
        };
        assert_eq!(sample.index, index, "samples come in order");
        assert!(cursor.index() > index, "a cursor moves on");
        assert!(
            table.sync_at_or_before(index) <= index,
            "sync samples are looked for backwards"
        );
        table.index_at(sample.time);
    }
    let last = table.len().saturating_sub(1);
    for index in [last / 2, last] {
        table.cursor(index).next(table);
        assert!(table.next_sync(index).is_none_or(|sync| sync > index));
        assert!(table.previous_sync(index).is_none_or(|sync| sync < index));
    }
    table.index_at(i64::MIN);
    table.index_at(i64::MAX);
}

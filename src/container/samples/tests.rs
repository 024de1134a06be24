use super::*;

fn walk(table: &SampleTable) -> Vec<Sample> {
    let mut cursor = table.cursor(0);
    std::iter::from_fn(|| cursor.next(table)).collect()
}

fn listed(count: u32) -> List {
    let mut list = List::default();
    let mut offset = 100;
    for index in 0..count {
        let size = 10 + index % 7;
        list.push(Listed {
            offset,
            size,
            duration: 10 + index / 50 % 3,
            composition: (index % 3) as i32 - 1,
            sync: index.is_multiple_of(12),
            description: 1 + index / 400,
        });
        offset += u64::from(size) + u64::from(index % 9 == 8) * 5;
    }
    list
}

#[test]
fn a_cursor_from_anywhere_continues_as_one_from_the_start() {
    let table = listed(1000).finish(7, vec![0, 3]);
    let all = walk(&table);
    assert_eq!(all.len(), 1000);
    assert_eq!(
        (all[0].time, all[0].offset, all[0].composition),
        (7, 100, -1)
    );
    assert_eq!((all[399].file, all[400].file), (0, 3));
    for start in 0..1000 {
        let mut cursor = table.cursor(start);
        for sample in all.iter().skip(start as usize).take(20) {
            assert_eq!(cursor.next(&table).as_ref(), Some(sample));
        }
    }
    let bytes: u64 = all.iter().map(|sample| u64::from(sample.size)).sum();
    assert_eq!(table.bytes(), bytes);
    let last = all[999];
    assert_eq!(table.duration() + 7, last.time + i64::from(last.duration));
}

#[test]
fn times_and_sync_samples_are_found() {
    let table = listed(1000).finish(7, vec![0, 0, 0]);
    for sample in walk(&table) {
        assert_eq!(sample.sync, sample.index % 12 == 0);
        assert_eq!(table.index_at(sample.time), sample.index);
        assert_eq!(table.index_at(sample.time + 9), sample.index);
        assert_eq!(
            table.sync_at_or_before(sample.index),
            sample.index / 12 * 12
        );
    }
    assert_eq!((table.index_at(-5), table.index_at(1 << 40)), (0, 999));
    assert_eq!(
        (table.next_sync(0), table.next_sync(11)),
        (Some(12), Some(12))
    );
    assert_eq!(
        (table.next_sync(996), table.next_sync(u32::MAX)),
        (None, None)
    );
    assert_eq!(
        (table.previous_sync(0), table.previous_sync(13)),
        (None, Some(12))
    );
    assert_eq!(table.previous_sync(u32::MAX), Some(996));
    assert_eq!(table.sync_count(), 84);
}

#[test]
fn pcm_frames_come_in_runs() {
    let table = SampleTable::uniform(44, 4, 1000, 1, 160);
    let runs: Vec<(u32, u64, u32, i64, u32)> = walk(&table)
        .iter()
        .map(|run| (run.index, run.offset, run.size, run.time, run.duration))
        .collect();
    assert_eq!(runs[1], (160, 684, 640, 160, 160));
    assert_eq!(runs[6], (960, 3884, 160, 960, 40));
    assert_eq!(runs.len(), 7);
    assert_eq!(table.index_at(333), 333);
    assert_eq!(
        table.cursor(333).next(&table).map(|run| run.offset),
        Some(44 + 333 * 4)
    );
    assert!(table.all_sync() && table.bytes() == 4000 && table.duration() == 1000);
}

#[test]
fn listed_frames_need_not_touch() {
    let table = SampleTable::listed([(10, 5), (15, 6), (30, 7)], 1152).unwrap();
    let found: Vec<(u64, u32, i64)> = walk(&table)
        .iter()
        .map(|frame| (frame.offset, frame.size, frame.time))
        .collect();
    assert_eq!(found, [(10, 5, 0), (15, 6, 1152), (30, 7, 2304)]);
}

#[test]
fn gaps_lengthen_the_sample_before_them() {
    let mut list = listed(3);
    list.stretch_to(100);
    list.stretch_to(50);
    let table = list.finish(0, vec![0]);
    assert_eq!(table.duration(), 100);
    assert_eq!(walk(&table)[2].duration, 80);
}

#[test]
fn ranges_stay_inside_what_they_name() {
    let table = listed(10).finish(0, vec![2]);
    let range = |offset, length| FileRange {
        file: 2,
        offset,
        length,
    };
    assert_eq!(table.locate(1, 0, 11, None), Some(range(110, 11)));
    assert_eq!(table.locate(1, 3, 8, None), Some(range(113, 8)));
    assert_eq!(table.locate(1, 3, 9, None), None);
    assert_eq!(table.locate(1, u32::MAX, u32::MAX, None), None);
    assert_eq!(table.locate(10, 0, 1, None), None);
}

#[test]
fn offsets_run_on_through_blocks_and_into_the_next_chunk() {
    let mut list = List::default();
    for offset in [1000, 5000, 5768 * 2] {
        list.start_chunk(offset, 8192);
    }
    list.repeat_time(8192 * 3, 1);
    let table = list.into_table(Sizes::Uniform(1), None, 0, vec![0]);
    let at = |index, offset, length| {
        table
            .locate(index, offset, length, Some((768, 4096)))
            .map(|range| (range.offset, range.length))
    };
    assert_eq!(at(4096, 10, 100), Some((1000 + 768 + 10, 100)));
    assert_eq!(at(0, 768 * 2 + 7, 60), Some((5007, 60)));
    assert_eq!(at(4096, 768, 768), Some((5000, 768)));
    assert_eq!(
        at(4096, 700, 69),
        Some((1000 + 768 + 700, 68)),
        "up to the chunk's end"
    );
    assert_eq!(at(0, 768 * 6, 1), None);
    assert_eq!(at(0, u32::MAX, 1), None);
}

#[test]
fn sync_lists_end_where_they_go_back() {
    let mut table = listed(40).finish(0, vec![0]);
    let numbers = [3u32, 9, 9, 12].iter().flat_map(|n| n.to_be_bytes());
    table.sync = Some(SyncList::new(&numbers.collect()));
    assert_eq!(table.sync_count(), 2);
    assert_eq!(table.sync_at_or_before(39), 8);
    assert_eq!(table.sync_at_or_before(1), 0);
}

//! Real movies, hand-built ones, and both with broken bytes.

use std::path::{Path, PathBuf};

use super::build::{Trak, atom, full, hint_entry, movie, sound_entry, table, video_entry, words};
use super::hint::{self, Piece};
use super::*;
use crate::base::id::TrackId;
use crate::codec::Format;
use crate::container::{Edits, Sample};

/// The shared media of `folder`, or `None` with a word about it.
fn media(folder: &str) -> Option<Vec<PathBuf>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/media")).join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: there is no {}", folder.display());
        return None;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|name| name != "mp3"));
    files.sort();
    Some(files)
}

fn samples(track: &Track, most: usize) -> Vec<Sample> {
    let mut cursor = track.samples.cursor(0);
    std::iter::from_fn(|| cursor.next(&track.samples))
        .take(most)
        .collect()
}

/// Assembles the packets of up to `most` hint samples of `track`: payload bytes of each.
fn packets(file: &[u8], movie: &Movie, track: &Track, most: usize) -> Vec<usize> {
    let mut lengths = Vec::new();
    for sample in samples(track, most) {
        let bytes = slice(file, sample.offset, sample.size).unwrap();
        for packet in hint::packets(bytes).unwrap() {
            let constructors = packet.unwrap().constructors();
            let pieces = constructors.flat_map(|constructor| {
                hint::pieces(movie, track, &constructor.unwrap()).map(|piece| {
                    match piece.unwrap() {
                        Piece::File(range) => {
                            slice(file, range.offset, range.length).unwrap().len()
                        }
                        Piece::Bytes(bytes) => bytes.len(),
                    }
                })
            });
            lengths.push(pieces.sum());
        }
    }
    lengths
}

fn slice(file: &[u8], offset: u64, length: u32) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    file.get(start..start.checked_add(length as usize)?)
}

#[test]
fn real_hint_tracks_give_the_packets_that_they_promise() {
    for path in media("qtss").unwrap_or_default() {
        let file = std::fs::read(&path).unwrap();
        let movie = open(&file.as_slice()).unwrap();
        assert!(movie.sdp.is_some(), "{}", path.display());
        let mut hints = 0;
        for track in &movie.tracks {
            let Some(hint) = track.hint() else { continue };
            hints += 1;
            let lengths = packets(&file, &movie, track, usize::MAX);
            assert_eq!(Some(lengths.len() as u64), hint.totals.packets);
            let bytes: usize = lengths.iter().map(|length| length + 12).sum();
            assert_eq!(Some(bytes as u64), hint.totals.bytes, "{}", path.display());
            assert!(hint.sdp.contains("m="), "{}", hint.sdp);
        }
        assert_eq!(hints, 2, "{}", path.display());
    }
}

#[test]
fn real_media_tracks_lie_in_their_files() {
    let folders = [media("qtss"), media("modern")];
    for path in folders.into_iter().flatten().flatten() {
        let file = std::fs::read(&path).unwrap();
        let movie = open(&file.as_slice()).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        println!("{name}: {:?} {:?}", movie.duration, movie.faults);
        for track in &movie.tracks {
            let all = samples(track, usize::MAX);
            assert!(!all.is_empty());
            let mut time = 0;
            for sample in &all {
                assert_eq!(sample.time, time, "{name}");
                assert!(slice(&file, sample.offset, sample.size).is_some(), "{name}");
                time += i64::from(sample.duration);
            }
            assert_eq!(time, track.duration, "{name}");
            if let Role::Unservable { reason, .. } = &track.role {
                assert!(name.ends_with(".mov"), "{name}: {reason}");
            }
        }
    }
}

const PCM: &[u8; 4] = b"sowt";

fn sound(id: u32, offset: u32, count: u32) -> Trak {
    let mut trak = Trak::new(id, b"soun", &sound_entry(PCM, 2, 8000, &[]), offset, &[]);
    trak.timescale = 8000;
    trak.durations = vec![count, 1];
    trak.tables = vec![
        table(b"stsc", 3, &[1, count, 1]),
        full(b"stsz", 0, 0, &[&words(&[1, count])]),
        table(b"stco", 1, &[offset]),
    ];
    trak
}

/// A movie with room for `media` bytes after its movie box.
fn with_media(parts: &[&[u8]], media: usize) -> Vec<u8> {
    let mut file = movie(parts);
    file.extend_from_slice(&atom(b"mdat", &[&vec![0x55; media]]));
    file
}

fn open_bytes(file: &[u8]) -> Movie {
    crate::container::open(&file).unwrap()
}

#[test]
fn pcm_is_counted_in_frames_and_cut_to_the_file() {
    let file = with_media(&[&sound(1, 600, 1000).build()], 4600);
    let movie = open_bytes(&file);
    let track = &movie.tracks[0];
    assert!(
        matches!(&track.role, Role::Media(Format::Pcm(_))),
        "{:?}",
        track.role
    );
    let runs = samples(track, 10);
    assert_eq!(
        (runs[0].size, runs[0].duration, runs[1].offset),
        (640, 160, 1240)
    );
    assert_eq!((track.samples.len(), movie.faults.len()), (1000, 0));

    let file = with_media(&[&sound(1, 600, u32::MAX).build()], 4600);
    let movie = open_bytes(&file);
    assert!(movie.tracks[0].samples.len() <= file.len() as u32);
    assert_eq!(movie.faults.len(), 1, "{:?}", movie.faults);
}

#[test]
fn edit_lists_make_spans() {
    let mut trak = sound(1, 600, 8000);
    let edits = [
        600,
        u32::MAX,
        0x1_0000,
        300,
        800,
        0x1_0000,
        150,
        0,
        0,
        0,
        4000,
        0x1_0000,
    ];
    trak.others = vec![atom(b"edts", &[&table(b"elst", 3, &edits)])];
    let movie = open_bytes(&with_media(&[&trak.build()], 40_000));
    let spans: Vec<(f64, f64, i64, i64)> = movie.tracks[0]
        .edits
        .spans()
        .iter()
        .map(|span| {
            let seconds = span.duration_ns as f64 / 1e9;
            (
                span.start.seconds(),
                seconds,
                span.media_start,
                span.media_end,
            )
        })
        .collect();
    assert_eq!(spans, [(1.0, 0.5, 800, 4800), (1.75, 0.5, 4000, i64::MAX)]);
    assert_eq!(movie.tracks[0].edits.lead(), NptTime::from_seconds(1.0));
    assert_eq!(movie.duration.nanos(), 2_250_000_000);
    assert_eq!(movie.begin(), NptTime::from_seconds(1.0));
    let other = sound(2, 40_600, 8000);
    let movie = open_bytes(&with_media(&[&trak.build(), &other.build()], 80_000));
    assert_eq!((movie.tracks.len(), movie.begin()), (2, NptTime(0)));
    assert_eq!(Edits::whole(MediaTime::new(5, 1)).end().seconds(), 5.0);
}

#[test]
fn references_to_files_beside_the_movie_are_numbered() {
    let mut trak = sound(1, 0, u32::MAX);
    trak.references = vec![full(b"url ", 0, 0, &[b"media.mov\0"])];
    let movie = open_bytes(&movie(&[&trak.build()]));
    assert_eq!(movie.files, ["media.mov"]);
    assert_eq!(samples(&movie.tracks[0], 1)[0].file, 1);
    trak.references = vec![full(b"url ", 0, 0, &[b"../media.mov\0"])];
    let movie = open_bytes(&build::movie(&[&trak.build()]));
    assert!(
        movie.faults[0].contains("out of the movie's folder"),
        "{:?}",
        movie.faults
    );
}

/// A movie whose hint track uses every kind of constructor.
fn hinted() -> Vec<u8> {
    let entry = |kind: u8, body: &[u8]| {
        let mut entry = vec![kind];
        entry.extend_from_slice(body);
        entry.resize(16, 0);
        entry
    };
    let constructors = [
        entry(0, &[]),
        entry(1, &[3, b'a', b'b', b'c']),
        entry(2, &[0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0, 1]),
        entry(2, &[0xff, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        entry(3, &[0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4]),
    ]
    .concat();
    let extra = [words(&[16]), atom(b"rtpo", &[&words(&[-90i32 as u32])])].concat();
    let head = [0xff, 0xff, 0xff, 0xf6, 0x10, 0x80 | 96, 0, 7, 0, 7, 0, 5];
    let sample = [&[0, 1, 0, 0], head.as_slice(), &extra, &constructors].concat();
    let video = Trak::new(1, b"vide", &video_entry(b"SVQ3", &[]), 0, &[8, 8]);
    let extensions = [
        atom(b"tsro", &[&words(&[500])]),
        atom(b"snro", &[&words(&[40])]),
    ]
    .concat();
    let size = sample.len() as u32;
    let mut hints = Trak::new(2, b"hint", &hint_entry(90_000, &extensions), 0, &[size]);
    let sdp = atom(b"hnti", &[&atom(b"sdp ", &[b"m=video 0 RTP/AVP 96\r\n\0"])]);
    hints.others = vec![
        atom(b"tref", &[&atom(b"hint", &[&words(&[1])])]),
        atom(b"udta", &[&sdp]),
    ];
    let build = |video: &Trak, hints: &Trak| {
        let text = atom(b"rtp ", &[b"sdp b=AS:9\r\n"]);
        let udta = atom(b"udta", &[&atom(b"hnti", &[&text]), &[0; 4]]);
        movie(&[&video.build(), &hints.build(), &udta])
    };
    let start = build(&video, &hints).len() as u32 + 8;
    let mut video = video;
    video.tables[2] = table(b"stco", 1, &[start]);
    hints.tables[2] = table(b"stco", 1, &[start + 16]);
    let mut file = build(&video, &hints);
    file.extend_from_slice(&atom(b"mdat", &[b"0123456789ABCDEF", &sample]));
    file
}

#[test]
fn every_kind_of_constructor_is_followed() {
    let file = hinted();
    let movie = open_bytes(&file);
    assert_eq!(movie.sdp.as_deref(), Some("b=AS:9\r\n"));
    let track = movie.track(TrackId(2)).unwrap();
    let facts = track.hint().unwrap();
    assert_eq!(
        (
            facts.rtp_rate,
            facts.time_offset,
            facts.sequence_offset,
            facts.max_packet
        ),
        (90_000, Some(500), Some(40), 1450)
    );
    assert_eq!(facts.sdp, "m=video 0 RTP/AVP 96\r\n");
    let sample = samples(track, 1)[0];
    let bytes = slice(&file, sample.offset, sample.size).unwrap();
    let packet = hint::packets(bytes).unwrap().next().unwrap().unwrap();
    assert_eq!(
        (packet.relative_time, packet.time_offset, packet.sequence),
        (-10, -90, 7)
    );
    assert!(packet.marker && packet.extension && packet.repeat && packet.disposable);
    assert_eq!(packet.payload_type, 96);
    let mut payload = Vec::new();
    for constructor in packet.constructors() {
        for piece in hint::pieces(&movie, track, &constructor.unwrap()) {
            match piece.unwrap() {
                Piece::File(range) => {
                    payload.extend_from_slice(slice(&file, range.offset, range.length).unwrap());
                }
                Piece::Bytes(bytes) => payload.extend_from_slice(&bytes),
            }
        }
    }
    assert_eq!(payload, b"abc9ABC\0\x01SVQ3");
}

#[test]
fn blocks_that_run_across_a_chunk_are_found_in_pieces() {
    let mut sound = sound(1, 0, 16);
    sound.tables = vec![
        table(b"stsc", 3, &[1, 8, 1]),
        full(b"stsz", 0, 0, &[&words(&[1, 16])]),
        table(b"stco", 1, &[1000, 1100]),
    ];
    let mut hints = Trak::new(2, b"hint", &hint_entry(8000, &[]), 0, &[4]);
    hints.others = vec![atom(b"tref", &[&atom(b"hint", &[&words(&[1])])])];
    let movie = open_bytes(&with_media(&[&sound.build(), &hints.build()], 2000));
    let track = movie.track(TrackId(2)).unwrap();
    let constructor = hint::Constructor::Sample {
        reference: 0,
        length: 7,
        sample: 1,
        offset: 4,
        bytes_per_block: 3,
        samples_per_block: 4,
    };
    let pieces = hint::pieces(&movie, track, &constructor).map(|piece| match piece {
        Ok(Piece::File(range)) => Some((range.offset, range.length)),
        _ => None,
    });
    let found: Vec<_> = pieces.collect();
    assert_eq!(found, [Some((1004, 2)), Some((1100, 5))]);
}

#[test]
fn constructors_that_point_outside_are_refused() {
    use hint::Constructor::{Description, Sample};
    let movie = open_bytes(&hinted());
    let track = movie.track(TrackId(2)).unwrap();
    let refused =
        |constructor| hint::pieces(&movie, track, &constructor).any(|piece| piece.is_err());
    let sample = |reference, length, sample, offset| Sample {
        reference,
        length,
        sample,
        offset,
        bytes_per_block: 0,
        samples_per_block: 0,
    };
    assert!(!refused(sample(0, 8, 2, 0)));
    assert!(refused(sample(0, 9, 2, 0)) && refused(sample(0, 1, 3, 0)));
    assert!(refused(sample(0, 1, 0, 0)) && refused(sample(1, 1, 1, 0)));
    assert!(refused(sample(-2, 1, 1, 0)) && refused(sample(0, u16::MAX, 1, u32::MAX)));
    let description = |index, offset, length| Description {
        reference: 0,
        length,
        index,
        offset,
    };
    assert!(!refused(description(1, 80, 6)) && refused(description(1, 80, 7)));
    assert!(refused(description(0, 0, 1)) && refused(description(2, 0, 1)));
}

/// A fragmented movie of one track: two fragments, the second after a gap.
fn fragmented() -> Vec<u8> {
    let mut trak = Trak::new(1, b"vide", &video_entry(b"s263", &[]), 0, &[]);
    trak.durations = Vec::new();
    trak.tables = vec![
        table(b"stsc", 3, &[]),
        full(b"stsz", 0, 0, &[&words(&[0, 0])]),
        table(b"stco", 1, &[]),
    ];
    let trex = full(b"trex", 0, 0, &[&words(&[1, 1, 100, 10, 0x1_0000])]);
    let mut file = movie(&[&trak.build(), &atom(b"mvex", &[&trex])]);
    for time in [5000, 5400] {
        let fragment = |offset| {
            let tfhd = full(b"tfhd", 0, 0x2_0000, &[&words(&[1])]);
            let tfdt = full(b"tfdt", 0, 0, &[&words(&[time])]);
            let trun = full(b"trun", 0, 0x205, &[&words(&[3, offset, 0, 10, 11, 12])]);
            atom(b"moof", &[&atom(b"traf", &[&tfhd, &tfdt, &trun])])
        };
        let offset = fragment(0).len() as u32 + 8;
        file.extend_from_slice(&fragment(offset));
        file.extend_from_slice(&atom(b"mdat", &[&[9; 33]]));
    }
    file
}

#[test]
fn fragments_become_one_table() {
    let file = fragmented();
    let movie = open_bytes(&file);
    let track = &movie.tracks[0];
    assert!(
        matches!(track.role, Role::Media(Format::H263)),
        "{:?}",
        movie.faults
    );
    let all = samples(track, 10);
    let times: Vec<i64> = all.iter().map(|sample| sample.time).collect();
    assert_eq!(times, [0, 100, 200, 400, 500, 600]);
    let sync: Vec<bool> = all.iter().map(|sample| sample.sync).collect();
    assert_eq!(sync, [true, false, false, true, false, false]);
    for sample in &all {
        let bytes = slice(&file, sample.offset, sample.size).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 9));
    }
    assert_eq!(movie.duration.nanos(), 700_000_000);
}

#[test]
fn what_cannot_be_served_says_why() {
    let refused = |file: &[u8]| crate::container::open(&file).unwrap_err().to_string();
    let moov = |part: &[u8]| movie(&[&atom(part.first_chunk().unwrap(), &[])]);
    assert!(refused(&moov(b"cmov")).contains("compressed"));
    assert!(refused(&moov(b"rmra")).contains("reference movie"));
    assert!(refused(b"\0\0\0\x10ftypqt  \0\0\0\0").contains("no movie box"));
    assert!(refused(b"\0\0\0\x01moov\x7f\xff\xff\xff\xff\xff\xff\xff").contains("ends before"));
    assert!(refused(&atom(b"moov", &[])).contains("movie header"));
    let mut trak = sound(3, 600, 10);
    trak.entries = vec![sound_entry(b"QDM2", 2, 8000, &[])];
    let movie = open_bytes(&with_media(&[&trak.build()], 600));
    assert_eq!(
        movie.faults,
        ["track 3 (QDM2): no RTP payload format is known for 'QDM2'"]
    );
    trak.tables.remove(0);
    let movie = open_bytes(&with_media(&[&trak.build()], 600));
    assert!(
        movie.faults[0].contains("sample to chunk table"),
        "{:?}",
        movie.faults
    );
}

/// Takes all that a viewer could ask of `file`, a bounded part of each.
fn exercise(file: &dyn ReadAt) {
    let Ok(movie) = open(file) else { return };
    assert!(movie.index_memory() <= MAX_INDEX);
    for track in &movie.tracks {
        let table = &track.samples;
        let _ = (table.index_at(i64::MAX), table.index_at(track.duration / 2));
        let _ = (
            table.bytes(),
            table.sync_count(),
            table.sync_at_or_before(7),
        );
        let mut last = table.cursor(table.len().saturating_sub(3));
        while last.next(table).is_some() {}
        for sample in samples(track, 50) {
            let mut bytes = vec![0; sample.size.min(4096) as usize];
            if track.hint().is_none() || file.read_at(sample.offset, &mut bytes).is_err() {
                continue;
            }
            for packet in hint::packets(&bytes)
                .into_iter()
                .flatten()
                .flatten()
                .take(100)
            {
                for constructor in packet.constructors().flatten() {
                    let _ = hint::pieces(&movie, track, &constructor).count();
                }
            }
        }
    }
}

/// A file of which some bytes are replaced.
struct Mutated<'a> {
    file: &'a [u8],
    bytes: Vec<(u64, u8)>,
}

impl ReadAt for Mutated<'_> {
    fn size(&self) -> u64 {
        self.file.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> std::io::Result<()> {
        self.file.read_at(offset, into)?;
        for &(at, byte) in &self.bytes {
            let into = at
                .checked_sub(offset)
                .and_then(|at| into.get_mut(at as usize));
            if let Some(into) = into {
                *into = byte;
            }
        }
        Ok(())
    }
}

/// Breaks up to four fields of 1 to 8 bytes in the first `head` bytes of `file`, `times` times.
fn mutate(file: &[u8], head: usize, times: usize) {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..times {
        let mut bytes = Vec::new();
        for _ in 0..=random(4) {
            let at = random(head.min(file.len()) as u64);
            let value = [0, 0xff, 0x7f, 0x80, random(256) as u8][random(5) as usize];
            bytes.extend((at..at + (1 << random(4))).map(|at| (at, value)));
        }
        exercise(&Mutated { file, bytes });
    }
}

#[test]
fn broken_bytes_never_panic() {
    for file in [
        hinted(),
        fragmented(),
        with_media(&[&sound(1, 600, 1000).build()], 4600),
    ] {
        mutate(&file, usize::MAX, 5000);
        for length in 0..file.len() {
            exercise(&&file[..length]);
        }
    }
    let folders = [media("qtss"), media("modern")];
    for path in folders.into_iter().flatten().flatten() {
        mutate(&std::fs::read(&path).unwrap(), 50_000, 50);
    }
}

#[test]
fn hostile_inputs_of_other_readers_never_panic() {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/corpus/gofuzz"
    ));
    let Ok(targets) = std::fs::read_dir(folder) else {
        println!("skipped: there is no {}", folder.display());
        return;
    };
    let targets = targets.map(|entry| entry.unwrap().path());
    for target in targets.filter(|path| path.to_string_lossy().contains("mp4_")) {
        for input in std::fs::read_dir(target).unwrap() {
            let bytes = std::fs::read(input.unwrap().path()).unwrap();
            exercise(&bytes.as_slice());
            let start = bytes
                .windows(4)
                .position(|kind| kind == b"moov")
                .unwrap_or(4);
            exercise(&&bytes[start.saturating_sub(4).min(bytes.len())..]);
        }
    }
}

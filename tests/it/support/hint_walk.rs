//! A second reader of hint tracks, to judge the server's own by.
//!
//! It shares no code with `src/container`: it holds the whole file in memory, expands
//! every table and panics on what it does not expect. Layouts: QuickTime File Format,
//! "Hint Media"; ISO/IEC 14496-12, 9.1. Media must lie in the movie itself.

use std::collections::HashMap;
use std::path::Path;

/// One RTP packet as its hint track describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthoredPacket {
    /// What follows the RTP header.
    pub(crate) payload: Vec<u8>,
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    /// As stored, without the track's offset.
    pub(crate) sequence: u16,
    /// RTP ticks since the movie's start.
    pub(crate) time: u32,
    /// A second copy that authors add against loss.
    pub(crate) repeat: bool,
}

/// One hint track.
pub(crate) struct AuthoredTrack {
    /// The movie's track number, the `N` of `trackID=N`.
    pub(crate) id: u32,
    /// In the order of the file.
    pub(crate) packets: Vec<AuthoredPacket>,
    /// The number of packets that `hinf` promises.
    pub(crate) promised: Option<u64>,
}

/// The hint tracks of the movie at `path`, in the order of the file.
pub(crate) fn hint_tracks(path: &Path) -> Vec<AuthoredTrack> {
    let file = std::fs::read(path).expect("the movie is readable");
    let movie = child(&file, b"moov").expect("a movie box");
    let tracks: HashMap<u32, Track<'_>> = children(movie)
        .filter(|(name, _)| name == b"trak")
        .map(|(_, body)| Track::read(body))
        .collect();
    let mut hinted: Vec<_> = tracks
        .iter()
        .filter(|(_, track)| track.handler == *b"hint")
        .collect();
    hinted.sort_by_key(|(id, _)| **id);
    hinted
        .into_iter()
        .map(|(id, track)| track.walk(*id, &file, &tracks))
        .collect()
}

struct Track<'a> {
    body: &'a [u8],
    handler: [u8; 4],
    timescale: u32,
    table: Table,
}

impl<'a> Track<'a> {
    fn read(body: &'a [u8]) -> (u32, Self) {
        let header = child(body, b"tkhd").expect("a track header");
        let id = long(header, if header[0] == 1 { 20 } else { 12 });
        let media = child(body, b"mdia").expect("media");
        let media_header = child(media, b"mdhd").expect("a media header");
        let handler = child(media, b"hdlr").expect("a handler");
        let track = Self {
            body,
            handler: handler[8..12].try_into().unwrap(),
            timescale: long(media_header, if media_header[0] == 1 { 20 } else { 12 }),
            table: Table::read(deep(media, &[b"minf", b"stbl"])),
        };
        (id, track)
    }

    /// The `rtp ` sample entry's boxes, which follow 16 bytes of fixed fields.
    fn entry(&self) -> &'a [u8] {
        let description = deep(self.body, &[b"mdia", b"minf", b"stbl", b"stsd"]);
        let (name, entry) = children(&description[8..]).next().expect("a sample entry");
        assert_eq!(&name, b"rtp ", "a hint track for RTP");
        &entry[16..]
    }

    fn walk(&self, id: u32, file: &[u8], tracks: &HashMap<u32, Track<'_>>) -> AuthoredTrack {
        let number = |name| child(self.entry(), name).map(|body| long(body, 0));
        let rtp_rate = number(b"tims").expect("an RTP timescale");
        let offset = number(b"tsro").unwrap_or(0);
        let references = deep(self.body, &[b"tref", b"hint"]);
        let sources: Vec<&Track<'_>> = references
            .chunks_exact(4)
            .map(|id| &tracks[&long(id, 0)])
            .collect();
        let mut packets = Vec::new();
        for sample in &self.table.samples {
            let time = u64::from(sample.time) * u64::from(rtp_rate) / u64::from(self.timescale);
            let bytes = &file[sample.offset..sample.offset + sample.size];
            let source = Source {
                file,
                hint: self,
                sources: &sources,
            };
            source.packets(bytes, offset.wrapping_add(time as u32), &mut packets);
        }
        AuthoredTrack {
            id,
            packets,
            promised: self.promised(),
        }
    }

    fn promised(&self) -> Option<u64> {
        let statistics = child(child(self.body, b"udta")?, b"hinf")?;
        let wide = child(statistics, b"nump")
            .map(|body| u64::from_be_bytes(body[..8].try_into().unwrap()));
        wide.or_else(|| child(statistics, b"npck").map(|body| u64::from(long(body, 0))))
    }
}

/// Where the constructors of one hint track find their bytes.
struct Source<'a> {
    file: &'a [u8],
    hint: &'a Track<'a>,
    sources: &'a [&'a Track<'a>],
}

impl Source<'_> {
    fn packets(&self, sample: &[u8], time: u32, into: &mut Vec<AuthoredPacket>) {
        let mut at = 4;
        for _ in 0..short(sample, 0) {
            let header = short(sample, at + 4);
            let flags = short(sample, at + 8);
            let mut packet = AuthoredPacket {
                payload: Vec::new(),
                payload_type: (header & 0x7f) as u8,
                marker: header & 0x80 != 0,
                sequence: short(sample, at + 6),
                time,
                repeat: flags & 1 != 0,
            };
            let entries = usize::from(short(sample, at + 10));
            at += 12;
            if flags & 4 != 0 {
                let length = long(sample, at) as usize;
                if let Some(shift) = child(&sample[at + 4..at + length], b"rtpo") {
                    packet.time = packet.time.wrapping_add(long(shift, 0));
                }
                at += length;
            }
            for entry in sample[at..at + entries * 16].chunks_exact(16) {
                packet.payload.extend_from_slice(self.construct(entry));
            }
            at += entries * 16;
            into.push(packet);
        }
    }

    fn construct<'a>(&'a self, entry: &'a [u8]) -> &'a [u8] {
        let length = usize::from(short(entry, 2));
        match entry[0] {
            0 => &[],
            1 => &entry[2..2 + usize::from(entry[1])],
            2 => &self.file[self.sample_place(entry)..][..length],
            3 => {
                let description = deep(
                    self.track(entry).body,
                    &[b"mdia", b"minf", b"stbl", b"stsd"],
                );
                let index = long(entry, 4) as usize;
                let start: usize =
                    (0..index - 1).fold(8, |at, _| at + long(description, at) as usize);
                &description[start + long(entry, 8) as usize..][..length]
            }
            kind => panic!("constructor of kind {kind}"),
        }
    }

    fn track(&self, entry: &[u8]) -> &Track<'_> {
        match entry[1] as i8 {
            -1 => self.hint,
            index => self.sources[usize::try_from(index).unwrap()],
        }
    }

    fn sample_place(&self, entry: &[u8]) -> usize {
        let table = &self.track(entry).table;
        let (number, offset) = (long(entry, 4) as usize, long(entry, 8) as usize);
        let (bytes, samples) = (usize::from(short(entry, 12)), usize::from(short(entry, 14)));
        if bytes > 1 && samples > 1 {
            // The offset counts on through blocks, also into the chunks after.
            let holder = number - 1 + offset / bytes * samples;
            let (chunk, first) = table.chunk_of(holder);
            chunk + (holder - first) / samples * bytes + offset % bytes
        } else {
            table.samples[number - 1].offset + offset
        }
    }
}

struct Sample {
    offset: usize,
    size: usize,
    time: u32,
}

/// The sample table, every sample spelled out.
struct Table {
    samples: Vec<Sample>,
    /// File offset and first sample of each chunk.
    chunks: Vec<(usize, usize)>,
}

impl Table {
    fn read(body: &[u8]) -> Self {
        let sizes = child(body, b"stsz").expect("sample sizes");
        let count = long(sizes, 8) as usize;
        let size = |index: usize| match long(sizes, 4) {
            0 => long(sizes, 12 + index * 4) as usize,
            one => one as usize,
        };
        let mut table = Self {
            samples: Vec::with_capacity(count),
            chunks: Vec::new(),
        };
        let mut times = Self::times(body);
        let mut runs = Self::runs(body).into_iter().peekable();
        let mut samples_per_chunk = 0;
        for (number, offset) in (1..).zip(Self::chunk_offsets(body)) {
            while let Some((_, count)) = runs.next_if(|(first, _)| *first <= number) {
                samples_per_chunk = count;
            }
            table.chunks.push((offset, table.samples.len()));
            let mut at = offset;
            for _ in 0..samples_per_chunk {
                let index = table.samples.len();
                if index == count {
                    break;
                }
                let time = times.next().expect("a time for every sample");
                table.samples.push(Sample {
                    offset: at,
                    size: size(index),
                    time,
                });
                at += size(index);
            }
        }
        assert_eq!(table.samples.len(), count, "every sample lies in a chunk");
        table
    }

    fn times(body: &[u8]) -> impl Iterator<Item = u32> {
        let deltas = &child(body, b"stts").expect("sample times")[8..];
        let mut now = 0_u32;
        deltas
            .chunks_exact(8)
            .flat_map(|run| std::iter::repeat_n(long(run, 4), long(run, 0) as usize))
            .map(move |delta| {
                let time = now;
                now += delta;
                time
            })
    }

    /// First chunk (from 1) and samples a chunk of each run.
    fn runs(body: &[u8]) -> Vec<(u32, u32)> {
        let runs = &child(body, b"stsc").expect("chunk runs")[8..];
        runs.chunks_exact(12)
            .map(|run| (long(run, 0), long(run, 4)))
            .collect()
    }

    fn chunk_offsets(body: &[u8]) -> Vec<usize> {
        if let Some(offsets) = child(body, b"stco") {
            return offsets[8..]
                .chunks_exact(4)
                .map(|offset| long(offset, 0) as usize)
                .collect();
        }
        let offsets = child(body, b"co64").expect("chunk offsets");
        let wide = |offset: &[u8]| u64::from_be_bytes(offset.try_into().unwrap()) as usize;
        offsets[8..].chunks_exact(8).map(wide).collect()
    }

    /// File offset and first sample of the chunk that holds sample `index`.
    fn chunk_of(&self, index: usize) -> (usize, usize) {
        self.chunks[self.chunks.partition_point(|(_, first)| *first <= index) - 1]
    }
}

/// The boxes in `body`: name and content. A length of 0 ends user data.
pub(crate) fn children(body: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.len() < 8 {
            return None;
        }
        let name = rest[4..8].try_into().unwrap();
        let (head, length) = match long(rest, 0) {
            0 => return None,
            1 => (
                16,
                u64::from_be_bytes(rest[8..16].try_into().unwrap()) as usize,
            ),
            length => (8, length as usize),
        };
        let content = &rest[head..length];
        rest = &rest[length..];
        Some((name, content))
    })
}

pub(crate) fn child<'a>(body: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    children(body)
        .find(|(found, _)| found == name)
        .map(|(_, content)| content)
}

pub(crate) fn deep<'a>(body: &'a [u8], names: &[&[u8; 4]]) -> &'a [u8] {
    names.iter().fold(body, |body, name| {
        child(body, name).unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(*name)))
    })
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap())
}

pub(crate) fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

//! A transport stream made of samples: one program in segments that can be joined at each of them.
//!
//! ```text
//!  begin ─> PAT, PMT        write ─> delimiters, headers (codec) ─> PES ─> packets, clock
//! ```
//!
//! Rules: ISO/IEC 13818-1, 2.4 and 2.7; rfc8216bis, 3.1.1. Which samples go together is for
//! the caller to say.

use bytes::Bytes;

use super::CLOCK_HZ;
use super::packet::{self, NULL_PID};
use super::pes;
use super::tables::{pat, pmt};
use crate::codec::byte_stream::ByteStream;
use crate::codec::elementary::Coding;
use crate::codec::{Format, Malformed};

/// Writes a transport stream of one program.
#[derive(Debug)]
pub struct Mux {
    streams: Vec<Stream>,
    tables: [Table; 2],
    /// The packet counter of the ID3 tags.
    tags: u8,
    /// When the clock was told last, in ticks.
    told: Option<u64>,
    /// When the first stream goes on behind what is written now, in ticks; the clock is not told beyond.
    end: u64,
    /// The PES packet under way.
    pes: Vec<u8>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Stream {
    byte_stream: ByteStream,
    pid: u16,
    counter: u8,
}

/// A section that is written again and again.
#[derive(Debug)]
struct Table {
    pid: u16,
    section: Vec<u8>,
    counter: u8,
}

/// A sample with what is needed to carry it.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Its stream, an index into the formats.
    pub stream: usize,
    /// When it is presented, in ticks of [`CLOCK_HZ`].
    pub pts: u64,
    /// When it is decoded, in ticks; at most `pts`.
    pub dts: u64,
    /// Whether a decoder may start with it.
    pub keyframe: bool,
    /// Whether the packet counter of its stream is to be 0 afterwards, as it was at the begin, for
    /// the segment that follows.
    pub last: bool,
    /// Its bytes, and those of the samples behind it that go into the same PES packet.
    pub data: &'a [Bytes],
}

impl Mux {
    /// A program of streams in these formats, the one whose times lead first; `None` when a
    /// transport stream cannot carry one of them.
    ///
    /// `version` is that of the tables, modulo 32: it changes with the formats.
    pub fn new(formats: &[&Format], version: u8) -> Option<Self> {
        Self::with(formats, version, false)
    }

    /// The same with ID3 tags beside the streams.
    pub fn with_tags(formats: &[&Format], version: u8) -> Option<Self> {
        Self::with(formats, version, true)
    }

    fn with(formats: &[&Format], version: u8, has_tags: bool) -> Option<Self> {
        let streams: Vec<_> = (FIRST_STREAM..)
            .zip(formats)
            .map(|(pid, format)| {
                Some(Stream {
                    byte_stream: ByteStream::new(format)?,
                    pid,
                    counter: 0,
                })
            })
            .collect::<Option<_>>()?;
        let mut entries: Vec<_> = streams
            .iter()
            .zip(formats)
            .map(|(stream, format)| {
                let (kind, descriptors) = announced(stream.byte_stream.coding(), format);
                (kind, stream.pid, descriptors)
            })
            .collect();
        let program: &[u8] = if has_tags { &TAGS_OF_PROGRAM } else { &[] };
        if has_tags {
            entries.push((METADATA, TAGS, &TAGS_OF_STREAM));
        }
        let table = |pid, section| Table {
            pid,
            section,
            counter: 0,
        };
        Some(Self {
            streams,
            tables: [
                table(0, pat(&[(1, PROGRAM_MAP)])),
                table(PROGRAM_MAP, pmt(1, version & 0x1f, program, &entries)),
            ],
            tags: 0,
            told: None,
            end: u64::MAX,
            pes: Vec::new(),
            bytes: Vec::new(),
        })
    }

    /// Counts on where `before` stopped, whose streams this one continues in other formats.
    pub fn count_on(&mut self, before: &Self) {
        for (table, before) in self.tables.iter_mut().zip(&before.tables) {
            table.counter = before.counter;
        }
        for (stream, before) in self.streams.iter_mut().zip(&before.streams) {
            stream.counter = before.counter;
        }
        self.tags = before.tags;
    }

    /// Begins segment `number` of those that are each made by a multiplexer of its own: the tables
    /// count on, and the streams begin at 0, as [`Sample::last`] left them.
    pub fn begin_at(&mut self, number: u64) {
        for table in &mut self.tables {
            table.counter = (number & 0xf) as u8;
        }
        self.begin();
    }

    /// Begins a segment: writes the tables.
    pub fn begin(&mut self) {
        for Table {
            pid,
            section,
            counter,
        } in &mut self.tables
        {
            // The pointer says that the section begins at once.
            let mut payload = [&[0], section.as_slice()].concat();
            payload.resize(packet::ROOM.max(payload.len()), 0xff);
            packet::write(*pid, counter, None, false, &payload, &mut self.bytes);
        }
    }

    /// Says when the first stream goes on behind the segment, in ticks of its decoding times: what is written of the
    /// others may reach further, and the clock must not, for it would step back with the next segment.
    pub fn end_at(&mut self, dts: u64) {
        self.end = dts;
    }

    /// Writes samples in one PES packet; those of all streams come in the order of their DTS.
    ///
    /// # Errors
    /// [`Malformed`] when a sample is not what its format promises; it is left out then.
    pub fn write(&mut self, sample: &Sample<'_>) -> Result<(), Malformed> {
        self.keep_clock(sample.dts, sample.stream == 0);
        let Some(stream) = self.streams.get_mut(sample.stream) else {
            return Ok(());
        };
        self.pes.clear();
        // The header comes before the data whose size it tells, so room is left for it.
        let mut data = Vec::with_capacity(sample.data.iter().map(|data| data.len() + 64).sum());
        for bytes in sample.data {
            stream
                .byte_stream
                .write(bytes, sample.keyframe, &mut data)?;
        }
        let (id, size) = match stream.byte_stream.coding() {
            Coding::H264 => (VIDEO, None),
            Coding::Ac3 => (PRIVATE, Some(data.len())),
            _ => (AUDIO, Some(data.len())),
        };
        let dts = (sample.dts < sample.pts).then_some(sample.dts);
        pes::write_header(id, [Some(sample.pts), dts], size, &mut self.pes);
        self.pes.append(&mut data);
        let clock = (sample.stream == 0).then(|| clock(sample.dts));
        if clock.is_some() {
            self.told = Some(sample.dts);
        }
        let write = match sample.last {
            true => packet::write_to_zero,
            false => packet::write,
        };
        write(
            stream.pid,
            &mut stream.counter,
            clock,
            sample.keyframe,
            &self.pes,
            &mut self.bytes,
        );
        Ok(())
    }

    /// Writes an ID3 tag that belongs to the time `pts`, in ticks; [`with_tags`](Self::with_tags)
    /// announces it.
    pub fn write_tag(&mut self, pts: u64, tag: &[u8]) {
        let mut pes = Vec::with_capacity(tag.len() + 64);
        pes::write_header(PRIVATE, [Some(pts), None], Some(tag.len()), &mut pes);
        pes.extend_from_slice(tag);
        packet::write(TAGS, &mut self.tags, None, true, &pes, &mut self.bytes);
    }

    /// Tells the clock in packets of their own while nothing of the first stream does; what is next
    /// may be of it.
    fn keep_clock(&mut self, dts: u64, is_first: bool) {
        let Some(stream) = self.streams.first() else {
            return;
        };
        let dts = dts.min(self.end);
        if self.told.is_none() && !is_first {
            packet::write_clock(stream.pid, stream.counter, clock(dts), &mut self.bytes);
        }
        // After a leap the next picture tells it.
        let told = self.told.unwrap_or(dts);
        if dts.saturating_sub(told) >= MAX_SILENCE {
            return;
        }
        let mut told = told;
        while dts.saturating_sub(told) > CLOCK_INTERVAL {
            told += CLOCK_INTERVAL;
            packet::write_clock(stream.pid, stream.counter, clock(told), &mut self.bytes);
        }
        self.told = Some(told);
    }

    /// The bytes so far: what was written since they were taken last.
    pub fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes).into()
    }
}

/// The stream type in the PMT, and the descriptors that belong to it.
fn announced(coding: Coding, format: &Format) -> (u8, &'static [u8]) {
    match coding {
        Coding::H264 => (0x1b, &[]),
        Coding::Adts => (0x0f, &[]),
        Coding::Ac3 => (0x81, b"\x05\x04AC-3"),
        _ => match format {
            // MPEG-1 has the rates from 32 kHz on.
            Format::MpegAudio { rate_hz, .. } if *rate_hz < 32_000 => (0x04, &[]),
            _ => (0x03, &[]),
        },
    }
}

/// The clock when a sample's first byte arrives: as long before its DTS as decoders may buffer it.
fn clock(dts: u64) -> u64 {
    dts.saturating_sub(BUFFERED)
}

/// In ticks of 90 kHz. A picture has that long to come in.
const BUFFERED: u64 = CLOCK_HZ as u64 / 5;

/// The clock is told every 100 ms at least (ISO/IEC 13818-1, 2.7.2), in ticks of 90 kHz.
const CLOCK_INTERVAL: u64 = CLOCK_HZ as u64 * 9 / 100;

/// The longest silence, in ticks of 90 kHz, that the clock is told in.
const MAX_SILENCE: u64 = CLOCK_HZ as u64 * 60;

/// A stream of metadata in PES packets (ISO/IEC 13818-1, table 2-34).
const METADATA: u8 = 0x15;

/// The descriptors of ID3 tags (Timed Metadata for HTTP Live Streaming, 2): where in the program
/// they are, and that the stream consists of them.
const TAGS_OF_PROGRAM: [u8; 17] = *b"\x25\x0f\xff\xffID3 \xffID3 \0\x1f\0\x01";
const TAGS_OF_STREAM: [u8; 15] = *b"\x26\x0d\xff\xffID3 \xffID3 \0\x0f";
const TAGS: u16 = 0xf0;

const PROGRAM_MAP: u16 = 0x1000;
const FIRST_STREAM: u16 = 0x100;
const _: () = assert!(FIRST_STREAM < PROGRAM_MAP && PROGRAM_MAP < NULL_PID);

/// Stream identifiers (ISO/IEC 13818-1, table 2-22).
const AUDIO: u8 = 0xc0;
const VIDEO: u8 = 0xe0;
const PRIVATE: u8 = 0xbd;

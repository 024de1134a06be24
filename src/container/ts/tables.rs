//! What the tables say: which programs there are, and of which streams they are made.
//!
//! PAT and PMT (ISO/IEC 13818-1, 2.4.4.3 and 2.4.4.8), and the descriptors that
//! tell what a private stream holds (2.6.8; ETSI EN 300 468, annex D).

use super::section::crc32;
use crate::codec::elementary::Coding;

/// A program of a transport stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its number in the PAT.
    pub number: u16,
    /// Where its clock travels.
    pub(super) pcr_pid: u16,
    /// Its streams, in the order of the PMT.
    pub streams: Vec<Stream>,
}

/// An elementary stream of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Where it travels.
    pub pid: u16,
    /// The type that the PMT gives it (ISO/IEC 13818-1, table 2-34).
    pub stream_type: u8,
    /// What type and descriptors come to; `None` for what this server does not know.
    pub coding: Option<Coding>,
    /// Its language: three small letters (ISO 639-2), when a descriptor tells.
    pub language: Option<String>,
}

/// The most streams of a program that are looked at.
const MAX_STREAMS: usize = 32;

const PAT: u8 = 0;
const PMT: u8 = 2;

/// Bytes of a section's header with its version, and of the checksum at its end.
const HEADER: usize = 8;
const CHECKSUM: usize = 4;

/// A section that is in force, without header and checksum.
struct Section<'a> {
    /// The number of the transport stream or the program.
    extension: u16,
    body: &'a [u8],
}

impl<'a> Section<'a> {
    /// `None` for another table, and for one that will be in force later.
    fn read(section: &'a [u8], table: u8) -> Option<Self> {
        let header: &[u8; HEADER] = section.first_chunk()?;
        let is_current = header[5] & 1 == 1;
        (header[0] == table && is_current).then_some(())?;
        Some(Self {
            extension: u16::from_be_bytes([header[3], header[4]]),
            body: section.get(HEADER..section.len().checked_sub(CHECKSUM)?)?,
        })
    }
}

/// The programs of a section of the PAT as (number, PID of the PMT); `None` when it is none.
pub(super) fn programs(section: &[u8]) -> Option<impl Iterator<Item = (u16, u16)>> {
    let entries = Section::read(section, PAT)?.body.as_chunks::<4>().0;
    let program = |&[a, b, c, d]: &[u8; 4]| {
        let number = u16::from_be_bytes([a, b]);
        (number, u16::from_be_bytes([c, d]) & 0x1fff)
    };
    // Number 0 is the network's own table.
    Some(
        entries
            .iter()
            .map(program)
            .filter(|(number, _)| *number != 0),
    )
}

impl Program {
    /// Reads a PMT; `None` for anything else.
    pub(super) fn read(section: &[u8]) -> Option<Self> {
        let Section { extension, body } = Section::read(section, PMT)?;
        let (clock, body) = body.split_first_chunk::<2>()?;
        let (length, body) = body.split_first_chunk::<2>()?;
        let mut rest = body.get(length12(*length)..)?;
        let mut streams = Vec::new();
        while let Some((&[stream_type, a, b, c, d], after)) = rest.split_first_chunk::<5>() {
            let length = length12([c, d]).min(after.len());
            let (descriptors, after) = after.split_at(length);
            let descriptors = Descriptors(descriptors);
            rest = after;
            if streams.len() < MAX_STREAMS {
                streams.push(Stream {
                    pid: u16::from_be_bytes([a, b]) & 0x1fff,
                    stream_type,
                    coding: coding(stream_type, descriptors),
                    language: language(descriptors),
                });
            }
        }
        Some(Self {
            number: extension,
            pcr_pid: u16::from_be_bytes(*clock) & 0x1fff,
            streams,
        })
    }
}

fn length12(bytes: [u8; 2]) -> usize {
    usize::from(u16::from_be_bytes(bytes) & 0xfff)
}

fn coding(stream_type: u8, descriptors: Descriptors<'_>) -> Option<Coding> {
    match stream_type {
        0x03 | 0x04 => Some(Coding::MpegAudio),
        0x0f => Some(Coding::Adts),
        0x11 => Some(Coding::Latm),
        0x1b => Some(Coding::H264),
        0x24 => Some(Coding::H265),
        0x81 => Some(Coding::Ac3),
        0x06 => private_coding(descriptors),
        _ => None,
    }
}

/// A stream of private data says by its descriptors what it is.
fn private_coding(descriptors: Descriptors<'_>) -> Option<Coding> {
    let registration = descriptors.find(REGISTRATION);
    match registration.and_then(|id| id.first_chunk()) {
        Some(b"AC-3") => Some(Coding::Ac3),
        Some(b"HEVC") => Some(Coding::H265),
        Some(b"Opus") => match descriptors.find(EXTENSION) {
            Some(&[OPUS_CHANNELS, channels @ 1..=2, ..]) => Some(Coding::Opus { channels }),
            // 0 is two independent channels; more than two RFC 7587 does not cover.
            _ => None,
        },
        _ => descriptors.find(DVB_AC3).map(|_| Coding::Ac3),
    }
}

/// The first language of the ISO 639 language descriptor (ISO/IEC 13818-1, 2.6.18).
fn language(descriptors: Descriptors<'_>) -> Option<String> {
    let code: &[u8; 3] = descriptors.find(LANGUAGE)?.first_chunk()?;
    let code = code.to_ascii_lowercase();
    let is_told = code.iter().all(u8::is_ascii_lowercase) && code != UNDETERMINED;
    is_told.then(|| code.iter().copied().map(char::from).collect())
}

const REGISTRATION: u8 = 0x05;
const LANGUAGE: u8 = 0x0a;
const DVB_AC3: u8 = 0x6a;
const EXTENSION: u8 = 0x7f;
const OPUS_CHANNELS: u8 = 0x80;

/// What ISO 639-2 calls a language that nobody has told.
const UNDETERMINED: [u8; 3] = *b"und";

/// Descriptors, each a tag, a length and so many bytes.
#[derive(Clone, Copy)]
struct Descriptors<'a>(&'a [u8]);

impl<'a> Descriptors<'a> {
    /// The content of the first with `tag`.
    fn find(self, tag: u8) -> Option<&'a [u8]> {
        let mut rest = self.0;
        while let Some((&[found, length], after)) = rest.split_first_chunk::<2>() {
            let (content, after) = after.split_at_checked(length.into())?;
            if found == tag {
                return Some(content);
            }
            rest = after;
        }
        None
    }
}

/// A table's section: header, `body` and checksum.
fn section(table: u8, extension: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let length = (5 + body.len() + 4) as u16 | 0xb000;
    let mut section = vec![table];
    section.extend_from_slice(&length.to_be_bytes());
    section.extend_from_slice(&extension.to_be_bytes());
    section.extend_from_slice(&[0xc1 | version << 1, 0, 0]);
    section.extend_from_slice(body);
    let sum = crc32(&section);
    section.extend_from_slice(&sum.to_be_bytes());
    section
}

/// A PAT of (program, PID of its PMT).
pub(crate) fn pat(programs: &[(u16, u16)]) -> Vec<u8> {
    let entry =
        |(number, pid): &(u16, u16)| [number.to_be_bytes(), (pid | 0xe000).to_be_bytes()].concat();
    section(
        0,
        1,
        0,
        &programs.iter().flat_map(entry).collect::<Vec<_>>(),
    )
}

/// A PMT with `descriptors` of the program, and of each stream (stream type, PID, descriptors); the
/// clock travels with the first.
pub(super) fn pmt(
    number: u16,
    version: u8,
    descriptors: &[u8],
    streams: &[(u8, u16, &[u8])],
) -> Vec<u8> {
    let clock = streams.first().map_or(0x1fff, |(_, pid, _)| *pid);
    let length = descriptors.len() as u16 | 0xf000;
    let mut body = [(clock | 0xe000).to_be_bytes(), length.to_be_bytes()].concat();
    body.extend_from_slice(descriptors);
    for (stream_type, pid, descriptors) in streams {
        body.push(*stream_type);
        body.extend_from_slice(&(pid | 0xe000).to_be_bytes());
        body.extend_from_slice(&(descriptors.len() as u16 | 0xf000).to_be_bytes());
        body.extend_from_slice(descriptors);
    }
    section(2, number, version, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_streams_are_told_by_their_descriptors() {
        let coding = |descriptors: &[u8]| coding(6, Descriptors(descriptors));
        assert_eq!(coding(b"\x05\x04AC-3"), Some(Coding::Ac3));
        assert_eq!(coding(b"\x0a\x04eng\0\x6a\x01\0"), Some(Coding::Ac3));
        let opus = Some(Coding::Opus { channels: 2 });
        assert_eq!(coding(b"\x05\x04Opus\x7f\x02\x80\x02"), opus);
        assert_eq!(coding(b"\x05\x04Opus"), None);
        assert_eq!(coding(b"\x05\x04Op"), None);
        assert_eq!(coding(b"\x05"), None);
    }

    #[test]
    fn a_stream_has_the_language_that_its_descriptor_tells_first() {
        let language = |descriptors: &[u8]| language(Descriptors(descriptors));
        let told = |code: &str| Some(code.to_owned());
        assert_eq!(language(b"\x05\x04AC-3\x0a\x08DEU\0eng\0"), told("deu"));
        assert_eq!(language(b"\x0a\x04fra\x03"), told("fra"));
        assert_eq!(language(b"\x0a\x04und\0"), None);
        assert_eq!(language(b"\x0a\x04e\"g\0"), None);
        assert_eq!(language(b"\x0a\x02en"), None);
        assert_eq!(language(b""), None);
    }
}

//! What the tables say: which programs there are, and of which streams they are made.
//!
//! PAT and PMT (ISO/IEC 13818-1, 2.4.4.3 and 2.4.4.8), and the descriptors that
//! tell what a private stream holds (2.6.8; ETSI EN 300 468, annex D).

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
    /// What type and descriptors come to.
    pub coding: Coding,
}

/// What an elementary stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// H.264 as a byte stream (ITU-T H.264, annex B).
    H264,
    /// H.265 as a byte stream (ITU-T H.265, annex B).
    H265,
    /// AAC in ADTS (ISO/IEC 13818-7, 6.2).
    Adts,
    /// AAC in LATM and LOAS (ISO/IEC 14496-3, 1.7).
    Latm,
    /// MPEG-1 or MPEG-2 audio, any layer.
    MpegAudio,
    /// AC-3 (ATSC A/52).
    Ac3,
    /// Opus packets behind control headers.
    Opus {
        /// 1 or 2.
        channels: u8,
    },
    /// Anything else.
    Other,
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
            rest = after;
            if streams.len() < MAX_STREAMS {
                streams.push(Stream {
                    pid: u16::from_be_bytes([a, b]) & 0x1fff,
                    stream_type,
                    coding: Coding::of(stream_type, Descriptors(descriptors)),
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

impl Coding {
    fn of(stream_type: u8, descriptors: Descriptors<'_>) -> Self {
        match stream_type {
            0x03 | 0x04 => Self::MpegAudio,
            0x0f => Self::Adts,
            0x11 => Self::Latm,
            0x1b => Self::H264,
            0x24 => Self::H265,
            0x81 => Self::Ac3,
            0x06 => Self::of_private(descriptors),
            _ => Self::Other,
        }
    }

    /// A stream of private data says by its descriptors what it is.
    fn of_private(descriptors: Descriptors<'_>) -> Self {
        let is_dvb_ac3 = || descriptors.find(DVB_AC3).is_some();
        match descriptors
            .find(REGISTRATION)
            .and_then(|id| id.first_chunk())
        {
            Some(b"AC-3") => Self::Ac3,
            Some(b"HEVC") => Self::H265,
            Some(b"Opus") => match descriptors.find(EXTENSION) {
                Some(&[OPUS_CHANNELS, channels @ 1..=2, ..]) => Self::Opus { channels },
                // 0 is two independent channels; more than two RFC 7587 does not cover.
                _ => Self::Other,
            },
            _ if is_dvb_ac3() => Self::Ac3,
            _ => Self::Other,
        }
    }
}

const REGISTRATION: u8 = 0x05;
const DVB_AC3: u8 = 0x6a;
const EXTENSION: u8 = 0x7f;
const OPUS_CHANNELS: u8 = 0x80;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_streams_are_told_by_their_descriptors() {
        let coding = |descriptors: &[u8]| Coding::of(6, Descriptors(descriptors));
        assert_eq!(coding(b"\x05\x04AC-3"), Coding::Ac3);
        assert_eq!(coding(b"\x0a\x04eng\0\x6a\x01\0"), Coding::Ac3);
        let opus = Coding::Opus { channels: 2 };
        assert_eq!(coding(b"\x05\x04Opus\x7f\x02\x80\x02"), opus);
        assert_eq!(coding(b"\x05\x04Opus"), Coding::Other);
        assert_eq!(coding(b"\x05\x04Op"), Coding::Other);
        assert_eq!(coding(b"\x05"), Coding::Other);
    }
}

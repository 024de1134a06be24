//! Elementary streams of a transport stream: what their PES packets carry.

use bytes::Bytes;

use super::content::{Content, Kind, Sound, Track};
use super::finding::Findings;
use super::packed_audio;
use super::pictures::{self, Coding};
use super::rule::rules;
use super::transport_stream::MASK;
use crate::base::media_time::MediaTime;

rules! {
    PES "pes-header" Error "ISO/IEC 13818-1 2.4.3.6"
        "give a PTS to every PES packet, and a DTS where pictures are reordered";
    CONTAINER "codec-container" Error "Apple 1.5; bis 3.1.1"
        "carry H.265, AV1, Opus, FLAC and the like in fragmented MP4: players do not look for them in transport streams";
    DELIMITER "ts-access-unit-delimiter" Warning "Apple 7.1; ISO/IEC 13818-1 2.14"
        "begin every access unit with an access unit delimiter";
    SETS "ts-parameter-sets" Error "bis 3.1.1"
        "repeat SPS and PPS before the first picture of every segment";
    ORDER "ts-decode-order" Error "Apple 7.1"
        "let decode times rise from picture to picture";
}

/// A PES packet.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pts: Option<u64>,
    dts: Option<u64>,
    data: Vec<u8>,
}

impl Unit {
    /// Reads a PES packet; `None` for what is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; 9] = bytes.first_chunk()?;
        if header[..3] != [0, 0, 1] {
            return None;
        }
        let start = 9 + usize::from(header[8]);
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let end = if length == 0 {
            bytes.len()
        } else {
            bytes.len().min(6 + length)
        };
        Some(Self {
            pts: (header[7] & 0x80 != 0)
                .then(|| time(bytes.get(9..14)?))
                .flatten(),
            dts: (header[7] & 0x40 != 0)
                .then(|| time(bytes.get(14..19)?))
                .flatten(),
            data: bytes.get(start..end).unwrap_or_default().to_vec(),
        })
    }

    fn decoded(&self) -> Option<u64> {
        self.dts.or(self.pts)
    }
}

/// The decode time that a PES packet begins with, in units of 90 kHz.
pub(super) fn decode_time(start: &[u8]) -> Option<u64> {
    Unit::read(start)?.decoded()
}

fn time(bytes: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e] = bytes.first_chunk()?;
    let part = |byte: u8| u64::from(byte >> 1);
    Some(
        u64::from(a >> 1 & 7) << 30
            | u64::from(b) << 22
            | part(c) << 15
            | u64::from(d) << 7
            | part(e),
    )
}

/// What the PES packets of a stream come to; `None` for what is no media, or without a packet.
pub(super) fn track(
    pid: u16,
    stream_type: u8,
    units: &[Unit],
    place: &str,
    findings: &mut Findings,
) -> Option<Track> {
    let kind = match stream_type {
        0x1b | 0x24 | 0x02 | 0x10 => Kind::Video,
        0x03 | 0x04 | 0x0f | 0x11 | 0x81 | 0x87 => Kind::Audio,
        _ => Kind::Other,
    };
    if matches!(stream_type, 0x24 | 0x06) && kind != Kind::Audio {
        let found = format!("stream type {stream_type:#04x} is in a transport stream");
        findings.add(&CONTAINER, place, found);
    }
    if kind == Kind::Other || units.is_empty() {
        return None;
    }
    if units.iter().any(|unit| unit.pts.is_none()) {
        let found = format!("a PES packet of PID {pid:#x} has no PTS");
        findings.add(&PES, place, found);
    }
    let mut track = times(pid, kind, units)?;
    match stream_type {
        0x1b => look_at_pictures(Coding::H264, units, &mut track, place, findings),
        0x24 => look_at_pictures(Coding::H265, units, &mut track, place, findings),
        _ if kind == Kind::Audio => look_at_sound(stream_type, units, &mut track),
        _ => {}
    }
    if kind == Kind::Video && has_disorder(units) {
        findings.add(&ORDER, place, format!("those of PID {pid:#x} go back"));
    }
    Some(track)
}

fn has_disorder(units: &[Unit]) -> bool {
    let times: Vec<u64> = units.iter().filter_map(Unit::decoded).collect();
    times.windows(2).any(|pair| {
        let [before, after] = pair else { return false };
        let ahead = after.wrapping_sub(*before) & MASK;
        ahead == 0 || ahead > MASK / 2
    })
}

fn times(pid: u16, kind: Kind, units: &[Unit]) -> Option<Track> {
    let ticks = |time: u64| MediaTime::new(i64::try_from(time).unwrap_or(0), 90_000);
    let first = units.iter().find_map(Unit::decoded)?;
    let last = units.iter().rev().find_map(Unit::decoded)?;
    // Counted from the first, so that a count that began anew in between does no harm.
    let since = |time: u64| time.wrapping_sub(first) & MASK;
    let shown = units.iter().filter_map(|unit| unit.pts).map(since).min();
    let span = since(last);
    let mean = span / (units.len() as u64 - 1).max(1);
    Some(Track {
        id: pid.into(),
        kind,
        codec: String::new(),
        begin: ticks(first),
        shown: ticks(first + shown.unwrap_or(0)),
        end: ticks(first + span + mean),
        samples: units.len(),
        keys: Vec::new(),
        begins_with_key: kind == Kind::Audio,
        picture: None,
        sound: None,
        setup: Bytes::new(),
    })
}

fn look_at_pictures(
    coding: Coding,
    units: &[Unit],
    track: &mut Track,
    place: &str,
    findings: &mut Findings,
) {
    let mut is_delimited = true;
    for (number, unit) in units.iter().enumerate() {
        let found = coding.look(pictures::behind_start_codes(&unit.data));
        is_delimited &= found.delimited;
        if found.key {
            let time = unit.decoded().unwrap_or(0);
            track
                .keys
                .push(MediaTime::new(i64::try_from(time).unwrap_or(0), 90_000));
            track.begins_with_key |= number == 0;
        }
        if number == 0 && (found.sps.is_none() || !found.pps) {
            findings.add(
                &SETS,
                place,
                "the first picture has no SPS or no PPS before it",
            );
        }
        if let Some(sps) = found.sps.filter(|_| track.setup.is_empty()) {
            track.codec = coding.codec(&sps);
            track.picture = coding.picture(&sps, None);
            track.setup = sps.into();
        }
    }
    if !is_delimited {
        findings.add(&DELIMITER, place, "an access unit begins without one");
    }
}

fn look_at_sound(stream_type: u8, units: &[Unit], track: &mut Track) {
    let data: Vec<u8> = units
        .iter()
        .flat_map(|unit| unit.data.iter().copied())
        .collect();
    let frames = match stream_type {
        0x0f => packed_audio::adts(&data),
        0x03 | 0x04 => packed_audio::mpeg_audio(&data),
        _ => {
            track.codec = "ac-3".to_owned();
            return;
        }
    };
    track.codec = frames.codec;
    track.samples = frames.count;
    track.setup = frames.setup;
    track.sound = Some(Sound {
        rate_hz: frames.rate_hz,
        channels: frames.channels,
    });
    let length = MediaTime::new(frames.duration.cast_signed(), frames.rate_hz).at_rate(90_000);
    track.end = MediaTime::new(track.begin.ticks.saturating_add(length.ticks), 90_000);
}

impl Content {
    /// How many tracks of a kind there are.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.tracks
            .iter()
            .filter(|track| track.kind == kind)
            .count()
    }
}

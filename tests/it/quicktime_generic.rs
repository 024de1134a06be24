//! Channels in QuickTime's generic payloads, which carry every encoding: Sorenson Video 1 in pieces, and IMA ADPCM in
//! blocks, as Apple's Icefloe dispatch 26 tells hinters to send them.

use std::path::Path;
use std::process::Command;

use super::quicktime::{Sent, compare, publish, start_server};
use super::support::hint_walk::{child, children, deep};
use super::support::pictures::can_be_decoded;
use super::support::publisher::rtp;

/// Bytes of samples in a packet, at most.
pub(super) const MOST: usize = 1200;

/// What a payload begins with: how its samples are laid out, and what else there is.
const PIECE: u8 = 0x1c;
const ALIKE: u8 = 0x14;
const KEY: u8 = 2;
const DESCRIBED: u8 = 1;

/// Sound of one block: of IMA ADPCM with two channels.
const BLOCK_BYTES: usize = 68;
const BLOCK_SAMPLES: u32 = 64;

/// How pictures and sound of a movie are coded here, as ffmpeg is told.
pub(super) const PICTURES: &str = "-c:v svq1";
pub(super) const SOUND: &str = "-c:a adpcm_ima_qt";

/// A movie of moving pictures, a key frame a second, and of sound that is now loud and now not, in codecs of which
/// ffmpeg is told so.
pub(super) fn make_movie(path: &Path, codecs: [&str; 2]) {
    let pictures = ["-f", "lavfi", "-i", "testsrc2=s=176x144:r=15"];
    let sound = "aevalsrc='mod(t*t,1)*sin(2*PI*440*t)|mod(t*t,1)*sin(2*PI*660*t)':s=22050";
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(pictures)
        .args(["-f", "lavfi", "-i", sound, "-t", "10", "-g", "15"])
        .args(codecs.iter().flat_map(|codec| codec.split(' ')))
        .arg(path)
        .status();
    assert!(done.unwrap().success());
}

/// A sample of a movie.
pub(super) struct Sample {
    pub(super) seconds: f64,
    is_key: bool,
    pub(super) data: Vec<u8>,
}

/// The samples of a track as ffprobe finds them.
pub(super) fn samples(movie: &Path, track: &str) -> Vec<Sample> {
    let file = std::fs::read(movie).unwrap();
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", track, "-of", "csv=p=0"])
        .args(["-show_entries", "packet=pts_time,size,pos,flags"])
        .arg(movie)
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let sample = |line: &str| {
        let fields: Vec<_> = line.split(',').collect();
        let [size, at] = [fields[1], fields[2]].map(|field| field.parse::<usize>().unwrap());
        Sample {
            seconds: fields[0].parse().unwrap(),
            is_key: fields[3].starts_with('K'),
            data: file[at..at + size].to_vec(),
        }
    };
    // Of what is beside a sample a line tells that has no field.
    let lines = text.lines().filter(|line| line.contains(','));
    lines.map(sample).collect()
}

/// What describes the samples of a movie's track in these media.
fn entry(movie: &Path, media_type: &[u8; 4]) -> Vec<u8> {
    let file = std::fs::read(movie).unwrap();
    let track = children(child(&file, b"moov").unwrap())
        .filter(|(name, _)| name == b"trak")
        .map(|(_, track)| track)
        .find(|track| deep(track, &[b"mdia", b"hdlr"])[8..12] == *media_type)
        .unwrap();
    deep(track, &[b"mdia", b"minf", b"stbl", b"stsd"])[8..].to_vec()
}

/// Packets of one track on their way.
struct Hinter {
    payload_type: u8,
    media_type: &'static [u8; 4],
    clock_hz: u32,
    entry: Vec<u8>,
    sequence: u16,
    packets: Vec<Sent>,
}

impl Hinter {
    fn send(&mut self, marker: bool, seconds: f64, flags: u8, data: &[u8]) {
        let time = (seconds * f64::from(self.clock_hz)).round() as u32;
        let mut packet = rtp(self.payload_type, marker, self.sequence, time, 7);
        packet.extend([flags, 0, 0, 1]);
        if flags & DESCRIBED != 0 {
            packet.extend(self.description());
        }
        packet.extend_from_slice(data);
        let track = usize::from(self.payload_type - 96);
        self.packets.push((seconds, track, packet));
        self.sequence += 1;
    }

    /// All of it is here; a value of no interest, and the entry.
    fn description(&self) -> Vec<u8> {
        let values = [(b"tr", &[0, 3][..]), (b"sd", &self.entry)].map(|(kind, value)| {
            let length = u16::try_from(value.len()).unwrap().to_be_bytes();
            [&length[..], kind, value].concat()
        });
        let values = values.concat();
        let mut all = vec![0x30, 0];
        all.extend(u16::try_from(12 + values.len()).unwrap().to_be_bytes());
        all.extend_from_slice(self.media_type);
        all.extend(self.clock_hz.to_be_bytes());
        all.extend(values);
        all.resize(all.len().next_multiple_of(4), 0);
        all
    }
}

/// The pictures, each in pieces; key pictures bring the description.
pub(super) fn hint_pictures(movie: &Path) -> Vec<Sent> {
    let mut hinter = Hinter {
        payload_type: 96,
        media_type: b"vide",
        clock_hz: 90_000,
        entry: entry(movie, b"vide"),
        sequence: 1,
        packets: Vec::new(),
    };
    for picture in samples(movie, "v") {
        let count = picture.data.len().div_ceil(MOST);
        for (index, piece) in picture.data.chunks(MOST).enumerate() {
            let is_first_of_key = picture.is_key && index == 0;
            let flags = PIECE | if picture.is_key { KEY } else { 0 };
            let flags = flags | u8::from(is_first_of_key);
            hinter.send(index + 1 == count, picture.seconds, flags, piece);
        }
    }
    hinter.packets
}

/// The sound, as many blocks in a packet as fit; each second the description comes.
pub(super) fn hint_sound(movie: &Path) -> Vec<Sent> {
    let mut hinter = Hinter {
        payload_type: 97,
        media_type: b"soun",
        clock_hz: 22_050,
        entry: entry(movie, b"soun"),
        sequence: 1,
        packets: Vec::new(),
    };
    // QuickTime tells how long blocks are, for one channel and for all; ffmpeg leaves it open.
    let [of_one, of_all] = [BLOCK_BYTES / 2, BLOCK_BYTES].map(|bytes| bytes as u8);
    hinter.entry[40..48].copy_from_slice(&[0, 0, 0, of_one, 0, 0, 0, of_all]);
    let sound: Vec<u8> = samples(movie, "a")
        .into_iter()
        .flat_map(|sample| sample.data)
        .collect();
    let blocks = MOST / BLOCK_BYTES;
    let step = f64::from(BLOCK_SAMPLES) * blocks as f64 / f64::from(hinter.clock_hz);
    for (index, data) in sound.chunks(blocks * BLOCK_BYTES).enumerate() {
        let flags = ALIKE | KEY | u8::from(index % 20 == 0);
        hinter.send(true, step * index as f64, flags, data);
    }
    hinter.packets
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_in_generic_payloads_is_seen_and_heard_by_hls() {
    if !can_be_decoded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let movie = folder.path().join("old.mov");
    make_movie(&movie, [PICTURES, SOUND]);
    let packets = [hint_pictures(&movie), hint_sound(&movie)];
    let server = start_server();
    let _publisher = publish(&server, ["X-QT/90000", "X-QT/22050"], packets.concat());
    compare(&server, &movie, 6000).await;
}

//! AMR speech reaches the viewer frame by frame (RFC 4867, octet-aligned).
//!
//! The movies are written here, because encoders of AMR are rare; that their frames
//! hold no speech makes no difference to those who only carry them.

use tokio::process::Command;

use crate::support::boxes::{Trak, atom, full, movie, sound_entry, table, words};
use crate::support::program::Program;
use crate::support::received::ReceivedPacket;
use crate::support::viewer::{Viewer, Way};

/// Bits of speech by frame type, the last of them comfort noise (3GPP TS 26.101, table 1).
const NARROW: [usize; 9] = [95, 103, 118, 134, 148, 159, 204, 244, 39];
/// The same of AMR-WB (3GPP TS 26.201, table 2).
const WIDE: [usize; 10] = [132, 177, 253, 285, 317, 365, 397, 461, 477, 40];
/// The frame type of 20 ms without data.
const NO_DATA: u8 = 15;

/// A file of one second and what is in it.
struct Speech {
    name: &'static str,
    entry: &'static [u8; 4],
    /// How SDP names it.
    rtpmap: &'static str,
    /// What a file of bare frames starts with (RFC 4867, 5.1).
    magic: &'static [u8],
    bits: &'static [usize],
    rate: u16,
    frames_per_sample: usize,
}

const SPEECHES: [Speech; 2] = [
    Speech {
        name: "narrow.3gp",
        entry: b"samr",
        rtpmap: "AMR/8000",
        magic: b"#!AMR\n",
        bits: &NARROW,
        rate: 8000,
        frames_per_sample: 1,
    },
    Speech {
        name: "wide.3gp",
        entry: b"sawb",
        rtpmap: "AMR-WB/16000",
        magic: b"#!AMR-WB\n",
        bits: &WIDE,
        rate: 16_000,
        frames_per_sample: 2,
    },
];

#[tokio::test]
async fn every_frame_of_speech_arrives() {
    let folder = tempfile::tempdir().unwrap();
    for speech in &SPEECHES {
        std::fs::write(folder.path().join(speech.name), speech.movie()).unwrap();
    }
    let server = Program::start(folder.path()).await;
    for speech in &SPEECHES {
        let mut viewer = Viewer::open(server.rtsp, speech.name, Way::Tcp).await;
        viewer.play("Range: npt=0-\r\n").await;
        viewer.watch_to_the_end().await;
        let track = &viewer.tracks[0];
        let says = |text: &str| track.lines.iter().any(|line| line.ends_with(text));
        assert!(
            says(speech.rtpmap) && says("octet-align=1"),
            "{:?}",
            track.lines
        );
        assert_eq!(
            speech.received(&track.packets),
            speech.frames(),
            "{}",
            speech.name
        );
        let url = format!("rtsp://{}/{}", server.rtsp, speech.name);
        let stored = [speech.magic, &speech.frames().concat()].concat();
        assert!(
            stored_by_ffmpeg(&url).await == stored,
            "{}: ffmpeg",
            speech.name
        );
    }
}

impl Speech {
    /// Fifty frames in storage format, of each type in turn: a head of type and quality, then speech.
    fn frames(&self) -> Vec<Vec<u8>> {
        let types = (0..self.bits.len() as u8).chain([NO_DATA]).cycle();
        let frames = types.take(50).zip(1..).map(|(kind, number)| {
            let mut frame = vec![kind << 3 | 4];
            frame.resize(1 + self.speech_bytes(kind), number);
            frame
        });
        frames.collect()
    }

    fn speech_bytes(&self, kind: u8) -> usize {
        let bits = self.bits.get(usize::from(kind));
        bits.map_or(0, |bits| bits.div_ceil(8))
    }

    fn movie(&self) -> Vec<u8> {
        let frames = self.frames();
        let samples: Vec<_> = frames
            .chunks(self.frames_per_sample)
            .map(<[_]>::concat)
            .collect();
        let build = |offset| movie(&[&self.track(&samples, offset).build()]);
        let offset = build(0).len() as u32 + 8;
        [build(offset), atom(b"mdat", &[&samples.concat()])].concat()
    }

    fn track(&self, samples: &[Vec<u8>], offset: u32) -> Trak {
        // Vendor, decoder version, modes, mode changes, frames per sample (3GPP TS 26.244, 6.7).
        let config = [0, 0, 0, 0, 0, 0x83, 0xff, 0, self.frames_per_sample as u8];
        let entry = sound_entry(self.entry, 1, self.rate, &atom(b"damr", &[&config]));
        let (count, ticks) = (
            samples.len() as u32,
            self.ticks() * self.frames_per_sample as u32,
        );
        let sizes: Vec<u32> = samples.iter().map(|sample| sample.len() as u32).collect();
        let mut trak = Trak::new(1, b"soun", &entry, offset, &sizes);
        trak.timescale = self.rate.into();
        trak.durations = vec![count, ticks];
        trak.tables = vec![
            table(b"stsc", 3, &[1, count, 1]),
            full(b"stsz", 0, 0, &[&words(&[0, count]), &words(&sizes)]),
            table(b"stco", 1, &[offset]),
        ];
        trak
    }

    /// RTP ticks of a frame: 20 ms.
    fn ticks(&self) -> u32 {
        u32::from(self.rate) / 50
    }

    /// The frames in `packets`, in storage format; checks what goes before them (RFC 4867, 4.4).
    fn received(&self, packets: &[ReceivedPacket]) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for packet in packets {
            let time = packet.time.wrapping_sub(packets[0].time);
            assert_eq!(time, frames.len() as u32 * self.ticks(), "{}", self.name);
            let (request, mut rest) = packet.payload.split_first().unwrap();
            assert_eq!(*request, 0xf0, "no mode is asked for");
            let last = rest.iter().position(|entry| entry & 0x80 == 0).unwrap();
            let (table, speech) = rest.split_at(last + 1);
            rest = speech;
            for entry in table {
                let (speech, after) = rest.split_at(self.speech_bytes(entry >> 3 & 0xf));
                rest = after;
                frames.push([&[entry & 0x7f], speech].concat());
            }
            assert!(
                rest.is_empty(),
                "{}: {} bytes too many",
                self.name,
                rest.len()
            );
        }
        frames
    }
}

/// The file of bare frames that ffmpeg makes of what it receives.
async fn stored_by_ffmpeg(url: &str) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-nostdin",
        "-v",
        "error",
        "-rtsp_transport",
        "tcp",
        "-i",
        url,
    ]);
    command
        .args(["-c", "copy", "-f", "amr", "pipe:1"])
        .kill_on_drop(true);
    command.output().await.expect("ffmpeg is installed").stdout
}

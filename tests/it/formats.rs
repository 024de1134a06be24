//! Every format of the list in the README reaches ffmpeg whole, packetised by the server.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;
use tokio::process::Command;

use crate::support::program::Program;
use crate::support::viewer::{Viewer, Way};

const PICTURE: &str = "testsrc2=size=176x144:rate=25:duration=1.2";
const TONE: &str = "sine=frequency=440:sample_rate=48000:duration=1.2";

/// A file that ffmpeg makes.
struct Clip {
    name: &'static str,
    /// The options that encode it; the first `-c:v` or `-c:a` names the encoder that it needs.
    made_with: &'static str,
    same: Same,
}

/// What of each track must be the same at the receiver as in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    /// The number of frames.
    Frames,
    /// The number of bytes: the receiver cuts these streams as it likes.
    Bytes,
    /// The number of packets with the marker, one a frame: ffmpeg before 7 cannot receive it.
    Markers,
}

const CLIPS: [Clip; 24] = [
    clip("h264.mp4", "-c:v libx264 -bf 2 -g 10", Same::Frames),
    clip(
        "h264-front.mp4",
        "-c:v libx264 -bf 2 -g 10 -movflags +faststart",
        Same::Frames,
    ),
    clip(
        "h264-fragments.mp4",
        "-c:v libx264 -bf 2 -g 10 -movflags frag_keyframe+empty_moov",
        Same::Frames,
    ),
    clip(
        "h264-negative.mp4",
        "-c:v libx264 -bf 2 -g 10 -movflags negative_cts_offsets",
        Same::Frames,
    ),
    clip(
        "h265.mp4",
        "-c:v libx265 -tag:v hvc1 -x265-params log-level=error",
        Same::Frames,
    ),
    clip("mpeg4.mp4", "-c:v mpeg4 -bf 2 -g 10", Same::Frames),
    clip("h263.3gp", "-c:v h263", Same::Frames),
    clip(
        "jpeg.mov",
        "-c:v mjpeg -pix_fmt yuvj420p -huffman default",
        Same::Frames,
    ),
    clip(
        "vp9.mp4",
        "-c:v libvpx-vp9 -deadline realtime -cpu-used 8",
        Same::Frames,
    ),
    clip(
        "av1.mp4",
        "-c:v libaom-av1 -usage realtime -cpu-used 8",
        Same::Markers,
    ),
    clip("aac.m4a", "-c:a aac", Same::Frames),
    clip(
        "aac-fragments.mp4",
        "-c:a aac -movflags empty_moov -frag_duration 400000",
        Same::Frames,
    ),
    clip(
        "narrow.3gp",
        "-c:a libopencore_amrnb -ar 8000 -ac 1",
        Same::Bytes,
    ),
    clip(
        "wide.3gp",
        "-c:a libvo_amrwbenc -ar 16000 -ac 1",
        Same::Bytes,
    ),
    clip("mp3.mp4", "-c:a libmp3lame", Same::Frames),
    clip("mp3.mp3", "-c:a libmp3lame", Same::Frames),
    clip("opus.mp4", "-c:a libopus", Same::Frames),
    clip("ac3.mp4", "-c:a ac3", Same::Frames),
    clip("ulaw.wav", "-c:a pcm_mulaw -ar 8000", Same::Bytes),
    clip("l16.wav", "-c:a pcm_s16le", Same::Bytes),
    clip("l16.aiff", "-c:a pcm_s16be", Same::Bytes),
    clip("alaw.au", "-c:a pcm_alaw -ar 8000", Same::Bytes),
    clip("sowt.mov", "-c:a pcm_s16le", Same::Bytes),
    clip("twos.mov", "-c:a pcm_s16be", Same::Bytes),
];

const fn clip(name: &'static str, made_with: &'static str, same: Same) -> Clip {
    Clip {
        name,
        made_with,
        same,
    }
}

#[tokio::test]
async fn every_format_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = futures::future::join_all(CLIPS.iter().map(|clip| clip.make(&folder))).await;
    let wide = std::fs::read(folder.path().join("h264.mp4")).map(|movie| with_wide_offsets(&movie));
    std::fs::write(folder.path().join("co64.mov"), wide.unwrap()).unwrap();
    made.push(Some(&Clip {
        name: "co64.mov",
        ..CLIPS[0]
    }));
    let server = Program::start(folder.path()).await;
    let checks = made
        .into_iter()
        .flatten()
        .map(|clip| clip.check(&server, folder.path()));
    let faults: Vec<String> = futures::future::join_all(checks)
        .await
        .into_iter()
        .flatten()
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

impl Clip {
    /// Makes the file; `None`, and a line that says so, where ffmpeg has no such encoder.
    async fn make(&self, folder: &TempDir) -> Option<&Self> {
        let source = if self.made_with.starts_with("-c:v") {
            PICTURE
        } else {
            TONE
        };
        let file = folder.path().join(self.name);
        let mut command = ffmpeg();
        command.args(["-f", "lavfi", "-i", source]);
        if source == PICTURE {
            command.args(["-pix_fmt", "yuv420p"]);
        }
        command.args(self.made_with.split(' ')).arg(file);
        let output = command.output().await.expect("ffmpeg is installed");
        let complaint = String::from_utf8_lossy(&output.stderr);
        if complaint.contains("Unknown encoder") {
            println!("skipped: {}, for which ffmpeg has no encoder", self.name);
            return None;
        }
        assert!(output.status.success(), "{}: {complaint}", self.name);
        Some(self)
    }

    /// Receives the file from the server; says what is not as it should be.
    async fn check(&self, server: &Program, folder: &Path) -> Option<String> {
        let expected = self.measured(packets_of(&folder.join(self.name)).await);
        let (received, complaint) = match self.same {
            Same::Markers => (markers(server, self.name).await, String::new()),
            Same::Frames | Same::Bytes => {
                let (packets, complaint) =
                    received(&format!("rtsp://{}/{}", server.rtsp, self.name)).await;
                (self.measured(packets), complaint)
            }
        };
        let fine = received == expected && !received.is_empty() && complaint.is_empty();
        (!fine).then(|| format!("{}: {received:?} of {expected:?} {complaint}", self.name))
    }

    fn measured(&self, packets: Vec<Packet>) -> BTreeMap<u32, usize> {
        let mut totals = BTreeMap::new();
        for packet in packets {
            *totals.entry(packet.stream).or_default() += match self.same {
                Same::Bytes => packet.size,
                Same::Frames | Same::Markers => 1,
            };
        }
        totals
    }
}

struct Packet {
    stream: u32,
    size: usize,
}

/// The packets of a file that its edit list does not leave out.
async fn packets_of(file: &Path) -> Vec<Packet> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "csv=p=0"]);
    command
        .args(["-show_entries", "packet=stream_index,size,flags"])
        .arg(file);
    let output = command.output().await.expect("ffprobe is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    // Side data takes lines of its own.
    let lines = text
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
        .filter(|line| !line.contains('D'));
    lines.map(|line| packet(line, 0, 1)).collect()
}

/// What ffmpeg gets from `url`, also decoding it, and what it complains of.
async fn received(url: &str) -> (Vec<Packet>, String) {
    let mut command = ffmpeg();
    command.args(["-rtsp_transport", "tcp", "-i", url]);
    // Its receiver of VP9 marks no key frame, from which copying starts otherwise.
    command.args(["-map", "0", "-c", "copy", "-copyinkf"]);
    command.args(["-f", "framecrc", "pipe:1"]);
    command.args(["-map", "0", "-f", "null", "-"]);
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().await.unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut complaint = String::from_utf8_lossy(&stderr).into_owned();
    if !status.success() {
        complaint += &status.to_string();
    }
    (lines.map(|line| packet(line, 0, 4)).collect(), complaint)
}

fn packet(line: &str, stream: usize, size: usize) -> Packet {
    let fields: Vec<_> = line.split(',').map(str::trim).collect();
    Packet {
        stream: fields[stream].parse().unwrap(),
        size: fields[size].parse().unwrap(),
    }
}

async fn markers(server: &Program, movie: &str) -> BTreeMap<u32, usize> {
    let mut viewer = Viewer::open(server.rtsp, movie, Way::Tcp).await;
    viewer.play("Range: npt=0-\r\n").await;
    viewer.watch_to_the_end().await;
    let marked = viewer.tracks.iter().map(|track| {
        let packets = track.packets.iter();
        packets.filter(|packet| packet.marker).count()
    });
    (0..).zip(marked).collect()
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-y"])
        .kill_on_drop(true);
    command
}

/// The boxes of `movie`, whose movie box comes last, with chunk offsets of 64 bits (`co64`).
fn with_wide_offsets(movie: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = movie;
    while let Some(size) = rest
        .first_chunk::<4>()
        .map(|size| u32::from_be_bytes(*size))
    {
        let (whole, after) = rest.split_at(size as usize);
        let (kind, body) = (&whole[4..8], &whole[8..]);
        let (kind, body) = match kind {
            b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" => (kind, with_wide_offsets(body)),
            b"stco" => (b"co64".as_slice(), widened(body)),
            _ => (kind, body.to_vec()),
        };
        out.extend_from_slice(&(body.len() as u32 + 8).to_be_bytes());
        out.extend_from_slice(kind);
        out.extend_from_slice(&body);
        rest = after;
    }
    out
}

fn widened(stco: &[u8]) -> Vec<u8> {
    let (head, offsets) = stco.split_at(8);
    let wide = offsets
        .chunks_exact(4)
        .flat_map(|offset| [&[0; 4], offset].concat());
    head.iter().copied().chain(wide).collect()
}

//! From what an encoder uploads to a channel: a transport stream or audio, as it says or as its bytes tell. Sans-IO.

use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

use super::Failure;
use super::byte_feed::{ByteFeed, Settings};
use super::radio_feed::RadioFeed;
use super::ts_feed::TsFeed;
use crate::codec::elementary::{Coding, Frame, Framer, Piece};
use crate::container::ts::Demux;
use crate::wire::icecast::Station;

/// What an encoder uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A stream of audio frames.
    Radio(Coding),
    /// An MPEG transport stream.
    Ts,
    /// One of these; which, its bytes tell.
    Untold,
}

/// The most bytes that are looked at to find out what they are.
const MAX_UNTOLD: usize = 256 * 1024;

/// How many packets in step make a transport stream.
const PACKETS: u64 = 4;

/// Audio that can be recognised.
const CODINGS: [Coding; 2] = [Coding::MpegAudio, Coding::Adts];

/// Feeds a channel from an upload.
pub struct UploadFeed(Stage);

enum Stage {
    /// What it is, is not known yet.
    Untold(Box<Beginning>),
    Known(Box<dyn ByteFeed>),
    /// It has been taken for nothing known.
    Nothing,
}

struct Beginning {
    settings: Settings,
    station: Station,
    bytes: Vec<u8>,
    /// How many of the bytes have been looked at.
    looked_at: usize,
}

impl UploadFeed {
    /// Nothing is published before the first samples.
    pub fn new(settings: Settings, station: Station, content: Content) -> Self {
        Self(match content {
            Content::Untold => Stage::Untold(Box::new(Beginning {
                settings,
                station,
                bytes: Vec::new(),
                looked_at: 0,
            })),
            known => Stage::Known(feed(settings, station, known)),
        })
    }

    /// Looks what the bytes are, and takes them as that.
    fn look(&mut self, now: Instant) -> Result<(), Failure> {
        let Stage::Untold(mut beginning) = mem::replace(&mut self.0, Stage::Nothing) else {
            return Ok(());
        };
        let Some(content) = recognise(&beginning.bytes) else {
            beginning.looked_at = beginning.bytes.len();
            if beginning.looked_at > MAX_UNTOLD {
                return Err(Failure::Unknown);
            }
            self.0 = Stage::Untold(beginning);
            return Ok(());
        };
        let mut feed = feed(beginning.settings, beginning.station, content);
        let pushed = feed.push(&beginning.bytes, now);
        self.0 = Stage::Known(feed);
        pushed
    }

    fn known(&self) -> Option<&dyn ByteFeed> {
        match &self.0 {
            Stage::Known(feed) => Some(&**feed),
            Stage::Untold(_) | Stage::Nothing => None,
        }
    }

    fn known_mut(&mut self) -> Option<&mut Box<dyn ByteFeed>> {
        match &mut self.0 {
            Stage::Known(feed) => Some(feed),
            Stage::Untold(_) | Stage::Nothing => None,
        }
    }
}

fn feed(settings: Settings, station: Station, content: Content) -> Box<dyn ByteFeed> {
    match content {
        Content::Radio(coding) => Box::new(RadioFeed::new(settings, coding, station)),
        Content::Ts | Content::Untold => Box::new(TsFeed::new(settings)),
    }
}

impl ByteFeed for UploadFeed {
    fn push(&mut self, new: &[u8], now: Instant) -> Result<(), Failure> {
        match &mut self.0 {
            Stage::Known(feed) => feed.push(new, now),
            Stage::Untold(beginning) => {
                beginning.bytes.extend_from_slice(new);
                // Each look is at all there is: not for each little that comes.
                let is_due = beginning.bytes.len() - beginning.looked_at > beginning.looked_at / 4;
                if is_due { self.look(now) } else { Ok(()) }
            }
            Stage::Nothing => Err(Failure::Unknown),
        }
    }

    fn finish(&mut self, now: Instant) -> Result<(), Failure> {
        if matches!(self.0, Stage::Untold(_)) {
            self.look(now)?;
        }
        self.known_mut().map_or(Ok(()), |feed| feed.finish(now))
    }

    fn flush_due(&self) -> Option<Instant> {
        self.known()?.flush_due()
    }

    fn flush(&mut self, now: Instant) {
        if let Some(feed) = self.known_mut() {
            feed.flush(now);
        }
    }

    fn resume_at(&self) -> Option<Instant> {
        self.known()?.resume_at()
    }

    fn rest(&mut self) -> bool {
        self.known_mut().is_some_and(|feed| feed.rest())
    }

    fn heard(&self) -> Option<Instant> {
        self.known()?.heard()
    }

    fn silence(&self, patience: Duration) -> Failure {
        let unknown = || match &self.0 {
            Stage::Untold(beginning) if beginning.bytes.is_empty() => Failure::Silent(patience),
            _ => Failure::Unknown,
        };
        self.known()
            .map_or_else(unknown, |feed| feed.silence(patience))
    }

    fn skipped_bytes(&self) -> u64 {
        self.known().map_or(0, ByteFeed::skipped_bytes)
    }

    fn is_barren(&self) -> bool {
        match &self.0 {
            Stage::Untold(beginning) => is_barren(&beginning.bytes),
            Stage::Known(feed) => feed.is_barren(),
            Stage::Nothing => true,
        }
    }
}

impl fmt::Debug for UploadFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UploadFeed")
            .field(&self.known().is_some())
            .finish()
    }
}

/// What `bytes` are; `None` when more are needed to tell.
fn recognise(bytes: &[u8]) -> Option<Content> {
    if is_transport_stream(bytes) {
        return Some(Content::Ts);
    }
    CODINGS
        .into_iter()
        .find(|coding| has_frames(bytes, *coding))
        .map(Content::Radio)
}

fn is_transport_stream(bytes: &[u8]) -> bool {
    demuxed(bytes).counts().packets >= PACKETS
}

/// Whether two frames that belong together stand anywhere in `bytes`.
fn has_frames(bytes: &[u8], coding: Coding) -> bool {
    !framed(bytes, coding).1.is_empty()
}

/// Whether `bytes` are something, and the beginning of nothing that is known.
fn is_barren(bytes: &[u8]) -> bool {
    let is_no_audio = |coding| framed(bytes, coding).0.is_barren();
    demuxed(bytes).is_barren() && CODINGS.into_iter().all(is_no_audio)
}

fn demuxed(bytes: &[u8]) -> Demux {
    let mut demux = Demux::new(None);
    demux.push(bytes, &mut Vec::new());
    demux
}

fn framed(data: &[u8], coding: Coding) -> (Box<dyn Framer>, Vec<Frame>) {
    let (mut framer, mut frames) = (coding.framer(), Vec::new());
    let piece = Piece {
        data,
        pts: None,
        dts: None,
        random_access: false,
    };
    framer.push(piece, &mut frames);
    (framer, frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    /// Layer 3 at 44.1 kHz and 128 kbit/s.
    fn mp3() -> Vec<u8> {
        let mut frame = vec![0; 417];
        frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0]);
        frame
    }

    /// AAC LC at 48 kHz.
    fn adts() -> Vec<u8> {
        let mut frame = vec![0; 0x40];
        frame[..7].copy_from_slice(&[0xff, 0xf1, 0x4c, 0x80, 0x08, 0x1f, 0xfc]);
        frame
    }

    fn ts() -> Vec<u8> {
        // Without payload: they are padding.
        let mut packet = [0xff; 188];
        packet[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
        packet.repeat(8)
    }

    #[test]
    fn the_bytes_tell_what_they_are() {
        let tag = b"ID3\x04\0\0\0\0\0\0".to_vec();
        for (bytes, content) in [
            (ts(), Content::Ts),
            ([vec![1, 2, 3], ts()].concat(), Content::Ts),
            (
                [tag, mp3(), mp3()].concat(),
                Content::Radio(Coding::MpegAudio),
            ),
            ([adts(), adts()].concat(), Content::Radio(Coding::Adts)),
        ] {
            assert_eq!(recognise(&bytes), Some(content));
            assert_eq!(recognise(&bytes[..bytes.len() / 3]), None);
        }
        assert_eq!(recognise(&vec![0x55; 100_000]), None);
    }

    /// A feed that is not told what comes.
    fn untold(clock: Clock) -> UploadFeed {
        let settings = Settings {
            name: "upload".to_owned(),
            payload_limit: 1400,
            clock,
            open: Box::new(|_| Err(Failure::Unknown)),
        };
        UploadFeed::new(settings, Station::default(), Content::Untold)
    }

    #[test]
    fn looks_grow_rarer_with_what_there_is() {
        let clock = Clock::start();
        let mut feed = untold(clock);
        let (mut pushes, mut looks) = (0, Vec::new());
        let ended = loop {
            let pushed = feed.push(&[0x55; 4096], clock.started());
            let Stage::Untold(beginning) = &feed.0 else {
                break pushed;
            };
            pushed.unwrap();
            pushes += 1;
            looks.push(beginning.looked_at);
        };
        assert!(matches!(ended, Err(Failure::Unknown)));
        assert!(pushes * 4096 >= MAX_UNTOLD);
        looks.dedup();
        assert!(looks.len() < 20, "{looks:?}");
        let is_rarer = |pair: &[usize]| pair[1] > pair[0] / 4 * 5;
        assert!(looks.windows(2).all(is_rarer), "{looks:?}");
    }

    #[test]
    fn the_end_brings_a_last_look() {
        let clock = Clock::start();
        let mut feed = untold(clock);
        feed.push(&[0x55; 4096], clock.started()).unwrap();
        feed.push(&ts()[..5 * 188], clock.started()).unwrap();
        assert!(feed.known().is_none());
        feed.finish(clock.started()).unwrap();
        assert!(feed.known().is_some());
    }

    #[test]
    fn a_beginning_is_told_from_rubbish() {
        let text = b"This is no media. ".repeat(100);
        for bytes in [&text[..], &text[..5], &[0x47; 2000][..600], &[0; 2000]] {
            assert_eq!(is_barren(bytes), bytes[0] != 0x47, "{}", bytes.len());
        }
        for media in [ts(), mp3().repeat(2), adts().repeat(2)] {
            for length in [1, 4, 188, 400, media.len()] {
                let beginning = media.get(..length).unwrap_or(&media);
                assert!(!is_barren(beginning), "{length} of {:x?}", &media[..4]);
            }
        }
        assert!(!is_barren(&[]));
    }
}

//! Transcoding for HLS: what players cannot play goes through an `ffmpeg` process and comes back as H.264 and AAC.
//!
//! A process begins with the first request and is gone when nobody asks any longer; there is one for a
//! channel or movie, however many watch. Here stands what all of them share. RTSP keeps the original.
//!
//! ```text
//!  a channel's packets ─ feed ─(RTSP over TCP)─> ffmpeg ─(MPEG-TS, a pipe)─> harvest ─> outlet ─┬─> hls/units
//!                 feed, reel ─(Matroska, a pipe)─> ffmpeg ─(the same)                          └─> hls/units
//!  a movie's file ─────────────────────────────> ffmpeg ─(MPEG-TS, a pipe)─> harvest ─> assembly ─> segments
//! ```
//!
//! A channel's packets are given to the process as RTP, because that is the one form in which every
//! format comes, and over TCP, where none is lost and ffmpeg puts nothing in order that is in order
//! already. Their RTP times come back with what was made of them, so that a track that was encoded
//! has the place on the timeline that the packets had. QuickTime's own encodings, whose packets
//! ffmpeg does not take, are put together here (`reel`), and so is what else has to be encoded in
//! their channel, for ffmpeg would wait for whichever of two inputs is silent.
//!
//! A movie is read by the process itself, from the segment on that somebody asks for. Segments
//! lie in a grid that is known before (`grid`), so that the playlist is whole from the beginning.

mod assembly;
pub(super) mod channel;
mod child;
mod dialogue;
mod door;
mod exchange;
mod facts;
mod feed;
pub(super) mod grid;
mod handover;
mod harvest;
mod job;
mod lines;
pub mod need;
mod orders;
mod outlet;
mod payloads;
mod reel;
pub mod remake;
pub mod remakes;
mod run;
mod seat;
mod setbacks;
mod single_frames;
mod source;
mod speech;
#[cfg(test)]
mod stand_in;
mod stock;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use exchange::{Exchange, Exchanges};
use orders::Coding;
use seat::Seat;

use super::keys::Key;
use super::movie::Terms;
use crate::codec::Kind;
use crate::config::Config;
use crate::media::channel::Channel;
use crate::media::description::Description;

/// What all transcoding of a server shares: its settings, its bound and its counters.
#[derive(Debug)]
pub struct Transcoders {
    settings: watch::Receiver<Arc<Config>>,
    /// The processes that stand still until somebody asks for more, the one that was asked the
    /// longest ago first.
    standing: Mutex<Vec<Weak<Slot>>>,
    exchanges: Exchanges,
    /// Taken by who looks at a file.
    probers: Semaphore,
    running: AtomicUsize,
    begun: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
}

/// How much is transcoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Channels and movies that have a process.
    pub running: usize,
    /// Processes that were begun.
    pub begun: u64,
    /// Processes that could not be begun, or ended before their time.
    pub failed: u64,
    /// How often there were too many already.
    pub refused: u64,
}

/// Why something is not transcoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is no program of that name.
    #[error("it has to be transcoded for this player, and ffmpeg is not installed")]
    Missing,
    /// As many channels and movies are transcoded as may be.
    #[error("it has to be transcoded for this player, and the server transcodes too much already")]
    Full,
    /// The process ends before its time again and again.
    #[error(
        "it has to be transcoded for this player, and ffmpeg fails to; the log of the server says why"
    )]
    Fails,
}

/// The most bits a second that pictures of that size take, so many a second, headers and all, in segments
/// that are meant to be as long as `target`.
pub(super) fn most_bits(size: (u32, u32), frame_rate: f64, target: Duration) -> u64 {
    with_headers(orders::most(size, frame_rate), target)
}

/// The same of the pictures that are made for players that know H.264 and AAC alone of a channel of
/// that description.
pub(super) fn most_bits_of(description: &Description, target: Duration) -> u64 {
    let mut tracks = description.tracks().iter();
    let pictures = tracks.find(|track| track.kind == Kind::Video);
    match pictures.map(Coding::of) {
        Some(Coding::Video { most }) => with_headers(most, target),
        _ => 0,
    }
}

/// The most bits a second of what an encoder is held to `most` with.
fn with_headers(most: u32, target: Duration) -> u64 {
    // The second that its buffer holds can come on top, and half a target duration is the least that counts
    // (RFC 8216, 4.3.4.2).
    let half = (target.as_secs() / 2).max(1);
    u64::from(most) * (half + 1) / half * 11 / 10
}

/// Pictures a second where nothing tells how many.
pub(super) const USUAL_RATE: f64 = 30.0;

/// The most bits a second that AAC takes, headers and all.
pub(super) const AAC_RATE: u64 = 150_000;

/// The place of a movie's process.
type Slot = tokio::sync::Mutex<remake::Turns>;

impl Transcoders {
    /// None yet.
    pub fn new(settings: watch::Receiver<Arc<Config>>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            standing: Mutex::default(),
            exchanges: Exchanges::default(),
            probers: Semaphore::new(facts::PROBERS),
            running: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// How much is transcoded, and was.
    pub fn counts(&self) -> Counts {
        Counts {
            running: self.running.load(Relaxed),
            begun: self.begun.load(Relaxed),
            failed: self.failed.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    /// The name or path of the program.
    fn program(&self) -> String {
        self.settings.borrow().hls.ffmpeg.clone()
    }

    /// The name or path of the program that tells what is in a file; it comes with the other.
    fn prober(&self) -> PathBuf {
        let program = PathBuf::from(self.program());
        let name = program.file_name().unwrap_or_default();
        let name = name.to_string_lossy().replacen("ffmpeg", "ffprobe", 1);
        program.with_file_name(name)
    }

    /// How movies are cut and encrypted.
    fn terms(&self, secret: Key) -> Terms {
        let hls = &self.settings.borrow().hls;
        Terms {
            target: hls.target_duration,
            encryption: hls.encryption.clone(),
            secret,
        }
    }

    /// How many bytes of segments of movies are kept.
    fn budget(&self) -> usize {
        self.settings.borrow().hls.movie_segments
    }

    /// Takes the right to transcode one channel or movie more.
    fn seat(self: &Arc<Self>) -> Result<Arc<Seat>, Trouble> {
        let most = self.settings.borrow().hls.transcoders;
        let is_taken = || {
            let taken = self.running.fetch_update(Relaxed, Relaxed, |running| {
                (running < most).then_some(running + 1)
            });
            taken.is_ok()
        };
        while !is_taken() {
            if !self.end_one() {
                self.refused.fetch_add(1, Relaxed);
                return Err(Trouble::Full);
            }
        }
        Ok(Arc::new(Seat(Arc::clone(self))))
    }

    /// What is made of a channel for all who package it.
    fn exchange(self: &Arc<Self>, channel: &Arc<Channel>) -> Arc<Exchange> {
        self.exchanges.of(self, channel)
    }

    /// Notes that a process stands still, which can be ended if another is needed more.
    fn stand(&self, slot: &Arc<Slot>) {
        let slot = Arc::downgrade(slot);
        let mut standing = self.standing();
        standing.retain(|one| one.strong_count() > 0 && !one.ptr_eq(&slot));
        standing.push(slot);
    }

    /// Ends a process that stands still; false if there is none.
    fn end_one(&self) -> bool {
        let mut standing = self.standing();
        while !standing.is_empty() {
            let slot = standing.remove(0).upgrade();
            let has_ended =
                slot.is_some_and(|slot| slot.try_lock().is_ok_and(|mut turns| turns.end()));
            if has_ended {
                return true;
            }
        }
        false
    }

    fn standing(&self) -> MutexGuard<'_, Vec<Weak<Slot>>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_take_no_more_than_their_encoder_is_held_to() {
        let sdp = |fmtp: &str| {
            let sdp = format!(
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
                 a=rtpmap:96 H264/90000\r\n{fmtp}"
            );
            Description::read(sdp.as_bytes()).unwrap()
        };
        let target = Duration::from_secs(6);
        let unknown = most_bits_of(&sdp(""), target);
        assert_eq!(unknown, u64::from(orders::MOST) * 4 / 3 * 11 / 10);
        let sets = "Z/QACpGbKI9gIgAAAwACAAADAGQeJEss,aOvjxEhE";
        let told = sdp(&format!("a=fmtp:96 sprop-parameter-sets={sets}\r\n"));
        let told = most_bits_of(&told, target);
        assert!((300_000..unknown / 4).contains(&told), "{told}");
        let sound = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n";
        let sound = Description::read(sound.as_bytes()).unwrap();
        assert_eq!(most_bits_of(&sound, target), 0);
    }

    #[tokio::test]
    async fn no_more_processes_run_than_may() {
        let mut config = Config::default();
        config.hls.transcoders = 2;
        let (_settings, settings) = watch::channel(Arc::new(config));
        let shared = Transcoders::new(settings);
        let (first, second) = (shared.seat().unwrap(), shared.seat().unwrap());
        assert_eq!(shared.seat().unwrap_err(), Trouble::Full);
        drop(first);
        let third = shared.seat().unwrap();
        drop((second, third));
        let counts = shared.counts();
        assert_eq!((counts.running, counts.refused), (0, 1));
    }
}

//! One channel being packaged: a task that fills a window, and what players ask of it meanwhile.
//!
//! ```text
//!  channel ── cursor ──> units ──> segmenter ──> window <── playlists, segments, parts ── players
//!                     (the packaging task)          └── progress ──> who waits for what comes next
//! ```

mod disk;
mod files;
mod flavours;
mod i_frames;
mod no_playlist;
mod stage;
mod turn;
mod variant;
mod waiting;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time;
use turn::Turn;
use variant::{Extended, Program};

use super::counts::Counts;
use super::group::grid::Grid;
use super::keys::{Key, Keys, NoKeys};
use super::numbers::Numbers;
use super::object::Flavour;
use super::progress::Wanted;
use super::spools::Spool;
use super::text::Text;
use super::transcode::Trouble;
use super::window::{Bounds, Playlist, Targets, Window};
use crate::base::clock::Clock;
use crate::config::{Hls, PlaylistType};
use crate::media::channel::Channel;
use stage::{Readiness, Stage};

pub use no_playlist::NoPlaylist;

/// A player waits for what comes next for so many target durations at most (rfc8216bis, 6.2.5.2).
const WAIT: u32 = 3;

/// A channel being packaged.
#[derive(Debug)]
pub struct Packager {
    number: u32,
    rendition: Rendition,
    keys: Option<Keys>,
    channel: Arc<Channel>,
    /// What it shares with others, if the channel is a variant of a group.
    grid: Option<Arc<Grid>>,
    window: RwLock<Window>,
    /// `None` before the first part.
    progress: watch::Sender<Stage>,
    /// Whether somebody has asked for the flavour [`Flavour::Ts`], which nobody makes before.
    wants_ts: watch::Sender<bool>,
    counts: Mutex<Counts>,
    /// Where the segments are that are no longer in memory.
    spool: OnceLock<Arc<Spool>>,
    /// Told of every change of the window.
    change: Notify,
    /// Whether another packager of the channel may follow.
    has_passed: AtomicBool,
    turn: Arc<Turn>,
    /// Of those for whom it goes on.
    before: OnceLock<Vec<Arc<Turn>>>,
    /// Milliseconds since the start of the clock.
    last_request_ms: AtomicU64,
    /// Playlists beside which something else is told.
    extended: Mutex<VecDeque<Extended>>,
    /// The newest playlists of the program of which it is the first variant, by flavour.
    programs: Mutex<[Option<Program>; 3]>,
    numbers: Arc<Numbers>,
    begun: Instant,
    clock: Clock,
}

/// In which formats a channel is packaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
    /// In its own, as far as segments can carry them.
    Own,
    /// In those that every player knows.
    Compat,
}

/// How a playlist is asked for (rfc8216bis, 6.2.5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `_HLS_msn` and `_HLS_part`.
    pub wanted: Option<Wanted>,
    /// `_HLS_skip`.
    pub skip: Option<Skip>,
}

/// What a player has already, so that it can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Older segments: `YES`.
    Segments,
    /// And older titles: `v2`.
    Titles,
}

impl Packager {
    /// For `channel`, with a number drawn by lot; nothing runs yet. Keys are made from `secret`
    /// where the settings have no key file.
    ///
    /// # Errors
    /// [`NoKeys`] when there is one that is not sound.
    pub(super) fn new(
        channel: &Arc<Channel>,
        (rendition, grid): (Rendition, Option<Arc<Grid>>),
        settings: &Hls,
        secret: Key,
        numbers: &Arc<Numbers>,
        clock: Clock,
    ) -> Result<Arc<Self>, NoKeys> {
        let number = rand::random();
        let keys = Keys::of(&settings.encryption, secret, channel.path(), number)?;
        let targets = Targets {
            segment: grid
                .as_ref()
                .map_or(settings.target_duration, |grid| grid.target()),
            part: settings.part_duration,
        };
        let offers_compat = rendition == Rendition::Own && settings.offers_compat();
        let window = Window::new(number, Bounds::of(settings), targets)
            .with_compat(offers_compat)
            .with_all_kept(settings.playlist_type == PlaylistType::Event);
        let packager = Self {
            number,
            rendition,
            keys,
            channel: Arc::clone(channel),
            grid,
            window: RwLock::new(window),
            progress: watch::Sender::default(),
            wants_ts: watch::Sender::new(false),
            counts: Mutex::default(),
            spool: OnceLock::new(),
            change: Notify::new(),
            has_passed: AtomicBool::new(false),
            turn: Arc::default(),
            before: OnceLock::new(),
            last_request_ms: AtomicU64::new(0),
            extended: Mutex::default(),
            programs: Mutex::default(),
            numbers: Arc::clone(numbers),
            begun: clock.now(),
            clock,
        };
        packager.touch();
        Ok(Arc::new(packager))
    }

    /// Which formats it makes.
    pub fn rendition(&self) -> Rendition {
        self.rendition
    }

    /// What tells its files from those of other packagers.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What its segments are encrypted with, if they are.
    pub(super) fn keys(&self) -> Option<&Keys> {
        self.keys.as_ref()
    }

    /// The channel.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// What it shares with the other variants of its group, if it has one.
    pub(super) fn grid(&self) -> Option<&Arc<Grid>> {
        self.grid.as_ref()
    }

    /// What its numbers begin with, and where it is told how far they are.
    pub(super) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// How long its segments are meant to be.
    pub fn target_duration(&self) -> Duration {
        self.read().targets().segment
    }

    /// Bytes of the segments that it keeps in memory.
    pub fn bytes(&self) -> usize {
        self.read().bytes()
    }

    /// How much time its playlists offer.
    pub fn time(&self) -> Duration {
        self.read().time()
    }

    /// What it has made so far; as of a second ago at most.
    pub fn counts(&self) -> Counts {
        let counts = self.counts.lock();
        counts.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn tell(&self, counts: Counts) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// The playlist of the sound of that number, or for 0 of what leads; waited for as long as
    /// `start_wait` while there is nothing to play, and as the directives ask: then for three target
    /// durations in all. Cancel safe.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn media(
        &self,
        sound: u16,
        flavour: Flavour,
        directives: Directives,
        start_wait: Duration,
    ) -> Result<Arc<Text>, NoPlaylist> {
        let flavour = self.carried_as(flavour);
        match directives.wanted {
            Some(wanted) => {
                let asked = time::Instant::now();
                let within = start_wait.min(self.patience());
                self.started(flavour, Readiness::Ready, within).await?;
                if self.read().rendition(sound).is_none() {
                    return Err(NoPlaylist::NoSound);
                }
                self.reached(wanted, asked).await?;
            }
            None => {
                self.started(flavour, Readiness::Ready, start_wait).await?;
            }
        }
        let playlist = match directives.skip {
            Some(skip) => Playlist::Delta(flavour, skip),
            None => Playlist::Media(flavour),
        };
        let window = self.read();
        let rendition = window.rendition(sound).ok_or(NoPlaylist::NoSound)?;
        rendition.text(playlist).ok_or(NoPlaylist::Nothing)
    }

    /// The playlist that a player opens, waited for in the same way, but until there is a part. Cancel safe.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn multivariant(
        &self,
        flavour: Flavour,
        start_wait: Duration,
    ) -> Result<Arc<Text>, NoPlaylist> {
        let flavour = self.carried_as(flavour);
        let text = || self.read().text(Playlist::Multivariant(flavour));
        self.started(flavour, Readiness::Told, start_wait).await?;
        if let Some(text) = text() {
            return Ok(text);
        }
        // There has just become enough, of which transport streams are still to be made.
        self.started(flavour, Readiness::Ready, start_wait).await?;
        text().ok_or(NoPlaylist::Nothing)
    }

    fn patience(&self) -> Duration {
        WAIT * self.target_duration()
    }

    /// Notes a request.
    fn touch(&self) {
        let since = self
            .clock
            .now()
            .saturating_duration_since(self.clock.started());
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.last_request_ms.fetch_max(millis, Relaxed);
    }

    /// How long nobody has asked for anything, nor waits for anything, at `now`.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        if self.progress.receiver_count() > 0 {
            return Duration::ZERO;
        }
        let last = self.clock.started() + Duration::from_millis(self.last_request_ms.load(Relaxed));
        now.saturating_duration_since(last)
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Changes what is there, and wakes who waits for it.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Window) -> T) -> T {
        let (changed, progress, flavours) = {
            let mut window = self.write();
            let changed = change(&mut window);
            let readiness = |flavour| match flavour {
                _ if window.has(flavour) => Readiness::Ready,
                _ if window.tells(flavour) => Readiness::Told,
                _ if window.carries(flavour) => Readiness::Waiting,
                _ => Readiness::Unfit,
            };
            (changed, window.progress(), Flavour::ALL.map(readiness))
        };
        self.progress.send_if_modified(|stage| {
            let new = Stage {
                progress,
                flavours,
                ..*stage
            };
            std::mem::replace(stage, new) != new
        });
        self.change.notify_one();
        changed
    }

    /// Says why nothing is transcoded, or that all is well.
    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) {
        self.progress
            .send_if_modified(|stage| std::mem::replace(&mut stage.trouble, trouble) != trouble);
    }

    /// Its playlists have ended, and everybody knows: another packager of the channel may follow.
    pub(super) fn pass(&self) {
        self.has_passed.store(true, Relaxed);
    }

    pub(super) fn has_passed(&self) -> bool {
        self.has_passed.load(Relaxed)
    }

    /// Nothing will be changed any more: lets go who waits.
    pub(super) fn finish(&self) {
        self.progress.send_modify(|stage| stage.over = true);
        self.end_turn();
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Window> {
        self.window.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Window> {
        self.window.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

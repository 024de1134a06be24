//! What looks into files have shown, so that none is looked into twice while it stays as it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use lru::LruCache;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::{Facts, MOST, Movie};
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::config::Config;
use crate::hls::transcode::remakes::{NoRemake, Remakes};
use crate::vod::{self, Library, Listed};

/// The most that are remembered: those of a walk through the folder, and as many that pages take.
const MOST_LOOKS: usize = 2 * MOST;

/// After so long it is tried again to look into what could not be looked into.
const AGAIN: Duration = Duration::from_secs(60);

/// What files are looked into with.
#[derive(Clone, Copy)]
pub(in crate::http::page) struct Eye<'s> {
    pub(in crate::http::page) library: &'s Arc<Library>,
    pub(in crate::http::page) remakes: &'s Remakes,
    pub(in crate::http::page) settings: &'s watch::Receiver<Arc<Config>>,
    pub(in crate::http::page) clock: Clock,
}

/// By the paths of the files, those that were not asked for the longest first.
#[derive(Debug)]
pub(super) struct Looks(Mutex<LruCache<MediaPath, Look>>);

/// What a look into a file has shown, which holds while the file stays as it is.
#[derive(Clone, Debug)]
struct Look {
    size: u64,
    modified: SystemTime,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Movie(Arc<Facts>),
    /// Only ffmpeg reads it, which was not to be asked.
    Foreign,
    /// It could not be looked into at that time, for reasons that may pass.
    Unseen(Instant),
    /// It is no movie.
    Other,
}

impl Default for Looks {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl Eye<'_> {
    /// Whether HLS plays what only ffmpeg reads.
    fn sees_foreign(&self) -> bool {
        let settings = self.settings.borrow();
        settings.hls.enabled && settings.hls.transcode
    }
}

impl Looks {
    /// The movie in a file, which is looked into unless that is known; `None` if it holds none that can be
    /// played. Cancel safe.
    pub(super) async fn movie(&self, eye: Eye<'_>, file: &Listed) -> Option<Movie> {
        if let Some(known) = self.known(eye, file) {
            return known;
        }
        let look = Look {
            size: file.size,
            modified: file.modified,
            content: content(eye, &file.path).await,
        };
        let movie = look.movie(eye, file);
        let mut looks = self.lock();
        looks.put(file.path.clone(), look);
        if looks.len() > MOST_LOOKS {
            looks.pop_lru();
        }
        movie
    }

    /// The same as far as it is known: `None` if the file has to be looked into.
    pub(super) fn known(&self, eye: Eye<'_>, file: &Listed) -> Option<Option<Movie>> {
        let mut looks = self.lock();
        let look = looks.get(&file.path)?;
        let is_good = look.is_of(file) && !look.is_due(eye);
        is_good.then(|| look.movie(eye, file))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<MediaPath, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    fn is_of(&self, file: &Listed) -> bool {
        (self.size, self.modified) == (file.size, file.modified)
    }

    /// Whether another look may tell now what this one could not.
    fn is_due(&self, eye: Eye<'_>) -> bool {
        match self.content {
            Content::Foreign => eye.sees_foreign(),
            Content::Unseen(seen) => eye.clock.now().saturating_duration_since(seen) >= AGAIN,
            Content::Movie(_) | Content::Other => false,
        }
    }

    fn movie(&self, eye: Eye<'_>, file: &Listed) -> Option<Movie> {
        let Content::Movie(facts) = &self.content else {
            return None;
        };
        (!facts.is_foreign || eye.sees_foreign()).then(|| Movie {
            path: file.path.clone(),
            is_link: file.is_link,
            facts: Arc::clone(facts),
        })
    }
}

async fn content(eye: Eye<'_>, path: &MediaPath) -> Content {
    let (library, wanted) = (Arc::clone(eye.library), path.clone());
    let read = spawn_blocking(move || library.index(&wanted).map(|index| Facts::of(&index)));
    match read.await {
        Ok(Ok(Some(facts))) => Content::Movie(Arc::new(facts)),
        Ok(Err(error)) if error.is_foreign() => foreign(eye, path).await,
        Ok(Err(vod::Error::Io(_))) => Content::Unseen(eye.clock.now()),
        _ => Content::Other,
    }
}

async fn foreign(eye: Eye<'_>, path: &MediaPath) -> Content {
    if !eye.sees_foreign() {
        return Content::Foreign;
    }
    match eye.remakes.open(path).await {
        Ok(remake) => Content::Movie(Arc::new(Facts::of_foreign(&remake))),
        Err(NoRemake::NoMovie(_)) => Content::Other,
        Err(NoRemake::Keys(_) | NoRemake::Trouble(_)) => Content::Unseen(eye.clock.now()),
    }
}

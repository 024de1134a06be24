//! The movies that somebody watches by HLS, and what is kept of their segments.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lru::LruCache;
use tokio::sync::{Semaphore, watch};
use tokio::time::interval;
use tracing::warn;

use super::keys::Key;
use super::movie::{CutError, Presentation, Terms, Unfit};
use super::object::File;
use super::shelf::Shelf;
use crate::base::clock::Clock;
use crate::base::error::Kind;
use crate::base::path::MediaPath;
use crate::config::Config;
use crate::vod::{self, Blocks, Found, Library, Movie};

/// A movie is taken to be unchanged for so long after it was looked at.
const FRESH: Duration = Duration::from_secs(1);

/// Movies that nobody has asked for so long are let go.
const IDLE: Duration = Duration::from_secs(60);

/// How often that is looked for.
const TICK: Duration = Duration::from_secs(10);

/// The most movies that are kept open.
const MOST: usize = 1000;

/// The most segments that are made at a time.
const MAKERS: usize = 4;

/// All movies by HLS.
#[derive(Debug)]
pub struct Movies {
    library: Arc<Library>,
    blocks: Arc<Blocks>,
    open: Mutex<LruCache<MediaPath, Known>>,
    shelf: Shelf<Segment>,
    makers: Semaphore,
    /// What keys are made from where there is no key file.
    secret: Key,
    /// Counts the presentations.
    count: AtomicU64,
    settings: watch::Receiver<Arc<Config>>,
    clock: Clock,
}

/// A movie that was opened.
#[derive(Clone, Debug)]
struct Known {
    shown: Shown,
    looked_at: Instant,
}

/// A movie as it is shown, until its file changes.
#[derive(Clone, Debug)]
pub struct Shown {
    number: u64,
    /// How it is cut, and which playlists it has.
    pub presentation: Arc<Presentation>,
}

/// Which segment of which movie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Segment {
    /// The number of the presentation.
    presentation: u64,
    /// The number of the rendition, which stands in the file's name.
    rendition: u32,
    file: File,
}

/// Why a movie cannot be watched by HLS as it is.
#[derive(Debug, thiserror::Error)]
pub enum NoMovie {
    /// It cannot be opened.
    #[error(transparent)]
    Vod(#[from] vod::Error),
    /// It names another place, by RTSP.
    #[error("it only leads elsewhere, by RTSP")]
    Reference,
    /// Nothing of it can be carried unless it is transcoded.
    #[error("{unfit}")]
    Unfit {
        /// The movie.
        movie: Arc<Movie>,
        /// Why not.
        unfit: Unfit,
    },
    /// The server stops.
    #[error("the server stops")]
    Stopping,
}

impl NoMovie {
    /// The kind of failure, which decides the status code.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Vod(error) => error.kind(),
            Self::Reference => Kind::NotFound,
            Self::Unfit {
                unfit: Unfit::Keys(_),
                ..
            } => Kind::Unavailable,
            Self::Unfit { .. } => Kind::Unsupported,
            Self::Stopping => Kind::Unavailable,
        }
    }
}

impl Movies {
    /// The movies of `library`, read through `blocks`. Keys are made from `secret` where there is no key file.
    pub fn new(
        library: Arc<Library>,
        blocks: Arc<Blocks>,
        secret: Key,
        settings: watch::Receiver<Arc<Config>>,
        clock: Clock,
    ) -> Self {
        Self {
            library,
            blocks,
            open: Mutex::new(LruCache::unbounded()),
            shelf: Shelf::default(),
            makers: Semaphore::new(MAKERS),
            secret,
            count: AtomicU64::new(0),
            settings,
            clock,
        }
    }

    /// The movie of that name, as its file is now.
    ///
    /// # Errors
    /// [`NoMovie`] for what is none, and for what HLS cannot carry.
    pub async fn open(&self, path: &MediaPath) -> Result<Shown, NoMovie> {
        let now = self.clock.now();
        let terms = self.terms();
        let known = self.lock().get(path).cloned();
        let known = known.filter(|known| *known.shown.presentation.terms() == terms);
        if let Some(known) = &known
            && now.saturating_duration_since(known.looked_at) < FRESH
        {
            return Ok(known.shown.clone());
        }
        let movie = match self.library.find(path).await? {
            Found::Movie(movie) => movie,
            Found::Redirect(_) => return Err(NoMovie::Reference),
        };
        let same = known.filter(|known| Arc::ptr_eq(known.shown.presentation.movie(), &movie));
        let shown = match same {
            Some(known) => known.shown,
            None => self.present(movie, terms).await?,
        };
        let known = Known {
            shown: shown.clone(),
            looked_at: now,
        };
        let mut open = self.lock();
        open.put(path.clone(), known);
        if open.len() > MOST {
            open.pop_lru();
        }
        Ok(shown)
    }

    /// Whether it is known without a look at the files that there is, or was a moment ago, a movie of that name.
    pub fn is_known(&self, path: &MediaPath) -> bool {
        self.lock().contains(path)
    }

    fn terms(&self) -> Terms {
        let hls = &self.settings.borrow().hls;
        Terms {
            target: hls.target_duration,
            encryption: hls.encryption.clone(),
            secret: self.secret,
        }
    }

    async fn present(&self, movie: Arc<Movie>, terms: Terms) -> Result<Shown, NoMovie> {
        let presented = Arc::clone(&movie);
        let presenting = tokio::task::spawn_blocking(move || Presentation::of(&presented, terms));
        let presentation = presenting.await.map_err(|_| NoMovie::Stopping)?;
        let presentation = presentation.map_err(|unfit| NoMovie::Unfit {
            movie: Arc::clone(&movie),
            unfit,
        })?;
        // What is mute or blank as it is, is transcoded as a whole; sounds are, beside others.
        let is_remade = presentation.is_mute_or_blank() || presentation.lacks_sounds();
        let is_remade = is_remade && self.settings.borrow().hls.transcode;
        if !is_remade && !presentation.left_out().is_empty() {
            let reasons = presentation.left_out().join("; ");
            warn!(path = %movie.path(), "is played in part by HLS: {reasons}");
        }
        Ok(Shown {
            number: self.count.fetch_add(1, Relaxed),
            presentation: Arc::new(presentation),
        })
    }

    /// A file of a movie: what is before its fragments, or a segment; `None` for what it has not.
    /// Cancel safe.
    ///
    /// # Errors
    /// [`CutError`] when a segment cannot be made.
    pub async fn file(
        &self,
        shown: &Shown,
        rendition: u32,
        file: File,
    ) -> Result<Option<Bytes>, CutError> {
        let Some(recipe) = shown.presentation.recipe(rendition, file) else {
            return Ok(None);
        };
        let key = Segment {
            presentation: shown.number,
            rendition,
            file,
        };
        let budget = self.settings.borrow().hls.movie_segments;
        let making = self.shelf.get(key, budget, async || {
            // Nobody closes it.
            let _maker = self.makers.acquire().await;
            recipe.make(&self.blocks).await
        });
        making.await.map(Some).inspect_err(|error| {
            let path = shown.presentation.movie().path();
            warn!(%path, ?file, "a segment cannot be made: {error}");
        })
    }

    /// What their files are read through.
    pub fn blocks(&self) -> &Arc<Blocks> {
        &self.blocks
    }

    /// Bytes of all segments that are kept.
    pub fn bytes(&self) -> usize {
        self.shelf.bytes()
    }

    /// Lets go the movies that nobody watches, for as long as it is polled.
    pub async fn watch(&self) {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            self.expire(self.clock.now());
        }
    }

    fn expire(&self, now: Instant) {
        let mut open = self.lock();
        while let Some((_, oldest)) = open.peek_lru()
            && now.saturating_duration_since(oldest.looked_at) >= IDLE
        {
            open.pop_lru();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<MediaPath, Known>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The movies that are encoded for their players at the moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use lru::LruCache;
use tokio::sync::OnceCell;
use tokio::time::interval;
use tracing::warn;

use super::facts::{self, Unreadable};
use super::remake::{Remake, Source};
use super::speech::Speech;
use super::stock::Stock;
use super::{Transcoders, Trouble};
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::hls::keys::{Key, NoKeys};
use crate::hls::movie::Terms;
use crate::vod::Library;

/// Processes that nobody has asked for so long are ended; players ask once in a target duration
/// at most, but not while they are paused.
const IDLE: Duration = Duration::from_secs(30);

/// How often that is looked for.
const TICK: Duration = Duration::from_secs(5);

/// The most files of which it is remembered what is in them.
const MOST: usize = 1000;

/// All of them.
#[derive(Debug)]
pub struct Remakes {
    library: Arc<Library>,
    shared: Arc<Transcoders>,
    stock: Arc<Stock>,
    /// What keys are made from where there is no key file.
    secret: Key,
    /// By what they are made of, those that were not asked for the longest first.
    open: Mutex<LruCache<MediaPath, Known>>,
    clock: Clock,
}

/// A file that somebody has asked for.
#[derive(Clone, Debug)]
struct Known {
    source: Source,
    terms: Terms,
    remake: Arc<OnceCell<Result<Arc<Remake>, String>>>,
    asked: Instant,
}

/// Why a movie is not encoded.
#[derive(Debug, thiserror::Error)]
pub enum NoRemake {
    /// There is no such file, or ffmpeg finds nothing in it that can be played.
    #[error("{0}")]
    NoMovie(String),
    /// It is to be encrypted, and cannot be.
    #[error("it cannot be encrypted: {0}")]
    Keys(#[from] NoKeys),
    /// There are no means to.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl Remakes {
    /// Of movies of `library`. Keys are made from `secret` where there is no key file.
    pub(in crate::hls) fn new(
        library: Arc<Library>,
        shared: Arc<Transcoders>,
        secret: Key,
        clock: Clock,
    ) -> Self {
        Self {
            library,
            shared,
            stock: Arc::default(),
            secret,
            open: Mutex::new(LruCache::unbounded()),
            clock,
        }
    }

    /// The movie of that name, as its file is now.
    ///
    /// # Errors
    /// [`NoRemake`] for what is none, and when it cannot be encoded.
    pub async fn open(&self, path: &MediaPath) -> Result<Arc<Remake>, NoRemake> {
        let source = self.source(path).await?;
        let known = self.known(source);
        let remake = known
            .remake
            .get_or_try_init(async || -> Result<_, NoRemake> {
                match facts::probe(&self.shared, &known.source.file).await {
                    Ok(facts) => {
                        let source = known.source.clone();
                        let speech = self.speech(&source).await;
                        let (stock, shared) = (&self.stock, &self.shared);
                        let remake =
                            Remake::new(source, facts, speech, &known.terms, stock, shared)?;
                        Ok(Ok(Arc::new(remake)))
                    }
                    Err(Unreadable::Content(reason)) => {
                        warn!(%path, "cannot be transcoded: {reason}");
                        Ok(Err(reason))
                    }
                    Err(Unreadable::Trouble(trouble)) => {
                        warn!(%path, "cannot be transcoded: {trouble}");
                        Err(trouble.into())
                    }
                }
            });
        let remake: &Result<_, _> = remake.await?;
        remake.clone().map_err(NoRemake::NoMovie)
    }

    /// The movie's sound, where ffmpeg cannot take it from the file.
    async fn speech(&self, source: &Source) -> Option<Speech> {
        let (library, source) = (Arc::clone(&self.library), source.clone());
        let found = tokio::task::spawn_blocking(move || {
            Speech::of(&library.index(&source.path).ok()?, &source.file)
        });
        found.await.ok().flatten()
    }

    async fn source(&self, path: &MediaPath) -> Result<Source, NoRemake> {
        let (library, wanted) = (Arc::clone(&self.library), path.clone());
        let found = tokio::task::spawn_blocking(move || library.locate(&wanted)).await;
        let found = found.map_err(|_| NoRemake::NoMovie("the server stops".to_owned()))?;
        let (file, facts) = found.map_err(|error| NoRemake::NoMovie(error.to_string()))?;
        Ok(Source {
            path: path.clone(),
            file,
            size: facts.len(),
            modified: facts.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        })
    }

    /// What is known of a file, if it is as it was.
    fn known(&self, source: Source) -> Known {
        let (now, terms) = (self.clock.now(), self.shared.terms(self.secret));
        let mut open = self.lock();
        if let Some(known) = open.get_mut(&source.path)
            && known.source == source
            && known.terms == terms
        {
            known.asked = now;
            return known.clone();
        }
        let known = Known {
            source: source.clone(),
            terms,
            remake: Arc::default(),
            asked: now,
        };
        open.put(source.path, known.clone());
        if open.len() > MOST {
            open.pop_lru();
        }
        known
    }

    /// Bytes of all segments that are kept.
    pub fn bytes(&self) -> usize {
        self.stock.bytes()
    }

    /// Ends the processes that nobody needs, for as long as it is polled.
    pub async fn watch(&self) {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            let now = self.clock.now();
            self.pause(|known| now.saturating_duration_since(known.asked) >= IDLE);
        }
    }

    /// Ends all processes.
    pub fn stop(&self) {
        self.pause(|_| true);
    }

    fn pause(&self, is_meant: impl Fn(&Known) -> bool) {
        for (_, known) in self.lock().iter().filter(|(_, known)| is_meant(known)) {
            if let Some(Ok(remake)) = known.remake.get() {
                remake.pause();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<MediaPath, Known>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The movies that are encoded for their players at the moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use lru::LruCache;
use tokio::sync::OnceCell;
use tokio::time::interval;
use tracing::warn;

use super::facts::{self, Facts, Unreadable};
use super::remake::{self, Indexed, Means, MovieFile, Remake};
use super::setbacks::Setbacks;
use super::speech::Speech;
use super::{Slot, Transcoders, Trouble};
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::hls::keys::{Key, NoKeys};
use crate::hls::movie::{Presentation, Terms};
use crate::vod::{self, Library};

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
    means: Means,
    /// What keys are made from where there is no key file.
    secret: Key,
    /// By what they are made of, those that were not asked for the longest first.
    open: Mutex<LruCache<MediaPath, Known>>,
    /// The files that could not be looked at.
    setbacks: Setbacks<MovieFile>,
}

/// A file that somebody has asked for.
#[derive(Clone, Debug)]
struct Known {
    source: MovieFile,
    terms: Terms,
    remake: Arc<OnceCell<Result<Arc<Remake>, String>>>,
    /// The sounds that HLS does not carry beside others; `None` if ffmpeg decodes none of them.
    beside: Arc<OnceCell<Option<Arc<Remake>>>>,
    /// The process that makes both.
    turns: Arc<Slot>,
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
            means: Means {
                stock: Arc::default(),
                shared,
                clock,
            },
            secret,
            open: Mutex::new(LruCache::unbounded()),
            setbacks: Setbacks::default(),
        }
    }

    /// The movie of that name, as its file is now.
    ///
    /// # Errors
    /// [`NoRemake`] for what is none, and when it cannot be encoded.
    pub async fn open(&self, path: &MediaPath) -> Result<Arc<Remake>, NoRemake> {
        let known = self.known(self.source(path).await?);
        self.opened(&known).await
    }

    /// The movie of that name, as its file is now, if files with that `number` are of it; a file that has no such
    /// number is not looked into.
    ///
    /// # Errors
    /// [`NoRemake`] for what is none, and when it cannot be encoded.
    pub async fn maker(
        &self,
        path: &MediaPath,
        number: u32,
    ) -> Result<Option<Arc<Remake>>, NoRemake> {
        let known = self.known(self.source(path).await?);
        let is_of_it = match known.remake.get() {
            Some(Ok(remake)) => remake.has_made(number),
            _ => remake::may_have_made(&known.source, &known.terms, number)?,
        };
        match is_of_it {
            true => self.opened(&known).await.map(Some),
            false => Ok(None),
        }
    }

    /// Those sounds of a movie that it has to be encoded for, beside others which it presents as they are; `None` for
    /// what has no such sounds, and what ffmpeg decodes none of.
    ///
    /// # Errors
    /// [`NoRemake`] when they cannot be encoded.
    pub async fn beside(
        &self,
        presentation: &Presentation,
    ) -> Result<Option<Arc<Remake>>, NoRemake> {
        let (movie, terms) = (presentation.movie(), presentation.terms());
        let Some(uncarried) = presentation.uncarried() else {
            return Ok(None);
        };
        let known = self.known(self.source(movie.path()).await?);
        let MovieFile { size, modified, .. } = known.source;
        // It may have been replaced a moment ago.
        let is_same = (size, modified) == (movie.size(), movie.modified());
        if !is_same || known.terms != *terms {
            return Ok(None);
        }
        let beside = known.beside.get_or_try_init(async || {
            let Ok(facts) = self.look(&known.source).await? else {
                return Ok(None);
            };
            let source = known.source.clone();
            let beside =
                Remake::beside(source, &facts, uncarried, terms, &self.means, &known.turns)?;
            Ok::<_, NoRemake>(beside.map(Arc::new))
        });
        Ok(beside.await?.clone())
    }

    async fn opened(&self, known: &Known) -> Result<Arc<Remake>, NoRemake> {
        let remake = known.remake.get_or_try_init(|| self.make(known));
        let remake: &Result<_, _> = remake.await?;
        remake.clone().map_err(NoRemake::NoMovie)
    }

    /// What is to be encoded as a whole; `Ok(Err(why))` for a file with nothing in it that can be played.
    async fn make(&self, known: &Known) -> Result<Result<Arc<Remake>, String>, NoRemake> {
        let source = known.source.clone();
        let facts = match self.look(&source).await? {
            Ok(facts) => facts,
            Err(reason) => return Ok(Err(reason)),
        };
        let indexed = self.indexed(&source).await;
        let remake = Remake::whole(
            source,
            &facts,
            indexed,
            &known.terms,
            &self.means,
            &known.turns,
        )?;
        Ok(Ok(Arc::new(remake)))
    }

    /// Looks at a file; `Ok(Err(why))` for one with nothing in it that can be played.
    async fn look(&self, source: &MovieFile) -> Result<Result<Facts, String>, NoRemake> {
        let now = || self.means.clock.now();
        if self.setbacks.is_recent(source, now()) {
            return Err(Trouble::Fails.into());
        }
        let path = &source.path;
        match facts::probe(&self.means.shared, &source.file).await {
            Ok(facts) => Ok(Ok(facts)),
            Err(Unreadable::Content(reason)) => {
                warn!(%path, "cannot be transcoded: {reason}");
                Ok(Err(reason))
            }
            Err(Unreadable::Setback(reason)) => {
                warn!(%path, "cannot be transcoded at present: {reason}");
                self.setbacks.note(source.clone(), now());
                Err(Trouble::Fails.into())
            }
            Err(Unreadable::Trouble(trouble)) => {
                warn!(%path, "cannot be transcoded: {trouble}");
                Err(trouble.into())
            }
        }
    }

    /// What this server's own index tells of a file.
    async fn indexed(&self, source: &MovieFile) -> Indexed {
        let (library, source) = (Arc::clone(&self.library), source.clone());
        let indexed = tokio::task::spawn_blocking(move || {
            let movie = library.index(&source.path).ok()?;
            Some(Indexed {
                speech: Speech::of(&movie, &source.file),
                extent: Some((movie.begin(), movie.duration)),
            })
        });
        indexed.await.ok().flatten().unwrap_or_default()
    }

    async fn source(&self, path: &MediaPath) -> Result<MovieFile, NoRemake> {
        let (library, wanted) = (Arc::clone(&self.library), path.clone());
        let found = tokio::task::spawn_blocking(move || library.locate(&wanted)).await;
        let found = found.map_err(|_| NoRemake::NoMovie("the server stops".to_owned()))?;
        let (file, facts) = found.map_err(|error| match error {
            vod::Error::Io(error) => {
                warn!(%path, "cannot be transcoded at present: {error}");
                NoRemake::Trouble(Trouble::Fails)
            }
            error => NoRemake::NoMovie(error.to_string()),
        })?;
        Ok(MovieFile {
            path: path.clone(),
            file,
            size: facts.len(),
            modified: facts.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        })
    }

    /// What is known of a file, if it is as it was.
    fn known(&self, source: MovieFile) -> Known {
        let now = self.means.clock.now();
        let terms = self.means.shared.terms(self.secret);
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
            beside: Arc::default(),
            turns: Arc::default(),
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
        self.means.stock.bytes()
    }

    /// Ends the processes that nobody needs, for as long as it is polled.
    pub async fn watch(&self) {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            let now = self.means.clock.now();
            self.pause(|known| now.saturating_duration_since(known.asked) >= IDLE);
        }
    }

    /// Ends all processes.
    pub fn stop(&self) {
        self.pause(|_| true);
    }

    fn pause(&self, is_meant: impl Fn(&Known) -> bool) {
        for (_, known) in self.lock().iter().filter(|(_, known)| is_meant(known)) {
            let whole = known.remake.get().and_then(|remake| remake.as_ref().ok());
            let beside = known.beside.get().and_then(Option::as_ref);
            whole
                .into_iter()
                .chain(beside)
                .for_each(|remake| remake.pause());
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<MediaPath, Known>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::hls::transcode::stand_in::StandIn;

    /// How often ffprobe was begun for five who ask for a file at a time, and what the last was told.
    async fn asked_five_times(ffprobe: &str) -> (usize, NoRemake) {
        let stand_in = StandIn::new(
            "",
            &format!("echo >> \"$(dirname \"$0\")/begun\"\n{ffprobe}"),
        );
        std::fs::write(stand_in.file("a.avi"), b"RIFF").unwrap();
        let folder = stand_in.file("a.avi").parent().unwrap().to_owned();
        let library = Arc::new(Library::new(folder, false));
        let shared = Arc::clone(&stand_in.shared);
        let remakes = Remakes::new(library, shared, Key([7; 16]), Clock::start());
        let path = MediaPath::from_plain("a.avi").unwrap();
        let mut answers = join_all((0..5).map(|_| remakes.open(&path))).await;
        let last = answers.pop().unwrap().unwrap_err();
        (stand_in.lines("begun"), last)
    }

    #[tokio::test]
    async fn a_look_that_fails_is_shared_and_is_no_verdict() {
        let (begun, told) = asked_five_times("kill -9 $$").await;
        assert_eq!(begun, 1);
        assert!(matches!(told, NoRemake::Trouble(Trouble::Fails)), "{told}");
    }

    #[tokio::test]
    async fn what_holds_nothing_is_known() {
        let (begun, told) = asked_five_times("echo '{}'").await;
        assert_eq!(begun, 1);
        assert!(matches!(told, NoRemake::NoMovie(_)), "{told}");
    }
}

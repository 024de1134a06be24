//! A movie that is encoded for its players: its playlists, which need no encoding, and its segments,
//! each made when somebody asks.

mod playlists;
mod runs;
mod stills;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tracing::warn;

use super::assembly;
use super::facts::Facts;
use super::grid::Grid;
use super::orders::Coding;
use super::run::{Run, Task};
use super::setbacks::Setbacks;
use super::speech::Speech;
use super::stock::{Print, Stock};
use super::{AAC_RATE, Slot, Transcoders, Trouble, most_bits};
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::codec::Kind;
use crate::hls::edition::{self, Original};
use crate::hls::keys::{Key, Keys, NoKeys};
use crate::hls::lock::{Lock, Manner};
use crate::hls::movie::Terms;
use crate::hls::object::{self, File, Flavour, Object, Packing};
use crate::hls::part::Map;
use crate::hls::text::Text;
use runs::{NEAR, Runs};

/// A file of the movies folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MovieFile {
    pub(super) path: MediaPath,
    pub(super) file: PathBuf,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// A movie that is encoded when somebody watches it.
#[derive(Debug)]
pub struct Remake {
    source: MovieFile,
    facts: Facts,
    speech: Option<Speech>,
    grid: Grid,
    target: Duration,
    keys: Option<Keys>,
    /// What tells its files from those of all others of that name.
    number: u32,
    map: OnceLock<Arc<Map>>,
    /// The playlists that somebody has asked for.
    texts: Mutex<HashMap<Object, Arc<Text>>>,
    /// Who wants another segment of a place waits for its process.
    runs: Runs,
    /// Held by who has a key frame made.
    stilling: tokio::sync::Mutex<()>,
    stock: Arc<Stock>,
    /// What could not be made, named as in the stock.
    setbacks: Setbacks<(u32, u64)>,
    shared: Arc<Transcoders>,
    clock: Clock,
}

/// A file of a movie that is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its bytes.
    pub pieces: Vec<Bytes>,
    /// What tells them from others of the same name; `None` if there are none. No two processes make the same.
    version: Option<u64>,
}

impl Made {
    /// A small file, which all others of the same bytes are the same as.
    fn piece(bytes: Option<Bytes>) -> Self {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self {
            pieces: bytes.into_iter().collect(),
            version: Some(hasher.finish()),
        }
    }
}

impl Remake {
    pub(super) fn new(
        source: MovieFile,
        facts: Facts,
        speech: Option<Speech>,
        terms: &Terms,
        stock: &Arc<Stock>,
        shared: &Arc<Transcoders>,
        clock: Clock,
    ) -> Result<Self, NoKeys> {
        let target = terms.target;
        let number = number(&source, terms)?;
        Ok(Self {
            number,
            keys: keys(&source, terms, number)?,
            grid: Grid::new(facts.rate_hz, facts.seconds, target.as_secs()),
            source,
            facts,
            speech,
            target,
            map: OnceLock::new(),
            texts: Mutex::default(),
            runs: Runs::default(),
            stilling: tokio::sync::Mutex::default(),
            stock: Arc::clone(stock),
            setbacks: Setbacks::default(),
            shared: Arc::clone(shared),
            clock,
        })
    }

    /// Its name.
    pub fn path(&self) -> &MediaPath {
        &self.source.path
    }

    /// Bytes of its file.
    pub fn size(&self) -> u64 {
        self.source.size
    }

    /// How long it is.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.facts.seconds)
    }

    /// What its pictures or its sound are encoded in, as SDP names it.
    pub fn encoding(&self, kind: Kind) -> Option<&'static str> {
        let mut streams = self.facts.streams.iter();
        streams.find_map(|(_, coding)| match (kind, coding) {
            (Kind::Video, Coding::Video { .. }) => Some("H264/90000"),
            (Kind::Audio, Coding::Audio { .. }) => Some("mpeg4-generic"),
            _ => None,
        })
    }

    /// What ffmpeg calls the formats of its file, the pictures first.
    pub fn formats(&self) -> impl Iterator<Item = (Kind, &str)> {
        let streams = self.facts.streams.iter().zip(&self.facts.codecs);
        streams.map(|((_, coding), codec)| (coding.kind(), codec.as_str()))
    }

    /// The most bits a second that a viewer takes.
    pub fn bit_rate(&self) -> u64 {
        let pictures = self.facts.pictures;
        let video = pictures.map_or(0, |pictures| {
            most_bits(pictures.size, pictures.rate, self.target)
        });
        let is_heard = self.encoding(Kind::Audio).is_some();
        video + if is_heard { AAC_RATE } else { 0 }
    }

    /// Whether files with this number are of it.
    pub fn has_made(&self, number: u32) -> bool {
        self.number == number
    }

    /// What players are told of a file of it beside its bytes.
    pub fn told(&self, made: &Made) -> object::Facts {
        object::Facts {
            version: made.version,
            has_pictures: self.encoding(Kind::Video).is_some(),
            modified: Some(self.source.modified),
        }
    }

    /// A file; `None` for what it has not. Cancel safe.
    ///
    /// # Errors
    /// Why it is not encoded.
    pub async fn file(&self, file: File) -> Result<Option<Made>, Trouble> {
        let made = match file {
            File::Init(version) => {
                Made::piece(self.map(version).await?.map(|map| map.data.clone()))
            }
            File::Key(period) => Made {
                pieces: self.key(period).into_iter().collect(),
                version: None,
            },
            File::Segment(number) if number < self.grid.len() => {
                let print = self.segment(number).await?;
                Made {
                    pieces: print.segment.fragments().collect(),
                    version: Some(print.version),
                }
            }
            File::Ts(number, packing) if number < self.grid.len() && packing == self.packing() => {
                let print = self.segment(number).await?;
                let budget = self.shared.budget();
                let stream = self.stock.stream(self.number, &print, budget);
                Made {
                    pieces: stream.into_iter().collect(),
                    version: Some(print.version),
                }
            }
            _ => Made::piece(self.i_frame_file(file).await?),
        };
        let is_empty = made.pieces.iter().all(Bytes::is_empty);
        Ok((!is_empty).then_some(made))
    }

    fn packing(&self) -> Packing {
        match self.facts.pictures {
            Some(_) => Packing::Ts,
            None => Packing::Aac,
        }
    }

    /// What is before its fragments, as the first of them tells; `None` for a version that it has not.
    async fn map(&self, version: u32) -> Result<Option<Arc<Map>>, Trouble> {
        if let Some(map) = self.map.get().filter(|map| map.version == version) {
            return Ok(Some(Arc::clone(map)));
        }
        let mut numbers = 0..self.grid.len();
        let first = numbers.find(|number| self.map_version(*number) == version);
        match first {
            Some(first) => {
                let print = self.segment(first).await?;
                Ok(Some(Arc::clone(&print.segment.head.map)))
            }
            None => Ok(None),
        }
    }

    /// Which map a segment has.
    fn map_version(&self, number: u64) -> u32 {
        let lock = self.lock(number);
        lock.as_ref().map_or(0, assembly::map_version)
    }

    /// How a segment is encrypted, if it is.
    fn lock(&self, number: u64) -> Option<Lock> {
        self.keys.as_ref().map(|keys| keys.lock(number))
    }

    fn key(&self, period: u64) -> Option<Bytes> {
        let last = self.lock(self.grid.len() - 1)?;
        let keys = self.keys.as_ref().filter(|_| period <= last.period)?;
        let Key(key) = keys.key(period);
        Some(Bytes::copy_from_slice(&key))
    }

    /// Whether transport streams carry it; samples are encrypted in fragments only.
    fn carries(&self, flavour: Flavour) -> bool {
        let is_clear = |lock: Lock| lock.manner != Manner::Samples;
        flavour != Flavour::Ts || self.lock(0).is_none_or(is_clear)
    }

    async fn segment(&self, number: u64) -> Result<Arc<Print>, Trouble> {
        if let Some(known) = self.known(self.number, number) {
            return known;
        }
        let own = self.runs.slot(number);
        match self.segment_by(&own, number).await {
            // Where there may be no process more, another place gives way when it has what it waits for.
            Err(Trouble::Full) => match self.runs.beside(&own) {
                Some(other) => self.segment_by(&other, number).await,
                None => Err(Trouble::Full),
            },
            made => made,
        }
    }

    /// A segment that is made by the process of one place, which begins anew unless it is near.
    async fn segment_by(&self, slot: &Arc<Slot>, number: u64) -> Result<Arc<Print>, Trouble> {
        let mut run = slot.lock().await;
        // Somebody else may have waited for it.
        if let Some(known) = self.known(self.number, number) {
            return known;
        }
        let is_near = |run: &Run| run.is_near(number, NEAR);
        let is_new = !run.as_ref().is_some_and(is_near);
        if is_new {
            // It goes before the next comes.
            *run = None;
            *run = Some(self.begin(number)?);
        }
        let made = match run.as_mut() {
            Some(run) => self.make(run, number).await,
            None => Err("there is no process".to_owned()),
        };
        self.shared.stand(slot);
        made.map_err(|reason| {
            *run = None;
            warn!(path = %self.path(), number, "transcoding for HLS failed: {reason}");
            // A process that came from elsewhere may have failed elsewhere.
            if is_new {
                self.setbacks.note((self.number, number), self.clock.now());
            }
            Trouble::Fails
        })
    }

    /// A segment that is there, or was not to be made a moment ago; `None` if it is to be made. `movie` is its
    /// number in the stock.
    fn known(&self, movie: u32, number: u64) -> Option<Result<Arc<Print>, Trouble>> {
        if let Some(print) = self.stock.get(movie, number) {
            return Some(Ok(print));
        }
        let has_failed = self.setbacks.is_recent(&(movie, number), self.clock.now());
        has_failed.then_some(Err(Trouble::Fails))
    }

    fn begin(&self, first: u64) -> Result<Run, Trouble> {
        Run::begin(&self.shared, &self.task(), first)
    }

    fn task(&self) -> Task<'_> {
        Task {
            name: self.path().as_str(),
            file: &self.source.file,
            modified: self.source.modified,
            facts: &self.facts,
            grid: self.grid,
            keys: self.keys.as_ref(),
            known: self.map.get(),
            speech: self.speech.as_ref(),
            most_pictures: None,
        }
    }

    /// Reads on until a segment is there.
    async fn make(&self, run: &mut Run, number: u64) -> Result<Arc<Print>, String> {
        loop {
            let segment = run.segment().await?;
            self.map.get_or_init(|| Arc::clone(&segment.head.map));
            let print = self.stock.put(self.number, segment, self.shared.budget());
            if print.segment.head.sequence >= number {
                return Ok(print);
            }
        }
    }

    /// Ends the processes, unless somebody waits for what they make, and lets the playlists go.
    pub(super) fn pause(&self) {
        self.runs.pause();
        self.texts().clear();
    }

    fn name(&self, file: File) -> String {
        let packager = self.number;
        Object::File { packager, file }.to_string()
    }
}

/// The number that tells the files of a movie, encoded by these terms, from those of all others of its name.
pub(super) fn number(source: &MovieFile, terms: &Terms) -> Result<u32, NoKeys> {
    let original = Original {
        path: &source.path,
        size: source.size,
        modified: source.modified,
    };
    let keys = keys(source, terms, 0)?;
    Ok(edition::number(FORM, &original, terms, keys.as_ref()))
}

/// The keys of the files with that number.
fn keys(source: &MovieFile, terms: &Terms, number: u32) -> Result<Option<Keys>, NoKeys> {
    Keys::of(&terms.encryption, terms.secret, &source.path, number)
}

/// In which way movies are encoded: to be changed when their segments do.
const FORM: &str = "remake 4";

#[cfg(test)]
mod tests;

//! A movie that is encoded for its players: its playlists, which need no encoding, and its segments,
//! each made when somebody asks.

mod making;
mod playlists;
mod rendition;
mod shape;
mod stills;
mod turns;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::facts::{Facts, Pictures, Stream};
use super::grid::Grid;
use super::orders::Coding;
use super::setbacks::Setbacks;
use super::speech::Speech;
use super::stock::Stock;
use super::{AAC_RATE, Slot, Transcoders, Trouble, most_bits};
use crate::base::clock::Clock;
use crate::base::media_time::{MediaTime, NptTime};
use crate::base::path::MediaPath;
use crate::codec::Kind;
use crate::hls::edition::{self, Original};
use crate::hls::keys::{Keys, NoKeys};
use crate::hls::movie::{Terms, Uncarried};
use crate::hls::object::{self, File, Object};
use crate::hls::part::Map;
use crate::hls::text::Text;
use rendition::Rendition;
use shape::Shape;
pub(super) use turns::Turns;

/// A file of the movies folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct MovieFile {
    pub(super) path: MediaPath,
    pub(super) file: PathBuf,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// What this server's own index of a file tells of it; nothing of files that it does not read.
#[derive(Clone, Debug, Default)]
pub(super) struct Indexed {
    /// Its first sound, where ffmpeg cannot take it from the file.
    pub(super) speech: Option<Speech>,
    /// When its first track begins, and when all of it is over.
    pub(super) extent: Option<(NptTime, MediaTime)>,
}

/// What movies that are encoded share.
#[derive(Clone, Debug)]
pub(super) struct Means {
    pub(super) stock: Arc<Stock>,
    pub(super) shared: Arc<Transcoders>,
    pub(super) clock: Clock,
}

/// A movie that is encoded when somebody watches it, or some of its sounds.
#[derive(Debug)]
pub struct Remake {
    source: MovieFile,
    /// How long it is.
    duration: Duration,
    pictures: Option<Pictures>,
    speech: Option<Speech>,
    grid: Grid,
    target_duration: u64,
    /// When the first stream of its file begins on the timeline of the grid, in seconds.
    start: f64,
    /// The one that the variant's playlist plays, then those that can be chosen instead of its sound. The process makes
    /// the segments of all of them together.
    renditions: Arc<[Rendition]>,
    /// The same with one sound among its pictures, for a variant beside others.
    compat: Option<Box<Self>>,
    /// The playlists that somebody has asked for.
    texts: Mutex<HashMap<Object, Arc<Text>>>,
    /// Held by who has something made; all that is made of the file shares it.
    turns: Arc<Slot>,
    /// What could not be made, named as in the stock.
    setbacks: Setbacks<(u32, u64)>,
    means: Means,
}

/// A file of a movie that is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its bytes.
    pub pieces: Vec<Bytes>,
    /// What players are told of it beside.
    pub facts: object::Facts,
}

/// What a file consists of, and what tells its bytes from others of the same name; `None` if there are none. No two
/// processes make the same.
type Pieces = (Vec<Bytes>, Option<u64>);

/// A small file, which all others of the same bytes are the same as.
fn piece(bytes: Option<Bytes>) -> Pieces {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    (bytes.into_iter().collect(), Some(hasher.finish()))
}

impl Remake {
    /// All of a movie.
    pub(super) fn whole(
        source: MovieFile,
        facts: &Facts,
        indexed: Indexed,
        terms: &Terms,
        means: &Means,
        turns: &Arc<Slot>,
    ) -> Result<Self, NoKeys> {
        let number = number(&source, terms)?;
        let keys = keys(&source, terms)?;
        let Indexed { speech, extent } = indexed;
        let shape = Shape::whole(facts, extent, number, terms.target);
        let compat = shape.compat().map(|shape| {
            let (source, speech) = (source.clone(), speech.clone());
            Box::new(Self::new(
                source,
                speech,
                shape,
                keys.as_ref(),
                means,
                turns,
            ))
        });
        Ok(Self {
            compat,
            ..Self::new(source, speech, shape, keys.as_ref(), means, turns)
        })
    }

    /// Those of its sounds that are to be encoded beside others which need not be; `None` if ffmpeg cannot.
    pub(super) fn beside(
        source: MovieFile,
        facts: &Facts,
        uncarried: &Uncarried,
        terms: &Terms,
        means: &Means,
        turns: &Arc<Slot>,
    ) -> Result<Option<Self>, NoKeys> {
        let keys = keys(&source, terms)?;
        let shape = Shape::beside(facts, uncarried);
        Ok(shape.map(|shape| Self::new(source, None, shape, keys.as_ref(), means, turns)))
    }

    fn new(
        source: MovieFile,
        speech: Option<Speech>,
        shape: Shape,
        keys: Option<&Keys>,
        means: &Means,
        turns: &Arc<Slot>,
    ) -> Self {
        let renditions = (0..).zip(shape.renditions).map(|(at, streams): (u16, _)| {
            let number = shape.number.wrapping_add(at.into());
            Rendition::new(number, shape.place.saturating_add(at), streams, keys)
        });
        Self {
            source,
            duration: Duration::from_nanos(shape.grid.end().nanos().unsigned_abs()),
            pictures: shape.pictures,
            speech,
            grid: shape.grid,
            target_duration: shape.target_duration,
            start: shape.start,
            renditions: renditions.collect(),
            compat: None,
            texts: Mutex::default(),
            turns: Arc::clone(turns),
            setbacks: Setbacks::default(),
            means: means.clone(),
        }
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
        self.duration
    }

    /// What its pictures or its sound are encoded in, as SDP names it.
    pub fn encoding(&self, kind: Kind) -> Option<&'static str> {
        let mut streams = self.streams();
        streams.find_map(|stream| match (kind, stream.coding) {
            (Kind::Video, Coding::Video { .. }) => Some("H264/90000"),
            (Kind::Audio, Coding::Audio { .. }) => Some("mpeg4-generic"),
            _ => None,
        })
    }

    /// What ffmpeg calls the formats of its file, the pictures first.
    pub fn formats(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.streams()
            .map(|stream| (stream.coding.kind(), stream.codec.as_str()))
    }

    fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.renditions
            .iter()
            .flat_map(|rendition| &rendition.streams)
    }

    /// The most bits a second that a viewer takes.
    pub fn bit_rate(&self) -> u64 {
        let is_heard = self.encoding(Kind::Audio).is_some();
        self.picture_rate() + if is_heard { AAC_RATE } else { 0 }
    }

    /// The most bits a second of its pictures.
    fn picture_rate(&self) -> u64 {
        let target = Duration::from_secs(self.target_duration);
        self.pictures.map_or(0, |pictures| {
            most_bits(pictures.size, pictures.rate, target)
        })
    }

    /// Whether files with this number are of it.
    pub fn has_made(&self, number: u32) -> bool {
        let of_compat = |compat: &Self| compat.has_made(number);
        self.rendition(number).is_some() || self.compat.as_deref().is_some_and(of_compat)
    }

    fn rendition(&self, number: u32) -> Option<&Rendition> {
        let mut renditions = self.renditions.iter();
        renditions.find(|rendition| rendition.number == number)
    }

    /// What the variant's playlist plays.
    fn main(&self) -> &Rendition {
        self.renditions
            .first()
            .expect("there is something to be made")
    }

    /// A file of that number; `None` for what it has not. Cancel safe.
    ///
    /// # Errors
    /// Why it is not encoded.
    pub async fn file(&self, number: u32, file: File) -> Result<Option<Made>, Trouble> {
        let of_compat = self
            .compat
            .as_deref()
            .filter(|compat| compat.has_made(number));
        let remake = of_compat.unwrap_or(self);
        let Some(rendition) = remake.rendition(number) else {
            return Ok(None);
        };
        let (pieces, version) = remake.pieces(rendition, file).await?;
        let is_empty = pieces.iter().all(Bytes::is_empty);
        Ok((!is_empty).then(|| Made {
            pieces,
            facts: object::Facts {
                version,
                has_pictures: rendition.has(Kind::Video),
                modified: Some(remake.source.modified),
            },
        }))
    }

    async fn pieces(&self, rendition: &Rendition, file: File) -> Result<Pieces, Trouble> {
        let count = self.grid.len();
        Ok(match file {
            File::Init(version) => {
                let map = self.map(rendition, version).await?;
                piece(map.map(|map| map.data.clone()))
            }
            File::Key(period) => (rendition.key(period, count).into_iter().collect(), None),
            File::Segment(number) if number < count => {
                let print = self.segment(rendition, number).await?;
                (print.segment.fragments().collect(), Some(print.version))
            }
            File::Ts(number, packing) if number < count && packing == rendition.packing() => {
                let print = self.segment(rendition, number).await?;
                let (stock, budget) = (&self.means.stock, self.means.shared.budget());
                let stream = stock.stream(rendition.number, &print, budget);
                (stream.into_iter().collect(), Some(print.version))
            }
            _ if rendition.has(Kind::Video) => piece(self.i_frame_file(file).await?),
            _ => piece(None),
        })
    }

    /// What is before the fragments of a rendition, as the first of them tells; `None` for a version that it has not.
    async fn map(&self, rendition: &Rendition, version: u32) -> Result<Option<Arc<Map>>, Trouble> {
        if let Some(map) = rendition.map.get().filter(|map| map.version == version) {
            return Ok(Some(Arc::clone(map)));
        }
        let mut numbers = 0..self.grid.len();
        let first = numbers.find(|number| rendition.map_version(*number) == version);
        match first {
            Some(first) => {
                let print = self.segment(rendition, first).await?;
                Ok(Some(Arc::clone(&print.segment.head.map)))
            }
            None => Ok(None),
        }
    }

    /// Ends the process, unless somebody waits for what it makes, and lets the playlists go.
    pub(super) fn pause(&self) {
        if let Ok(mut turns) = self.turns.try_lock() {
            turns.end();
        }
        self.texts().clear();
        if let Some(compat) = &self.compat {
            compat.pause();
        }
    }
}

/// The first of the numbers that tell the files of a movie, encoded by these terms, from those of all others of its name.
fn number(source: &MovieFile, terms: &Terms) -> Result<u32, NoKeys> {
    let original = Original {
        path: &source.path,
        size: source.size,
        modified: source.modified,
    };
    let keys = keys(source, terms)?;
    Ok(edition::number(FORM, &original, terms, keys.as_ref()))
}

/// Whether files with that number may be of a movie, encoded as a whole by these terms.
pub(super) fn may_have_made(source: &MovieFile, terms: &Terms, asked: u32) -> Result<bool, NoKeys> {
    let first = number(source, terms)?;
    Ok(asked.wrapping_sub(first) < shape::NUMBERS)
}

/// What the keys of its files are made from.
fn keys(source: &MovieFile, terms: &Terms) -> Result<Option<Keys>, NoKeys> {
    Keys::of(&terms.encryption, terms.secret, &source.path, 0)
}

/// In which way movies are encoded: to be changed when their segments do.
const FORM: &str = "remake 6";

#[cfg(test)]
mod tests;

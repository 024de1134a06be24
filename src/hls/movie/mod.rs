//! A movie of the folder by HLS: which of its tracks are played, by which playlists, and where
//! their segments begin. All of it is computed from the movie's index.
//!
//! ```text
//!  index ─> strip (edit lists) ─> cuts ─> rendition ─┬─> listing ─> playlists
//!                                                    └─> cutter ──> segments (the only ones who read media)
//! ```
//!
//! Sounds that segments do not carry as they are can be encoded beside the others, in segments that begin where these
//! do (`uncarried`).
//!
//! Which movies are open, and what is kept of their segments, is the matter of `movies`.

use std::iter;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::carriage::Carriage;
use super::edition::{self, Original};
use super::keys::{Key, Keys};
use super::object::{Facts, File, Flavour, Object};
use super::text::Text;
use super::transcode::remake::Remake;
use crate::base::media_time::MediaTime;
use crate::codec::Kind;
use crate::config::{Encryption, Method};
use crate::vod::{Blocks, Movie};

mod cuts;
mod cutter;
mod lane;
mod listing;
mod refresh;
mod rendition;
mod strip;
mod tracks;
mod uncarried;

use cuts::Cuts;
pub use cutter::CutError;
use cutter::Slice;
use rendition::{Extent, Rendition};
use tracks::{Tracks, groups};
pub(in crate::hls) use uncarried::Uncarried;

/// A movie as it is presented by HLS.
#[derive(Debug)]
pub struct Presentation {
    movie: Arc<Movie>,
    terms: Terms,
    /// The one that the variant's playlist plays, then those that can be chosen instead of its sound.
    renditions: Vec<Arc<Rendition>>,
    /// The key frames of its pictures, one by one, if they are whole.
    i_frames: Option<Arc<Rendition>>,
    /// Whether its pictures are refreshed little by little.
    is_gradual: bool,
    /// The target duration of all playlists but that of the key frames: no segment is longer, rounded to the second.
    target_duration: u64,
    /// The sounds that have to be encoded, where others are beside them.
    uncarried: Option<Uncarried>,
    /// What players open, by flavour, without and with a variant for those that know less, without and with sounds that
    /// are encoded.
    playlists: [[[Written; 2]; 2]; 3],
    left_out: Vec<String>,
}

/// A playlist, once somebody has asked for it; `None` when the flavour cannot carry the movie.
type Written = OnceLock<Option<Arc<Text>>>;

/// How movies are to be presented.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// How long segments are meant to be.
    pub target: Duration,
    /// How they are encrypted.
    pub encryption: Encryption,
    /// What keys are made from where there is no key file.
    pub secret: Key,
}

/// Why a movie cannot be presented as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// HLS carries none of its tracks; the text says why.
    #[error("{0}")]
    Tracks(String),
    /// It would take too many segments.
    #[error("{0}")]
    Length(String),
    /// It cannot be encrypted; the text says why.
    #[error("it cannot be encrypted: {0}")]
    Keys(String),
}

impl Presentation {
    /// Presents `movie`. Takes some time for long movies, and reads the key file.
    ///
    /// The first track of pictures is played with its sound. Where there are several tracks of
    /// sound, each has a playlist of its own, and the pictures too.
    ///
    /// # Errors
    /// [`Unfit`] when nothing of it can be carried.
    pub fn of(movie: &Arc<Movie>, terms: Terms) -> Result<Self, Unfit> {
        let index = movie.index();
        let locks_samples = terms.encryption.method == Method::SampleAes;
        let Tracks {
            carried,
            others,
            left_out,
        } = Tracks::of(index, locks_samples);
        let Some(leader) = carried.first() else {
            return Err(Unfit::Tracks(reasons(&left_out)));
        };
        let ends = carried.iter().map(|lane| lane.end().nanos());
        let end = MediaTime::from_nanos(ends.max().unwrap_or(0), leader.strip.timescale());
        let cuts = Cuts::of(&leader.strip, leader.table(index), end, terms.target)
            .map_err(|too_many| Unfit::Length(too_many.to_string()))?;
        let cuts = Arc::new(cuts);
        let key_frames = (leader.kind == Kind::Video)
            .then(|| Cuts::of_key_frames(&leader.strip, leader.table(index), end));
        let is_gradual = key_frames
            .as_ref()
            .is_some_and(|cuts| refresh::is_gradual(movie, leader, cuts));
        let i_frames = key_frames.filter(|_| !is_gradual);
        let i_frames = i_frames.map(|cuts| (leader.clone(), Arc::new(cuts)));
        let original = Original {
            path: movie.path(),
            size: movie.size(),
            modified: movie.modified(),
        };
        let number = edition::number(FORM, &original, &terms, keys(movie, &terms, 0)?.as_ref());
        let rendition = |at: usize, lanes, cuts, extent| {
            let number = number.wrapping_add(at as u32);
            let keys = keys(movie, &terms, number)?;
            Ok(Arc::new(Rendition::new(number, lanes, cuts, extent, keys)))
        };
        let groups = groups(carried, !others.is_empty());
        let count = groups.len();
        let extents = iter::once(Extent::Leading).chain(iter::repeat(Extent::Following));
        let renditions = groups.into_iter().zip(extents).enumerate();
        let renditions =
            renditions.map(|(at, (lanes, extent))| rendition(at, lanes, Arc::clone(&cuts), extent));
        let renditions = renditions.collect::<Result<Vec<Arc<Rendition>>, _>>()?;
        let i_frames = i_frames
            .map(|(lane, cuts)| rendition(count, vec![lane], cuts, Extent::KeyFrame))
            .transpose()?;
        let uncarried = Uncarried::of(index, &others, &cuts);
        let longest = renditions.iter().map(|rendition| rendition.longest(index));
        let longest = longest.chain(uncarried.iter().map(|one| one.grid.longest()));
        let target_duration = longest.max().unwrap_or(0).max(1);
        Ok(Self {
            target_duration,
            uncarried: uncarried.map(|uncarried| Uncarried {
                // Behind the key frames'.
                number: number.wrapping_add(count as u32 + 1),
                place: u16::try_from(count).unwrap_or(u16::MAX),
                target_duration,
                ..uncarried
            }),
            renditions,
            i_frames,
            is_gradual,
            movie: Arc::clone(movie),
            terms,
            playlists: Default::default(),
            left_out,
        })
    }

    /// The movie.
    pub fn movie(&self) -> &Arc<Movie> {
        &self.movie
    }

    /// How it was to be presented.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Why some of its tracks of pictures and sound are not played, a line each. They have to be
    /// transcoded.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The sounds that have to be encoded, where others are beside them.
    pub(in crate::hls) fn uncarried(&self) -> Option<&Uncarried> {
        self.uncarried.as_ref()
    }

    /// Whether it lacks sounds that can be encoded, beside others.
    pub fn lacks_sounds(&self) -> bool {
        self.uncarried.is_some()
    }

    /// Whether `object` is of sounds that have to be encoded beside others, or tells of them.
    pub fn wants_encoded(&self, object: Object) -> bool {
        let Some(uncarried) = &self.uncarried else {
            return false;
        };
        match object {
            Object::Multivariant(_) => true,
            Object::Audio(_, place) => place >= uncarried.place,
            Object::File { packager, .. } => uncarried.may_have_made(packager),
            Object::Media(_) | Object::Compat(_) | Object::IFrames(_) => false,
        }
    }

    /// Whether there are pictures or sounds, and none of them can be carried.
    pub fn is_mute_or_blank(&self) -> bool {
        let tracks = &self.movie.index().tracks;
        let lanes = || self.renditions.iter().flat_map(|one| &one.lanes);
        let is_lost = |kind| {
            let mut tracks = tracks.iter();
            let is_there =
                tracks.any(|track| track.kind() == Some(kind) && !track.samples.is_empty());
            is_there && !lanes().any(|lane| lane.kind == kind)
        };
        is_lost(Kind::Video) || is_lost(Kind::Audio)
    }

    /// Whether files with this number are of it, or may be of sounds that are encoded beside it.
    pub fn has_made(&self, number: u32) -> bool {
        let uncarried = self.uncarried.as_ref();
        let may_be = uncarried.is_some_and(|uncarried| uncarried.may_have_made(number));
        may_be || self.rendition(number).is_some()
    }

    /// What players are told of files with that number beside their bytes.
    pub fn facts(&self, number: u32) -> Facts {
        let rendition = self.rendition(number);
        Facts {
            version: None,
            has_pictures: rendition.is_none_or(|rendition| rendition.has_video()),
            modified: Some(self.movie.modified()),
        }
    }

    /// What has files with that number.
    fn rendition(&self, number: u32) -> Option<&Arc<Rendition>> {
        let mut renditions = self.renditions.iter().chain(&self.i_frames);
        renditions.find(|rendition| rendition.number == number)
    }

    /// A playlist; `None` when the flavour cannot carry the movie, and for sounds that it has not.
    ///
    /// With `compat` the one that a player opens tells of a variant for players that know H.264 and
    /// AAC alone, where it is needed; and of the sounds that are encoded `beside` those that it has.
    pub fn playlist(
        &self,
        object: Object,
        compat: bool,
        beside: Option<&Remake>,
    ) -> Option<Arc<Text>> {
        match object {
            Object::Multivariant(flavour) => {
                let [without, with] = &self.playlists[flavour as usize][usize::from(compat)];
                let slot = if beside.is_some() { with } else { without };
                let text = slot.get_or_init(|| self.multivariant(flavour, compat, beside));
                text.clone()
            }
            Object::Media(flavour) => self.media(self.renditions.first()?, flavour),
            Object::Audio(flavour, number) => {
                self.media(self.renditions.get(usize::from(number))?, flavour)
            }
            Object::IFrames(flavour) => self.media(self.i_frames.as_ref()?, flavour),
            Object::Compat(_) | Object::File { .. } => None,
        }
    }

    /// What a file is made of; `None` for what is not there. `number` tells the rendition.
    pub(super) fn recipe(self: &Arc<Self>, number: u32, file: File) -> Option<Recipe> {
        let rendition = self.rendition(number)?;
        let (flavour, sequence) = match file {
            File::Init(_) | File::Key(_) => return self.ready(rendition, file).map(Recipe::Ready),
            File::Segment(sequence) => (Flavour::Cmaf, sequence),
            File::Ts(sequence, _) => (Flavour::Ts, sequence),
            File::Part(..) | File::IFrameInit(_) | File::IFrame(_) | File::IFrameTs(_) => {
                return None;
            }
        };
        let carriage = rendition.carriage(flavour)?;
        let is_so = match (carriage, file) {
            (Carriage::Fragments, File::Segment(_)) => true,
            (Carriage::Stream(packing), File::Ts(_, asked)) => packing == asked,
            _ => false,
        };
        let segment = usize::try_from(sequence).ok();
        let segment = segment.filter(|segment| is_so && *segment < rendition.cuts.len())?;
        Some(Recipe::Segment(Slice {
            presentation: Arc::clone(self),
            rendition: Arc::clone(rendition),
            segment,
            carriage,
        }))
    }

    /// A file that takes no reading.
    fn ready(&self, rendition: &Rendition, file: File) -> Option<Bytes> {
        let count = rendition.cuts.len();
        match file {
            File::Key(period) => rendition.key(period, count - 1),
            File::Init(map) => {
                let mut segments = 0..count;
                let first = segments.find(|segment| rendition.map(*segment) == map)?;
                Some(rendition.init(self.movie.index(), first))
            }
            _ => None,
        }
    }

    /// When the movie began, for playlists: when its file was last changed is all that is known.
    fn date(&self) -> SystemTime {
        self.movie.modified()
    }
}

/// What a file is made of.
#[derive(Clone, Debug)]
pub(super) enum Recipe {
    /// Nothing: here it is.
    Ready(Bytes),
    /// Samples of the movie.
    Segment(Slice),
}

impl Recipe {
    /// The bytes of the file. Cancel safe.
    ///
    /// # Errors
    /// [`CutError`] when the movie's file does not hold what its index promises.
    pub(super) async fn make(self, blocks: &Arc<Blocks>) -> Result<Bytes, CutError> {
        match self {
            Self::Ready(bytes) => Ok(bytes),
            Self::Segment(slice) => slice.cut(blocks).await,
        }
    }
}

/// The keys of the files with that number.
fn keys(movie: &Movie, terms: &Terms, number: u32) -> Result<Option<Keys>, Unfit> {
    let keys = Keys::of(&terms.encryption, terms.secret, movie.path(), number);
    keys.map_err(|error| Unfit::Keys(error.to_string()))
}

/// Every reason why nothing can be carried.
fn reasons(left_out: &[String]) -> String {
    if left_out.is_empty() {
        "no audio or video track".to_owned()
    } else {
        left_out.join("; ")
    }
}

/// In which way movies are cut: to be changed when their segments do.
const FORM: &str = "cut 5";

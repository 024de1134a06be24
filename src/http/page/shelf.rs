//! What lies in the movies folder, as far as pages show it: movies, and pictures that go with names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;

use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::codec::Kind;
use crate::container::{self, Role, Track};
use crate::vod::{Library, Listed};

/// For how long a walk through the folder is good.
const FRESH: Duration = Duration::from_secs(2);

/// For how long one walk looks into files that it finds new; the next one goes on.
const LOOKING: Duration = Duration::from_millis(500);

/// The most files that are looked at.
const MOST: usize = 10_000;

/// What the names of pictures end in, the best first, with their media types.
pub(super) const PICTURES: [(&str, &str); 5] = [
    ("avif", "image/avif"),
    ("webp", "image/webp"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
];

/// The movies folder, as it was when somebody last asked.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    latest: Mutex<Option<(Instant, Arc<Stock>)>>,
}

/// What the folder holds.
#[derive(Debug, Default)]
pub(super) struct Stock {
    /// Sorted by path.
    movies: Vec<Movie>,
    pictures: HashMap<MediaPath, Picture>,
    looks: HashMap<MediaPath, Look>,
}

/// A file that can be played.
#[derive(Clone, Debug)]
pub(super) struct Movie {
    pub(super) path: MediaPath,
    /// Whether it is a symbolic link itself.
    pub(super) is_link: bool,
    pub(super) facts: Arc<Facts>,
}

/// What a page tells of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Facts {
    /// In seconds.
    pub(super) duration: f64,
    pub(super) has_video: bool,
    /// The formats of its tracks, as people call them.
    pub(super) formats: Vec<String>,
}

/// The names of formats as pages tell them: those of pictures first, and each once.
pub(super) fn in_order(formats: impl Iterator<Item = (Kind, String)>) -> Vec<String> {
    let mut formats: Vec<_> = formats.collect();
    formats.sort_by_key(|(kind, _)| *kind != Kind::Video);
    let mut names = Vec::new();
    for (_, name) in formats {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A picture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) path: MediaPath,
    /// Whether it is a symbolic link itself.
    is_link: bool,
    pub(super) media_type: &'static str,
    pub(super) modified: SystemTime,
}

/// What a look into a file showed, which holds while the file stays as it is.
#[derive(Clone, Debug)]
struct Look {
    size: u64,
    modified: SystemTime,
    /// `None`: no movie.
    facts: Option<Arc<Facts>>,
}

impl Movie {
    /// Whose rules guard it: its folder's, or those of its own name if it is a link that leads elsewhere.
    pub(super) fn guarded(&self) -> MediaPath {
        match self.is_link {
            true => self.path.clone(),
            false => self.path.parent(),
        }
    }
}

impl Shelf {
    /// What the folder held at most two seconds ago. Cancel safe.
    pub(super) async fn stock(&self, library: &Arc<Library>, clock: Clock) -> Arc<Stock> {
        // Whoever comes while the folder is looked through waits for the same stock.
        let mut latest = self.latest.lock().await;
        let now = clock.now();
        let known = match &*latest {
            Some((at, stock)) if now.saturating_duration_since(*at) < FRESH => {
                return Arc::clone(stock);
            }
            Some((_, stock)) => Arc::clone(stock),
            None => Arc::default(),
        };
        let library = Arc::clone(library);
        let walk = tokio::task::spawn_blocking(move || known.renewed(&library, clock));
        let stock = Arc::new(walk.await.unwrap_or_default());
        *latest = Some((clock.now(), Arc::clone(&stock)));
        stock
    }
}

impl Stock {
    /// The movies, sorted by path.
    pub(super) fn movies(&self) -> &[Movie] {
        &self.movies
    }

    /// The movie of that name.
    pub(super) fn movie(&self, path: &MediaPath) -> Option<&Movie> {
        let at = self.movies.binary_search_by(|movie| movie.path.cmp(path));
        self.movies.get(at.ok()?)
    }

    /// The picture that goes with a channel or movie: `news/today.mov.jpg`, or `news/today.jpg`.
    pub(super) fn picture(&self, path: &MediaPath) -> Option<&Picture> {
        let stem = path.as_str().rsplit_once('.').map(|(stem, _)| stem);
        let names = [Some(path.as_str()), stem.filter(|stem| !stem.is_empty())];
        names.into_iter().flatten().find_map(|name| {
            let mut pictures = PICTURES.iter().filter_map(|(extension, _)| {
                let path = MediaPath::from_plain(&format!("{name}.{extension}"));
                self.pictures.get(&path.ok()?)
            });
            pictures.next()
        })
    }

    /// The names of those pictures that perhaps lie elsewhere.
    pub(super) fn linked_pictures(&self) -> impl Iterator<Item = MediaPath> {
        let pictures = self.pictures.values().filter(|picture| picture.is_link);
        pictures.map(|picture| picture.path.clone())
    }

    /// The folder as it is now; files that stayed as they were are not looked into again. Blocks.
    fn renewed(&self, library: &Library, clock: Clock) -> Self {
        let until = clock.now() + LOOKING;
        let mut stock = Self::default();
        for file in library.list().into_iter().take(MOST) {
            if let Some(picture) = Picture::of(&file) {
                stock.pictures.insert(file.path, picture);
                continue;
            }
            let known = self.looks.get(&file.path).filter(|look| look.is_of(&file));
            let look = match known {
                Some(look) => look.clone(),
                None if clock.now() < until => Look::into(library, &file),
                None => continue,
            };
            if let Some(facts) = &look.facts {
                stock.movies.push(Movie {
                    path: file.path.clone(),
                    is_link: file.is_link,
                    facts: Arc::clone(facts),
                });
            }
            stock.looks.insert(file.path, look);
        }
        stock
    }
}

impl Look {
    /// Blocks.
    fn into(library: &Library, file: &Listed) -> Self {
        let index = library.index(&file.path).ok();
        Self {
            size: file.size,
            modified: file.modified,
            facts: index.and_then(|index| Facts::of(&index)).map(Arc::new),
        }
    }

    fn is_of(&self, file: &Listed) -> bool {
        (self.size, self.modified) == (file.size, file.modified)
    }
}

impl Facts {
    /// `None` when nothing of it is seen or heard.
    fn of(index: &container::Movie) -> Option<Self> {
        let shown = || index.tracks.iter().filter(|track| track.kind().is_some());
        let named = |track: &Track| {
            let name = match &track.role {
                Role::Media(format) => format.name().to_owned(),
                _ => track.codec.clone(),
            };
            Some((track.kind()?, name))
        };
        shown().next()?;
        Some(Self {
            duration: index.duration.seconds(),
            has_video: shown().any(|track| track.kind() == Some(Kind::Video)),
            formats: in_order(shown().filter_map(named)),
        })
    }
}

impl Picture {
    /// Whether a list may tell of it that shows these names: where it lies is that of what it goes with.
    pub(super) fn is_shown(&self, shown: &HashSet<MediaPath>) -> bool {
        !self.is_link || shown.contains(&self.path)
    }

    /// What it is a picture of, as far as its own name tells, and it itself.
    pub(super) fn names(&self) -> impl Iterator<Item = MediaPath> {
        let stem = self.path.as_str().rsplit_once('.').map(|(stem, _)| stem);
        let named = stem.and_then(|stem| MediaPath::from_plain(stem).ok());
        named.into_iter().chain([self.path.clone()])
    }

    fn of(file: &Listed) -> Option<Self> {
        let (_, extension) = file.path.name().rsplit_once('.')?;
        let (_, media_type) = PICTURES.iter().find(|(name, _)| *name == extension)?;
        Some(Self {
            path: file.path.clone(),
            is_link: file.is_link,
            media_type,
            modified: file.modified,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn stock_of(files: &[&str]) -> Arc<Stock> {
        let folder = tempfile::tempdir().unwrap();
        let clip = concat!(env!("CARGO_MANIFEST_DIR"), "/movies/clock.mp4");
        for name in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::copy(clip, file).unwrap();
        }
        std::fs::write(folder.path().join("notes.txt"), "no movie").unwrap();
        let library = Arc::new(Library::new(folder.path().to_owned(), true));
        Shelf::default().stock(&library, Clock::start()).await
    }

    #[tokio::test]
    async fn movies_are_known_by_their_content() {
        let stock = stock_of(&["a/clock", "b.mp4"]).await;
        let paths: Vec<_> = stock.movies().iter().map(|movie| &movie.path).collect();
        assert_eq!(paths.len(), 2);
        let movie = stock.movie(&MediaPath::from_plain("a/clock").unwrap());
        let facts = Facts {
            duration: 12.0,
            has_video: true,
            formats: vec!["H.264".to_owned(), "AAC".to_owned()],
        };
        assert_eq!(*movie.unwrap().facts, facts);
        let notes = MediaPath::from_plain("notes.txt").unwrap();
        assert!(stock.movie(&notes).is_none());
    }

    #[tokio::test]
    async fn a_picture_goes_with_a_name() {
        let stock = stock_of(&["a.mp4", "a.jpg", "a.mp4.png", "tv/live.webp", "b.jpg"]).await;
        let picture = |path: &str| {
            let path = MediaPath::from_plain(path).unwrap();
            stock.picture(&path).map(|picture| picture.path.to_string())
        };
        assert_eq!(picture("a.mp4").as_deref(), Some("a.mp4.png"));
        assert_eq!(picture("a.mov").as_deref(), Some("a.jpg"));
        assert_eq!(picture("tv/live").as_deref(), Some("tv/live.webp"));
        assert_eq!(picture("live"), None);
        assert_eq!(picture(".jpg"), None);
    }
}

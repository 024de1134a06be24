//! What a walk through the movies folder has found. Values only.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::Facts;
use crate::base::path::MediaPath;
use crate::vod::Listed;

/// What the names of pictures end in, the best first, with their media types.
const PICTURES: [(&str, &str); 5] = [
    ("avif", "image/avif"),
    ("webp", "image/webp"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
];

/// What the folder holds.
#[derive(Clone, Debug, Default)]
pub(in crate::http::page) struct Stock {
    /// Sorted by path, once it is shown.
    movies: Vec<Movie>,
    pictures: HashMap<MediaPath, Picture>,
    /// What nobody has looked into yet.
    unread: Vec<MediaPath>,
    /// Whether there are more files than lists are made of.
    is_cut: bool,
}

/// A file that can be played.
#[derive(Clone, Debug)]
pub(in crate::http::page) struct Movie {
    pub(in crate::http::page) path: MediaPath,
    /// Whether it is a symbolic link itself.
    pub(in crate::http::page) is_link: bool,
    pub(in crate::http::page) facts: Arc<Facts>,
}

/// A picture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http::page) struct Picture {
    pub(in crate::http::page) path: MediaPath,
    /// Whether it is a symbolic link itself.
    is_link: bool,
    pub(in crate::http::page) media_type: &'static str,
    pub(in crate::http::page) modified: SystemTime,
}

impl Stock {
    pub(super) fn new(is_cut: bool) -> Self {
        Self {
            is_cut,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, movie: Option<Movie>) {
        self.movies.extend(movie);
    }

    pub(super) fn add_picture(&mut self, picture: Picture) {
        self.pictures.insert(picture.path.clone(), picture);
    }

    /// The same in order, while these files are still to be looked into.
    pub(super) fn with_unread(&self, unread: &[Listed]) -> Self {
        let mut shown = self.clone();
        shown.movies.sort_by(|a, b| a.path.cmp(&b.path));
        shown.unread = unread.iter().map(|file| file.path.clone()).collect();
        shown
    }

    /// Whether all of it has been looked into.
    pub(super) fn is_whole(&self) -> bool {
        self.unread.is_empty()
    }

    /// Whether there may be more movies in that folder than are known by now.
    pub(in crate::http::page) fn is_filling(&self, folder: &MediaPath) -> bool {
        self.unread.iter().any(|path| path.is_below(folder))
    }

    /// Whether there are more files than lists are made of.
    pub(in crate::http::page) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The movies, sorted by path.
    pub(in crate::http::page) fn movies(&self) -> &[Movie] {
        &self.movies
    }

    /// The picture that goes with a channel or movie.
    pub(in crate::http::page) fn picture(&self, path: &MediaPath) -> Option<&Picture> {
        Picture::names_for(path).find_map(|name| self.pictures.get(&name))
    }

    /// The names of those pictures that perhaps lie elsewhere.
    pub(in crate::http::page) fn linked_pictures(&self) -> impl Iterator<Item = MediaPath> {
        let pictures = self.pictures.values().filter(|picture| picture.is_link);
        pictures.map(|picture| picture.path.clone())
    }
}

impl Movie {
    /// Whose rules guard it: its folder's, or those of its own name if it is a link that leads elsewhere.
    pub(in crate::http::page) fn guarded(&self) -> MediaPath {
        match self.is_link {
            true => self.path.clone(),
            false => self.path.parent(),
        }
    }
}

impl Picture {
    /// `None` for other files.
    pub(super) fn of(file: &Listed) -> Option<Self> {
        let (_, extension) = file.path.name().rsplit_once('.')?;
        let (_, media_type) = PICTURES.iter().find(|(name, _)| *name == extension)?;
        Some(Self {
            path: file.path.clone(),
            is_link: file.is_link,
            media_type,
            modified: file.modified,
        })
    }

    /// How the picture of a channel or movie may be called: `news/today.mov.jpg`, or `news/today.jpg`.
    pub(super) fn names_for(path: &MediaPath) -> impl Iterator<Item = MediaPath> {
        let stem = path.as_str().rsplit_once('.').map(|(stem, _)| stem);
        let names = [Some(path.as_str()), stem.filter(|stem| !stem.is_empty())];
        names.into_iter().flatten().flat_map(|name| {
            let named = move |extension| MediaPath::from_plain(&format!("{name}.{extension}")).ok();
            PICTURES
                .iter()
                .filter_map(move |(extension, _)| named(extension))
        })
    }

    /// Whether a list may tell of it that shows these names: where it lies is that of what it goes with.
    pub(in crate::http::page) fn is_shown(&self, shown: &HashSet<MediaPath>) -> bool {
        !self.is_link || shown.contains(&self.path)
    }

    /// What it is a picture of, as far as its own name tells, and it itself.
    pub(in crate::http::page) fn names(&self) -> impl Iterator<Item = MediaPath> {
        let stem = self.path.as_str().rsplit_once('.').map(|(stem, _)| stem);
        let named = stem.and_then(|stem| MediaPath::from_plain(stem).ok());
        named.into_iter().chain([self.path.clone()])
    }
}

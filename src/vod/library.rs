//! The movies folder: from a path to an open movie, read once for all its viewers.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use lru::LruCache;
use tokio::sync::OnceCell;
use tracing::warn;

use super::Error;
use super::file::{FileNumbers, MediaFile};
use super::movie::Movie;
use crate::base::error::chain;
use crate::base::path::MediaPath;
use crate::container::{self, Foreign, ReadAt};

/// The text that a reference movie begins with (QTSS manual, "Reference movies").
const REFERENCE: &[u8] = b"rtsptext";

/// The longest reference movie, in bytes.
const MAX_REFERENCE: u64 = 4096;

/// Memory of indexes, in bytes, that movies without viewers may keep.
const MAX_INDEXES: usize = 128 << 20;

/// How deep below the movies folder it is listed; a loop of links ends there too.
const MAX_DEPTH: usize = 8;

/// The movies folder and the movies that were opened from it.
#[derive(Debug)]
pub struct Library {
    root: PathBuf,
    follow_links: bool,
    numbers: FileNumbers,
    open: Mutex<LruCache<PathBuf, Entry>>,
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub enum Found {
    /// A movie that can be played.
    Movie(Arc<Movie>),
    /// A reference movie: the RTSP URL that it names.
    Redirect(String),
}

/// A file of the folder that may be a movie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its path.
    pub path: MediaPath,
    /// Bytes.
    pub size: u64,
    /// When it last changed.
    pub modified: SystemTime,
    /// Whether it is a symbolic link itself, and so perhaps guarded by more than its folder.
    pub is_link: bool,
}

impl Listed {
    fn of(path: MediaPath, facts: &fs::Metadata, is_link: bool) -> Self {
        Self {
            path,
            size: facts.len(),
            modified: facts.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            is_link,
        }
    }
}

/// An opened file, as long as it stays what it was.
#[derive(Debug)]
struct Entry {
    size: u64,
    modified: SystemTime,
    found: Arc<OnceCell<Found>>,
}

impl Library {
    /// The folder `root`; with `follow_links` symbolic links may lead out of it.
    pub fn new(root: PathBuf, follow_links: bool) -> Self {
        Self {
            root,
            follow_links,
            numbers: FileNumbers::default(),
            open: Mutex::new(LruCache::unbounded()),
        }
    }

    /// Opens what a path names, to be served by RTSP.
    ///
    /// # Errors
    /// Those of [`find`](Self::find), and [`Error::Unsupported`] for a movie of which no track can
    /// be served so.
    pub async fn open(self: &Arc<Self>, path: &MediaPath) -> Result<Found, Error> {
        let tell = |error: &Error| warn!(%path, "cannot be served: {error}");
        let found = self.find(path).await.inspect_err(|error| {
            if error.is_foreign() {
                tell(error);
            }
        })?;
        let unserved = match &found {
            Found::Movie(movie) => movie.unserved(),
            Found::Redirect(_) => None,
        };
        unserved.inspect(tell).map_or(Ok(found), Err)
    }

    /// Finds what a path names. Everybody who asks for the same file waits for one reading of its index.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for what is never served; [`Error::Unsupported`] and
    /// [`Error::Container`] for what is no movie, which is logged with its reason unless other programs read it.
    pub async fn find(self: &Arc<Self>, path: &MediaPath) -> Result<Found, Error> {
        let (library, wanted) = (Arc::clone(self), path.clone());
        let located = tokio::task::spawn_blocking(move || library.locate(&wanted)).await;
        let (file, facts) = located.map_err(io::Error::other)??;
        let cell = self.entry(
            &file,
            facts.len(),
            facts.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        );
        let (library, wanted) = (Arc::clone(self), path.clone());
        let found = cell.get_or_try_init(|| async move {
            let read = tokio::task::spawn_blocking(move || library.read(&wanted, &file)).await;
            read.map_err(io::Error::other)?
        });
        let found = found.await.inspect_err(|error| {
            if !error.is_foreign() {
                warn!(%path, "cannot be served: {}", chain(error));
            }
        })?;
        let found = found.clone();
        self.shrink();
        Ok(found)
    }

    /// The movie that a path names, to be sent as it lies, though perhaps other programs alone read it: then it
    /// has no tracks.
    ///
    /// # Errors
    /// Those of [`find`](Self::find), and [`Error::NotFound`] for what only leads elsewhere.
    pub async fn file(self: &Arc<Self>, path: &MediaPath) -> Result<Arc<Movie>, Error> {
        match self.find(path).await {
            Ok(Found::Movie(movie)) => Ok(movie),
            Ok(Found::Redirect(_)) => Err(Error::NotFound),
            Err(Error::Container(container::Error::Foreign(format))) => {
                let (library, path) = (Arc::clone(self), path.clone());
                let opened = tokio::task::spawn_blocking(move || library.unread(path, format));
                opened.await.map_err(io::Error::other)?
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a file that this server does not read. Blocks.
    fn unread(&self, path: MediaPath, format: Foreign) -> Result<Arc<Movie>, Error> {
        let (file, _) = self.locate(&path)?;
        let file = MediaFile::open(&file, &self.numbers).map_err(missing)?;
        let index = container::Movie::unread(format);
        Ok(Arc::new(Movie::new(path, index, vec![Arc::new(file)])))
    }

    /// The files of the folder that may be movies, sorted by path. Blocks.
    pub fn list(&self) -> Vec<Listed> {
        let mut listed = Vec::new();
        self.list_folder(&MediaPath::default(), 0, &mut listed);
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        listed
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The text of a file of the folder, which may be `longest` bytes. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for what is never served; [`Error::Unsupported`] for what is longer.
    pub fn text(&self, path: &MediaPath, longest: u64) -> Result<Vec<u8>, Error> {
        let (file, _) = self.locate(path)?;
        let mut text = Vec::new();
        let file = fs::File::open(file).map_err(missing)?;
        file.take(longest + 1).read_to_end(&mut text)?;
        if text.len() as u64 > longest {
            return Err(Error::Unsupported(format!("longer than {longest} bytes")));
        }
        Ok(text)
    }

    /// What [`list`](Self::list) would tell of one file now. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for what is never served.
    pub fn look(&self, path: &MediaPath) -> Result<Listed, Error> {
        let (file, facts) = self.locate(path)?;
        Ok(Listed::of(path.clone(), &facts, file.is_symlink()))
    }

    /// What is in a file, which is not kept open. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for what is never served; [`Error::Container`] for what is no movie.
    pub fn index(&self, path: &MediaPath) -> Result<container::Movie, Error> {
        let (file, _) = self.locate(path)?;
        let file = MediaFile::open(&file, &self.numbers).map_err(missing)?;
        Ok(container::open(&file)?)
    }

    /// Finds the file of a path, and nothing outside of what may be served. Blocks.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for what is never served; [`Error::Unsupported`] for what is no file.
    pub fn locate(&self, path: &MediaPath) -> Result<(PathBuf, fs::Metadata), Error> {
        if path.is_root() || path.is_private() {
            return Err(Error::NotFound);
        }
        let file = path.below(&self.root);
        let facts = fs::metadata(&file).map_err(missing)?;
        if !self.follow_links && !self.holds(&file).map_err(missing)? {
            return Err(Error::NotFound);
        }
        if facts.is_dir() {
            return Err(Error::Unsupported("it is a folder".to_owned()));
        }
        if !facts.is_file() {
            return Err(Error::Unsupported("it is no regular file".to_owned()));
        }
        Ok((file, facts))
    }

    /// Whether a file really lies below the root.
    fn holds(&self, file: &Path) -> io::Result<bool> {
        Ok(file.canonicalize()?.starts_with(self.root.canonicalize()?))
    }

    /// The cell of a file; a new one when the file has changed.
    fn entry(&self, file: &Path, size: u64, modified: SystemTime) -> Arc<OnceCell<Found>> {
        let mut open = self.lock();
        if let Some(entry) = open
            .get(file)
            .filter(|entry| entry.size == size && entry.modified == modified)
        {
            return Arc::clone(&entry.found);
        }
        let found = Arc::new(OnceCell::new());
        open.put(
            file.to_owned(),
            Entry {
                size,
                modified,
                found: Arc::clone(&found),
            },
        );
        found
    }

    /// Reads a file's index. Blocks.
    fn read(&self, path: &MediaPath, file: &Path) -> Result<Found, Error> {
        let movie = MediaFile::open(file, &self.numbers).map_err(missing)?;
        if let Some(url) = reference(&movie)? {
            return Ok(Found::Redirect(url));
        }
        let index = container::open(&movie)?;
        let mut files = vec![Arc::new(movie)];
        for name in &index.files {
            let opened = self.open_beside(path, file, name).map_err(|error| {
                Error::Unsupported(format!("it needs the file {name} of its folder: {error}"))
            })?;
            files.push(Arc::new(opened));
        }
        let movie = Movie::new(path.clone(), index, files);
        let faults = &movie.index().faults;
        // Hint tracks send also media that the server itself could not.
        if !faults.is_empty() && !movie.is_hinted() {
            warn!(%path, "is served in part: {}", faults.join("; "));
        }
        Ok(Found::Movie(Arc::new(movie)))
    }

    /// Opens the file `name` in the folder of `movie`, which is called `path`. Blocks.
    fn open_beside(&self, path: &MediaPath, movie: &Path, name: &str) -> Result<MediaFile, Error> {
        let beside = path.parent().join(name).ok_or(Error::NotFound)?;
        let (file, _) = self.locate(&beside)?;
        // Who may watch the movie has not been asked about another folder.
        if file.is_symlink() && real_folder(&file)? != real_folder(movie)? {
            return Err(Error::Unsupported(
                "it is a link to another folder".to_owned(),
            ));
        }
        Ok(MediaFile::open(&file, &self.numbers)?)
    }

    /// Forgets the movies that nobody watches, those not asked for the longest first.
    fn shrink(&self) {
        let mut open = self.lock();
        let mut memory: usize = open.iter().map(|(_, entry)| entry.memory()).sum();
        let mut spared = 0;
        while memory > MAX_INDEXES && spared < open.len() {
            let Some((file, entry)) = open.pop_lru() else {
                return;
            };
            if entry.is_watched() {
                spared += 1;
                open.put(file, entry);
            } else {
                memory -= entry.memory();
            }
        }
    }

    fn list_folder(&self, folder: &MediaPath, depth: usize, listed: &mut Vec<Listed>) {
        let Ok(entries) = fs::read_dir(folder.below(&self.root)) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(path) = name.to_str().and_then(|name| folder.join(name)) else {
                continue;
            };
            let Ok(facts) = fs::metadata(entry.path()) else {
                continue;
            };
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if path.is_private() || (is_link && !self.follow_links) {
                continue;
            }
            if facts.is_dir() && depth < MAX_DEPTH {
                self.list_folder(&path, depth + 1, listed);
            } else if facts.is_file() {
                listed.push(Listed::of(path, &facts, is_link));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<PathBuf, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Bytes of memory, an entry without a movie counted as a little.
    fn memory(&self) -> usize {
        match self.found.get() {
            Some(Found::Movie(movie)) => movie.index().index_memory() + 4096,
            _ => 4096,
        }
    }

    fn is_watched(&self) -> bool {
        match self.found.get() {
            Some(Found::Movie(movie)) => Arc::strong_count(movie) > 1,
            Some(Found::Redirect(_)) => false,
            None => Arc::strong_count(&self.found) > 1,
        }
    }
}

/// The folder that a file lies in, wherever its name leads.
fn real_folder(file: &Path) -> io::Result<Option<PathBuf>> {
    Ok(file.canonicalize()?.parent().map(Path::to_owned))
}

fn missing(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput => Error::NotFound,
        _ => Error::Io(error),
    }
}

/// The URL that a reference movie names: `rtsptext`, white space, the URL.
fn reference(file: &MediaFile) -> Result<Option<String>, Error> {
    let mut text = vec![0; file.size().min(MAX_REFERENCE) as usize];
    file.read_at(0, &mut text)?;
    let Some(rest) = text.strip_prefix(REFERENCE) else {
        return Ok(None);
    };
    let url = String::from_utf8_lossy(rest)
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned();
    let sane = url.to_ascii_lowercase().starts_with("rtsp") && !url.chars().any(char::is_control);
    if sane {
        Ok(Some(url))
    } else {
        Err(Error::Unsupported(
            "a reference movie without an RTSP URL".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library_of(
        files: &[(&str, &[u8])],
        follow_links: bool,
    ) -> (tempfile::TempDir, Arc<Library>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, contents) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, contents).unwrap();
        }
        let library = Arc::new(Library::new(folder.path().to_owned(), follow_links));
        (folder, library)
    }

    async fn opened(library: &Arc<Library>, path: &str) -> Result<Found, Error> {
        library.open(&MediaPath::from_plain(path).unwrap()).await
    }

    #[tokio::test]
    async fn reference_movies_name_another_place() {
        let text = b"rtsptext\r\nrtsp://elsewhere/a.mov\r\n";
        let (_folder, library) = library_of(
            &[("a.mov", text), ("b.mov", b"rtsptext\r\nfile:///etc")],
            true,
        );
        let found = opened(&library, "a.mov").await;
        assert!(matches!(found, Ok(Found::Redirect(url)) if url == "rtsp://elsewhere/a.mov"));
        assert!(matches!(
            opened(&library, "b.mov").await,
            Err(Error::Unsupported(_))
        ));
    }

    #[tokio::test]
    async fn access_files_and_hidden_files_do_not_exist() {
        let files: [(&str, &[u8]); 3] = [
            ("qtaccess", b"x"),
            ("sub/qtusers", b"x"),
            (".hidden/a.mov", b"x"),
        ];
        let (_folder, library) = library_of(&files, true);
        for (path, _) in files {
            assert!(
                matches!(opened(&library, path).await, Err(Error::NotFound)),
                "{path}"
            );
        }
        assert_eq!(library.list(), []);
        assert!(matches!(
            opened(&library, "sub").await,
            Err(Error::Unsupported(_))
        ));
        assert!(matches!(
            opened(&library, "nothing").await,
            Err(Error::NotFound)
        ));
    }

    #[tokio::test]
    async fn links_lead_out_only_where_they_may() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), b"rtsptext\nrtsp://elsewhere/").unwrap();
        for follow_links in [true, false] {
            let (folder, library) = library_of(&[], follow_links);
            std::os::unix::fs::symlink(outside.path(), folder.path().join("link.mov")).unwrap();
            assert_eq!(opened(&library, "link.mov").await.is_ok(), follow_links);
            assert_eq!(library.list().len(), usize::from(follow_links));
        }
    }

    #[tokio::test]
    async fn a_file_that_changed_is_read_anew() {
        let (folder, library) = library_of(&[("a.mov", b"rtsptext rtsp://one/")], true);
        assert!(
            matches!(opened(&library, "a.mov").await, Ok(Found::Redirect(url)) if url == "rtsp://one/")
        );
        fs::write(folder.path().join("a.mov"), b"rtsptext rtsp://another/").unwrap();
        assert!(
            matches!(opened(&library, "a.mov").await, Ok(Found::Redirect(url)) if url == "rtsp://another/")
        );
    }
}

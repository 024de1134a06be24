//! Files of rules, users and groups: read when somebody needs them, and again when they changed.

use std::fs;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use tracing::error;

use crate::base::file_stamp::FileStamp;

/// The longest file, in bytes.
const LONGEST: u64 = 16 << 20;

/// The most files that are kept in memory.
const MOST: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not 0");

/// Of a file with keys its owner may do everything and its group read it, where the folder is one whose files are for
/// that group; the rest of the mode has to be 0.
const EXPOSED: u32 = 0o037;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Counted from 1; 0 when it is the file as a whole.
    pub(super) line: usize,
    /// What is wrong, and what would be right.
    pub(super) text: String,
}

/// Files of one kind as they were read last.
#[derive(Debug)]
pub(super) struct Texts<T> {
    known: Mutex<LruCache<PathBuf, Known<T>>>,
}

/// A file as it was read last.
#[derive(Debug)]
struct Known<T> {
    /// `None` for a file that cannot be looked at, or is not there.
    stamp: Option<FileStamp>,
    /// `None` for what is of no use, which was logged.
    value: Option<Arc<T>>,
}

/// A file is there, but of no use; the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsound;

impl<T> Default for Texts<T> {
    fn default() -> Self {
        Self {
            known: Mutex::new(LruCache::new(MOST)),
        }
    }
}

/// Whether a file of this mode may have keys in it: nobody but its owner may write it, and nobody but the owner
/// and its group read it.
pub fn is_private(mode: u32) -> bool {
    mode & EXPOSED == 0
}

impl<T> Texts<T> {
    /// What `read` makes of the text of `file`; `None` when there is no such file. Blocks.
    ///
    /// # Errors
    /// [`Unsound`] for what cannot be read; the fault was logged when the file was read last.
    pub(super) fn of(
        &self,
        file: &Path,
        read: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Result<Option<Arc<T>>, Unsound> {
        self.of_keys(file, |text, _| read(text))
    }

    /// The same of what may be known to nobody else: `read` is also told the fault of a file that is not private.
    /// Blocks.
    pub(super) fn of_keys(
        &self,
        file: &Path,
        read: impl FnOnce(&str, Result<(), Fault>) -> Result<T, Fault>,
    ) -> Result<Option<Arc<T>>, Unsound> {
        let stamp = match fs::metadata(file) {
            Ok(facts) => Some(FileStamp::of(&facts)),
            // A link that leads nowhere is there.
            Err(error) if is_missing(&error) && !file.is_symlink() => return Ok(None),
            // Reading it will fail too, and say why.
            Err(_) => None,
        };
        if let Some(known) = self.lock().get(file)
            && known.stamp == stamp
        {
            return known.value.clone().map(Some).ok_or(Unsound);
        }
        let value = text_of(file).and_then(|(text, mode)| read(&text, private(mode)));
        let value = value.map(Arc::new);
        let value = value.inspect_err(|fault| {
            error!("{}:{}: {}", file.display(), fault.line, fault.text);
        });
        let value = value.ok();
        self.keep(file, stamp, value.clone());
        value.map(Some).ok_or(Unsound)
    }

    /// What `read` makes of the first of `files` that exists; `None` when none does, or for one that
    /// cannot be read. Both are logged once. Blocks.
    pub(super) fn first(
        &self,
        files: &[PathBuf],
        read: fn(&str) -> Result<T, Fault>,
    ) -> Option<Arc<T>> {
        for file in files {
            match self.of(file, read) {
                Ok(Some(value)) => return Some(value),
                Ok(None) => {}
                Err(Unsound) => return None,
            }
        }
        let first = files.first()?;
        let was_missing = |known: Known<T>| known.stamp.is_none() && known.value.is_none();
        if !self.keep(first, None, None).is_some_and(was_missing) {
            let names: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
            let names = names.join(" or ");
            error!("nobody can log in where {names} is needed: it does not exist");
        }
        None
    }

    /// Returns what was known before.
    fn keep(
        &self,
        file: &Path,
        stamp: Option<FileStamp>,
        value: Option<Arc<T>>,
    ) -> Option<Known<T>> {
        self.lock().put(file.to_owned(), Known { stamp, value })
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<PathBuf, Known<T>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn private(mode: u32) -> Result<(), Fault> {
    match is_private(mode) {
        true => Ok(()),
        false => Err(Fault {
            line: 0,
            text: format!("others may use these keys, by the file's mode {mode:o}: chmod 600"),
        }),
    }
}

/// The text and the mode.
fn text_of(file: &Path) -> Result<(String, u32), Fault> {
    let fault = |text: String| Fault { line: 0, text };
    let cannot = |error: io::Error| fault(format!("cannot be read: {error}"));
    let facts = fs::metadata(file).map_err(cannot)?;
    // Opening a pipe would wait for whoever writes to it.
    if !facts.is_file() {
        return Err(fault("is no regular file".to_owned()));
    }
    let opened = fs::File::open(file).map_err(cannot)?;
    // Of the file that is open, for another may have its name by now.
    let mode = opened.metadata().map_err(cannot)?.mode() & 0o777;
    let mut bytes = Vec::new();
    opened
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > LONGEST {
        return Err(fault(format!("is longer than {LONGEST} bytes")));
    }
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| fault("is not UTF-8; save it as such".to_owned()))?;
    Ok((text, mode))
}

fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    // Of a name that is too long there can be no file.
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("text");
        let texts = Texts::default();
        let of = |read: &dyn Fn(&str) -> Result<String, Fault>| texts.of(&file, read);
        let copy = |text: &str| Ok(text.to_owned());
        assert_eq!(of(&copy), Ok(None));
        fs::write(&file, "one").unwrap();
        assert_eq!(of(&copy), Ok(Some(Arc::new("one".to_owned()))));
        let unasked = |_: &str| panic!("it has not changed");
        assert_eq!(of(&unasked), Ok(Some(Arc::new("one".to_owned()))));
        fs::write(&file, b"\xff three").unwrap();
        assert_eq!(of(&copy), Err(Unsound));
        assert_eq!(of(&unasked), Err(Unsound));
        fs::remove_file(&file).unwrap();
        assert_eq!(of(&copy), Ok(None));
        std::os::unix::fs::symlink("nowhere", &file).unwrap();
        assert_eq!(of(&copy), Err(Unsound));
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert_eq!(of(&copy), Err(Unsound));
        let long = folder.path().join("x".repeat(300));
        assert_eq!(texts.of(&long, copy), Ok(None));
    }

    #[test]
    fn keys_are_their_owners() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        fs::write(&file, "x").unwrap();
        let texts = Texts::default();
        for (mode, expected) in [
            (0o600, true),
            (0o400, true),
            (0o640, true),
            (0o644, false),
            (0o604, false),
            (0o660, false),
            (0o601, false),
        ] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let read = texts.of_keys(&file, |text, private| private.map(|()| text.len()));
            assert_eq!(read.is_ok(), expected, "{mode:o}");
        }
    }

    #[test]
    fn the_first_that_exists_counts() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["one", "two"].map(|name| folder.path().join(name));
        let texts = Texts::default();
        let first = || texts.first(&files, |text| Ok(text.to_owned()));
        assert_eq!(first(), None);
        assert_eq!(first(), None);
        fs::write(&files[1], "second").unwrap();
        assert_eq!(first().as_deref(), Some(&"second".to_owned()));
        fs::write(&files[0], b"\xff").unwrap();
        assert_eq!(first(), None);
        fs::write(&files[0], "first").unwrap();
        assert_eq!(first().as_deref(), Some(&"first".to_owned()));
    }
}

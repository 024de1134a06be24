//! Where segments lie on disk that playlists still tell of: a folder of the server, with a folder for each packager.
//!
//! Nothing here outlives the server: what an earlier one left is deleted. All of it blocks but
//! [`share`](Spool::share), by which those who watch together read a segment once.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::shelf::Shelf;
use super::spooling::blocking;

/// The folder of a server.
#[derive(Debug)]
pub(super) struct Spools {
    folder: PathBuf,
    /// Held once the folder is this server's.
    lock: Mutex<Option<File>>,
    read: Arc<Read>,
}

/// What was read for those who asked last, by the number of the packager.
#[derive(Debug)]
struct Read {
    shelf: Shelf<(u32, Place)>,
    /// The most bytes of it.
    budget: usize,
}

/// The folder of a packager; deleted when this is dropped.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    /// Of the packager.
    number: u32,
    read: Arc<Read>,
    /// Held by whoever changes something in it.
    is_closed: Mutex<bool>,
}

/// The file that a segment of a rendition has on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SegmentFile {
    /// That of the rendition's files.
    pub(super) number: u32,
    /// The media sequence number.
    pub(super) sequence: u64,
}

/// A file on disk, or one of those that lie in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) file: SegmentFile,
    /// Which bytes.
    pub(super) range: Range<u64>,
}

impl Spools {
    /// Below the folder `state`, of which nothing is touched yet. So many bytes of what was read stay in memory.
    pub(super) fn new(state: &Path, budget: usize) -> Self {
        let read = Read {
            shelf: Shelf::default(),
            budget,
        };
        Self {
            folder: state.join("dvr"),
            lock: Mutex::default(),
            read: Arc::new(read),
        }
    }

    /// Bytes of what was read that are in memory.
    pub(super) fn read_bytes(&self) -> usize {
        self.read.shelf.bytes()
    }

    /// Deletes what an earlier server left, if anything did.
    ///
    /// # Errors
    /// That of the file system, or that another server has the folder.
    pub(super) fn clean(&self) -> io::Result<()> {
        if self.folder.exists() {
            self.claim()?;
        }
        Ok(())
    }

    /// A folder for the packager of that number.
    ///
    /// # Errors
    /// That of the file system, or that another server has the folder.
    pub(super) fn open(&self, number: u32) -> io::Result<Spool> {
        self.claim()?;
        let folder = self.folder.join(name(number));
        // Pictures lie there in the clear, also of what is encrypted.
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Spool {
            folder,
            number,
            read: Arc::clone(&self.read),
            is_closed: Mutex::default(),
        })
    }

    /// Makes the folder this server's, with nothing in it.
    fn claim(&self) -> io::Result<()> {
        let mut lock = held(&self.lock);
        if lock.is_some() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        let file = File::create(self.folder.join("lock"))?;
        file.try_lock()?;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if is_name(&entry.file_name().to_string_lossy()) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        *lock = Some(file);
        Ok(())
    }
}

impl Spool {
    /// Writes `pieces` one after the other into the file of a segment. What cannot be
    /// written as a whole is not there.
    ///
    /// # Errors
    /// That of the file system.
    pub(super) fn write(&self, segment: SegmentFile, pieces: &[Bytes]) -> io::Result<()> {
        let is_closed = held(&self.is_closed);
        if *is_closed {
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = self.path(segment);
        let mut file = File::create(&path)?;
        let written = pieces.iter().try_for_each(|piece| file.write_all(piece));
        if written.is_err() {
            // What cannot be deleted now is when the folder is.
            let _ = fs::remove_file(&path);
        }
        written
    }

    /// The bytes at that place, read once for all who ask for them at a time, and for those who ask soon after. Cancel safe.
    ///
    /// # Errors
    /// That of the file system; a segment may just have been deleted.
    pub(super) async fn share(self: &Arc<Self>, place: Place) -> io::Result<Bytes> {
        let Read { shelf, budget } = &*self.read;
        let (spool, key) = (Arc::clone(self), (self.number, place.clone()));
        let read = async || blocking(move || spool.read(&place)).await;
        shelf.get(key, *budget, read).await
    }

    /// The bytes at that place.
    ///
    /// # Errors
    /// That of the file system; a segment may just have been deleted.
    fn read(&self, place: &Place) -> io::Result<Bytes> {
        let Place { file, range } = place;
        let length = range.end.saturating_sub(range.start);
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let file = File::open(self.path(*file))?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }

    /// Deletes the file of a segment.
    ///
    /// # Errors
    /// That of the file system.
    pub(super) fn remove(&self, segment: SegmentFile) -> io::Result<()> {
        fs::remove_file(self.path(segment))
    }

    /// Deletes the folder, into which nothing is written any more.
    pub(super) fn close(&self) {
        let mut is_closed = held(&self.is_closed);
        if !std::mem::replace(&mut *is_closed, true) {
            // What cannot be deleted now is when the next server starts.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    fn path(&self, segment: SegmentFile) -> PathBuf {
        let SegmentFile { number, sequence } = segment;
        self.folder.join(format!("{}-{sequence}", name(number)))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.close();
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the folder of a packager is called.
fn name(number: u32) -> String {
    format!("{number:08x}")
}

fn is_name(text: &str) -> bool {
    u32::from_str_radix(text, 16).is_ok_and(|number| name(number) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_deletes_what_is_left_and_shares_with_none() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("dvr");
        let spools = Spools::new(state.path(), 1000);
        spools.clean().unwrap();
        assert!(!folder.exists(), "nothing is made without need");
        fs::create_dir_all(folder.join("0000000a")).unwrap();
        fs::write(folder.join("0000000a/17"), "left").unwrap();
        fs::create_dir(folder.join("of a user")).unwrap();
        spools.clean().unwrap();
        assert!(!folder.join("0000000a").exists());
        assert!(folder.join("of a user").exists());
        let spool = spools.open(10).unwrap();
        let other = Spools::new(state.path(), 1000);
        other.open(11).unwrap_err();
        assert!(folder.join("0000000a").exists());
        drop(spool);
        assert!(!folder.join("0000000a").exists());
        drop(spools);
        other.open(11).unwrap();
    }

    #[test]
    fn a_segment_is_read_as_it_was_written() {
        let state = tempfile::tempdir().unwrap();
        let spool = Spools::new(state.path(), 1000).open(1).unwrap();
        let pieces = ["one", "two", "three"].map(Bytes::from);
        let segment = |sequence| SegmentFile {
            number: 2,
            sequence,
        };
        let file = segment(7);
        spool.write(file, &pieces).unwrap();
        let place = |range| Place { file, range };
        assert_eq!(spool.read(&place(0..6)).unwrap(), "onetwo");
        assert_eq!(spool.read(&place(6..11)).unwrap(), "three");
        spool.read(&place(6..12)).unwrap_err();
        spool.remove(file).unwrap();
        spool.read(&place(0..6)).unwrap_err();
        spool.close();
        spool.write(segment(8), &pieces).unwrap_err();
        assert!(!state.path().join("dvr/00000001").exists());
    }

    #[tokio::test]
    async fn those_who_watch_together_read_once() {
        let state = tempfile::tempdir().unwrap();
        let spools = Spools::new(state.path(), 1000);
        let spool = Arc::new(spools.open(1).unwrap());
        let file = SegmentFile {
            number: 2,
            sequence: 7,
        };
        spool.write(file, &[Bytes::from(vec![0; 600])]).unwrap();
        let read = |range| spool.share(Place { file, range });
        let (first, second) = tokio::join!(read(0..600), read(0..600));
        assert_eq!(first.unwrap().as_ptr(), second.unwrap().as_ptr());
        read(0..300).await.unwrap();
        spool.remove(file).unwrap();
        read(0..600).await.unwrap();
        assert_eq!(spools.read_bytes(), 900);
        read(0..200).await.unwrap_err();
        let other = Arc::new(spools.open(3).unwrap());
        other
            .share(Place {
                file,
                range: 0..600,
            })
            .await
            .unwrap_err();
    }
}

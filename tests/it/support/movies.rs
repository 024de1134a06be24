//! Where the movies of the tests lie.

use std::path::PathBuf;

/// The sample clips of this project.
pub(crate) fn clips() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/movies").into()
}

/// Hinted movies of the QTSS era; `None`, and a line that says so, where they are not at hand.
pub(crate) fn qtss() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/media/qtss"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no movies of the QTSS era at {}", folder.display());
    None
}

/// A folder with one movie, `clock.mp4`, of which pages know at once.
pub(crate) fn one_clip() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let movie = folder.path().join("clock.mp4");
    std::fs::copy(clips().join("clock.mp4"), movie).unwrap();
    folder
}

//! ISO base media files and QuickTime movies (ISO/IEC 14496-12, QTFF).

use super::{Error, Movie, ReadAt};

pub mod hint;

/// Whether `file` starts like a movie of this family.
///
/// # Errors
/// [`Error::Read`] when the medium fails.
pub fn recognises(file: &dyn ReadAt) -> Result<bool, Error> {
    let _ = file;
    Ok(false)
}

/// Reads the movie that `file` holds.
///
/// # Errors
/// [`Error`] when it has no movie box, or one of which nothing can be served.
pub fn open(file: &dyn ReadAt) -> Result<Movie, Error> {
    let _ = file;
    Err(Error::Unrecognised)
}

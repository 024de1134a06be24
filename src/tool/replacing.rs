//! Files with secrets, which are replaced at once for whoever reads them.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::process::geteuid;

/// Who may read and write a new file: its owner.
const PRIVATE: u32 = 0o600;

/// The same, and its group may read it.
const OF_GROUP: u32 = 0o640;

/// The bit of a folder's mode that gives its group to the files that are made in it.
const SET_GROUP_ID: u32 = 0o2000;

/// Keeps other programs like this one from changing `file` as long as what it returns lives. The lock is
/// its folder's, for the file itself is replaced.
///
/// # Errors
/// When there is no such folder, or it cannot be read.
pub(super) fn lock(file: &Path) -> io::Result<File> {
    let folder = File::open(folder_of(file))?;
    folder.lock()?;
    Ok(folder)
}

/// Gives `file` another text at once, for whoever reads it; its owner and mode stay. A new one is its
/// owner's alone, who is that of the folder when root makes it, and for a group to read only where the folder gives
/// its group to its files.
///
/// # Errors
/// When it cannot be written; it is as it was then.
pub(super) fn replace(file: &Path, text: &str) -> io::Result<()> {
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let name = format!(".{}.{}", name.to_string_lossy(), std::process::id());
    let new = folder_of(file).join(name);
    let written = write(&new, file, text).and_then(|()| fs::rename(&new, file));
    // The first error is the one to be told.
    written.inspect_err(|_| drop(fs::remove_file(&new)))
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes `new`, which is to be like `old` if that is there.
fn write(new: &Path, old: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mode = mode_in(folder_of(new))?;
    options.write(true).create_new(true).mode(mode);
    let mut file = options.open(new)?;
    match fs::metadata(old) {
        Ok(facts) => {
            give(&file, &facts)?;
            file.set_permissions(Permissions::from_mode(facts.mode() & 0o7777))?;
        }
        // The server may run as somebody else, who has to read it.
        Err(_) if geteuid().is_root() => give(&file, &fs::metadata(folder_of(old))?)?,
        Err(_) => {}
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The mode of a new file: for a group only where the folder is one whose group is to have its files.
fn mode_in(folder: &Path) -> io::Result<u32> {
    let shared = fs::metadata(folder)?.mode() & SET_GROUP_ID != 0;
    Ok(if shared { OF_GROUP } else { PRIVATE })
}

/// Gives `file` to the owner and group that `facts` tell.
fn give(file: &File, facts: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    match (facts.uid(), facts.gid()) == (own.uid(), own.gid()) {
        true => Ok(()),
        false => fchown(file, Some(facts.uid()), Some(facts.gid())),
    }
}

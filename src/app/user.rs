//! The user that the server runs as: root binds the ports, and has no part in what comes after.

use std::ffi::CString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, lchown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Uid, User, initgroups, setresgid, setresuid, setuid};

const ROOT: Uid = Uid::from_raw(0);

/// Why the server did not become the user that the settings name.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("there is no user {0}; `adduser --system --group {0}` makes one")]
    Nobody(String),
    #[error("only root can become {0}: start as root or as {0}, or leave [server] user empty")]
    NotRoot(String),
    #[error("looking for the user {name}")]
    Unknown { name: String, source: Errno },
    #[error("becoming {name}")]
    Refused { name: String, source: Errno },
    #[error("the rights of root did not end with becoming {0}")]
    StillRoot(String),
    #[error("making {} for {name}", .folder.display())]
    State {
        name: String,
        folder: PathBuf,
        source: io::Error,
    },
}

/// Makes the process that of the user `name`, with its groups and no rights but its own, for good. Does
/// nothing if it is that user's already. A folder `state` that is not there is made for that user before.
///
/// The C library changes all threads together (nptl(7)). What has been opened stays open.
///
/// # Errors
/// [`Failure`]; then the process may have any rights that it began with, and has to end.
pub(super) fn become_user(name: &str, state: &Path) -> Result<(), Failure> {
    let user = find(name)?;
    if (Uid::current(), Uid::effective()) == (user.uid, user.uid) {
        return Ok(());
    }
    if !Uid::effective().is_root() {
        return Err(Failure::NotRoot(name.to_owned()));
    }
    provide(state, &user).map_err(|source| Failure::State {
        name: name.to_owned(),
        folder: state.to_owned(),
        source,
    })?;
    change(&user).map_err(|source| Failure::Refused {
        name: name.to_owned(),
        source,
    })?;
    match setuid(ROOT) {
        Err(_) => Ok(()),
        Ok(()) => Err(Failure::StillRoot(name.to_owned())),
    }
}

/// The user of that name.
///
/// # Errors
/// [`Failure::Nobody`], or what the system says.
pub(super) fn find(name: &str) -> Result<User, Failure> {
    let found = User::from_name(name).map_err(|source| Failure::Unknown {
        name: name.to_owned(),
        source,
    })?;
    found.ok_or_else(|| Failure::Nobody(name.to_owned()))
}

/// Whether the process may do everything.
pub(super) fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Makes the folder for `user` unless something is there; whose that is, is not for root to change.
fn provide(folder: &Path, user: &User) -> io::Result<()> {
    if let Some(above) = folder.parent() {
        DirBuilder::new().recursive(true).create(above)?;
    }
    match DirBuilder::new().mode(0o750).create(folder) {
        Ok(()) => lchown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The groups first, for afterwards they could not be changed. That all three users are others takes
/// the capabilities (capabilities(7), "Effect of user ID changes").
fn change(user: &User) -> Result<(), Errno> {
    let name = CString::new(user.name.as_str()).map_err(|_| Errno::EINVAL)?;
    initgroups(&name, user.gid)?;
    setresgid(user.gid, user.gid, user.gid)?;
    setresuid(user.uid, user.uid, user.uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_that_it_is_already_needs_no_change() {
        let own = User::from_uid(Uid::current()).unwrap();
        let Some(own) = own else {
            println!("skipped: the user of this process has no name");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        become_user(&own.name, &state).unwrap();
        assert!(!state.exists());
    }

    #[test]
    fn a_user_has_to_be_there() {
        let nobody = become_user("no such user", Path::new("state")).unwrap_err();
        assert!(matches!(nobody, Failure::Nobody(_)), "{nobody}");
    }
}

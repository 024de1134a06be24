//! From a name to what guards it: the access file that is found first from the name upward, and
//! from where a symbolic link leads.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::groups::Groups;
use super::guard::{Guard, Rule};
use super::qtaccess::{AccessFile, Require};
use super::texts::{Texts, Unsound};
use super::users::Users;
use crate::base::path::MediaPath;

/// The name of access files.
const NAME: &str = "qtaccess";

/// For how long a look at the files is good.
const FRESH: Duration = Duration::from_secs(1);

/// The most names that are remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).expect("4096 is not 0");

/// Where users and groups are that an access file does not name; of several the first that exists counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Files of users.
    pub users: Vec<PathBuf>,
    /// Files of groups.
    pub groups: Vec<PathBuf>,
}

/// What guards the names below the movies folder.
#[derive(Debug)]
pub(super) struct Guards {
    root: PathBuf,
    files: Mutex<Files>,
    known: Mutex<LruCache<MediaPath, (Instant, Arc<Guard>)>>,
    access: Texts<AccessFile>,
    users: Texts<Users>,
    groups: Texts<Groups>,
}

impl Guards {
    /// Those of the movies folder `root`.
    pub(super) fn new(root: PathBuf, files: Files) -> Self {
        Self {
            root,
            files: Mutex::new(files),
            known: Mutex::new(LruCache::new(MOST)),
            access: Texts::default(),
            users: Texts::default(),
            groups: Texts::default(),
        }
    }

    /// Takes other files of users and groups from now on.
    pub(super) fn configure(&self, files: Files) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        self.known().clear();
    }

    /// What guards `name`, if that was looked at within the last second.
    pub(super) fn fresh(&self, name: &MediaPath, now: Instant) -> Option<Arc<Guard>> {
        let mut known = self.known();
        let (at, guard) = known.get(name)?;
        let is_fresh = now.saturating_duration_since(*at) < FRESH;
        is_fresh.then(|| Arc::clone(guard))
    }

    /// What guards `name` now. Blocks.
    ///
    /// The name of a folder, or of a channel that has a folder, is guarded by what lies in it.
    pub(super) fn look(&self, name: &MediaPath, now: Instant) -> Arc<Guard> {
        let mut rules = Vec::new();
        for name in spellings(name) {
            let lexical = self.nearest(&name.below(&self.root), &self.root);
            let real = self.elsewhere(&name);
            let real = real.and_then(|(real, top)| self.nearest(&real, &top));
            for rule in lexical.into_iter().chain(real) {
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
        let guard = Arc::new(Guard(rules));
        self.known().put(name.clone(), (now, Arc::clone(&guard)));
        guard
    }

    /// Where links lead that are in a name, and the folder above which no rule counts there.
    fn elsewhere(&self, name: &MediaPath) -> Option<(PathBuf, PathBuf)> {
        let root = self.root.canonicalize().ok()?;
        // A channel has no file, but may have a folder that is a link.
        let mut existing = name.clone();
        let real = loop {
            if let Ok(real) = existing.below(&self.root).canonicalize() {
                break real;
            }
            if existing.is_root() {
                return None;
            }
            existing = existing.parent();
        };
        if real == existing.below(&root) {
            return None;
        }
        let top = if real.starts_with(&root) {
            root
        } else {
            PathBuf::from("/")
        };
        Some((real, top))
    }

    /// The rule of the first access file from `place` up to `top`; `None` without one, and when it
    /// lets everybody in.
    fn nearest(&self, place: &Path, top: &Path) -> Option<Arc<Rule>> {
        for folder in place.ancestors() {
            match self.access.of(&folder.join(NAME), AccessFile::read) {
                Ok(Some(access)) if access.is_open() => return None,
                Ok(Some(access)) => return Some(Arc::new(self.rule(folder, access))),
                Err(Unsound) => return Some(Arc::new(Rule::Closed)),
                Ok(None) if folder == top => return None,
                Ok(None) => {}
            }
        }
        None
    }

    fn rule(&self, folder: &Path, access: Arc<AccessFile>) -> Rule {
        let files = self.files.lock();
        let files = files.unwrap_or_else(PoisonError::into_inner).clone();
        let users = chosen(folder, access.users.as_deref(), files.users);
        let Some(users) = self.users.first(&users, Users::read) else {
            return Rule::Closed;
        };
        let is_of_groups = |require: &Require| matches!(require, Require::Groups(_));
        let groups = match access.required.iter().any(is_of_groups) {
            true => {
                let groups = chosen(folder, access.groups.as_deref(), files.groups);
                self.groups.first(&groups, Groups::read)
            }
            false => Some(Arc::default()),
        };
        match groups {
            Some(groups) => Rule::Users {
                access,
                users,
                groups,
            },
            None => Rule::Closed,
        }
    }

    fn known(&self) -> MutexGuard<'_, LruCache<MediaPath, (Instant, Arc<Guard>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of the same channel: `x` and `x.sdp`.
fn spellings(name: &MediaPath) -> impl Iterator<Item = MediaPath> {
    let bare = name.as_str().strip_suffix(".sdp");
    let other = match bare {
        Some(bare) => MediaPath::from_plain(bare),
        None => MediaPath::from_plain(&format!("{name}.sdp")),
    };
    [Some(name.clone()), other.ok()].into_iter().flatten()
}

/// The file that the access file of `folder` names, or else `others`.
fn chosen(folder: &Path, named: Option<&str>, others: Vec<PathBuf>) -> Vec<PathBuf> {
    match named {
        Some(named) => vec![folder.join(named)],
        None => others,
    }
}

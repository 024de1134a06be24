//! From a name to what guards it: the access file that is found first from the name upward, and
//! from where a symbolic link leads.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::groups::Groups;
use super::guard::{Guard, Rule};
use super::qtaccess::{AccessFile, Action, Require, Scheme};
use super::rules::Rules;
use super::texts::{Texts, Unsound};
use super::users::Users;
use crate::base::path::MediaPath;

/// The name of access files.
const NAME: &str = "qtaccess";

/// For how long a look at the files is good.
const FRESH: Duration = Duration::from_secs(1);

/// The most names that are remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).expect("4096 is not 0");

/// Where users and groups are that an access file does not name, of several the first that exists, what else
/// counts where it is silent, and what the settings say of channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Files of users.
    pub users: Vec<PathBuf>,
    /// Files of groups.
    pub groups: Vec<PathBuf>,
    /// Whether none of them has to be there, for tokens name users and groups as well.
    pub may_lack: bool,
    /// How users log in where an access file does not say it.
    pub scheme: Scheme,
    /// The rules of channels, which go before the access files of the folders above.
    pub channels: HashMap<MediaPath, Rules>,
}

/// An access file and the folder that it lies in.
type Found = Result<(PathBuf, Arc<AccessFile>), Unsound>;

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
        *self.files() = files;
        self.known().clear();
    }

    /// What guards `name` against those who want to watch it, if that was looked at within the last second.
    pub(super) fn fresh(&self, name: &MediaPath, now: Instant) -> Option<Arc<Guard>> {
        let mut known = self.known();
        let (at, guard) = known.get(name)?;
        let is_fresh = now.saturating_duration_since(*at) < FRESH;
        is_fresh.then(|| Arc::clone(guard))
    }

    /// What guards `name` against those who want to watch it now. Blocks.
    pub(super) fn look(&self, name: &MediaPath, now: Instant) -> Arc<Guard> {
        let guard = Arc::new(self.guard(name, Action::Read));
        self.known().put(name.clone(), (now, Arc::clone(&guard)));
        guard
    }

    /// What guards `name` against those who want to do `action`. Blocks.
    ///
    /// The name of a folder, or of a channel that has a folder, is guarded by what lies in it.
    pub(super) fn guard(&self, name: &MediaPath, action: Action) -> Guard {
        let mut lexical = self.lexical(name);
        if lexical.is_empty() {
            lexical.push(Ok((self.root.clone(), Arc::new(AccessFile::absent()))));
        }
        let mut rules = Vec::new();
        for found in lexical.into_iter().chain(self.linked(name)) {
            let rule = match found {
                Ok((folder, access)) => self.rule(&folder, &access, action),
                Err(Unsound) => Some(Rule::Closed),
            };
            rules.extend(rule.map(Arc::new).filter(|rule| !rules.contains(rule)));
        }
        Guard(rules)
    }

    /// The access files that count for a name as it stands: those in its own folders, and what the settings
    /// say of it, or else the next one above.
    fn lexical(&self, name: &MediaPath) -> Vec<Found> {
        let own = spellings(name).filter_map(|name| self.lying_in(&name.below(&self.root)));
        let own: Vec<_> = own.chain(self.set(name)).collect();
        match own.is_empty() {
            true => {
                let place = name.parent().below(&self.root);
                self.nearest(&place, &self.root).into_iter().collect()
            }
            false => own,
        }
    }

    /// What the settings say of a channel. The files that it names lie where the server was started.
    fn set(&self, name: &MediaPath) -> Option<Found> {
        let files = self.files();
        let rules = spellings(name).find_map(|name| files.channels.get(&name))?;
        Some(Ok((PathBuf::new(), Arc::clone(rules.access()))))
    }

    /// The access files that count where links in a name lead.
    fn linked(&self, name: &MediaPath) -> Vec<Found> {
        let Ok(root) = self.root.canonicalize() else {
            return Vec::new();
        };
        let is_there = |name: &MediaPath| name.below(&self.root).exists();
        let mut places: Vec<_> = spellings(name).filter(is_there).collect();
        if places.is_empty() {
            // A channel has no file, but its folder may be a link.
            let mut folder = name.parent();
            while !folder.is_root() && !is_there(&folder) {
                folder = folder.parent();
            }
            places.push(folder);
        }
        let places = places.iter();
        places
            .filter_map(|place| self.elsewhere(place, &root))
            .collect()
    }

    /// The access file that counts where links lead that are in the name of what exists; `root` is
    /// where the movies folder really is.
    fn elsewhere(&self, place: &MediaPath, root: &Path) -> Option<Found> {
        let real = place.below(&self.root).canonicalize().ok()?;
        if real == place.below(root) {
            return None;
        }
        // Above the movies folder no rule counts, but those of what lies elsewhere do.
        let is_inside = real.starts_with(root);
        let top = if is_inside { root } else { Path::new("/") };
        self.nearest(&real, top)
    }

    /// The first access file from `place` up to `top`.
    fn nearest(&self, place: &Path, top: &Path) -> Option<Found> {
        for folder in place.ancestors() {
            let found = self.lying_in(folder);
            if found.is_some() || folder == top {
                return found;
            }
        }
        None
    }

    fn lying_in(&self, folder: &Path) -> Option<Found> {
        let read = self.access.of(&folder.join(NAME), AccessFile::read);
        let read = read.transpose()?;
        Some(read.map(|access| (folder.to_owned(), access)))
    }

    /// What `access`, which lies in `folder`, demands; `None` when it lets everybody.
    fn rule(&self, folder: &Path, access: &Arc<AccessFile>, action: Action) -> Option<Rule> {
        let required = access.required(action);
        if required.contains(&Require::AnyUser) {
            return None;
        }
        let users = chosen(folder, access.users.as_deref(), &self.files().users);
        let users = match self.may_lack(access.users.as_deref(), &users) {
            true => Some(Arc::default()),
            false => self.users.first(&users, Users::read),
        };
        let Some(users) = users else {
            return Some(Rule::Closed);
        };
        let is_of_groups = |require: &Require| matches!(require, Require::Groups(_));
        let groups = match required.iter().any(is_of_groups) {
            true => {
                let groups = chosen(folder, access.groups.as_deref(), &self.files().groups);
                match self.may_lack(access.groups.as_deref(), &groups) {
                    true => Some(Arc::default()),
                    false => self.groups.first(&groups, Groups::read),
                }
            }
            false => Some(Arc::default()),
        };
        let rule = groups.map(|groups| Rule::Users {
            access: Arc::clone(access),
            scheme: access.scheme.unwrap_or_else(|| self.files().scheme),
            required,
            users,
            groups,
        });
        Some(rule.unwrap_or(Rule::Closed))
    }

    /// Whether there are no such files, and none are needed; one that an access file has `named` is.
    fn may_lack(&self, named: Option<&str>, files: &[PathBuf]) -> bool {
        let is_there = |file: &PathBuf| file.exists() || file.is_symlink();
        named.is_none() && self.files().may_lack && !files.iter().any(is_there)
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
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
fn chosen(folder: &Path, named: Option<&str>, others: &[PathBuf]) -> Vec<PathBuf> {
    match named {
        Some(named) => vec![folder.join(named)],
        None => others.to_vec(),
    }
}

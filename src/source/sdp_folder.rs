//! The `.sdp` files of the movies folder, as they come, change and go.
//!
//! The folder is watched; in addition the files that are known are looked at
//! every second, for a symbolic link does not tell when its target changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Feeds;
use crate::base::path::MediaPath;
use crate::config::Config;
use crate::vod::Library;

/// How long to wait after a change for others, so that a file is read when it is whole.
const QUIET: Duration = Duration::from_millis(200);

/// How often the files that are known are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// After how many looks the whole folder is searched, whether it told of a change or not.
const LOOKS_TO_SEARCH: u32 = 30;

/// The longest file that is read, in bytes; more is no description of a feed.
const LONGEST: u64 = 64 << 10;

/// Watches over the files and offers them as feeds.
pub struct SdpFolder {
    library: Arc<Library>,
    feeds: Arc<Feeds>,
    settings: watch::Receiver<Arc<Config>>,
    known: BTreeMap<MediaPath, File>,
}

/// A file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    stamp: Stamp,
    text: Vec<u8>,
}

type Stamp = (u64, SystemTime);

impl SdpFolder {
    /// The files of `library`'s folder.
    pub fn new(
        library: Arc<Library>,
        feeds: Arc<Feeds>,
        settings: watch::Receiver<Arc<Config>>,
    ) -> Self {
        Self {
            library,
            feeds,
            settings,
            known: BTreeMap::new(),
        }
    }

    /// Follows the folder until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
        self.feeds.clear().await;
    }

    async fn follow(&mut self) {
        let (wake, mut woken) = mpsc::channel(1);
        let watcher = watcher(self.library.root(), wake);
        let looks_to_search = if watcher.is_some() {
            LOOKS_TO_SEARCH
        } else {
            1
        };
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0;
        let mut interface = self
            .settings
            .borrow_and_update()
            .multicast
            .interface
            .clone();
        loop {
            tokio::select! {
                Some(()) = woken.recv() => {
                    let until = Instant::now() + QUIET;
                    while let Ok(Some(())) = timeout_at(until, woken.recv()).await {}
                    self.search(&interface).await;
                }
                _ = looks.tick() => {
                    if count % looks_to_search == 0 || self.has_changed().await {
                        self.search(&interface).await;
                    }
                    count += 1;
                }
                Ok(()) = self.settings.changed() => {
                    let now = self.settings.borrow_and_update().multicast.interface.clone();
                    if now != interface {
                        interface = now;
                        self.known.clear();
                        self.search(&interface).await;
                    }
                }
            }
        }
    }

    /// Whether a file that is known is not as it was read.
    async fn has_changed(&self) -> bool {
        let library = Arc::clone(&self.library);
        let known = self.known.iter();
        let known: Vec<_> = known
            .map(|(path, file)| (path.clone(), file.stamp))
            .collect();
        let looked = tokio::task::spawn_blocking(move || {
            let stamp = |path| library.look(path).ok().map(|one| (one.size, one.modified));
            known.iter().any(|(path, old)| stamp(path) != Some(*old))
        });
        looked.await.unwrap_or(false)
    }

    /// Finds the files that there are, and tells what differs from those that are known.
    async fn search(&mut self, interface: &str) {
        let library = Arc::clone(&self.library);
        let found = tokio::task::spawn_blocking(move || read(&library)).await;
        let Ok(found) = found else {
            return;
        };
        let gone = self.known.keys().filter(|path| !found.contains_key(path));
        for path in gone {
            tracing::info!("{path} is gone, and its channel with it");
            self.feeds.withdraw(path).await;
        }
        for (path, file) in &found {
            let known = self.known.get(path).map(|file| &file.text);
            if known == Some(&file.text) {
                continue;
            }
            let offered = self.feeds.offer(path, path.as_str(), &file.text, interface);
            if let Err(refused) = offered.await {
                tracing::warn!("{path} is passed over: {refused}");
            }
        }
        self.known = found;
    }
}

/// The descriptions in the folder. Blocks.
fn read(library: &Library) -> BTreeMap<MediaPath, File> {
    let mut files = library.list();
    files.retain(|file| file.path.as_str().ends_with(".sdp"));
    let files = files.into_iter().filter_map(|listed| {
        let text = library.text(&listed.path, LONGEST).ok()?;
        let stamp = (listed.size, listed.modified);
        Some((listed.path, File { stamp, text }))
    });
    files.collect()
}

/// Wakes when something happens to a description or a folder below `root`; `None` when nobody tells.
fn watcher(root: &Path, wake: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let on_event = move |event: notify::Result<Event>| {
        // What was not told completely may have been a description.
        if event.map_or(true, |event| may_matter(&event)) {
            // A full queue means that a search is due anyway.
            wake.try_send(()).ok();
        }
    };
    let watcher = notify::recommended_watcher(on_event).and_then(|mut watcher| {
        watcher.watch(root, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    let told = |error: &notify::Error| {
        tracing::warn!(
            "the movies folder is searched every second, for nobody tells of changes: {error}"
        );
    };
    watcher.inspect_err(told).ok()
}

fn may_matter(event: &Event) -> bool {
    let of_sdp = || {
        let mut paths = event.paths.iter();
        paths.any(|path| path.extension().is_some_and(|extension| extension == "sdp"))
    };
    match event.kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write) && of_sdp(),
        // Folders are moved under any name, and descriptions from any.
        EventKind::Create(CreateKind::Folder)
        | EventKind::Remove(RemoveKind::Folder)
        | EventKind::Modify(ModifyKind::Name(_)) => true,
        _ => of_sdp() || event.need_rescan(),
    }
}

//! The configuration while the server runs: a changed file is read, checked and offered.
//!
//! The folder of the file is watched rather than the file, because most editors
//! write a new file and rename it over the old one, and a file may be created
//! while the server runs. A faulty file is logged and the settings stay as they are.
//! The file of logins is followed likewise, for sources have what it says.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::changes::Changes;
use super::load::{Loaded, SettingsSource, load};
use super::settings::Config;

/// How long a file must have been left alone before it is read.
const QUIET: Duration = Duration::from_millis(200);

/// It is read after that long though its folder, in which logs may be written, is never quiet.
const LONGEST: Duration = Duration::from_secs(1);

/// Follows the configuration's file; ends when dropped.
#[derive(Debug)]
pub struct Watch {
    settings: watch::Receiver<Arc<Config>>,
    wake: mpsc::Sender<Wake>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    /// Something happened in the file's folder.
    Event,
    /// Somebody asks for the file to be read.
    Asked,
}

impl Watch {
    /// Offers `loaded` and whatever becomes of its file, also of one that is created later.
    /// Needs a tokio runtime.
    ///
    /// A file that cannot be watched is logged; [`reload`](Self::reload) still works.
    pub fn start(source: SettingsSource, loaded: Loaded) -> Self {
        let logins = loaded.config.access.logins.clone();
        let (offer, settings) = watch::channel(Arc::new(loaded.config));
        let (wake, woken) = mpsc::channel(1);
        let mut follower = Follower {
            seen: Seen::now(&source, logins),
            folders: Folders::new(wake.clone()),
            source,
            offer,
        };
        follower.watch();
        Self {
            settings,
            wake,
            task: tokio::spawn(follower.run(woken)),
        }
    }

    /// The present settings, and those that follow them.
    pub fn settings(&self) -> watch::Receiver<Arc<Config>> {
        self.settings.clone()
    }

    /// Reads the configuration again, also when its file has not changed.
    pub async fn reload(&self) {
        // The follower ends only with this value, so the message arrives.
        self.wake.send(Wake::Asked).await.ok();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The folders in which the file may appear or change.
struct Folders {
    watcher: Option<RecommendedWatcher>,
    /// Those that were tried, as far as they still exist.
    watched: Vec<PathBuf>,
}

impl Folders {
    fn new(wake: mpsc::Sender<Wake>) -> Self {
        let on_event = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| may_change(event.kind)) {
                // A full queue means that a reading is due anyway.
                wake.try_send(Wake::Event).ok();
            }
        };
        let watcher = notify::recommended_watcher(on_event)
            .inspect_err(|error| tracing::warn!("the configuration is not watched: {error}"))
            .ok();
        Self {
            watcher,
            watched: Vec::new(),
        }
    }

    /// Watches, for each of these files, its folder or what there is of the way to it.
    fn watch(&mut self, places: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        self.watched.retain(|folder| folder.is_dir());
        for place in places {
            // Again after each, for the next may have been created before it was watched.
            while let Some(folder) = nearest_folder(place)
                && !self.watched.contains(&folder)
            {
                if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                    tracing::warn!("{} is not watched: {error}", place.display());
                }
                self.watched.push(folder);
            }
        }
    }
}

/// The folder of `file`, or the nearest one above it that exists.
fn nearest_folder(file: &Path) -> Option<PathBuf> {
    let folders = file.ancestors().skip(1).map(|folder| {
        if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        }
    });
    let mut folders = folders.filter(|folder| folder.is_dir());
    folders.next().map(Path::to_owned)
}

/// Whether an event may stand for a change; the server's own reading is none.
fn may_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// The file that counted and its text, to compare; its reading reports what is wrong with it.
#[derive(PartialEq, Eq)]
struct Seen {
    file: Option<PathBuf>,
    text: Option<Vec<u8>>,
    /// The file of logins, its text, and who may read it.
    logins: (PathBuf, Option<Vec<u8>>, Option<u32>),
}

impl Seen {
    fn now(source: &SettingsSource, logins: PathBuf) -> Self {
        let file = source.find();
        let text = file.as_ref().and_then(|file| std::fs::read(file).ok());
        let login_text = std::fs::read(&logins).ok();
        let mode = std::fs::metadata(&logins).ok().map(|facts| facts.mode());
        Self {
            file,
            text,
            logins: (logins, login_text, mode),
        }
    }
}

struct Follower {
    source: SettingsSource,
    folders: Folders,
    seen: Seen,
    offer: watch::Sender<Arc<Config>>,
}

impl Follower {
    async fn run(mut self, mut woken: mpsc::Receiver<Wake>) {
        while let Some(mut wake) = woken.recv().await {
            let first = Instant::now();
            while first.elapsed() < LONGEST
                && let Ok(Some(next)) = timeout(QUIET, woken.recv()).await
            {
                if next == Wake::Asked {
                    wake = next;
                }
            }
            self.follow(wake);
        }
    }

    /// Reads the file if it differs from the last reading, or if somebody asks.
    fn follow(&mut self, wake: Wake) {
        // First, so that nothing is written between the reading and the watching.
        self.watch();
        let seen = Seen::now(&self.source, self.logins());
        if wake == Wake::Event && seen == self.seen {
            return;
        }
        if wake == Wake::Event && seen.text.is_none() {
            tracing::warn!("the configuration's file is gone; the old settings stay");
        } else {
            self.reload();
            // The file of logins may be another now.
            self.watch();
        }
        self.seen = seen;
    }

    fn watch(&mut self) {
        let mut places = self.source.places();
        places.push(self.logins());
        self.folders.watch(&places);
    }

    fn logins(&self) -> PathBuf {
        self.offer.borrow().access.logins.clone()
    }

    fn reload(&self) {
        match load(&self.source) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tracing::warn!("{warning}");
                }
                self.offer(loaded.config);
            }
            Err(faults) => {
                for fault in faults {
                    tracing::error!("{fault}");
                }
                tracing::error!("the configuration is refused; the old settings stay");
            }
        }
    }

    fn offer(&self, config: Config) {
        let changes = Changes::between(&self.offer.borrow(), &config);
        if changes.is_empty() {
            tracing::info!("the configuration was read again; no setting changed");
            return;
        }
        for change in changes.iter() {
            tracing::info!("setting changed: {change}");
        }
        self.offer.send_replace(Arc::new(config));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Setup {
        folder: tempfile::TempDir,
        watch: Watch,
    }

    impl Setup {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("reelcast.toml");
            std::fs::write(&file, "[limits]\nconnections = 1\n").unwrap();
            let source = SettingsSource {
                file: Some(file),
                ..SettingsSource::default()
            };
            let loaded = load(&source).unwrap();
            Self {
                folder,
                watch: Watch::start(source, loaded),
            }
        }

        fn write(&self, name: &str, connections: &str) {
            let text = format!("[limits]\nconnections = {connections}\n");
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }

        fn rename(&self, from: &str) {
            let file = self.folder.path().join("reelcast.toml");
            std::fs::rename(self.folder.path().join(from), file).unwrap();
        }
    }

    async fn settles_on(settings: &mut watch::Receiver<Arc<Config>>, connections: u32) {
        let found = settings.wait_for(|config| config.limits.connections == connections);
        let found = timeout(Duration::from_secs(20), found).await;
        assert!(matches!(found, Ok(Ok(_))), "{connections} never came");
    }

    #[tokio::test]
    async fn a_changed_file_is_offered() {
        let setup = Setup::new();
        let mut settings = setup.watch.settings();
        assert_eq!(settings.borrow().limits.connections, 1);
        setup.write("reelcast.toml", "2");
        settles_on(&mut settings, 2).await;
    }

    #[tokio::test]
    async fn a_change_is_offered_though_a_log_beside_it_never_rests() {
        let setup = Setup::new();
        let mut settings = setup.watch.settings();
        let log = setup.folder.path().join("log");
        let writing = tokio::spawn(async move {
            loop {
                std::fs::write(&log, "a line").unwrap();
                tokio::time::sleep(QUIET / 10).await;
            }
        });
        setup.write("reelcast.toml", "2");
        settles_on(&mut settings, 2).await;
        writing.abort();
    }

    #[tokio::test]
    async fn a_file_that_is_renamed_over_the_old_one_is_offered() {
        let setup = Setup::new();
        let mut settings = setup.watch.settings();
        for connections in ["2", "3"] {
            setup.write("new", connections);
            setup.rename("new");
            settles_on(&mut settings, connections.parse().unwrap()).await;
        }
    }

    #[tokio::test]
    async fn a_file_that_is_created_later_is_offered_also_in_a_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("etc/reelcast/reelcast.toml");
        let loaded = load(&SettingsSource::default()).unwrap();
        let source = SettingsSource {
            file: Some(file.clone()),
            ..SettingsSource::default()
        };
        let watch = Watch::start(source, loaded);
        let mut settings = watch.settings();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        for connections in [5, 6] {
            std::fs::write(&file, format!("[limits]\nconnections = {connections}\n")).unwrap();
            settles_on(&mut settings, connections).await;
        }
    }

    #[tokio::test]
    async fn a_changed_login_is_offered() {
        let folder = tempfile::tempdir().unwrap();
        let [file, logins] =
            ["reelcast.toml", "private/logins"].map(|name| folder.path().join(name));
        let text = format!(
            "[access]\nlogins = '{}'\n[[source]]\nchannel = 'door'\nurl = 'rtsp://h/'\nlogin = 'a'\n",
            logins.display()
        );
        std::fs::write(&file, text).unwrap();
        std::fs::create_dir(logins.parent().unwrap()).unwrap();
        let write = |text: &str| {
            let new = folder.path().join("private/new");
            std::fs::write(&new, text).unwrap();
            std::fs::set_permissions(&new, PermissionsExt::from_mode(0o600)).unwrap();
            std::fs::rename(new, &logins).unwrap();
        };
        write("a:admin:one\n");
        let source = SettingsSource {
            file: Some(file),
            ..SettingsSource::default()
        };
        let watch = Watch::start(source.clone(), load(&source).unwrap());
        write("a:admin:two\n");
        let mut settings = watch.settings();
        let found = settings.wait_for(|config| {
            let login = config.sources[0].url.credentials();
            login.is_some_and(|login| login.password == "two")
        });
        let found = timeout(Duration::from_secs(20), found).await;
        assert!(matches!(found, Ok(Ok(_))), "it never came");
    }

    #[tokio::test]
    async fn a_faulty_edit_keeps_the_old_settings() {
        let setup = Setup::new();
        let mut settings = setup.watch.settings();
        setup.write("reelcast.toml", "many");
        setup.watch.reload().await;
        setup.write("reelcast.toml", "4");
        settles_on(&mut settings, 4).await;
    }
}

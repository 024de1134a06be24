//! The channels that are packaged at the moment: begun when somebody asks and gone when nobody does, or as
//! long as they are live.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::group::grid::Grid;
use super::group::grids::Grids;
use super::keys::{Key, NoKeys};
use super::numbers::Numbers;
use super::packager::{Packager, Rendition};
use super::packaging;
use super::spooling::blocking;
use super::spools::Spools;
use super::transcode::Transcoders;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::config::{Config, HlsGroup};
use crate::media::channel::{Channel, State};
use crate::media::mounts::Mounts;

/// How often channels are looked for that are packaged without being asked for.
const TICK: Duration = Duration::from_secs(1);

/// All packagers of a server.
#[derive(Debug)]
pub struct Packagers {
    /// By the channel's name, the newest last: what is left of a channel that ended stays for a while.
    table: Mutex<HashMap<MediaPath, Vec<Arc<Packager>>>>,
    grids: Grids,
    numbers: Arc<Numbers>,
    settings: watch::Receiver<Arc<Config>>,
    /// What keys are made from where there is no key file.
    secret: Key,
    transcoders: Arc<Transcoders>,
    /// Where those segments are that are not in memory.
    spools: Arc<Spools>,
    clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Packagers {
    /// None yet.
    pub fn new(
        settings: watch::Receiver<Arc<Config>>,
        secret: Key,
        transcoders: Arc<Transcoders>,
        clock: Clock,
    ) -> Arc<Self> {
        let config = Arc::clone(&settings.borrow());
        let state = &config.server.state;
        let spools = Arc::new(Spools::new(state, config.hls.dvr_cache));
        Arc::new(Self {
            table: Mutex::default(),
            grids: Grids::default(),
            numbers: Arc::new(Numbers::open(state)),
            settings,
            secret,
            transcoders,
            spools,
            clock,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// The packager of `channel`, which begins unless it is there. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`NoKeys`] when it is to encrypt and cannot.
    pub fn of(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        rendition: Rendition,
    ) -> Result<Arc<Packager>, NoKeys> {
        let config = Arc::clone(&self.settings.borrow());
        let grid = self.grid(channel, &config);
        let mut table = self.table();
        let own = |packager: &&Arc<Packager>| {
            let is_own = Arc::ptr_eq(packager.channel(), channel);
            let place = |grid: Option<&Arc<_>>| grid.map(Arc::as_ptr);
            let is_there = place(packager.grid()) == place(grid.as_ref());
            let is_there = is_there && !packager.has_passed() && !packager.is_followed();
            is_own && is_there && packager.rendition() == rendition
        };
        let known = table.get(channel.path());
        if let Some(packager) = known.and_then(|known| known.iter().find(own)) {
            return Ok(Arc::clone(packager));
        }
        let hls = config.hls_of(channel.path()).clone();
        let shared = grid.as_ref().map(|grid| grid.epoch().clock());
        let clock = shared.unwrap_or_else(|| self.clock.anew());
        let kind = (rendition, grid);
        let packager = Packager::new(channel, kind, &hls, self.secret, &self.numbers, clock)?;
        let packagers = table.entry(channel.path().clone()).or_default();
        let is_same = |other: &&Arc<Packager>| other.rendition() == rendition;
        let others: Vec<_> = packagers.iter().filter(is_same).cloned().collect();
        packager.follow(&others);
        packagers.push(Arc::clone(&packager));
        let place = Place {
            packagers: Arc::clone(self),
            packager: Arc::clone(&packager),
        };
        let (settings, stop) = (self.settings.clone(), self.stop.clone());
        let transcoders = Arc::clone(&self.transcoders);
        let spools = Arc::clone(&self.spools);
        self.tasks.spawn(async move {
            packaging::run(&place.packager, settings, transcoders, spools, stop).await;
        });
        Ok(packager)
    }

    /// What the channel shares with others: with those of its group, or with itself in other formats.
    fn grid(&self, channel: &Arc<Channel>, config: &Config) -> Option<Arc<Grid>> {
        let path = channel.path();
        let alone = || HlsGroup {
            name: path.clone(),
            variants: vec![path.clone()],
        };
        let offers_compat = config.hls_of(path).offers_compat();
        let group = config.hls_group_of(path).cloned();
        let group = group.or_else(|| offers_compat.then(alone))?;
        let channels = std::slice::from_ref(channel);
        Some(
            self.grids
                .of(&group, channels, config, (&self.numbers, self.clock)),
        )
    }

    /// The packagers of those channels in those formats, which are variants of `group`; they begin unless
    /// they are there.
    ///
    /// # Errors
    /// [`NoKeys`] when one is to encrypt and cannot.
    pub fn of_group(
        self: &Arc<Self>,
        group: &HlsGroup,
        variants: &[(Arc<Channel>, Rendition)],
    ) -> Result<Vec<Arc<Packager>>, NoKeys> {
        let config = Arc::clone(&self.settings.borrow());
        let channels = variants.iter().map(|(channel, _)| Arc::clone(channel));
        let channels: Vec<_> = channels.collect();
        // Held until the first packager has it, so that it suits them all.
        let _grid = self
            .grids
            .of(group, &channels, &config, (&self.numbers, self.clock));
        let packagers = variants.iter();
        let packagers = packagers.map(|(channel, rendition)| self.of(channel, *rendition));
        packagers.collect()
    }

    /// Packages what is live of `mounts` without being asked, for as long as it is polled and the settings say so.
    pub async fn watch(self: &Arc<Self>, mounts: &Mounts) {
        let spools = Arc::clone(&self.spools);
        if let Err(error) = blocking(move || spools.clean()).await {
            warn!(%error, "what is left of an earlier DVR cannot be deleted");
        }
        let mut ticks = interval(TICK);
        let mut refused = None;
        loop {
            ticks.tick().await;
            let config = Arc::clone(&self.settings.borrow());
            if !config.hls.enabled || self.stop.is_cancelled() {
                continue;
            }
            let before = refused.take();
            for channel in mounts.list() {
                if channel.state() == State::Live
                    && config.hls_of(channel.path()).is_always_packaged()
                    && let Err(reason) = self.of(&channel, Rendition::Own)
                {
                    refused = Some(reason.to_string());
                }
            }
            if let Some(reason) = refused.as_ref().filter(|_| refused != before) {
                error!(reason, "channels cannot be encrypted");
            }
        }
    }

    /// Keeps on disk what numbers are to go on with after a restart, for as long as it is polled.
    pub async fn keep_numbers(&self) {
        self.numbers.keep().await;
    }

    /// The newest packager of that name and rendition, of a channel that may have ended.
    pub fn newest(&self, path: &MediaPath, rendition: Rendition) -> Option<Arc<Packager>> {
        newest(self.table().get(path)?, rendition)
    }

    /// The packager of that name and number.
    pub fn find(&self, path: &MediaPath, number: u32) -> Option<Arc<Packager>> {
        let table = self.table();
        let mut packagers = table.get(path)?.iter();
        packagers
            .find(|packager| packager.has_files(number))
            .cloned()
    }

    /// The newest of each name, by name.
    pub fn newest_of_each(&self) -> Vec<Arc<Packager>> {
        let newest = |packagers: &Vec<Arc<Packager>>| newest(packagers, Rendition::Own);
        let mut list: Vec<_> = self.table().values().filter_map(newest).collect();
        list.sort_by(|one, other| one.channel().path().cmp(other.channel().path()));
        list
    }

    /// Bytes of what was read of segments on disk that are in memory.
    pub fn dvr_cache_bytes(&self) -> usize {
        self.spools.read_bytes()
    }

    /// Ends all, and waits for them. None begins after that.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.numbers.finish().await;
    }

    fn remove(&self, gone: &Arc<Packager>) {
        let mut table = self.table();
        let path = gone.channel().path();
        if let Some(packagers) = table.get_mut(path) {
            packagers.retain(|packager| !Arc::ptr_eq(packager, gone));
            if packagers.is_empty() {
                table.remove(path);
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<MediaPath, Vec<Arc<Packager>>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A packager's place in the table, which it leaves when this is dropped, also by a panic.
struct Place {
    packagers: Arc<Packagers>,
    packager: Arc<Packager>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.packager.finish();
        self.packagers.remove(&self.packager);
    }
}

fn newest(packagers: &[Arc<Packager>], rendition: Rendition) -> Option<Arc<Packager>> {
    let mut packagers = packagers.iter().rev();
    packagers.find(|one| one.rendition() == rendition).cloned()
}

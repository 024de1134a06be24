//! All channels that are sent to groups, each at a place of its own.

use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::sync::watch;

use super::cast::Cast;
use super::groups::{Groups, Place};
use crate::base::clock::Clock;
use crate::media::channel::Channel;
use crate::media::sessions::Sessions;
use crate::net::fan::Fan;

/// Where channels are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The range of groups; `None`: channels are not sent to groups.
    pub groups: Option<IpNet>,
    /// The range of ports, 64 for a channel.
    pub ports: RangeInclusive<u16>,
    /// How many networks forward what is sent; 1: none.
    pub ttl: u8,
    /// The interface, by its name or its address; empty: the system chooses.
    pub interface: String,
    /// Whether listeners are told to listen to this server alone.
    pub source_specific: bool,
    /// Whether what is sent is announced.
    pub announce: bool,
}

/// Why a channel cannot be sent to a group; the text is one line for people.
#[derive(Debug, thiserror::Error)]
pub enum NoCast {
    /// There are no groups to send to.
    #[error("multicast is not configured")]
    Off,
    /// All places are taken that the channel could have.
    #[error("no multicast group is free for the channel")]
    Full,
    /// What the system said.
    #[error("sending to the multicast group: {0}")]
    Io(#[from] io::Error),
}

/// The casts of a server.
pub struct Casts {
    common: Arc<Common>,
    settings: ArcSwap<Settings>,
    open: Mutex<Vec<Weak<Cast>>>,
}

/// What all casts share.
pub(super) struct Common {
    pub(super) fan: Arc<Fan>,
    pub(super) sessions: Sessions,
    pub(super) clock: Clock,
    /// Counts up when a cast begins or ends to be sent, and with the settings.
    pub(super) changed: watch::Sender<u64>,
}

impl Casts {
    /// No casts yet. They will be sent by `fan` and counted in `sessions`, one session for a group.
    pub fn new(settings: Settings, fan: Arc<Fan>, sessions: Sessions, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            common: Arc::new(Common {
                fan,
                sessions,
                clock,
                changed: watch::Sender::new(0),
            }),
            settings: ArcSwap::from_pointee(settings),
            open: Mutex::default(),
        })
    }

    /// Applies other settings: where to send to those who ask from now on.
    pub fn configure(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.common.changed.send_modify(|count| *count += 1);
    }

    /// Whether there are groups to send to.
    pub fn are_on(&self) -> bool {
        self.settings.load().groups.is_some()
    }

    /// The channel's cast. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`NoCast`] when there is no place for it, or no way to it.
    pub fn open(&self, channel: &Arc<Channel>) -> Result<Arc<Cast>, NoCast> {
        let settings = self.settings.load();
        let network = settings.groups.ok_or(NoCast::Off)?;
        let mut open = self.lock();
        open.retain(|cast| cast.strong_count() > 0);
        // Those of channels that are over are about to go.
        let casts: Vec<_> = open.iter().filter_map(Weak::upgrade).collect();
        let casts = casts
            .into_iter()
            .filter(|cast| cast.channel().ended().is_none());
        let casts: Vec<_> = casts.collect();
        let own = casts
            .iter()
            .find(|cast| Arc::ptr_eq(cast.channel(), channel));
        if let Some(cast) = own {
            return Ok(Arc::clone(cast));
        }
        let groups = Groups {
            network,
            ports: settings.ports.clone(),
        };
        let taken: Vec<Place> = casts.iter().map(|cast| cast.place()).collect();
        let place = groups
            .place(channel.path().channel_name(), &taken)
            .ok_or(NoCast::Full)?;
        let cast = Cast::open(channel, place, &settings, &self.common)?;
        open.push(Arc::downgrade(&cast));
        Ok(cast)
    }

    /// The casts that are being sent.
    pub fn sent(&self) -> Vec<Arc<Cast>> {
        let open: Vec<_> = self.lock().iter().filter_map(Weak::upgrade).collect();
        open.into_iter().filter(|cast| cast.is_sent()).collect()
    }

    /// Whether what is sent is to be announced.
    pub fn are_announced(&self) -> bool {
        self.settings.load().announce
    }

    /// The groups that something is sent to.
    pub fn groups(&self) -> Vec<IpAddr> {
        self.sent().iter().map(|cast| cast.group()).collect()
    }

    /// Changes when [`sent`](Self::sent) or [`are_announced`](Self::are_announced) does.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.common.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Cast>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

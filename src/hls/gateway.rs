//! All that a server has of delivery by HTTP: the channels that are packaged or sent without an end,
//! the movies that are cut, and who watches them.

use std::sync::Arc;

use tokio::sync::watch;

use super::endless::Endless;
use super::keys::Key;
use super::movies::Movies;
use super::packagers::Packagers;
use super::transcode::Transcoders;
use super::transcode::remakes::Remakes;
use super::viewers::Viewers;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::log::access::AccessLog;
use crate::media::mounts::Mounts;
use crate::media::sessions::Sessions;
use crate::vod::{Blocks, Library};

/// The gateway from channels and movies to players by HTTP.
#[derive(Debug)]
pub struct Gateway {
    /// The channels that are packaged.
    pub packagers: Arc<Packagers>,
    /// What transcodes for them.
    pub transcoders: Arc<Transcoders>,
    /// The movies.
    pub movies: Movies,
    /// Those that are encoded for their players.
    pub remakes: Remakes,
    /// The channels that are sent without an end.
    pub endless: Arc<Endless>,
    /// Who watches.
    pub viewers: Arc<Viewers>,
}

impl Gateway {
    /// For the movies of `library`, read through `blocks`, and without channels and viewers; sessions
    /// of viewers are entered into `sessions`, and into the access log when they are over.
    pub fn new(
        (library, blocks): (Arc<Library>, Arc<Blocks>),
        sessions: Sessions,
        access_log: AccessLog,
        settings: &watch::Receiver<Arc<Config>>,
        clock: Clock,
    ) -> Arc<Self> {
        let secret = Key::draw();
        let transcoders = Transcoders::new(settings.clone());
        Arc::new(Self {
            packagers: Packagers::new(settings.clone(), secret, Arc::clone(&transcoders), clock),
            remakes: Remakes::new(
                Arc::clone(&library),
                Arc::clone(&transcoders),
                secret,
                clock,
            ),
            transcoders,
            movies: Movies::new(library, blocks, secret, settings.clone(), clock),
            endless: Endless::new(settings.clone(), clock),
            viewers: Arc::new(Viewers::new(sessions, access_log, settings.clone(), clock)),
        })
    }

    /// Notices who is gone, and which channels of `mounts` come, for as long as it is polled.
    pub async fn watch(self: Arc<Self>, mounts: Arc<Mounts>) {
        tokio::join!(
            self.packagers.watch(&mounts),
            self.packagers.keep_numbers(),
            self.viewers.watch(),
            self.movies.watch(),
            self.remakes.watch()
        );
    }

    /// Ends all that is packaged and all sessions, and waits for it.
    pub async fn stop(&self) {
        self.packagers.stop().await;
        self.remakes.stop();
        self.endless.stop().await;
        self.viewers.stop();
    }
}

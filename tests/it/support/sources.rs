//! The configured sources of a test's server.

use std::sync::Arc;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::config::{ChannelSource, Config, SourceUrl};
use reelcast::source::{Sources, State, Status};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::server::Server;

/// A source that tries again soon.
pub(crate) fn source(channel: &str, url: &str) -> ChannelSource {
    let channel = MediaPath::from_plain(channel).unwrap();
    ChannelSource {
        stop_delay: Duration::from_millis(200),
        timeout: Duration::from_secs(5),
        retry_first: Duration::from_millis(100),
        retry_longest: Duration::from_millis(500),
        ..ChannelSource::new(channel, SourceUrl::read(url).unwrap())
    }
}

/// Running sources.
pub(crate) struct Feeding {
    pub(crate) sources: Arc<Sources>,
    config: watch::Sender<Arc<Config>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Feeding {
    /// Feeds channels of `server`.
    pub(crate) fn start(server: &Server, sources: Vec<ChannelSource>) -> Self {
        let (config, settings) = watch::channel(configured(sources));
        let sources = Sources::new(Arc::clone(&server.mounts), server.clock);
        let stop = CancellationToken::new();
        let running = Arc::clone(&sources).run(settings, stop.clone());
        Self {
            sources,
            config,
            stop,
            task: tokio::spawn(running),
        }
    }

    /// Has other sources from now on.
    pub(crate) fn change(&self, sources: Vec<ChannelSource>) {
        self.config.send_replace(configured(sources));
    }

    /// How the source of `channel` is doing, once there is one.
    pub(crate) async fn status(&self, channel: &str) -> Arc<Status> {
        let find = || {
            let list = self.sources.list();
            list.into_iter()
                .find(|one| one.channel().as_str() == channel)
        };
        eventually(channel, || find().is_some()).await;
        find().unwrap()
    }

    /// Waits until the source of `channel` is in the state of that name, and returns it.
    pub(crate) async fn reaches(&self, channel: &str, name: &str) -> State {
        let status = self.status(channel).await;
        let what = format!("{channel} {name}, not {:?}", status.state());
        eventually(&what, || status.state().name() == name).await;
        status.state()
    }

    /// Why the source of `channel` has failed.
    pub(crate) async fn failure(&self, channel: &str) -> String {
        match self.reaches(channel, "retrying").await {
            State::Retrying { reason, .. } => reason,
            other => panic!("{channel}: {other:?}"),
        }
    }

    /// Stops all sources.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.task);
        ended.await.expect("sources end in time").unwrap();
    }
}

fn configured(sources: Vec<ChannelSource>) -> Arc<Config> {
    Arc::new(Config {
        sources,
        ..Config::default()
    })
}

/// Waits until `holds`.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let there = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let there = tokio::time::timeout(Duration::from_secs(20), there).await;
    there.unwrap_or_else(|_| panic!("never came: {what}"));
}

//! What one encoder uploads to one channel, whichever requests bring it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use super::server::Server;
use super::upload_body::UploadBody;
use super::upload_request::UploadRequest;
use super::uploads::OpenUpload;
use crate::base::path::MediaPath;
use crate::base::peer::Peer;
use crate::source::Failure;
use crate::source::byte_feed::{ByteFeed, Settings};
use crate::source::reading::{Reading, Silence};
use crate::source::upload_feed::UploadFeed;

/// How often skipped bytes are counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// What is being published.
#[derive(Debug)]
pub(super) struct Upload {
    path: MediaPath,
    reading: Reading<UploadFeed>,
    received: u64,
    skipped: u64,
    open: OpenUpload,
}

impl Upload {
    /// What `request` of `peer` will bring; the channel begins with the first samples.
    pub(super) fn begin(server: &Server, request: &UploadRequest, peer: Peer) -> Self {
        let (mounts, path) = (Arc::clone(&server.mounts), request.path.clone());
        let uploads = Arc::clone(&server.uploads);
        let takeover = server.takeover();
        let origin = format!("HTTP upload from {peer}");
        let feed = Settings {
            name: path.to_string(),
            payload_limit: usize::from(server.config().rtsp.max_packet),
            clock: server.clock,
            open: Box::new(move |description| {
                let publisher = mounts.publish(&path, description, origin.clone(), takeover)?;
                if let Some(title) = uploads.title(&path) {
                    publisher.channel().set_title(&title);
                }
                Ok(publisher)
            }),
        };
        let feed = UploadFeed::new(feed, request.station.clone(), request.content);
        let station = request.station.name.as_deref().unwrap_or_default();
        let (path, content) = (&request.path, request.content);
        info!(%peer, %path, ?content, station, "an encoder uploads");
        Self {
            path: path.clone(),
            reading: Reading::new(feed, server.clock, server.patience(), Silence::Fails),
            received: request.offset,
            skipped: 0,
            open: server.uploads.begin(path, content),
        }
    }

    /// The channel's name.
    pub(super) fn path(&self) -> &MediaPath {
        &self.path
    }

    /// Bytes of the stream so far, those among them that were sent before this upload began.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Whether `request` brings what comes next.
    pub(super) fn goes_on_with(&self, request: &UploadRequest) -> bool {
        self.path == request.path && self.received == request.offset
    }

    /// Feeds the channel with `body`; whether that came to its end, and not only the connection.
    ///
    /// # Errors
    /// Why the channel is fed no longer. [`Failure::Unknown`] also when the body is over, and all
    /// that came so far is neither media nor the beginning of any.
    pub(super) async fn take(&mut self, body: &mut UploadBody<'_>) -> Result<bool, Failure> {
        let read = self.read(body).await;
        self.received += body.received();
        read?;
        if body.is_complete() && self.reading.feed().is_barren() {
            return Err(Failure::Unknown);
        }
        Ok(body.is_complete())
    }

    async fn read(&mut self, body: &mut UploadBody<'_>) -> Result<(), Failure> {
        let mut ticks = interval(COUNT_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // What was read has been fed when the reading is interrupted.
            let read = tokio::select! {
                read = self.reading.read(body) => Some(read),
                _ = ticks.tick() => None,
            };
            self.count_skipped();
            if let Some(read) = read {
                return read;
            }
        }
    }

    fn count_skipped(&mut self) {
        let skipped = self.reading.feed().skipped_bytes();
        let uploads = self.open.uploads();
        uploads.skipped(skipped.saturating_sub(self.skipped));
        self.skipped = skipped;
    }

    /// Leaves the channel because of `failure`, which is counted.
    pub(super) fn end(mut self, peer: Peer, failure: &Failure) {
        let last = self.reading.finish();
        let failure = last.as_ref().err().unwrap_or(failure);
        self.open.uploads().failures.count(failure);
        info!(%peer, path = %self.path, "the encoder is gone: {failure}");
    }
}

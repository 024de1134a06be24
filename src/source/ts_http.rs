//! A transport stream from a web server: endless, or in the segments of an HLS playlist.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use url::Url;

use super::hls_playlist::{Media, Playlist, Progress, Segment, Unusable};
use super::http_get::{Body, Fetched, fetch};
use super::reading::Reading;
use super::ts_feed::TsFeed;
use super::{Attempt, Failure, Silence};
use crate::config::ChannelSource;

/// The longest playlist, in bytes.
const MAX_PLAYLIST: u64 = 1 << 20;

/// How many multivariant playlists may lead to one another.
const MAX_DEPTH: usize = 3;

/// How many segments in a row may be missing.
const MAX_FAILURES: usize = 3;

/// How often a playlist is fetched again at most.
const LEAST_RELOAD: Duration = Duration::from_millis(500);

/// A channel fed from a web server.
#[derive(Debug)]
pub(super) struct TsHttp {
    settings: ChannelSource,
}

impl TsHttp {
    pub(super) fn new(settings: &ChannelSource) -> Self {
        Self {
            settings: settings.clone(),
        }
    }

    /// Reads until the stream or the playlist ends or fails.
    pub(super) async fn feed(&self, attempt: &Attempt) -> Failure {
        let read = self.read(attempt).await;
        read.err().unwrap_or(Failure::Ended)
    }

    async fn read(&self, attempt: &Attempt) -> Result<(), Failure> {
        let mut fetched = fetch(self.settings.url.url(), &self.settings).await?;
        if !is_playlist(&mut fetched).await? {
            let reading = attempt.ts_reading(self.settings.timeout, Silence::Fails);
            return Err(reading.run(&mut fetched.body).await);
        }
        let (url, media) = self.media_playlist(fetched).await?;
        // A segment comes at once, and then nothing for as long as it lasts.
        let patience = self.settings.timeout.max(3 * media.target);
        let following = Following {
            settings: &self.settings,
            reading: attempt.ts_reading(patience, Silence::Fails),
            url,
            progress: Progress::default(),
            failures: 0,
        };
        following.run(media).await
    }

    /// The media playlist that what was fetched is or leads to, with its URL.
    async fn media_playlist(&self, first: Fetched) -> Result<(Url, Media), Failure> {
        let mut fetched = first;
        for _ in 0..MAX_DEPTH {
            let url = fetched.url.clone();
            match read_playlist(&mut fetched.body).await? {
                Playlist::Media(media) => return Ok((url, media)),
                Playlist::Best(uri) => {
                    fetched = fetch(&resolve(&url, &uri)?, &self.settings).await?
                }
            }
        }
        Err(Failure::Http(
            "playlists lead to playlists without end".to_owned(),
        ))
    }
}

/// A playlist that is followed.
struct Following<'a> {
    settings: &'a ChannelSource,
    reading: Reading<TsFeed>,
    url: Url,
    progress: Progress,
    failures: usize,
}

impl Following<'_> {
    async fn run(mut self, mut media: Media) -> Result<(), Failure> {
        loop {
            let has_news = self.take(&media).await?;
            if media.ended {
                return Ok(());
            }
            // RFC 8216, 6.3.4: half as long when nothing was new.
            let wait = if has_news {
                media.target
            } else {
                media.target / 2
            };
            self.wait(wait.max(LEAST_RELOAD)).await?;
            let mut fetched = fetch(&self.url, self.settings).await?;
            let Playlist::Media(next) = read_playlist(&mut fetched.body).await? else {
                return Err(Failure::Http(
                    "the playlist has changed its kind".to_owned(),
                ));
            };
            media = next;
        }
    }

    /// Feeds the segments that are new; false if none is.
    async fn take(&mut self, media: &Media) -> Result<bool, Failure> {
        let (skipped, missed) = self.progress.skip(media);
        if missed > 0 {
            tracing::warn!(channel = %self.settings.channel, missed, "segments were gone too soon");
        }
        let new = media.segments.get(skipped..).unwrap_or_default();
        for segment in new {
            self.segment(segment).await?;
            self.progress.taken();
        }
        Ok(!new.is_empty())
    }

    async fn segment(&mut self, segment: &Segment) -> Result<(), Failure> {
        let url = resolve(&self.url, &segment.uri)?;
        match fetch(&url, self.settings).await {
            Ok(mut fetched) => {
                self.failures = 0;
                self.reading.read(&mut fetched.body).await?;
                // Segments stand alone: what ends one is complete.
                self.reading.finish()
            }
            Err(failure) if self.failures < MAX_FAILURES => {
                self.failures += 1;
                tracing::debug!(channel = %self.settings.channel, "skipped a segment: {failure}");
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Waits, and hands on meanwhile what is due.
    async fn wait(&mut self, duration: Duration) -> Result<(), Failure> {
        let (_alive, mut nothing) = tokio::io::duplex(1);
        match tokio::time::timeout(duration, self.reading.read(&mut nothing)).await {
            Ok(ended) => ended,
            Err(_) => Ok(()),
        }
    }
}

/// Whether the body is a playlist: its media type says so, its name, or its beginning.
async fn is_playlist(fetched: &mut Fetched) -> Result<bool, Failure> {
    let path = fetched.url.path().to_ascii_lowercase();
    if fetched.content_type.contains("mpegurl") || path.ends_with(".m3u8") {
        return Ok(true);
    }
    let beginning = fetched.body.fill_buf().await.map_err(Failure::Receive)?;
    Ok(beginning.starts_with(b"#EXTM3U"))
}

async fn read_playlist(body: &mut Body) -> Result<Playlist, Failure> {
    let mut text = Vec::new();
    let read = body.take(MAX_PLAYLIST).read_to_end(&mut text).await;
    read.map_err(Failure::Receive)?;
    let unusable = |reason: Unusable| Failure::Http(reason.to_string());
    Playlist::read(&String::from_utf8_lossy(&text)).map_err(unusable)
}

fn resolve(base: &Url, uri: &str) -> Result<Url, Failure> {
    let url = base.join(uri).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        Failure::Receive(io::Error::other(
            "a playlist names what is no URL of the web",
        ))
    })
}

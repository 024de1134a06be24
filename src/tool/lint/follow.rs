//! One media playlist: read once, or again and again while it is live.

use std::time::Duration;

use url::Url;

use super::PATIENCE;
use super::media::Fetcher;
use super::probes;
use super::removed::Removed;
use super::web::{Answer, Web};
use crate::lint::delivery::{self, Asked};
use crate::lint::finding::Findings;
use crate::lint::media::Media;
use crate::lint::reload::{self, Reload};
use crate::lint::report::Looked;
use crate::lint::stream::Stream;

/// Reads a media playlist and what it tells of.
pub(super) struct Follower {
    web: Web,
    url: Url,
    /// The playlists of the program that report on one another.
    others: Vec<String>,
    /// How many segments are read at first.
    segments: usize,
    stream: Stream,
    findings: Findings,
    looked: Looked,
    fetcher: Fetcher,
    removed: Removed,
}

/// What a follower has found.
pub(super) struct Followed {
    pub(super) url: Url,
    pub(super) stream: Stream,
    pub(super) findings: Findings,
    pub(super) looked: Looked,
}

impl Follower {
    /// Of the playlist `url`; `others` are those of the program that report on one another.
    pub(super) fn new(web: Web, url: Url, others: &[Url], segments: usize) -> Self {
        Self {
            fetcher: Fetcher::new(web.clone()),
            removed: Removed::default(),
            web,
            url,
            others: others.iter().map(Url::to_string).collect(),
            segments,
            stream: Stream::default(),
            findings: Findings::default(),
            looked: Looked::default(),
        }
    }

    /// Reads it once, and as long as it is live, for `long`.
    pub(super) async fn run(mut self, long: Duration) -> Followed {
        let until = self.web.elapsed() + long;
        if let Some(media) = self.look(&self.url.clone(), PATIENCE).await.1 {
            self.fetcher.begin(&media, self.segments);
            self.read_media(&media).await;
            if media.is_live() {
                self.watch(media, until).await;
            }
        }
        self.looked.segments = self.fetcher.segments;
        self.looked.parts = self.fetcher.parts;
        Followed {
            url: self.url,
            stream: self.stream,
            findings: self.findings,
            looked: self.looked,
        }
    }

    async fn watch(&mut self, mut media: Media, until: Duration) {
        probes::run(&self.web, &self.url, &media, &mut self.findings).await;
        while self.web.elapsed() < until {
            let control = media.control.unwrap_or_default();
            let next = match control.can_block_reload {
                true => self.wait_for_next(&media).await,
                false => self.poll(&media).await,
            };
            match next {
                Some(next) => media = next,
                // What is wrong has been told; there could be something again.
                None => tokio::time::sleep(Duration::from_secs(1)).await,
            }
            self.read_media(&media).await;
            self.removed
                .look(&self.web, &self.url, &media, &mut self.findings)
                .await;
            if media.ended {
                break;
            }
        }
        self.check_plain().await;
    }

    /// The playlist as those get it who do not reload.
    async fn check_plain(&mut self) {
        let url = self.url.clone();
        self.look(&url, PATIENCE).await;
    }

    async fn poll(&mut self, media: &Media) -> Option<Media> {
        tokio::time::sleep(Duration::from_secs_f64(
            (media.target() / 2.0).clamp(0.5, 30.0),
        ))
        .await;
        self.look(&self.url.clone(), PATIENCE).await.1
    }

    /// Asks for what comes next, and for the hinted part at the same time.
    async fn wait_for_next(&mut self, media: &Media) -> Option<Media> {
        let sequence = media.next_sequence();
        let listed = media
            .open
            .as_ref()
            .map_or(0, |open| open.parts.len() as u64);
        let part = media.part_target.map(|_| listed);
        let url = with_directives(&self.url, Some(sequence), part, false);
        let patience = Duration::from_secs_f64(4.0 * media.target().min(60.0) + 10.0);
        let own = self.url.clone();
        let hinted = probes::hinted(self.web.clone(), &own, media, patience);
        let (looked, hinted) = tokio::join!(self.look(&url, patience), hinted);
        let (answer, next) = looked;
        if let Some(hinted) = hinted {
            hinted.check(media, next.as_ref(), &mut self.findings);
        }
        let reload = Reload {
            sequence: Some(sequence),
            part,
            status: answer.as_ref().map_or(0, |answer| answer.delivery.status),
            waited: answer.map_or(0.0, |answer| answer.waited.as_secs_f64()),
            media: next.as_ref(),
        };
        reload::check(&reload, media.target(), &mut self.findings);
        next
    }

    /// Gets and checks a version of the playlist.
    async fn look(&mut self, url: &Url, patience: Duration) -> (Option<Answer>, Option<Media>) {
        let answer = match self.web.get(url, None, patience).await {
            Ok(answer) => answer,
            Err(failure) => {
                self.findings.add(&delivery::STATUS, "", failure);
                return (None, None);
            }
        };
        self.looked.playlists += 1;
        let others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        let (own, now) = (self.url.as_str(), self.web.elapsed());
        let is_playlist = answer.delivery.status == 200;
        let media = is_playlist
            .then(|| {
                self.stream
                    .playlist(&answer.body, own, &others, now, &mut self.findings)
            })
            .flatten();
        let is_live = media.as_ref().filter(|media| media.is_live());
        let target = is_live.map(|media| Duration::from_secs_f64(media.target().min(1e6)));
        let is_plain = *url == self.url;
        // Answers to directives are of one moment, and may be kept for longer.
        let asked = Asked::Playlist(target.filter(|_| is_plain));
        if is_plain || is_playlist {
            delivery::check(asked, &answer.delivery, "", &mut self.findings);
        }
        (Some(answer), media)
    }

    async fn read_media(&mut self, media: &Media) {
        self.fetcher
            .read(&self.url, media, &mut self.stream, &mut self.findings)
            .await;
    }
}

/// A playlist's URL with delivery directives (rfc8216bis, 6.2.5), in the order of their names.
pub(super) fn with_directives(
    url: &Url,
    sequence: Option<u64>,
    part: Option<u64>,
    skip: bool,
) -> Url {
    let mut url = url.clone();
    let mut query = url.query_pairs_mut();
    if let Some(sequence) = sequence {
        query.append_pair("_HLS_msn", &sequence.to_string());
    }
    if let Some(part) = part {
        query.append_pair("_HLS_part", &part.to_string());
    }
    if skip {
        query.append_pair("_HLS_skip", "YES");
    }
    drop(query);
    url
}

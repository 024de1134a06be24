//! One player: it joins near the end of a channel, and fetches what comes as soon as it is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::connection::{Connection, Failure};
use super::measurement::Tally;
use super::playlist::{Media, Piece, Place, Playlist};
use super::playout::Playout;
use crate::base::clock::Clock;

/// What became of a player.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// From its first request until it had enough to play.
    pub(super) startup: Option<Duration>,
    pub(super) stalls: u64,
    pub(super) stalled: Duration,
    /// From the capture of a piece's begin until all of it had arrived, of those that it waited for.
    pub(super) ages: Vec<Duration>,
    /// Answers that did not hold what they were to be held back for, or held less than an earlier one.
    pub(super) stale: u64,
    /// Pieces that were gone before it had asked for them.
    pub(super) missed: u64,
    pub(super) failure: Option<String>,
}

/// A player of one channel.
pub(super) struct Player {
    playlists: Connection,
    pieces: Connection,
    url: Url,
    clock: Clock,
    began: Instant,
    playout: Playout,
    /// The piece to fetch next.
    next: Place,
    map: Option<String>,
    played: Played,
}

/// The longest age of use: a channel that was published before has old dates.
const LONGEST_AGE: Duration = Duration::from_secs(60);

impl Player {
    pub(super) fn new(url: &Url, authority: &Arc<str>, tally: &Arc<Tally>, clock: Clock) -> Self {
        Self {
            playlists: Connection::new(authority, tally),
            pieces: Connection::new(authority, tally),
            url: url.clone(),
            clock,
            began: clock.now(),
            playout: Playout::new(Duration::ZERO),
            next: Place::default(),
            map: None,
            played: Played::default(),
        }
    }

    /// Plays until `stop`, the end, or a failure.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Played {
        self.began = self.clock.now();
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(()),
            ended = self.play() => ended,
        };
        self.played.failure = ended.err().map(|failure| failure.to_string());
        self.playout.settle(self.clock.now());
        let began = self.playout.began();
        self.played.startup = began.map(|at| at.saturating_duration_since(self.began));
        (self.played.stalls, self.played.stalled) = self.playout.stalls();
        self.played
    }

    async fn play(&mut self) -> Result<(), Failure> {
        let mut media = self.join().await?;
        let start = media.start();
        self.playout = Playout::new(
            media.hold_back.min(
                media
                    .pieces
                    .iter()
                    .skip(start)
                    .map(|piece| piece.length)
                    .sum(),
            ),
        );
        self.next = media
            .pieces
            .get(start)
            .map_or(media.next, |piece| piece.place);
        loop {
            self.fetch_all(&media).await?;
            if media.ended {
                return Ok(());
            }
            media = self.advance(&media).await?;
        }
    }

    /// The first media playlist.
    async fn join(&mut self) -> Result<Media, Failure> {
        loop {
            match Playlist::read(&self.playlists.text(&self.url).await?)? {
                Playlist::Variant(uri) => {
                    self.url = self.url.join(&uri).map_err(|_| Failure::Url)?
                }
                Playlist::Media(media) => return Ok(media),
            }
        }
    }

    /// Fetches what the playlist has that was not fetched yet.
    async fn fetch_all(&mut self, media: &Media) -> Result<(), Failure> {
        let next = self.next;
        for piece in media.pieces.iter().filter(|piece| piece.place >= next) {
            self.note_missed(piece);
            self.fetch_map(piece).await?;
            if !piece.is_gap {
                let url = self.url.join(&piece.uri).map_err(|_| Failure::Url)?;
                self.pieces.fetch(&url).await?;
            }
            self.take(piece, self.clock.now());
        }
        Ok(())
    }

    /// Waits for the next playlist, and meanwhile for the piece that this one hints at.
    async fn advance(&mut self, media: &Media) -> Result<Media, Failure> {
        let hint = media.hint.as_ref().map(|uri| self.url.join(uri));
        let hint = hint.transpose().map_err(|_| Failure::Url)?;
        let (clock, pieces) = (self.clock, &mut self.pieces);
        let hinted = async {
            if let Some(url) = &hint {
                // A piece that never comes under this name is none (rfc8216bis, 6.2.6).
                pieces.fetch(url).await.ok()?;
                return Some(clock.now());
            }
            None
        };
        let reloaded = reload(&mut self.playlists, &self.url, media);
        let (new, hinted) = tokio::join!(reloaded, hinted);
        let new = new?;
        let is_older = new.next < media.next;
        let lacks = media.can_block && !new.ended && new.next <= media.next;
        self.played.stale += u64::from(is_older || lacks);
        if let (Some(at), Some(uri)) = (hinted, &media.hint)
            && let Some(piece) = new.pieces.iter().find(|piece| piece.uri == *uri)
        {
            self.note_missed(piece);
            self.fetch_map(piece).await?;
            self.note_age(piece, at);
            self.take(piece, at);
        }
        Ok(new)
    }

    fn note_missed(&mut self, piece: &Piece) {
        let Place { sequence, part } = piece.place;
        let follows = piece.place == self.next || part == 0 && sequence == self.next.sequence + 1;
        self.played.missed += u64::from(!follows);
    }

    async fn fetch_map(&mut self, piece: &Piece) -> Result<(), Failure> {
        if let Some(map) = piece
            .map
            .as_ref()
            .filter(|map| self.map.as_ref() != Some(map))
        {
            let url = self.url.join(map).map_err(|_| Failure::Url)?;
            self.pieces.fetch(&url).await?;
            self.map = Some(map.clone());
        }
        Ok(())
    }

    /// Puts a piece into the buffer.
    fn take(&mut self, piece: &Piece, at: Instant) {
        self.playout.arrive(piece.length, at);
        self.next = Place {
            sequence: piece.place.sequence,
            part: piece.place.part + 1,
        };
    }

    fn note_age(&mut self, piece: &Piece, at: Instant) {
        let wall = self.clock.wall(at);
        let age = piece.date.and_then(|date| wall.duration_since(date).ok());
        self.played
            .ages
            .extend(age.filter(|age| *age < LONGEST_AGE));
    }
}

/// The playlist that comes after `media`: the server holds it back until there is more, if it can.
async fn reload(playlists: &mut Connection, url: &Url, media: &Media) -> Result<Media, Failure> {
    let mut url = url.clone();
    if media.can_block {
        let Place { sequence, part } = media.next;
        let mut query = url.query_pairs_mut();
        query.append_pair("_HLS_msn", &sequence.to_string());
        if media.part_target.is_some() {
            query.append_pair("_HLS_part", &part.to_string());
        }
        if media.can_skip {
            query.append_pair("_HLS_skip", "YES");
        }
    } else {
        sleep(media.target / 2).await;
    }
    match Playlist::read(&playlists.text(&url).await?)? {
        Playlist::Media(media) => Ok(media),
        Playlist::Variant(_) => Err(Failure::NoText),
    }
}

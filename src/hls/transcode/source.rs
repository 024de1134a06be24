//! What is made of some tracks of a channel: one process after the other, for as long as somebody takes it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::BytesMut;
use futures::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::Trouble;
use super::child::{Child, Pipes};
use super::feed::{Appetite, Fed, Feed};
use super::harvest::{self, Harvest};
use super::job::{Entrance, Job, Stream, Way, ways, ways_apart};
use super::need::Need;
use super::orders;
use super::outlet::{Intake, Outlet};
use super::seat::ChannelSeat;
use crate::base::backoff::Backoff;
use crate::media::channel::Channel;
use crate::media::ring::Start;

/// How long a process waits for tracks that have sent nothing yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// A process that makes nothing of what it is given in so many seconds is of no use.
const BARREN_SECONDS: u32 = 20;

/// How long a process may take to write what it has left.
const LAST_TIME: Duration = Duration::from_secs(3);

/// After so many failures without any success players are told.
const FAILURES: u32 = 2;

/// Some tracks of a channel on their way through ffmpeg; ends when dropped.
#[derive(Debug)]
pub(super) struct Source {
    need: Need,
    outlet: Arc<Outlet>,
    _task: Option<AbortOnDropHandle<()>>,
}

impl Source {
    /// Begins to encode what a channel needs at the oldest key frame that is there. Where nothing comes of it,
    /// further sounds are given up, and then what may be why has a process of its own. To be called inside
    /// a tokio runtime.
    pub(super) fn begin(channel: &Arc<Channel>, need: &Need, seat: &Arc<ChannelSeat>) -> Self {
        let outlet = Outlet::new();
        let description = channel.description();
        let ways = description.map(|description| ways(&description, need.all()));
        let ways = ways.into_iter().flatten();
        let work = |(way, tracks): (Way, Vec<usize>)| Work {
            channel: Arc::clone(channel),
            seat: Arc::clone(seat),
            way,
            first: tracks.iter().filter(|one| need.first.contains(one)).count(),
            tracks,
            feed: Feed::new(channel.cursor(Start::Past)),
            has_made: false,
            outlet: Arc::clone(&outlet),
        };
        let works = ways.filter(|(_, tracks)| !tracks.is_empty()).map(work);
        let works: Vec<_> = works.map(Work::run).collect();
        let own = Arc::clone(&outlet);
        let task = tokio::spawn(async move {
            join_all(works).await;
            own.end();
        });
        Self {
            need: need.clone(),
            outlet,
            _task: Some(AbortOnDropHandle::new(task)),
        }
    }

    /// One that makes nothing itself.
    #[cfg(test)]
    pub(super) fn by_hand(need: &Need) -> Self {
        Self {
            need: need.clone(),
            outlet: Outlet::new(),
            _task: None,
        }
    }

    #[cfg(test)]
    pub(super) fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    #[cfg(test)]
    pub(super) fn give(&self, unit: super::channel::Encoded) {
        self.outlet.give(unit);
    }

    /// Whether it was begun for that, and nothing else.
    pub(super) fn makes(&self, need: &Need) -> bool {
        self.need == *need
    }

    /// Takes what is made, and first what was made not long ago.
    pub(super) fn intake(&self) -> Intake {
        self.outlet.intake()
    }
}

/// Why a process is over before its time.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Trouble(#[from] Trouble),
    #[error("the way into ffmpeg")]
    Io(#[from] io::Error),
    #[error("ffmpeg ended: {0}")]
    Ended(String),
    #[error("nothing told how to decode a track")]
    Untold,
}

/// A task.
struct Work {
    channel: Arc<Channel>,
    seat: Arc<ChannelSeat>,
    way: Way,
    /// How many of the tracks are not further sounds; these come first.
    first: usize,
    /// By their index in the description.
    tracks: Vec<usize>,
    feed: Feed,
    /// Whether anything was made of it.
    has_made: bool,
    outlet: Arc<Outlet>,
}

impl Work {
    /// Encodes until the channel ends.
    async fn run(mut self) {
        if let Some([one, other]) = self.encode().await {
            let path = self.channel.path();
            warn!(%path, "transcoding for HLS goes on in two processes: some tracks may be why others fail");
            let (one, other) = (self.part(one), self.part(other));
            tokio::join!(one.alone(), other.alone());
        }
    }

    /// Encodes what has been parted from other tracks.
    async fn alone(mut self) {
        // These are of one kind.
        let _ = self.encode().await;
    }

    /// Encodes until the channel ends, or until its tracks go better by these ways, apart.
    async fn encode(&mut self) -> Option<[(Way, Vec<usize>); 2]> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let mut failures = 0;
        while !self.tracks.is_empty() {
            let made = AtomicU64::new(0);
            let attempt = self.attempt(&made).await;
            if made.load(Relaxed) > 0 {
                failures = 0;
                backoff.reset();
                self.has_made = true;
            }
            let failure = match attempt {
                Ok(Fed::All) => return None,
                Ok(_) => continue,
                Err(failure) => failure,
            };
            failures += 1;
            let path = self.channel.path();
            warn!(%path, "transcoding for HLS failed: {failure}");
            self.begin_anew();
            self.outlet.set_back();
            let is_untold = matches!(failure, Failure::Untold);
            match failure {
                Failure::Trouble(trouble) => self.outlet.tell(Some(trouble)),
                _ if failures < FAILURES && !is_untold => {}
                _ if !is_untold && self.gives_up_further() => failures = 0,
                _ => {
                    if let Some(ways) = self.ways_apart() {
                        return Some(ways);
                    }
                    if failures >= FAILURES {
                        self.outlet.tell(Some(Trouble::Fails));
                    }
                }
            }
            sleep(backoff.wait(rand::random())).await;
        }
        None
    }

    /// What a process has taken that failed is lost; not so the past of the channel, if nothing came of it yet.
    fn begin_anew(&mut self) {
        match self.has_made {
            true => self.feed.let_go(),
            false => self.feed = Feed::new(self.channel.cursor(Start::Past)),
        }
    }

    fn ways_apart(&self) -> Option<[(Way, Vec<usize>); 2]> {
        ways_apart(&*self.channel.description()?, &self.tracks)
    }

    /// The work on some of the tracks, from here on.
    fn part(&self, (way, tracks): (Way, Vec<usize>)) -> Self {
        let first = self.tracks.get(..self.first).unwrap_or_default();
        Self {
            channel: Arc::clone(&self.channel),
            seat: Arc::clone(&self.seat),
            way,
            first: tracks.iter().filter(|one| first.contains(one)).count(),
            tracks,
            feed: self.feed.clone(),
            has_made: self.has_made,
            outlet: Arc::clone(&self.outlet),
        }
    }

    /// Encodes no further sounds any more; false if it did not before.
    fn gives_up_further(&mut self) -> bool {
        let gives_up = self.tracks.len() > self.first;
        if gives_up {
            let path = self.channel.path();
            warn!(%path, "further sounds are not encoded for HLS any more: they may be why it fails");
            self.tracks.truncate(self.first);
        }
        gives_up
    }

    /// Lets one process make what it can; counts the units in `made`.
    async fn attempt(&mut self, made: &AtomicU64) -> Result<Fed, Failure> {
        let Some(description) = self.channel.description() else {
            return Ok(Fed::All);
        };
        self.feed.take_hold();
        self.wait_for_tracks().await;
        let given = |track: &usize| self.feed.has(*track);
        let given: Vec<_> = self.tracks.iter().copied().filter(given).collect();
        if given.is_empty() {
            // The channel has ended.
            return Ok(Fed::All);
        }
        let Job {
            codings,
            mut form,
            streams,
        } = Job::new(self.way, &description, &self.tracks, &given);
        let entrance = Entrance::open(self.way, &description, &given)?;
        let arguments = orders::of_channel(entrance.place(), &codings);
        let name = self.channel.path().as_str();
        let is_fed = self.way == Way::File;
        let (child, pipes) = Child::begin(self.seat.take()?, name, &arguments, is_fed)?;
        let Pipes { input, output } = pipes;
        let progress = Progress {
            appetite: Appetite::default(),
            made,
        };
        let harvester = Harvester {
            outlet: &self.outlet,
            progress: &progress,
            streams: &streams,
        };
        let harvest = Harvest::new(&codings);
        let mut harvesting = std::pin::pin!(harvester.run(output, harvest));
        let feeding = async {
            let mut inlet = entrance.greet(input).await?;
            let feeding = self.feed.run(&mut inlet, form.as_mut(), &progress.appetite);
            Ok::<_, io::Error>(feeding.await)
        };
        let fed = tokio::select! {
            fed = feeding => fed?,
            () = &mut harvesting => return Err(Failure::Ended(child.fault().await)),
        };
        // Its way in is closed, so that it writes what it has left, and ends.
        let _ = timeout(LAST_TIME, harvesting).await;
        match fed {
            Fed::UpToFault => Err(Failure::Ended(child.fault().await)),
            Fed::Untold => {
                child.fault().await;
                Err(Failure::Untold)
            }
            fed => Ok(fed),
        }
    }

    /// Waits until all tracks have sent something, or one has and a second has passed.
    async fn wait_for_tracks(&self) {
        let mut head = self.channel.head();
        let has_all = async {
            while !self.tracks.iter().all(|track| self.feed.has(*track)) {
                if head.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(PATIENCE, has_all).await;
        let mut head = self.channel.head();
        while !self.tracks.iter().any(|track| self.feed.has(*track)) {
            if self.channel.ended().is_some() || head.changed().await.is_err() {
                return;
            }
        }
    }
}

/// How far a process is.
struct Progress<'w> {
    appetite: Appetite,
    /// Units that it made.
    made: &'w AtomicU64,
}

/// Takes what a process writes.
struct Harvester<'w> {
    outlet: &'w Outlet,
    progress: &'w Progress<'w>,
    streams: &'w [Stream],
}

impl Harvester<'_> {
    /// Returns when it writes nothing more, or nothing of what it was given.
    async fn run(&self, mut stdout: ChildStdout, mut harvest: Harvest) {
        let (mut bytes, mut units) = (BytesMut::with_capacity(READ), Vec::new());
        let (mut offered, mut barren_seconds) = (0, 0);
        while barren_seconds < BARREN_SECONDS {
            bytes.clear();
            match timeout(Duration::from_secs(1), stdout.read_buf(&mut bytes)).await {
                Ok(Ok(1..)) => barren_seconds = 0,
                Ok(_) => {
                    harvest.finish(&mut units);
                    self.hand_out(&mut units);
                    return;
                }
                Err(_) => {
                    // Nothing can be made of a publisher's silence.
                    let had_something = self.progress.appetite.had_something(&mut offered);
                    barren_seconds += u32::from(had_something);
                }
            }
            harvest.push(&bytes, &mut units);
            self.hand_out(&mut units);
        }
    }

    fn hand_out(&self, units: &mut Vec<harvest::Made>) {
        if !units.is_empty() {
            self.outlet.tell(None);
            self.progress.made.fetch_add(units.len() as u64, Relaxed);
        }
        for made in units.drain(..) {
            let stream = self.streams.get(made.stream);
            if let Some(encoded) = stream.and_then(|stream| stream.encoded(made)) {
                self.outlet.give(encoded);
            }
        }
    }
}

/// Bytes that are read from a process at a time.
const READ: usize = 64 << 10;

#[cfg(test)]
mod tests;

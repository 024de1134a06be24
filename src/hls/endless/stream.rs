//! One channel as an endless stream: the task that writes it, and those who listen.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};

use super::chunks::{Chunks, Found};
use super::writer::Writer;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::hls::object::Packing;
use crate::media::channel::Channel;
use crate::media::description::Description;
use crate::media::ring::{Cursor, Start, Taken};

/// A channel that is written in one packing, for as long as somebody listens.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) channel: Arc<Channel>,
    packing: Packing,
    chunks: RwLock<Chunks>,
    stage: watch::Sender<Stage>,
    /// Listeners that were too slow, of all streams.
    too_slow: Arc<AtomicU64>,
    clock: Clock,
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// It has written nothing yet.
    #[default]
    Waiting,
    /// It has written all chunks before this place.
    At(u64),
    /// The packing cannot carry the channel.
    Unfit,
    /// Nothing will come any more.
    Over,
}

/// Why there is no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStream {
    /// Nothing has come in time.
    #[error("the channel has sent nothing to play yet")]
    Starting,
    /// The packing cannot carry the channel's formats.
    #[error("the channel cannot be sent in this form")]
    Unfit,
}

/// A listener did not take what was sent until it was gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client was too slow")]
pub struct TooSlow;

/// One who listens, until it is dropped.
#[derive(Debug)]
pub struct Listener {
    stream: Arc<Stream>,
    stages: watch::Receiver<Stage>,
    next: u64,
}

/// The most bursts taken from the channel at a time.
const BURSTS: usize = 64;

/// After so long without a burst, what waits for the next is written.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a stream is written for nobody.
const LINGER: Duration = Duration::from_secs(5);

/// How often it is looked whether somebody listens.
const TICK: Duration = Duration::from_secs(1);

impl Stream {
    pub(super) fn new(
        channel: &Arc<Channel>,
        packing: Packing,
        too_slow: &Arc<AtomicU64>,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            channel: Arc::clone(channel),
            packing,
            chunks: RwLock::default(),
            stage: watch::Sender::default(),
            too_slow: Arc::clone(too_slow),
            clock,
        })
    }

    /// One more listener. To be made before [`write`](Self::write) ends.
    pub(super) fn listen(self: &Arc<Self>) -> Listener {
        Listener {
            stream: Arc::clone(self),
            stages: self.stage.subscribe(),
            next: 0,
        }
    }

    /// Whether somebody listens.
    pub(super) fn is_wanted(&self) -> bool {
        self.stage.receiver_count() > 0
    }

    /// Nothing will come any more.
    pub(super) fn end(&self) {
        self.stage.send_replace(Stage::Over);
    }

    /// Writes the channel until it ends, or nobody has listened for a while and `may_end` agrees.
    pub(super) async fn write(
        &self,
        settings: watch::Receiver<Arc<Config>>,
        may_end: impl Fn() -> bool,
    ) {
        let start_wait = settings.borrow().hls_of(self.channel.path()).start_wait;
        let demand = self.channel.demand();
        let mut end = Stage::Over;
        if let Some(description) = self.channel.described(start_wait).await {
            let writing = Writing::new(self, description);
            end = writing.run(&settings, may_end).await;
        }
        drop(demand);
        self.stage.send_replace(end);
    }

    /// Keeps the chunks that are written, and wakes the listeners.
    fn keep(&self, writer: &mut Writer, settings: &watch::Receiver<Arc<Config>>) {
        let (most_bytes, most_time) = {
            let settings = settings.borrow();
            (settings.live.ring_bytes, settings.live.ring_time)
        };
        let mut chunks = self.chunks.write().unwrap_or_else(PoisonError::into_inner);
        let before = chunks.head();
        while let Some(chunk) = writer.pull() {
            chunks.push(chunk, most_bytes, most_time);
        }
        let head = chunks.head();
        drop(chunks);
        if head > before {
            self.stage.send_replace(Stage::At(head));
        }
    }
}

/// The task of a stream.
struct Writing<'s> {
    stream: &'s Stream,
    writer: Writer,
    description: Arc<Description>,
    cursor: Cursor,
}

impl<'s> Writing<'s> {
    fn new(stream: &'s Stream, description: Arc<Description>) -> Self {
        let mut writer = Writer::new(stream.packing, &description);
        let mut reports = Vec::new();
        stream.channel.reports(stream.clock.now(), &mut reports);
        for (track, report) in &reports {
            writer.report(*track, report);
        }
        Self {
            stream,
            writer,
            description,
            cursor: stream.channel.cursor(Start::Past),
        }
    }

    /// Returns how the stream stands at its end.
    async fn run(
        mut self,
        settings: &watch::Receiver<Arc<Config>>,
        may_end: impl Fn() -> bool,
    ) -> Stage {
        let stream = self.stream;
        let mut head = stream.channel.head();
        let mut ticks = interval(TICK);
        let mut wanted = stream.clock.now();
        loop {
            head.borrow_and_update();
            match self.take() {
                Taken::Ended(_) => break,
                Taken::Nothing if !self.writer.is_fit() => return Stage::Unfit,
                // The past of a channel comes out at once, for listeners begin near its end.
                Taken::Nothing => stream.keep(&mut self.writer, settings),
                Taken::Bursts | Taken::Missed(_) => {
                    // It is much, and others want to be served meanwhile.
                    tokio::task::yield_now().await;
                    continue;
                }
            }
            tokio::select! {
                changed = head.changed() => if changed.is_err() {
                    break;
                },
                () = sleep(PAUSE) => self.writer.flush(stream.clock.now()),
                _ = ticks.tick() => {
                    let now = stream.clock.now();
                    if stream.is_wanted() {
                        wanted = now;
                    } else if now.saturating_duration_since(wanted) >= LINGER && may_end() {
                        return Stage::Over;
                    }
                }
            }
        }
        self.writer.flush(stream.clock.now());
        stream.keep(&mut self.writer, settings);
        Stage::Over
    }

    /// Gives the writer what is there of the channel.
    fn take(&mut self) -> Taken {
        let described = self.stream.channel.description();
        if let Some(now) = described.filter(|now| !Arc::ptr_eq(now, &self.description)) {
            self.writer.describe(&now);
            self.description = now;
        }
        let mut bursts = Vec::new();
        let taken = self.cursor.take(&mut bursts, BURSTS);
        if let Taken::Missed(_) = taken {
            self.writer.missed();
        }
        bursts.iter().for_each(|burst| self.writer.push(burst));
        taken
    }
}

impl Listener {
    /// Waits, at most for `within`, until there is something to play, and begins with it.
    ///
    /// # Errors
    /// Why there is nothing.
    pub async fn start(&mut self, within: Duration) -> Result<(), NoStream> {
        let settled = self.stages.wait_for(|stage| *stage != Stage::Waiting);
        match timeout(within, settled)
            .await
            .map(|stage| stage.map(|stage| *stage))
        {
            Ok(Ok(Stage::At(_))) => {}
            Ok(Ok(Stage::Unfit)) => return Err(NoStream::Unfit),
            _ => return Err(NoStream::Starting),
        }
        let start = self.chunks().start();
        self.next = start;
        Ok(())
    }

    /// The next chunk of the stream; `None` at its end. Cancel safe.
    ///
    /// # Errors
    /// [`TooSlow`] when it is gone.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TooSlow> {
        loop {
            let stage = *self.stages.borrow_and_update();
            let found = self.chunks().at(self.next);
            match found {
                Found::Chunk(bytes) => {
                    self.next += 1;
                    return Ok(Some(bytes));
                }
                Found::Gone => {
                    self.stream.too_slow.fetch_add(1, Relaxed);
                    return Err(TooSlow);
                }
                Found::Nothing if matches!(stage, Stage::Over | Stage::Unfit) => return Ok(None),
                Found::Nothing => {}
            }
            if self.stages.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    fn chunks(&self) -> RwLockReadGuard<'_, Chunks> {
        self.stream
            .chunks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

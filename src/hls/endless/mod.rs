//! Endless streams: a channel as one answer that lasts as long as the channel, the oldest form of
//! streaming by HTTP. A transport stream, or its sound alone as MP3 or AAC.
//!
//! ```text
//!  channel ── cursor ──> writer ──> chunks <── listeners, each with a place of its own
//!           (a task a channel and packing)
//! ```
//!
//! Titles in the sound, and HTTP, belong to `http`.

mod carrier;
mod chunks;
mod merge;
mod stream;
mod writer;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use stream::{Listener, NoStream, TooSlow};

use super::object::Packing;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::config::Config;
use crate::media::channel::Channel;
use stream::Stream;

type Table = HashMap<(MediaPath, Packing), Arc<Stream>>;

/// All endless streams of a server.
#[derive(Debug)]
pub struct Endless {
    table: Mutex<Table>,
    too_slow: Arc<AtomicU64>,
    settings: watch::Receiver<Arc<Config>>,
    clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Endless {
    /// None yet.
    pub fn new(settings: watch::Receiver<Arc<Config>>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::default(),
            too_slow: Arc::default(),
            settings,
            clock,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// One more listener of `channel`, which is written from now on unless it was before. To be
    /// called inside a tokio runtime.
    pub fn listen(self: &Arc<Self>, channel: &Arc<Channel>, packing: Packing) -> Listener {
        let key = (channel.path().clone(), packing);
        let mut table = self.table();
        if let Some(stream) = table.get(&key)
            && Arc::ptr_eq(&stream.channel, channel)
        {
            return stream.listen();
        }
        let stream = Stream::new(channel, packing, &self.too_slow, self.clock);
        let listener = stream.listen();
        table.insert(key.clone(), Arc::clone(&stream));
        drop(table);
        let there = Arc::clone(self);
        self.tasks
            .spawn(async move { there.run(key, stream).await });
        listener
    }

    /// How many listeners were cut off because they did not take what was sent.
    pub fn too_slow(&self) -> u64 {
        self.too_slow.load(Relaxed)
    }

    /// Ends all, and waits for it.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn run(&self, key: (MediaPath, Packing), stream: Arc<Stream>) {
        let remove = |table: &mut Table| {
            if table.get(&key).is_some_and(|own| Arc::ptr_eq(own, &stream)) {
                table.remove(&key);
            }
        };
        // Whoever joins does so under the same lock.
        let may_end = || {
            let mut table = self.table();
            let is_unwanted = !stream.is_wanted();
            if is_unwanted {
                remove(&mut table);
            }
            is_unwanted
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => stream.end(),
            () = stream.write(self.settings.clone(), may_end) => {}
        }
        remove(&mut self.table());
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What is made of one channel for all its packagers: which sources there are, and who wants what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::Transcoders;
use super::need::Need;
use super::seat::ChannelSeat;
use super::source::Source;
use crate::media::channel::Channel;

/// The exchange of one channel.
#[derive(Debug)]
pub(super) struct Exchange {
    channel: Arc<Channel>,
    seat: Arc<ChannelSeat>,
    sources: Mutex<Sources>,
    /// Whether somebody wants all, anew with each who comes or goes.
    wanted: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Sources {
    sounds: Weak<Source>,
    all: Weak<Source>,
}

/// Of what there is a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Of the sounds that the channel's own rendition needs.
    Sounds,
    /// Of all that some rendition needs.
    All,
}

impl Exchange {
    fn new(shared: &Arc<Transcoders>, channel: &Arc<Channel>) -> Self {
        Self {
            channel: Arc::clone(channel),
            seat: Arc::new(ChannelSeat::new(shared)),
            sources: Mutex::default(),
            wanted: watch::Sender::new(0),
        }
    }

    /// The channel whose exchange it is.
    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// The source of that extent, which begins to encode what there is `need` of if none does; the settings may have been
    /// others when one began. To be called inside a tokio runtime.
    pub(super) fn source(&self, extent: Extent, need: &Need) -> Arc<Source> {
        let mut sources = self.sources();
        let known = match extent {
            Extent::Sounds => &mut sources.sounds,
            Extent::All => &mut sources.all,
        };
        let fitting = known.upgrade().filter(|source| source.makes(need));
        fitting.unwrap_or_else(|| {
            let source = Arc::new(Source::begin(&self.channel, need, &self.seat));
            *known = Arc::downgrade(&source);
            source
        })
    }

    /// Says that somebody wants all, until what is returned is dropped. The source must have begun before.
    pub(super) fn want(self: &Arc<Self>) -> Wanted {
        self.wanted.send_modify(|wanted| *wanted += 1);
        Wanted(Arc::clone(self))
    }

    /// The source of all, if somebody wants it.
    pub(super) fn wanted(&self) -> Option<Arc<Source>> {
        let is_wanted = *self.wanted.borrow() > 0;
        is_wanted.then(|| self.sources().all.upgrade()).flatten()
    }

    /// Tells when somebody who wants all comes or goes.
    pub(super) fn changes(&self) -> watch::Receiver<usize> {
        let mut changes = self.wanted.subscribe();
        changes.mark_changed();
        changes
    }

    /// A source of that extent to which a test gives what is made.
    #[cfg(test)]
    pub(super) fn source_by_hand(&self, extent: Extent, need: &Need) -> Arc<Source> {
        let source = Arc::new(Source::by_hand(need));
        let known = Arc::downgrade(&source);
        match extent {
            Extent::Sounds => self.sources().sounds = known,
            Extent::All => self.sources().all = known,
        }
        source
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody wants all that is made of a channel.
#[derive(Debug)]
pub(super) struct Wanted(Arc<Exchange>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.wanted.send_modify(|wanted| *wanted -= 1);
    }
}

/// The exchanges of all channels that are encoded.
#[derive(Debug, Default)]
pub(super) struct Exchanges(Mutex<Vec<Weak<Exchange>>>);

impl Exchanges {
    /// The exchange of `channel`.
    pub(super) fn of(&self, shared: &Arc<Transcoders>, channel: &Arc<Channel>) -> Arc<Exchange> {
        let mut exchanges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.retain(|one| one.strong_count() > 0);
        let mut known = exchanges.iter().filter_map(Weak::upgrade);
        let known = known.find(|one| Arc::ptr_eq(&one.channel, channel));
        known.unwrap_or_else(|| {
            let exchange = Arc::new(Exchange::new(shared, channel));
            exchanges.push(Arc::downgrade(&exchange));
            exchange
        })
    }
}

//! What one source makes of a channel, for all who take it: the newest of it is kept for those who come later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use super::Trouble;
use super::channel::Encoded;
use crate::codec::Format;

/// What came so long ago is not kept: about as long as a channel keeps its packets.
const KEPT: Duration = Duration::from_secs(12);

/// The most bytes that are kept.
const MOST_BYTES: usize = 16 << 20;

/// What comes of a source.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    /// A unit.
    Unit(Encoded),
    /// It does not work, or it does again.
    Trouble(Option<Trouble>),
    /// What had been taken of the channel is lost.
    Setback,
    /// Nothing will come any more.
    All,
}

/// Where a source puts what it makes.
#[derive(Debug)]
pub(super) struct Outlet {
    kept: Mutex<Kept>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    units: VecDeque<(Encoded, Instant)>,
    /// The number of the oldest unit.
    first: u64,
    bytes: usize,
    /// By track: the format before the oldest unit.
    formats: Vec<(usize, Format)>,
    trouble: Option<Trouble>,
    setbacks: u64,
    is_over: bool,
}

impl Outlet {
    /// Of a source that has made nothing yet.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::default(),
            changed: watch::Sender::new(()),
        })
    }

    /// Adds a unit.
    pub(super) fn give(&self, unit: Encoded) {
        self.change(|kept| kept.push(unit, Instant::now()));
    }

    /// Says why nothing is made, or that all is well.
    pub(super) fn tell(&self, trouble: Option<Trouble>) {
        if self.kept().trouble != trouble {
            self.change(|kept| kept.trouble = trouble);
        }
    }

    /// Says that something of the channel is lost.
    pub(super) fn set_back(&self) {
        self.change(|kept| kept.setbacks += 1);
    }

    /// Says that nothing will come any more.
    pub(super) fn end(&self) {
        self.change(|kept| kept.is_over = true);
    }

    /// Takes what is kept, and then what comes.
    pub(super) fn intake(self: &Arc<Self>) -> Intake {
        let kept = self.kept();
        Intake {
            outlet: Arc::clone(self),
            changed: self.changed.subscribe(),
            next: kept.first,
            formats: kept.formats.clone(),
            begun: Vec::new(),
            trouble: None,
            setbacks: kept.setbacks,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept());
        self.changed.send_replace(());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, unit: Encoded, now: Instant) {
        self.bytes += unit.unit.data.len();
        self.units.push_back((unit, now));
        while self.is_too_much(now) {
            let Some((oldest, _)) = self.units.pop_front() else {
                return;
            };
            self.first += 1;
            self.bytes -= oldest.unit.data.len();
            if let Some(format) = oldest.format {
                self.formats.retain(|(track, _)| *track != oldest.track);
                self.formats.push((oldest.track, format));
            }
        }
    }

    fn is_too_much(&self, now: Instant) -> bool {
        let oldest = self.units.front();
        let is_old = oldest.is_some_and(|(_, at)| now.duration_since(*at) > KEPT);
        is_old || self.bytes > MOST_BYTES
    }
}

/// One who takes what a source makes.
#[derive(Debug)]
pub(super) struct Intake {
    outlet: Arc<Outlet>,
    changed: watch::Receiver<()>,
    /// The number of the unit that comes next.
    next: u64,
    /// The formats that are to be told with the first units of their tracks.
    formats: Vec<(usize, Format)>,
    /// The tracks of which something was taken; each begins with a key frame.
    begun: Vec<usize>,
    /// What was told of last.
    trouble: Option<Trouble>,
    setbacks: u64,
}

impl Intake {
    /// What comes next. Cancel safe.
    pub(super) async fn next(&mut self) -> Given {
        loop {
            self.changed.borrow_and_update();
            if let Some(given) = self.take() {
                return given;
            }
            // The sender lives in the outlet, which this holds.
            let _ = self.changed.changed().await;
        }
    }

    /// Takes over from another what was told of trouble.
    pub(super) fn go_on_from(&mut self, other: &Self) {
        self.trouble = other.trouble;
    }

    /// What is there.
    fn take(&mut self) -> Option<Given> {
        while let Some(unit) = self.take_unit() {
            if let Some(unit) = self.begin_with_key(unit) {
                return Some(Given::Unit(unit));
            }
        }
        let kept = self.outlet.kept();
        if std::mem::replace(&mut self.setbacks, kept.setbacks) != kept.setbacks {
            return Some(Given::Setback);
        }
        if std::mem::replace(&mut self.trouble, kept.trouble) != kept.trouble {
            return Some(Given::Trouble(kept.trouble));
        }
        kept.is_over.then_some(Given::All)
    }

    fn take_unit(&mut self) -> Option<Encoded> {
        let kept = self.outlet.kept();
        if let missed @ 1.. = kept.first.saturating_sub(self.next) {
            warn!(missed, "units that were encoded for HLS came too fast");
            self.next = kept.first;
            self.formats.clone_from(&kept.formats);
            self.begun.clear();
        }
        let place = usize::try_from(self.next - kept.first).ok()?;
        let (unit, _) = kept.units.get(place)?;
        self.next += 1;
        Some(unit.clone())
    }

    /// The unit, with the format of its track if that has not been told; `None` if nobody can begin with it.
    fn begin_with_key(&mut self, unit: Encoded) -> Option<Encoded> {
        let track = unit.track;
        if !self.begun.contains(&track) {
            if !unit.unit.keyframe {
                self.note_format(unit);
                return None;
            }
            self.begun.push(track);
        }
        let known = self.formats.iter().position(|(one, _)| *one == track);
        let known = known.map(|place| self.formats.swap_remove(place).1);
        let format = unit.format.or(known);
        Some(Encoded { format, ..unit })
    }

    fn note_format(&mut self, unit: Encoded) {
        if let Some(format) = unit.format {
            self.formats.retain(|(track, _)| *track != unit.track);
            self.formats.push((unit.track, format));
        }
    }
}

#[cfg(test)]
mod tests;

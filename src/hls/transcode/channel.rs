//! The transcoding of one channel for one who packages it, who shares the process with the others.
//!
//! Sounds are cheap to encode, pictures are not. So all that some rendition needs goes through one process, but
//! where only players that know little need the pictures encoded and nobody watches as they do: then there
//! is a process for the sounds alone, which hands them over to that of all when somebody does, and takes them back
//! when the last has gone, or when the pictures are not encoded in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::exchange::{Exchange, Extent, Wanted};
use super::handover::Handover;
use super::need::Share;
use super::outlet::{Given, Intake};
use super::source::Source;
use super::{Transcoders, Trouble};
use crate::base::backoff::Backoff;
use crate::codec::{AccessUnit, Format};
use crate::media::channel::Channel;

/// How long what is left of a channel that has ended may take to be made.
const LAST_TIME: Duration = Duration::from_secs(3);

/// Sounds go over to the process of all when it has kept up with that of the sounds for so long.
const PROOF: Duration = Duration::from_secs(5);

/// After they have come back they do not go over for so long, which grows each time.
const SHORTEST_APART: Duration = Duration::from_secs(60);
const LONGEST_APART: Duration = Duration::from_secs(3600);

/// Sounds come back from it when it has owed so many seconds in a row half a second of them or more.
const PATIENCE: u32 = 2;

/// What was made of a piece of a track.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::hls) struct Encoded {
    /// The index of the track in the channel's description.
    pub(in crate::hls) track: usize,
    /// The unit, at the RTP time of what it was made of.
    pub(in crate::hls) unit: AccessUnit,
    /// The format, if it changes here.
    pub(in crate::hls) format: Option<Format>,
}

/// What comes of transcoding.
#[derive(Debug)]
pub(in crate::hls) enum Made {
    /// A unit.
    Unit(Encoded),
    /// It does not work, or it does again.
    Trouble(Option<Trouble>),
    /// The channel has ended, and all was made of it.
    All,
}

/// A source that is taken from.
#[derive(Debug)]
struct Supply {
    intake: Intake,
    extent: Extent,
    /// Goes on for as long as somebody has it.
    _source: Arc<Source>,
}

impl Supply {
    fn of(source: Arc<Source>, extent: Extent) -> Self {
        Self {
            intake: source.intake(),
            extent,
            _source: source,
        }
    }
}

/// What one who packages a channel needs encoded of it; ends when dropped.
#[derive(Debug)]
pub(in crate::hls) struct Transcoder {
    exchange: Arc<Exchange>,
    share: Share,
    /// The tracks that are needed, by their index, and their clocks in Hz.
    tracks: Vec<(usize, u32)>,
    /// The RTP times of their newest units.
    newest: Vec<(usize, u32)>,
    supply: Supply,
    /// Through which come the units of a source that was handed over to.
    seam: Option<Handover>,
    coming: Option<(Supply, Handover)>,
    /// Until when sounds are not handed over to the process of all, which did not keep up, or failed.
    apart_until: Option<Instant>,
    backoff: Backoff,
    owed_seconds: u32,
    changes: watch::Receiver<usize>,
    _wanted: Option<Wanted>,
}

impl Transcoder {
    /// Begins to encode what a rendition needs at the oldest key frame that is there, unless that is made already.
    /// To be called inside a tokio runtime.
    pub(in crate::hls) fn begin(
        shared: &Arc<Transcoders>,
        channel: &Arc<Channel>,
        share: Share,
    ) -> Self {
        let exchange = shared.exchange(channel);
        let (extent, need) = match share.does_without_pictures {
            true => (Extent::Sounds, &share.need),
            false => (Extent::All, &share.all),
        };
        let supply = Supply::of(exchange.source(extent, need), extent);
        let description = channel.description();
        let clock = |index: usize| {
            let description = description.as_ref()?;
            Some((index, description.tracks().get(index)?.clock_hz))
        };
        Self {
            tracks: share.need.all().into_iter().filter_map(clock).collect(),
            newest: Vec::new(),
            supply,
            seam: None,
            coming: None,
            apart_until: None,
            backoff: Backoff::new(SHORTEST_APART, LONGEST_APART),
            owed_seconds: 0,
            changes: exchange.changes(),
            _wanted: (extent == Extent::All).then(|| exchange.want()),
            share,
            exchange,
        }
    }

    /// What comes of it next. Cancel safe.
    pub(in crate::hls) async fn next(&mut self) -> Made {
        loop {
            if let Some(unit) = self.seam.as_mut().and_then(Handover::pull) {
                return self.give(unit);
            }
            let hands_over = self.share.does_without_pictures;
            tokio::select! {
                biased;
                Ok(()) = self.changes.changed(), if hands_over => self.reconsider(),
                given = given(&mut self.coming) => self.take_coming(given),
                given = self.supply.intake.next() => if let Some(made) = self.take(given) {
                    return made;
                },
            }
        }
    }

    /// What is still made of a channel that has ended.
    pub(in crate::hls) async fn rest(mut self) -> Vec<Encoded> {
        let mut rest = Vec::new();
        let taken = async {
            loop {
                match self.next().await {
                    Made::Unit(unit) => rest.push(unit),
                    Made::Trouble(_) => {}
                    Made::All => return,
                }
            }
        };
        let _ = timeout(LAST_TIME, taken).await;
        rest
    }

    /// Says, once a second, whether half a second of the media or more is still being encoded.
    pub(in crate::hls) fn judge(&mut self, is_owed: bool) {
        self.owed_seconds = if is_owed { self.owed_seconds + 1 } else { 0 };
        if self.owed_seconds >= PATIENCE {
            self.part();
        }
        if self
            .apart_until
            .is_some_and(|until| Instant::now() >= until)
        {
            self.apart_until = None;
            self.reconsider();
        }
    }

    fn give(&mut self, unit: Encoded) -> Made {
        let (track, time) = (unit.track, unit.unit.time);
        self.newest.retain(|(one, _)| *one != track);
        self.newest.push((track, time));
        if let Some((_, handover)) = &mut self.coming {
            handover.note_old(track, time);
        }
        Made::Unit(unit)
    }

    /// Takes what the source gives that is taken from.
    fn take(&mut self, given: Given) -> Option<Made> {
        match given {
            Given::Unit(unit) if !self.needs(&unit) => None,
            Given::Unit(unit) => match &mut self.seam {
                Some(seam) => {
                    seam.push(unit, Instant::now().into_std());
                    None
                }
                None => Some(self.give(unit)),
            },
            Given::Trouble(trouble) => Some(Made::Trouble(trouble)),
            Given::Setback => {
                self.part();
                None
            }
            Given::All => Some(Made::All),
        }
    }

    /// Takes what the source gives that comes next.
    fn take_coming(&mut self, given: Given) {
        let Some((supply, handover)) = &mut self.coming else {
            return;
        };
        match given {
            Given::Unit(unit) => {
                let now = Instant::now().into_std();
                handover.push(unit, now);
                if handover.is_over(now) {
                    self.go_over();
                }
            }
            Given::Setback | Given::Trouble(Some(_)) if supply.extent == Extent::All => {
                self.coming = None;
                self.stay_apart();
            }
            Given::Setback | Given::Trouble(_) => {}
            Given::All => self.coming = None,
        }
    }

    fn needs(&self, unit: &Encoded) -> bool {
        self.tracks.iter().any(|(track, _)| *track == unit.track)
    }

    /// Goes over to the source that comes.
    fn go_over(&mut self) {
        let Some((mut supply, handover)) = self.coming.take() else {
            return;
        };
        supply.intake.go_on_from(&self.supply.intake);
        self.supply = supply;
        self.seam = Some(handover);
        self.owed_seconds = 0;
        let path = self.exchange.channel().path();
        match self.supply.extent {
            Extent::All => info!(%path, "one process transcodes the channel for all its players"),
            Extent::Sounds => {
                info!(%path, "a process of its own transcodes the sounds of the channel")
            }
        }
        self.reconsider();
    }

    /// Begins to go over, or does not any more, as somebody wants all or nobody does.
    fn reconsider(&mut self) {
        let wanted = self.exchange.wanted();
        match (self.supply.extent, &self.coming, wanted) {
            (Extent::Sounds, None, Some(all)) if self.apart_until.is_none() => {
                self.await_supply(Supply::of(all, Extent::All), PROOF);
            }
            (Extent::Sounds, Some(_), None) => self.coming = None,
            (Extent::All, None, None) => self.await_sounds(),
            _ => {}
        }
    }

    /// Goes back to a process for the sounds alone.
    fn part(&mut self) {
        let is_shared = self.share.does_without_pictures && self.supply.extent == Extent::All;
        if is_shared && self.coming.is_none() {
            let path = self.exchange.channel().path();
            warn!(%path, "the pictures are not transcoded in time, or not at all: the sounds go on without them");
            self.stay_apart();
            self.await_sounds();
        }
    }

    /// Does not try again for a while.
    fn stay_apart(&mut self) {
        self.apart_until = Some(Instant::now() + self.backoff.wait(rand::random()));
    }

    fn await_sounds(&mut self) {
        let source = self.exchange.source(Extent::Sounds, &self.share.need);
        self.await_supply(Supply::of(source, Extent::Sounds), Duration::ZERO);
    }

    fn await_supply(&mut self, supply: Supply, proof: Duration) {
        let mut handover = Handover::new(self.tracks.iter().copied(), proof);
        for (track, time) in &self.newest {
            handover.note_old(*track, *time);
        }
        self.coming = Some((supply, handover));
    }
}

/// What the source gives that comes next; nothing ever without one. Cancel safe.
async fn given(coming: &mut Option<(Supply, Handover)>) -> Given {
    match coming {
        Some((supply, _)) => supply.intake.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;

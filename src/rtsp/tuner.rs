//! A channel as one reader receives it: its place in the fan, and what it has set up.
//!
//! A reader that is paused, or has not begun, has no place in the fan and costs
//! nothing but its session. How packets go out is the fan's matter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::base::id::TrackId;
use crate::codec::Kind;
use crate::log::access::Entry;
use crate::media::channel::Channel;
use crate::media::ring::Start;
use crate::media::sessions::Session;
use crate::net::fan::{Fan, Member, Membership, Prepared};
use crate::net::outlet::TrackOutlet;
use crate::vod;
use crate::wire::header::range::Range;

use super::answer::{Done, Playing};
use super::ask::Play;
use super::broadcast::Broadcast;
use super::refusal::Refusal;

/// One reader's channel.
pub(super) struct Tuner {
    broadcast: Broadcast,
    watched: Arc<Session>,
    fan: Arc<Fan>,
    place: Mutex<Place>,
}

/// Whether the reader receives, and who holds its ways out.
enum Place {
    /// It does not.
    Away(Vec<(usize, TrackOutlet)>),
    /// It will when the answer to its PLAY is sent.
    Prepared(Prepared),
    /// It does.
    Joined(Membership),
}

impl Tuner {
    /// A channel of which no track is set up yet.
    pub(super) fn new(broadcast: Broadcast, watched: Arc<Session>, fan: Arc<Fan>) -> Self {
        Self {
            broadcast,
            watched,
            fan,
            place: Mutex::new(Place::Away(Vec::new())),
        }
    }

    pub(super) fn broadcast(&self) -> &Broadcast {
        &self.broadcast
    }

    /// Gives a track its way out; a reader that receives is paused.
    pub(super) fn add_track(&self, id: TrackId, outlet: TrackOutlet) -> Result<(), Refusal> {
        let (index, track) = self.broadcast.track(id)?;
        let mut place = self.lock();
        let mut tracks = place.leave();
        tracks.retain(|(known, _)| *known != index);
        tracks.push((index, outlet));
        *place = Place::Away(tracks);
        let ssrc = self.channel().ssrc(index);
        self.watched.add_stream(ssrc, track.clock_hz);
        Ok(())
    }

    /// Prepares what `play` asks for: the present, whatever its range, scale and speed say.
    ///
    /// A reader that receives already goes on as it does.
    pub(super) fn play(&self, play: Play, start: Start) -> Result<Done, Refusal> {
        let mut place = self.lock();
        if let Some(end) = self.channel().ended() {
            return Err(Refusal::new(404, format!("channel has ended: {end}")));
        }
        let tracks = match &*place {
            Place::Joined(_) => Vec::new(),
            _ => self.prepare(&mut place, start)?,
        };
        Ok(Done::Playing(Playing {
            range: Range::Npt {
                start: None,
                end: None,
                now: true,
            },
            scale: 1.0,
            speed: 1.0,
            asked: (play.scale.is_some(), play.speed.is_some()),
            tracks,
            prebuffer: None,
            options: play.options,
        }))
    }

    /// Takes a place in the channel; answers with the first packet of each track.
    fn prepare(&self, place: &mut Place, start: Start) -> Result<Firsts, Refusal> {
        let tracks = place.leave();
        if tracks.is_empty() {
            return Err(vod::Error::NothingSetUp.into());
        }
        let indexes: Vec<_> = tracks.iter().map(|(index, _)| *index).collect();
        let member = Member {
            session: Arc::clone(&self.watched),
            tracks,
        };
        let prepared = self.fan.prepare(self.channel(), member, start);
        let description = &self.broadcast.description;
        let firsts = indexes.into_iter().filter_map(|index| {
            let id = description.tracks().get(index)?.id;
            let (sequence, time) = prepared.first(index).unzip();
            Some((id, sequence, time.flatten()))
        });
        let firsts = firsts.collect();
        *place = Place::Prepared(prepared);
        Ok(firsts)
    }

    /// Starts what [`play`](Self::play) has prepared. To be called inside a tokio runtime.
    pub(super) fn start(&self) {
        let mut place = self.lock();
        *place = match std::mem::take(&mut *place) {
            Place::Prepared(prepared) => Place::Joined(prepared.start()),
            other => other,
        };
    }

    /// Leaves the fan; the ways out stay set up.
    pub(super) fn pause(&self) {
        let mut place = self.lock();
        *place = Place::Away(place.leave());
    }

    /// Leaves for good, with BYE.
    pub(super) fn stop(&self, now: Instant) {
        if let Place::Joined(membership) = std::mem::take(&mut *self.lock()) {
            membership.part(now);
        }
    }

    pub(super) fn is_playing(&self) -> bool {
        matches!(&*self.lock(), Place::Joined(_))
    }

    /// Why the reader gets nothing more, in words for the log; `None` while it can.
    pub(super) fn ended(&self) -> Option<String> {
        if let Place::Joined(membership) = &*self.lock() {
            return membership.ended().map(|why| why.to_string());
        }
        self.channel().ended().map(|end| end.to_string())
    }

    /// `entry` with what the access log says of the channel.
    pub(super) fn entry(&self, entry: Entry) -> Entry {
        Entry {
            bit_rate: self.broadcast.bit_rate(),
            audio_codec: self.broadcast.encoding(Kind::Audio),
            video_codec: self.broadcast.encoding(Kind::Video),
            ..entry
        }
    }

    fn channel(&self) -> &Arc<Channel> {
        &self.broadcast.channel
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of each track the sequence number and the RTP time of the first packet, as far as they are known.
type Firsts = Vec<(TrackId, Option<u16>, Option<u32>)>;

impl Default for Place {
    fn default() -> Self {
        Self::Away(Vec::new())
    }
}

impl Place {
    /// Leaves the fan, and gives the ways out back.
    fn leave(&mut self) -> Vec<(usize, TrackOutlet)> {
        match std::mem::take(self) {
            Self::Away(tracks) => tracks,
            Self::Prepared(prepared) => prepared.cancel().tracks,
            Self::Joined(membership) => membership.pause().tracks,
        }
    }
}

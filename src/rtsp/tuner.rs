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
use crate::net::fan::{Fan, Member, Membership, Prepared, Why};
use crate::net::multicast::Cast;
use crate::net::outlet::TrackOutlet;
use crate::vod;
use crate::wire::header::range::Range;

use super::answer::{Done, Playing};
use super::ask::Play;
use super::broadcast::Broadcast;
use super::group_seat::GroupSeat;
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
    /// It listens to a group, or will.
    Group(GroupSeat),
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
        if let Place::Group(_) = &*place {
            return Err(mixed());
        }
        let mut tracks = place.leave();
        tracks.retain(|(known, _)| *known != index);
        tracks.push((index, outlet));
        *place = Place::Away(tracks);
        let ssrc = self.channel().ssrc(index);
        self.watched.add_stream(ssrc, track.clock_hz);
        Ok(())
    }

    /// Has a track come from the group of `cast`, where it has the ports that are
    /// answered; a reader that receives is paused.
    ///
    /// # Errors
    /// 404 for a track that there is not, 461 when another one was set up to come otherwise.
    pub(super) fn add_group_track(
        &self,
        id: TrackId,
        cast: &Arc<Cast>,
    ) -> Result<(u16, u16), Refusal> {
        let (index, track) = self.broadcast.track(id)?;
        let ports = cast.ports(index).ok_or(vod::Error::NoTrack(id))?;
        let mut place = self.lock();
        match &mut *place {
            Place::Group(seat) => seat.leave(),
            Place::Away(tracks) if tracks.is_empty() => {
                *place = Place::Group(GroupSeat::new(cast));
            }
            _ => return Err(mixed()),
        }
        if let Place::Group(seat) = &mut *place {
            seat.add_track(index);
        }
        let ssrc = self.channel().ssrc(index);
        self.watched.add_stream(ssrc, track.clock_hz);
        Ok(ports)
    }

    /// Prepares what `play` asks for: the present, whatever its range, scale and speed say.
    ///
    /// A reader that receives already goes on as it does.
    pub(super) fn play(&self, play: Play, start: Start) -> Result<Done, Refusal> {
        let mut place = self.lock();
        if let Some(end) = self.channel().ended() {
            return Err(Refusal::new(404, format!("channel has ended: {end}")));
        }
        let tracks = match &mut *place {
            Place::Joined(_) => Vec::new(),
            Place::Group(seat) => {
                let tracks = seat.prepare(start).into_iter();
                let ids = tracks.filter_map(|index| self.id_of(index));
                // Others may listen already, so nobody knows what comes first.
                ids.map(|id| (id, None, None)).collect()
            }
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
        let firsts = indexes.into_iter().filter_map(|index| {
            let id = self.id_of(index)?;
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
            Place::Group(mut seat) => {
                seat.start(&self.watched);
                Place::Group(seat)
            }
            other => other,
        };
    }

    /// Leaves the fan; the ways out stay set up.
    pub(super) fn pause(&self) {
        let mut place = self.lock();
        match &mut *place {
            Place::Group(seat) => seat.leave(),
            other => *other = Place::Away(other.leave()),
        }
    }

    /// Leaves for good, with BYE.
    pub(super) fn stop(&self, now: Instant) {
        if let Place::Joined(membership) = std::mem::take(&mut *self.lock()) {
            membership.part(now);
        }
    }

    pub(super) fn is_playing(&self) -> bool {
        match &*self.lock() {
            Place::Joined(_) => true,
            Place::Group(seat) => seat.is_listening(),
            Place::Away(_) | Place::Prepared(_) => false,
        }
    }

    /// Why the reader gets nothing more, in words for the log; `None` while it can.
    pub(super) fn ended(&self) -> Option<String> {
        match &*self.lock() {
            Place::Joined(membership) => return membership.ended().map(|why| why.to_string()),
            Place::Group(seat) if seat.is_listening() => return seat.ended(),
            _ => {}
        }
        self.channel().ended().map(|end| end.to_string())
    }

    /// Whether the reader was cut off because it took nothing for too long.
    pub(super) fn is_slow(&self) -> bool {
        match &*self.lock() {
            Place::Joined(membership) => membership.ended() == Some(Why::TooSlow),
            _ => false,
        }
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

    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.broadcast.channel
    }

    /// What the reader takes of the server's throughput, in bit/s.
    pub(super) fn bit_rate(&self) -> u64 {
        let bit_rate = self.broadcast.bit_rate();
        match &*self.lock() {
            Place::Group(seat) => seat.share(bit_rate),
            _ => bit_rate,
        }
    }

    fn id_of(&self, index: usize) -> Option<TrackId> {
        let track = self.broadcast.description.tracks().get(index)?;
        Some(track.id)
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mixed() -> Refusal {
    Refusal::new(461, "by multicast comes all of a session or nothing")
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
            Self::Group(_) => Vec::new(),
            Self::Prepared(prepared) => prepared.cancel().tracks,
            Self::Joined(membership) => membership.pause().tracks,
        }
    }
}

//! A seat: where a member meets the task that sends to it.
//!
//! Its lock is held while that one member is sent to, so that leaving waits for
//! a system call at most, and whoever has left is not sent anything.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::info;

use super::delivery::{Delivery, Next, Tour};
use super::{Member, Why};
use crate::media::sessions::Session;

#[derive(Debug)]
pub(super) struct Seat(Mutex<Place>);

#[derive(Debug)]
struct Place {
    member: Option<Member>,
    /// What is left to send; `None` once that has ended.
    delivery: Option<Delivery>,
    ended: Option<Why>,
}

/// What became of a seat's turn.
pub(super) enum Turn {
    /// It goes on.
    Next(Next),
    /// The member was sent its last.
    Ended,
    /// The member left before.
    Empty,
}

impl Seat {
    pub(super) fn new(member: Member, delivery: Delivery) -> Self {
        Self(Mutex::new(Place {
            member: Some(member),
            delivery: Some(delivery),
            ended: None,
        }))
    }

    /// Sends to the member what there is for it.
    pub(super) fn serve(&self, tour: &mut Tour<'_>) -> Turn {
        let mut place = self.lock();
        let Place {
            member: Some(member),
            delivery: Some(delivery),
            ended,
        } = &mut *place
        else {
            return Turn::Empty;
        };
        match delivery.serve(member, tour) {
            Ok(next) => Turn::Next(next),
            Err(why) => {
                end(&member.session, why);
                *ended = Some(why);
                place.delivery = None;
                Turn::Ended
            }
        }
    }

    /// Gives the member back, and whether it was still sent to.
    pub(super) fn leave(&self) -> (Option<Member>, bool) {
        let mut place = self.lock();
        let delivery = place.delivery.take();
        (place.member.take(), delivery.is_some())
    }

    /// Whether nothing is sent to it any more.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().delivery.is_none()
    }

    /// Why nothing more is sent.
    pub(super) fn ended(&self) -> Option<Why> {
        self.lock().ended
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the session of a member that is sent nothing more.
fn end(session: &Session, why: Why) {
    let facts = session.facts();
    info!(session = %facts.id, peer = %facts.peer, path = %facts.path, reason = %why, "reader is sent nothing more");
    session.end().cancel();
}

//! How many watch what, as pages tell it: counted once for all that ask within a second.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::media::sessions::{Role, Sessions};

/// For how long a count is good: it takes a walk through all sessions.
const FRESH: Duration = Duration::from_secs(1);

/// The viewers of all channels and movies.
#[derive(Debug, Default)]
pub(super) struct Audience {
    counted: Mutex<Option<Count>>,
}

#[derive(Debug)]
struct Count {
    at: Instant,
    viewers: HashMap<MediaPath, usize>,
}

impl Audience {
    /// How many watch what is called `path`, at most a second ago.
    pub(super) fn of(&self, path: &MediaPath, sessions: &Sessions, clock: Clock) -> usize {
        let now = clock.now();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |count: &Count| now.saturating_duration_since(count.at) < FRESH;
        let count = match counted.take().filter(fresh) {
            Some(count) => count,
            None => Count::of(sessions, now),
        };
        let viewers = count.viewers.get(path).copied().unwrap_or_default();
        *counted = Some(count);
        viewers
    }
}

impl Count {
    fn of(sessions: &Sessions, at: Instant) -> Self {
        let mut viewers: HashMap<MediaPath, usize> = HashMap::new();
        for session in sessions.list() {
            let facts = session.facts();
            if facts.role == Role::Viewer {
                *viewers.entry(facts.path.clone()).or_default() += 1;
            }
        }
        Self { at, viewers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::SessionId;
    use crate::media::sessions::SessionFacts;

    #[test]
    fn what_goes_to_a_group_is_watched_by_those_who_listen() {
        let (sessions, clock) = (Sessions::new(), Clock::start());
        let path = MediaPath::from_plain("live").unwrap();
        let open = |id, role| {
            sessions.open(SessionFacts {
                id: SessionId::from_random(id),
                role,
                path: path.clone(),
                peer: "127.0.0.1:4000".parse().unwrap(),
                user_agent: String::new(),
                transport: "multicast",
                opened: clock.started(),
            })
        };
        let roles = [(2, Role::Group), (4, Role::Viewer), (6, Role::Publisher)];
        let _open = roles.map(|(id, role)| open(id, role));
        assert_eq!(Audience::default().of(&path, &sessions, clock), 1);
    }
}

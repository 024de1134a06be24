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

//! A client that receives media: what it watches, and when it began to.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::log::access::Entry;
use crate::media::sessions;

use super::content::Content;
use super::party::{Party, Role};
use super::service::Service;
use super::subject::Subject;
use super::visit::Visit;

/// One viewer.
pub(super) struct Viewer {
    subject: Subject,
    first_play: OnceLock<Instant>,
}

impl Viewer {
    /// The party of a new viewer of `content`, without tracks, which is counted in `watched`.
    pub(super) fn open(
        watched: Arc<sessions::Session>,
        content: Content,
        visit: Visit,
        service: &Service,
    ) -> Arc<Party> {
        let viewer = Self {
            subject: Subject::new(content, Arc::clone(&watched), service),
            first_play: OnceLock::new(),
        };
        Party::new(Role::Viewer(viewer), watched, visit)
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Starts what a PLAY has prepared, once its answer is on the way.
    pub(super) fn start(&self, now: Instant) {
        self.first_play.get_or_init(|| now);
        self.subject.start(now);
    }

    /// `entry` with what the access log says of a viewer; `opened` is the start of the session.
    pub(super) fn entry(&self, opened: Instant, entry: Entry) -> Entry {
        let first = self.first_play.get();
        Entry {
            start_delay: first.map(|first| first.saturating_duration_since(opened)),
            ..self.subject.entry(entry)
        }
    }
}

//! A viewer's right to a place within the limits, from SETUP on.
//!
//! Looking whether there is room and taking it are one step, so that viewers who
//! come at the same time cannot share the last place.

use std::sync::{Arc, Weak};

use super::content::Content;
use super::refusal::Refusal;
use super::service::{Service, Table};
use crate::base::id::SessionId;
use crate::config::Limits;
use crate::media::sessions::Load;

/// A place that a session has taken; dropped before the session has entered, it is free again.
pub(super) struct Admission {
    service: Weak<Service>,
    id: SessionId,
}

impl Admission {
    /// The identifier of the session that it was taken for.
    pub(super) fn id(&self) -> SessionId {
        self.id
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(service) = self.service.upgrade() {
            service.table().expected.remove(&self.id);
        }
    }
}

impl Service {
    /// Whether one more viewer fits the limits now, as far as that can be said before it is known of what.
    ///
    /// # Errors
    /// 453 when it does not.
    pub(super) fn has_room(&self) -> Result<(), Refusal> {
        let others = self.parts.sessions.load_by_http();
        let table = self.table();
        table.refuse_excess(0, others, &self.config().limits)
    }

    /// Takes a place for a viewer of `content`, whose session will have the identifier `id`.
    ///
    /// # Errors
    /// 453 when it would not fit the limits.
    pub(super) fn admit(
        self: &Arc<Self>,
        id: SessionId,
        content: &Content,
    ) -> Result<Admission, Refusal> {
        let limits = &self.config().limits;
        let bit_rate = content.bit_rate();
        let others = self.parts.sessions.load_by_http();
        let mut table = self.table();
        table.refuse_excess(bit_rate, others, limits)?;
        table.expected.insert(id, bit_rate);
        Ok(Admission {
            service: Arc::downgrade(self),
            id,
        })
    }
}

impl Table {
    /// Refuses a viewer of `bit_rate` above the limits, which those count for as well who have not
    /// entered yet, and the `others` that this table does not know.
    fn refuse_excess(&self, bit_rate: u64, others: Load, limits: &Limits) -> Result<(), Refusal> {
        let parties = self.parties.values();
        let viewers = parties.clone().filter(|party| party.viewer().is_some());
        let rates = parties.map(|party| party.bit_rate());
        let rates = rates.chain(self.expected.values().copied());
        let load = Load {
            viewers: viewers.count() + self.expected.len() + others.viewers,
            bit_rate: rates.fold(others.bit_rate, u64::saturating_add),
        };
        let admitted = load.admit(limits.connections, limits.throughput, bit_rate);
        admitted.map_err(|full| Refusal::new(453, full.to_string()))
    }
}

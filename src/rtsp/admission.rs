//! Whether there is room for one more viewer within the limits.

use std::net::IpAddr;
use std::sync::Arc;

use super::refusal::Refusal;
use super::service::Service;
use crate::media::room::Full;
use crate::media::sessions::{Session, SessionFacts};

impl Service {
    /// Whether one more viewer at `peer` fits the limits now, as far as that can be said before it
    /// is known of what.
    ///
    /// # Errors
    /// 453 when it does not.
    pub(super) fn has_room(&self, peer: IpAddr) -> Result<(), Refusal> {
        self.count_rates();
        let limits = self.config().limits.of_viewers();
        self.parts.sessions.has_room(peer, &limits).map_err(refused)
    }

    /// Opens the session of a viewer who takes `bit_rate` bit/s.
    ///
    /// # Errors
    /// 453 when it would not fit the limits.
    pub(super) fn admit(
        &self,
        facts: SessionFacts,
        bit_rate: u64,
    ) -> Result<Arc<Session>, Refusal> {
        self.count_rates();
        let limits = self.config().limits.of_viewers();
        let admitted = self.parts.sessions.admit(facts, bit_rate, &limits);
        admitted.map_err(refused)
    }

    /// Brings up to date what the viewers take.
    fn count_rates(&self) {
        for party in self.parties().values() {
            party.watched().takes(party.bit_rate());
        }
    }
}

fn refused(full: Full) -> Refusal {
    Refusal::new(453, full.to_string())
}

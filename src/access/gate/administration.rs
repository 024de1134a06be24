//! Who may administer the server.

use std::sync::Arc;

use super::{Attempt, Gate, Verdict, closed};
use crate::access::caller::Caller;
use crate::access::qtaccess::{Action, Scheme};
use crate::base::path::MediaPath;

impl Gate {
    /// Whether `caller` may administer the server: who is at this host may, others log in as members of
    /// the group `admin`, by the files that count in the movies folder itself. Where the request comes by
    /// TLS they do so by Basic, for programs that watch over servers know nothing else.
    ///
    /// Cancel safe.
    pub async fn may_administer(
        self: &Arc<Self>,
        caller: &Caller<'_>,
        attempt: &Attempt<'_>,
        is_encrypted: bool,
    ) -> Verdict {
        if !self.networks().admin.has(caller.peer) {
            return Verdict::Foreign;
        }
        if caller.looks_from_this_host() {
            return Verdict::Open;
        }
        let gate = Arc::clone(self);
        let look = move || gate.guards.guard(&MediaPath::default(), Action::Administer);
        let looked = tokio::task::spawn_blocking(look).await;
        let mut rules = looked.unwrap_or_else(|_| closed()).0;
        if is_encrypted {
            let by_basic = rules.iter().map(|rule| Arc::new(rule.by(Scheme::Basic)));
            rules = by_basic.collect();
        }
        if let Some(bearer) = self.bearer(&rules, attempt).await {
            return Verdict::Bearer(bearer);
        }
        self.judge(&rules, attempt).await
    }
}

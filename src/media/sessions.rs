//! The table of sessions: who receives or publishes what, how it goes, and a way to end it.
//!
//! `rtsp` and `hls` open sessions, senders and receivers count into them, `http` reads them. The
//! states of RTSP are not kept here.

mod session;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::room::{Full, Limits, Load, RunningLoad};
use super::stats::{Counters, Snapshot};
use crate::base::holder::Holder;
use crate::base::id::SessionId;

pub use session::{Role, Session, SessionFacts};

/// All open sessions. Clones share one table.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    table: Arc<Mutex<Table>>,
    load: Arc<RunningLoad>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<SessionId, Entry>,
    /// What the viewers at each address take, as long as there are any.
    addresses: HashMap<Holder, Arc<RunningLoad>>,
    opened: u64,
    ended: Snapshot,
}

/// The counters have an owner of their own so that the totals never miss a session that is just ending.
#[derive(Debug)]
struct Entry {
    session: Weak<Session>,
    counters: Arc<Counters>,
}

impl Table {
    /// What the viewers at `peer` take.
    fn load_of(&self, peer: IpAddr) -> Load {
        let load = self.addresses.get(&Holder::of(peer));
        load.map(|load| load.load()).unwrap_or_default()
    }

    /// Keeps what was counted by the session `id`, whose counters these are, and forgets it; not another one that
    /// has its name.
    fn end(&mut self, id: SessionId, counters: &Arc<Counters>) {
        self.ended.add(&counters.snapshot());
        let is_own = |entry: &Entry| Arc::ptr_eq(&entry.counters, counters);
        if self.open.get(&id).is_some_and(is_own) {
            self.open.remove(&id);
        }
    }

    /// Keeps nothing of `peer` when no viewer is there.
    fn forget(&mut self, peer: IpAddr) {
        if self.load_of(peer).viewers == 0 {
            self.addresses.remove(&Holder::of(peer));
        }
    }
}

impl Sessions {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a session; it leaves the table when the last `Arc` of it is dropped.
    pub fn open(&self, facts: SessionFacts) -> Arc<Session> {
        self.enter(&mut lock(&self.table), facts)
    }

    /// Enters the session of a viewer who takes `bit_rate` bit/s at first, if there is room for it.
    ///
    /// Looking and entering are one step, so that viewers who come at the same time cannot share the
    /// last place.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn admit(
        &self,
        facts: SessionFacts,
        bit_rate: u64,
        limits: &Limits,
    ) -> Result<Arc<Session>, Full> {
        let mut table = lock(&self.table);
        limits.admit(self.load(), table.load_of(facts.peer.ip()), bit_rate)?;
        let session = self.enter(&mut table, facts);
        session.takes(bit_rate);
        Ok(session)
    }

    /// Whether one more viewer at `peer` would be admitted, as far as that can be said before it
    /// is known of what.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn has_room(&self, peer: IpAddr, limits: &Limits) -> Result<(), Full> {
        limits.admit(self.load(), lock(&self.table).load_of(peer), 0)
    }

    fn enter(&self, table: &mut Table, facts: SessionFacts) -> Arc<Session> {
        let id = facts.id;
        let is_counted = facts.role == Role::Viewer;
        let loads = is_counted.then(|| {
            let own = table.addresses.entry(Holder::of(facts.peer.ip()));
            [Arc::clone(&self.load), Arc::clone(own.or_default())]
        });
        let session = Arc::new(Session::new(facts, Arc::clone(&self.table), loads));
        let entry = Entry {
            session: Arc::downgrade(&session),
            counters: session.shared_counters(),
        };
        table.opened += 1;
        table.open.insert(id, entry);
        session
    }

    /// How many sessions are open.
    pub fn len(&self) -> usize {
        lock(&self.table).open.len()
    }

    /// Whether no session is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many sessions were opened so far, the ended ones included.
    pub fn opened(&self) -> u64 {
        lock(&self.table).opened
    }

    /// The open sessions, the longest open first.
    pub fn list(&self) -> Vec<Arc<Session>> {
        let mut list: Vec<_> = {
            let table = lock(&self.table);
            let sessions = table.open.values();
            sessions
                .filter_map(|entry| entry.session.upgrade())
                .collect()
        };
        list.sort_by_key(|session| (session.facts().opened, session.facts().id));
        list
    }

    /// Ends those of whom `is_over` says so.
    pub fn end_those(&self, is_over: impl Fn(&SessionFacts) -> bool) {
        for session in self.list() {
            if is_over(session.facts()) {
                session.end().cancel();
            }
        }
    }

    /// What all viewers take.
    pub fn load(&self) -> Load {
        self.load.load()
    }

    /// The open session of that identifier.
    pub fn find(&self, id: SessionId) -> Option<Arc<Session>> {
        lock(&self.table).open.get(&id)?.session.upgrade()
    }

    /// What was sent and received in all sessions so far, the ended ones included.
    pub fn totals(&self) -> Snapshot {
        let table = lock(&self.table);
        let mut totals = table.ended;
        for entry in table.open.values() {
            totals.add(&entry.counters.snapshot());
        }
        totals
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

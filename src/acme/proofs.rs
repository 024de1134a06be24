//! What an authority is answered that asks by HTTP whether a name is this server's (RFC 8555, 8.3).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The answers by their tokens, as long as somebody may ask for them.
#[derive(Debug, Default)]
pub struct Proofs(Mutex<HashMap<String, String>>);

impl Proofs {
    /// What is answered to who asks for `token`.
    pub fn answer(&self, token: &str) -> Option<String> {
        self.table().get(token).cloned()
    }

    pub(super) fn add(&self, token: &str, answer: &str) {
        self.table().insert(token.to_owned(), answer.to_owned());
    }

    pub(super) fn forget(&self) {
        self.table().clear();
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

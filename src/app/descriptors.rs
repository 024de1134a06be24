//! The process's file descriptors, which bound how many clients it can have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for movies, logs, UDP ports and listeners.
const RESERVE: u64 = 128;

/// Raises the number of descriptors to the most that the system allows;
/// returns how many connections that leaves room for.
pub(super) fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Everybody may do that (setrlimit(2)); what it came to is asked for in any case.
    setrlimit(Resource::Nofile, most).ok();
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // What is left of a small number is shared half and half.
    let room = allowed.saturating_sub(RESERVE).max(allowed / 2);
    usize::try_from(room).unwrap_or(usize::MAX)
}

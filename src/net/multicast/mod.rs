//! Multicast: groups to receive from, and groups to send a channel to.

mod interface;
mod membership;

pub use interface::Interface;
pub(super) use membership::join;

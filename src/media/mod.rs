//! What is being sent to whom: live channels, sessions and their statistics.
//!
//! A channel is a live timeline with a name. Its publisher's packets go through
//! `timeline` and `gather` into bursts, which the `ring` keeps for all readers.
//! Sockets belong to `net`, the RTSP session's states to `rtsp`.

mod arrival;
pub mod burst;
pub mod channel;
pub mod channel_stats;
pub mod description;
pub mod ending;
mod feed;
mod feed_track;
mod gather;
pub mod group_sdp;
pub mod intake;
pub mod jitter;
mod meter;
pub mod mounts;
pub mod publisher;
pub mod publisher_clock;
pub mod receiver;
pub mod reception;
mod reports;
mod reservation;
pub mod ring;
pub mod room;
pub mod sessions;
pub mod stats;
pub mod timeline;

#[cfg(test)]
mod tests;

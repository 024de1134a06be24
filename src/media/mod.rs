//! What is being sent to whom: sessions and their statistics.
//!
//! Sockets belong to `net`, the RTSP session's states to `rtsp`.

pub mod sessions;
pub mod stats;

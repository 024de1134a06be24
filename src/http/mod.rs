//! HTTP: the administration port and what plain HTTP asks on the others.
//!
//! RTSP tunnels and the QuickTime reference text, which also begin as HTTP,
//! belong to `rtsp`.

pub mod admin;
mod connection;
pub mod metrics;
pub mod server;
mod session_metrics;

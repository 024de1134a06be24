//! HTTP: the administration port and what plain HTTP asks on the others.
//!
//! RTSP tunnels and the QuickTime reference text, which also begin as HTTP,
//! belong to `rtsp`.

pub mod admin;
mod channel_metrics;
mod connection;
mod exposition;
pub mod metrics;
pub mod server;
mod session_metrics;
mod source_metrics;

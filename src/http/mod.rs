//! HTTP: the administration port, and on the others what encoders upload and what plain HTTP asks.
//!
//! RTSP tunnels and the QuickTime reference text, which also begin as HTTP,
//! belong to `rtsp`.

pub mod admin;
mod channel_metrics;
mod connection;
mod exposition;
pub mod metrics;
pub mod pauses;
pub mod server;
mod session_metrics;
mod source_metrics;
mod titles;
mod upload;
mod upload_body;
mod upload_metrics;
mod upload_request;
pub mod uploads;

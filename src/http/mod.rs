//! HTTP: the administration port, and on the others HLS, what encoders upload and what browsers ask.
//!
//! RTSP tunnels and the QuickTime reference text, which also begin as HTTP,
//! belong to `rtsp`.

mod access_metrics;
pub mod admin;
mod answer;
mod asked;
mod body;
mod byte_range;
mod channel_metrics;
mod connection;
mod download;
mod endless;
mod exposition;
mod file;
mod groups;
mod hls;
mod hls_metrics;
mod meaning;
pub mod metrics;
mod movies;
mod page;
pub mod pauses;
mod permission;
mod playlists;
pub mod rates;
mod remakes;
mod route;
mod sender;
pub mod server;
mod session_metrics;
mod source_metrics;
mod titles;
mod transcode_metrics;
mod upload;
mod upload_admission;
mod upload_body;
mod upload_connection;
mod upload_exchange;
mod upload_metrics;
mod upload_request;
pub mod uploads;

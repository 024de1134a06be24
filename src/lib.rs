//! Reelcast: a streaming server for QuickTime movies, live channels and HLS.
//!
//! `ARCHITECTURE.md` is the map of this tree. Each folder has a rank and may
//! only use folders of a lower rank; `tests/it/layers.rs` holds that.

pub mod access;
pub mod acme;
pub mod app;
pub mod base;
pub mod client;
pub mod codec;
pub mod config;
pub mod container;
pub mod hls;
pub mod http;
pub mod lint;
pub mod log;
pub mod media;
pub mod net;
pub mod rtsp;
pub mod source;
pub mod tool;
pub mod vod;
pub mod wire;

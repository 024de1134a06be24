//! `reelcast load --hls`: many players of one channel by HLS, and whether any of them ran dry.

mod connection;
mod measurement;
mod player;
mod playlist;
mod playout;
mod report;

pub(super) use measurement::{Measurement, measure};

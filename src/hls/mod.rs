//! HTTP Live Streaming: from a channel's packets to playlists, segments and parts.
//!
//! What is here is told of bursts and asked for bytes; sockets and routes belong to `http`.

mod clocks;
mod decode_times;
mod lane;
mod map;
pub mod object;
mod open;
pub mod part;
mod part_target;
pub mod playlist;
pub mod segmenter;
mod target;
pub mod transport;
pub mod units;
mod waiting;

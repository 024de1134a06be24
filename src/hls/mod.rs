//! HTTP Live Streaming: from a channel's packets to playlists, segments and parts.
//!
//! What is here is told of bursts and asked for bytes; sockets and routes belong to `http`.

pub mod object;
pub mod playlist;
pub mod units;

//! HTTP Live Streaming: from a channel's packets to playlists, segments and parts.
//!
//! What is here is told of bursts and asked for bytes; sockets and routes belong to `http`.

mod clocks;
mod decode_times;
pub mod endless;
pub mod gateway;
mod hold;
pub mod keys;
mod lane;
mod listing;
pub mod lock;
mod map;
pub mod object;
mod open;
pub mod packager;
pub mod packagers;
mod packaging;
pub mod part;
mod part_target;
pub mod playlist;
pub mod progress;
mod rates;
pub mod segmenter;
mod target;
pub mod text;
pub mod transcode;
pub mod transport;
pub mod units;
pub mod viewers;
mod waiting;
pub mod window;

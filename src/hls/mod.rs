//! HTTP Live Streaming: from a channel's packets and a movie's samples to playlists,
//! segments and parts.
//!
//! What is here is told of bursts and asked for bytes; sockets and routes belong to `http`.

pub mod anchors;
pub mod carriage;
mod clocks;
pub mod compat;
pub mod counts;
mod decode_times;
mod edition;
pub mod endless;
pub mod gateway;
pub mod group;
mod hold;
mod i_frame;
pub mod keys;
mod lane;
mod language;
mod listing;
pub mod lock;
mod map;
pub mod movie;
pub mod movies;
mod numbers;
pub mod object;
pub mod old_players;
mod open;
pub mod packager;
pub mod packagers;
mod packaging;
pub mod part;
mod part_target;
pub mod playback;
pub mod playlist;
pub mod progress;
mod rates;
pub mod reference;
pub mod segmenter;
mod shelf;
mod sound;
pub mod sounds;
mod spooling;
mod spools;
mod target;
pub mod text;
mod titles;
pub mod transcode;
pub mod transport;
pub mod units;
pub mod viewers;
mod waiting;
pub mod watched;
pub mod window;

//! Integration tests: one binary, every server on port 0.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

mod access;
mod access_units;
mod amr;
mod endless;
mod formats;
mod fuzz_seeds;
mod hinted;
mod hls;
mod hls_faults;
mod hls_keys;
mod hls_media;
mod hls_movies;
mod hostile;
mod i_frames;
mod layers;
mod live_channel;
mod live_decoding;
mod live_dialogue;
mod live_faults;
mod live_readers;
mod long_movie;
mod lossy_network;
mod mp3;
mod multicast;
mod publish;
mod publish_faults;
mod pull;
mod pull_tls;
mod qdm2;
mod retina;
mod rtsp_dialogue;
mod rtsp_interleaved;
mod rtsp_play;
mod rtsp_tunnel;
mod rtsp_udp;
mod sdp_feeds;
mod seek;
mod source;
mod support;
mod tidy;
mod tools;
mod transcode;
mod ts;
mod uploads;

//! Words that every layer uses: clocks, media time, paths, identifiers, kinds of failure, lines of text.
//!
//! Nothing here knows a protocol, a file format or a socket.

pub mod backoff;
pub mod clock;
pub mod error;
pub mod file_stamp;
pub mod hex;
pub mod holder;
pub mod id;
pub mod lines;
pub mod media_time;
pub mod path;
pub mod peer;

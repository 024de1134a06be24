//! What the tests share: the server as a program, its viewers, and second opinions on movies.

/// Movies written box by box; the unit tests of the movie reader use the same.
#[path = "../../../src/container/mp4/build.rs"]
pub(crate) mod boxes;
pub(crate) mod camera;
pub(crate) mod channel;
pub(crate) mod client;
pub(crate) mod clip;
pub(crate) mod hint_walk;
pub(crate) mod incoming;
pub(crate) mod journal;
pub(crate) mod movies;
pub(crate) mod pictures;
pub(crate) mod program;
pub(crate) mod publisher;
pub(crate) mod received;
pub(crate) mod server;
pub(crate) mod sources;
pub(crate) mod udp;
pub(crate) mod viewer;

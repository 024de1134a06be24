//! The RTSP/1.0 server: dialogues, transports and tunnels.
//!
//! The life of a session is a state machine without sockets; connections carry
//! out what it allows. Movies and their pacing belong to `vod`, sockets to `net`.

mod answer;
mod ask;
mod channels;
mod connection;
mod describe;
mod http_request;
mod inlet;
mod party;
mod play;
mod reference;
mod refusal;
mod reply;
mod server;
mod service;
mod session;
mod setup;
mod subject;
mod target;
mod transport_choice;
mod tunnel;
mod viewer;
mod visit;

pub use server::{serve, serve_http_port};
pub use service::{Parts, Service};

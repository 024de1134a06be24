//! The RTSP/1.0 server: dialogues, transports and tunnels.
//!
//! The life of a session is a state machine without sockets; connections carry
//! out what it allows. Movies and their pacing belong to `vod`, channels to
//! `media`, sockets and the fan to `net`.

mod admission;
mod allowance;
mod announcement;
mod answer;
mod ask;
mod broadcast;
mod channels;
mod connection;
mod content;
mod describe;
mod group_seat;
mod http_request;
mod inflow;
mod ingest;
mod inlet;
mod offered_keys;
mod party;
mod permission;
mod protection;
mod publication;
mod publish;
mod publisher;
mod reference;
mod refusal;
mod reply;
mod screening;
mod server;
mod service;
mod session;
mod setup;
mod subject;
mod target;
mod transport_choice;
mod tuner;
mod tunnel;
mod viewer;
mod visit;

pub use server::{serve, serve_http_port};
pub use service::{Parts, Service};

//! RTSP/1.0 messages (RFC 2326) and the interleaved frames between them.
//!
//! What a request asks for and whether it may is decided by the `rtsp` folder
//! above; the values of single headers are in [`header`](super::header).

mod message;
mod method;
mod parser;
mod status;
mod text;
pub mod uri;

pub use super::headers::Headers;
pub use message::{Message, Request, Response, Version, write_frame_header};
pub use method::Method;
pub use parser::{Frame, Limits, ParseError, Parser};
pub use status::Status;

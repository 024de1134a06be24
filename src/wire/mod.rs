//! Bytes to values and back for the protocols: RTSP, SDP, RTP, RTCP, SRTP. Pure.
//!
//! What a value means for a session is decided above: nothing here knows a
//! movie, a connection or the time.

pub mod base64_stream;
pub mod forwarded;
mod head;
pub mod header;
mod headers;
pub mod http_body;
pub mod http_head;
pub mod icecast;
pub mod icy;
pub mod mikey;
pub mod query;
pub mod rtcp;
pub mod rtp;
pub mod rtsp;
pub mod sap;
pub mod sdp;
pub mod srtp;

#[cfg(test)]
mod tests;

//! The network: sockets, by TLS too, the ways out of tracks, the fan that serves a channel's readers, and groups.
//!
//! The only folder that names socket crates. What requests and packets mean is none of its business, but for what
//! keeps a way open or safe: reports of streams, SRTP, proofs for certificates.

pub mod addresses;
pub mod connect;
mod demux;
pub mod fan;
pub mod fetcher;
pub mod host;
pub mod interleaved;
pub mod listen;
pub mod multicast;
pub mod outlet;
pub mod permits;
pub mod protected;
mod proxy_header;
pub mod receiver;
pub mod receiving_ports;
pub mod sniff;
pub mod stream;
pub mod tls;
pub mod tls_acceptor;
pub mod tls_files;
pub mod tls_identity;
mod tls_proofs;
mod tls_self_made;
mod udp_pair;
mod udp_port;
pub mod udp_ports;
mod udp_socket;

/// What became of something that was given to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The system took all of it.
    All,
    /// A part waits here until the peer has room; nothing is lost (TCP).
    Backlogged,
    /// The system did not take it; it is lost (UDP).
    Dropped,
}

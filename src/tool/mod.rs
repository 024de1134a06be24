//! Tools on the command line, beside the server: what they measure or do is seen from a client's side.

mod hls;
pub mod lint;
pub mod load;
pub mod passwd;
mod process;
pub mod publish;
mod reception;
mod replacing;
mod report;
pub mod sign;

use std::future::Future;
use std::io;

use clap::ValueEnum;

use crate::client;

/// How media travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Interleaved with RTSP on its TCP connection
    #[default]
    Tcp,
    /// As datagrams
    Udp,
    /// Through an HTTP tunnel
    Http,
}

impl From<Transport> for client::Way {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Tcp,
            Transport::Udp => Self::Udp,
            Transport::Http => Self::Http,
        }
    }
}

/// Runs a tool's work on as many threads as the machine has processors.
fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

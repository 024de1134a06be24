//! Connecting to other servers by TCP.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connects to `authority`, a host and a port, within `limit`; small writes leave at once.
///
/// Cancel safe.
///
/// # Errors
/// `TimedOut` after `limit`, or what the system says of the last address of the host.
pub async fn connect(authority: &str, limit: Duration) -> io::Result<TcpStream> {
    let stream = timeout(limit, TcpStream::connect(authority)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

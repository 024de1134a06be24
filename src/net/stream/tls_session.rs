//! A TLS connection whose two directions are used at the same time: records are made of bytes and
//! opened to bytes, and the socket is not known here.

use std::io::{self, BufRead, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio_rustls::rustls::ServerConnection;

/// The state that both directions of a connection share, after its handshake.
#[derive(Debug)]
pub(super) struct TlsSession(Mutex<ServerConnection>);

impl TlsSession {
    pub(super) fn new(mut connection: ServerConnection) -> Self {
        // What is sealed is taken out at once, so nothing heaps up in there.
        connection.set_buffer_limit(None);
        Self(Mutex::new(connection))
    }

    /// The records for `bytes`, which have to be sent in the order of the calls.
    ///
    /// # Errors
    /// When the connection is over for TLS.
    pub(super) fn seal(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut connection = self.lock();
        connection.writer().write_all(bytes)?;
        Ok(records(&mut connection))
    }

    /// The last records of this direction: `close_notify` (RFC 8446, 6.1), after alerts if there are some.
    pub(super) fn farewell(&self) -> Vec<u8> {
        let mut connection = self.lock();
        connection.send_close_notify();
        records(&mut connection)
    }

    /// Takes what `socket` has; its bytes are given out by [`open`](Self::open).
    ///
    /// # Errors
    /// `WouldBlock`, what the socket says, or `InvalidData` for what is no TLS.
    pub(super) fn receive(&self, socket: &mut dyn Read) -> io::Result<()> {
        let mut connection = self.lock();
        connection.read_tls(socket)?;
        let processed = connection.process_new_packets();
        processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(())
    }

    /// Appends what has come to `buffer`; says whether that was something, and nothing while more has to
    /// be [received](Self::receive). Many clients close without `close_notify`; RTSP and HTTP tell by
    /// themselves whether a message is whole.
    pub(super) fn open(&self, buffer: &mut BytesMut) -> Option<bool> {
        let mut connection = self.lock();
        let mut reader = connection.reader();
        let before = buffer.len();
        let is_over = loop {
            match reader.fill_buf() {
                Ok([]) => break true,
                Ok(bytes) => {
                    buffer.extend_from_slice(bytes);
                    let length = bytes.len();
                    reader.consume(length);
                }
                Err(error) => break error.kind() != io::ErrorKind::WouldBlock,
            }
        };
        let has_come = buffer.len() > before;
        (has_come || is_over).then_some(has_come)
    }

    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All records that are to be sent.
fn records(connection: &mut ServerConnection) -> Vec<u8> {
    let mut records = Vec::new();
    while connection.wants_write() {
        let written = connection.write_tls(&mut records);
        written.expect("a Vec takes everything");
    }
    records
}

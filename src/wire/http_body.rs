//! Bodies of HTTP requests as encoders upload them: of a known length, in chunks, or without
//! an end (RFC 9112, 6 and 7).
//!
//! An HTTP library reads a body without length as empty, as RFC 9112 has it; source clients of
//! Icecast mean an endless one.

use bytes::{Buf, Bytes, BytesMut};

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It has so many bytes.
    Length(u64),
    /// In chunks, each behind its length.
    Chunked,
    /// By the end of the connection.
    UntilClosed,
}

/// What the front of a buffer holds of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// Bytes of the body.
    Data(Bytes),
    /// Nothing before more bytes arrive.
    More,
    /// The body is complete; what follows in the buffer is no part of it.
    End,
}

/// What is no chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed chunk in the body of an HTTP request")]
pub struct BadChunk;

/// Takes a body off the front of a buffer that fills bit by bit. What it lets stand there is
/// bounded, if the buffer is emptied whenever it has [`Part::Data`].
#[derive(Debug)]
pub struct BodyReader {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes are left of the body.
    Length(u64),
    UntilClosed,
    /// A line comes that tells a chunk's length.
    ChunkLine,
    /// So many bytes are left of the chunk.
    Chunk(u64),
    /// The end of a chunk's last line comes.
    ChunkEnd,
    /// Fields come after the last chunk, and then an empty line.
    Trailer,
    End,
}

/// The longest line with a chunk's length, or field after the last chunk, in bytes.
const MAX_LINE: usize = 4096;

impl BodyReader {
    /// At the start of a body.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkLine,
            Framing::UntilClosed => State::UntilClosed,
        };
        Self { state }
    }

    /// Takes the next part of the body off `buffer`.
    ///
    /// # Errors
    /// [`BadChunk`] when it can never become a body.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Part, BadChunk> {
        loop {
            match self.state {
                State::Length(0) | State::End => return Ok(Part::End),
                _ if buffer.is_empty() => return Ok(Part::More),
                State::UntilClosed => return Ok(Part::Data(buffer.split().freeze())),
                State::Length(left) => {
                    let (data, left) = take(buffer, left);
                    self.state = State::Length(left);
                    return Ok(Part::Data(data));
                }
                State::Chunk(left) => {
                    let (data, left) = take(buffer, left);
                    self.state = match left {
                        0 => State::ChunkEnd,
                        left => State::Chunk(left),
                    };
                    return Ok(Part::Data(data));
                }
                State::ChunkLine | State::ChunkEnd | State::Trailer => {
                    let Some(line) = take_line(buffer)? else {
                        return Ok(Part::More);
                    };
                    self.state = self.after(&line)?;
                }
            }
        }
    }

    /// The state after `line`, which ends with a line feed.
    fn after(&self, line: &[u8]) -> Result<State, BadChunk> {
        let is_empty = line.trim_ascii().is_empty();
        match self.state {
            State::ChunkLine => Ok(match chunk_length(line)? {
                0 => State::Trailer,
                length => State::Chunk(length),
            }),
            State::ChunkEnd if is_empty => Ok(State::ChunkLine),
            State::ChunkEnd => Err(BadChunk),
            State::Trailer if is_empty => Ok(State::End),
            other => Ok(other),
        }
    }
}

fn chunk_length(line: &[u8]) -> Result<u64, BadChunk> {
    let has_digit = line.first().is_some_and(u8::is_ascii_hexdigit);
    match httparse::parse_chunk_size(line) {
        Ok(httparse::Status::Complete((_, length))) if has_digit => Ok(length),
        _ => Err(BadChunk),
    }
}

/// At most `left` bytes off the front of `buffer`, and how many are left then.
fn take(buffer: &mut BytesMut, left: u64) -> (Bytes, u64) {
    let most = usize::try_from(left).unwrap_or(usize::MAX);
    let data = buffer.split_to(buffer.len().min(most)).freeze();
    let left = left - data.len() as u64;
    (data, left)
}

/// A line off the front of `buffer`, its end included; `None` while that has not arrived.
fn take_line(buffer: &mut BytesMut) -> Result<Option<Bytes>, BadChunk> {
    match buffer.iter().take(MAX_LINE).position(|byte| *byte == b'\n') {
        Some(end) => Ok(Some(buffer.copy_to_bytes(end + 1))),
        None if buffer.len() >= MAX_LINE => Err(BadChunk),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body that arrives in pieces of `size` bytes, and what is left behind it; `None` without an end.
    fn read(
        framing: Framing,
        bytes: &[u8],
        size: usize,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), BadChunk> {
        let (mut reader, mut buffer) = (BodyReader::new(framing), BytesMut::new());
        let mut pieces = bytes.chunks(size);
        let mut body = Vec::new();
        loop {
            match reader.next(&mut buffer)? {
                Part::Data(data) => body.extend_from_slice(&data),
                Part::End => {
                    let rest: Vec<u8> = pieces.flatten().copied().collect();
                    return Ok((body, Some([&buffer, &rest[..]].concat())));
                }
                Part::More => match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => return Ok((body, None)),
                },
            }
        }
    }

    #[test]
    fn every_framing_is_read_however_it_arrives() {
        let chunked = b"3\r\nabc\r\n0a;name=value\r\n0123456789\r\n0\r\nX: y\r\n\r\nPUT";
        for size in 1..chunked.len() + 1 {
            let read = |framing, bytes| read(framing, bytes, size).unwrap();
            let after = Some(b"PUT".to_vec());
            let body = b"abc0123456789".to_vec();
            assert_eq!(read(Framing::Chunked, chunked), (body, after.clone()));
            assert_eq!(
                read(Framing::Length(3), b"abcPUT"),
                (b"abc".to_vec(), after)
            );
            let endless = (b"abc".to_vec(), None);
            assert_eq!(read(Framing::UntilClosed, b"abc"), endless);
        }
        let nothing = (Vec::new(), Some(b"x".to_vec()));
        assert_eq!(read(Framing::Length(0), b"x", 1), Ok(nothing));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        let endless = [b"1;", &[b'x'; MAX_LINE][..]].concat();
        for bytes in [
            &b"x\r\n"[..],
            b"\r\n",
            b"-1\r\n",
            b"ffffffffffffffffff\r\n",
            b"1\r\nabc\r\n",
            &endless,
        ] {
            assert_eq!(read(Framing::Chunked, bytes, 7), Err(BadChunk));
        }
    }
}

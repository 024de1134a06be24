//! From the bytes of a connection to messages and interleaved frames.

use bytes::{Buf, BytesMut};

use super::super::head::HeadScanner;
use super::message::Message;
use super::status::Status;
use super::text::{find_cseq, read_head};

/// How large a message may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Start line and header fields, in bytes.
    pub head: usize,
    /// Body, in bytes.
    pub body: usize,
}

impl Default for Limits {
    /// 64 KiB of head, 1 MiB of body.
    fn default() -> Self {
        Self {
            head: 64 * 1024,
            body: 1024 * 1024,
        }
    }
}

/// Why the bytes of a connection are no messages. The connection cannot go on after it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {reason}")]
pub struct ParseError {
    /// The CSeq of the faulty message, to be echoed in the answer.
    pub cseq: Option<String>,
    /// The status to answer with: 400, 413, 414 or 505.
    pub status: Status,
    /// What is wrong.
    pub reason: &'static str,
}

/// An interleaved frame where it lies (RFC 2326, 10.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The channel.
    pub channel: u8,
    /// The packet.
    pub packet: &'a [u8],
}

impl Frame<'_> {
    /// How many bytes the frame takes with its header.
    pub fn length(&self) -> usize {
        4 + self.packet.len()
    }
}

/// Takes messages and frames off the front of a buffer; looks at each byte of a head once.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    state: State,
}

#[derive(Debug)]
enum State {
    Head(HeadScanner),
    Body { message: Message, length: usize },
}

impl State {
    fn between_messages() -> Self {
        Self::Head(HeadScanner::new())
    }
}

impl Parser {
    /// A parser at the start of a connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::between_messages(),
        }
    }

    /// Takes the next message or frame off `buffer`; `None` when more bytes must arrive first.
    ///
    /// Between calls bytes may only be appended to `buffer`. Bodies and frames
    /// share the buffer's memory.
    ///
    /// # Errors
    /// [`ParseError`] for a malformed or oversized message; the parser is of no use after it.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, ParseError> {
        if let State::Head(scanner) = &mut self.state {
            if scanner.position() == 0 {
                skip_blank_lines(buffer);
                if buffer.first() == Some(&b'$') {
                    return Ok(next_frame(buffer));
                }
            }
            let unseen = buffer.get(scanner.position()..).unwrap_or_default();
            let end = scanner.advance(unseen.iter().copied());
            check_head(end.unwrap_or(buffer.len()), buffer, self.limits.head)?;
            let Some(end) = end else {
                return Ok(None);
            };
            let (message, length) = read_head(&buffer.split_to(end))?;
            let length = self.check_body(&message, length)?;
            self.state = State::Body { message, length };
        }
        Ok(self.take_with_body(buffer))
    }

    /// The frame at the start of `bytes`, which follow what was taken off before; `None` when
    /// something else comes next, or the frame is not complete.
    ///
    /// For publishers, of whom a thousand frames may arrive at once: nothing is
    /// copied, counted or allocated. The caller takes [`Frame::length`] bytes off.
    pub fn frame<'a>(&self, bytes: &'a [u8]) -> Option<Frame<'a>> {
        match &self.state {
            State::Head(scanner) if scanner.position() == 0 => read_frame(bytes),
            _ => None,
        }
    }

    fn check_body(&self, message: &Message, length: u64) -> Result<usize, ParseError> {
        match usize::try_from(length) {
            Ok(length) if length <= self.limits.body => Ok(length),
            _ => Err(ParseError {
                cseq: cseq(message),
                status: Status::ENTITY_TOO_LARGE,
                reason: "body too large",
            }),
        }
    }

    fn take_with_body(&mut self, buffer: &mut BytesMut) -> Option<Message> {
        let State::Body { message, length } = &mut self.state else {
            return None;
        };
        if buffer.len() < *length {
            return None;
        }
        let content = buffer.split_to(*length).freeze();
        match message {
            Message::Request(request) => request.body = content,
            Message::Response(response) => response.body = content,
            Message::Frame { .. } => {}
        }
        match std::mem::replace(&mut self.state, State::between_messages()) {
            State::Body { message, .. } => Some(message),
            State::Head(_) => None,
        }
    }
}

/// Blank lines before a message are no fault: clients end bodies with them, and keep connections alive.
fn skip_blank_lines(buffer: &mut BytesMut) {
    let blank = buffer
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    buffer.advance(blank);
}

/// `$`, channel, length in 16 bits, network order, and as many bytes (RFC 2326, 10.12).
fn read_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (&[dollar, channel, high, low], rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let packet = rest.get(..length).filter(|_| dollar == b'$')?;
    Some(Frame { channel, packet })
}

fn next_frame(buffer: &mut BytesMut) -> Option<Message> {
    let frame = read_frame(buffer)?;
    let (channel, length) = (frame.channel, frame.length());
    let mut data = buffer.split_to(length).freeze();
    data.advance(4);
    Some(Message::Frame { channel, data })
}

fn check_head(length: usize, head: &[u8], limit: usize) -> Result<(), ParseError> {
    if length <= limit {
        return Ok(());
    }
    let within = head.get(..limit).unwrap_or(head);
    let first_line_ended = within.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    let (status, reason) = if first_line_ended {
        (Status::ENTITY_TOO_LARGE, "head too large")
    } else {
        (Status::URI_TOO_LARGE, "first line too long")
    };
    Err(ParseError {
        cseq: find_cseq(within),
        status,
        reason,
    })
}

fn cseq(message: &Message) -> Option<String> {
    let headers = match message {
        Message::Request(request) => &request.headers,
        Message::Response(response) => &response.headers,
        Message::Frame { .. } => return None,
    };
    headers.get("CSeq").map(str::to_owned)
}

#[cfg(test)]
mod tests;

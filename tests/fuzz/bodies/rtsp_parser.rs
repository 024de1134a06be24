//! Bytes of a connection: the parser and every header reader that follows it.

use bytes::BytesMut;
use reelcast::wire::header::range::Range;
use reelcast::wire::header::rtp_info::RtpInfo;
use reelcast::wire::header::session::SessionHeader;
use reelcast::wire::header::transport::Transport;
use reelcast::wire::rtsp::uri::RequestUri;
use reelcast::wire::rtsp::{Limits, Message, ParseError, Parser};

/// Reads `data` as one piece and byte by byte, which must come to the same.
pub(crate) fn run(data: &[u8]) {
    let whole = read([data]);
    let bytewise = read(data.chunks(1));
    assert_eq!(whole, bytewise, "pieces must not matter");
    for message in whole.0 {
        read_inside(&message);
    }
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Message>, Option<ParseError>) {
    let mut parser = Parser::new(Limits {
        head: 4096,
        body: 4096,
    });
    let (mut buffer, mut messages) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match parser.next(&mut buffer) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fn read_inside(message: &Message) {
    let Message::Request(request) = message else {
        return;
    };
    let uri = RequestUri::read(&request.uri);
    uri.split_track();
    for (name, value) in request.headers.iter() {
        if name.eq_ignore_ascii_case("Transport") {
            for transport in Transport::read_list(value).into_iter().flatten() {
                let written = transport.to_string();
                assert!(
                    !written.contains(['\r', '\n']),
                    "{written:?} stays one line"
                );
                let again = Transport::read_list(&written);
                assert_eq!(again, [Ok(transport)], "{written:?} is the same again");
            }
        }
        let _ = (
            Range::read(value),
            SessionHeader::read(value),
            RtpInfo::read(value),
        );
    }
}

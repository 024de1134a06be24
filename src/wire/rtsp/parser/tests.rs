use bytes::Bytes;
use proptest::prelude::*;

use super::super::{Headers, Method, Request, Response, Version, write_frame_header};
use super::*;

fn parse_all(bytes: &[u8]) -> Result<Vec<Message>, ParseError> {
    parse_in_steps(bytes, bytes.len().max(1))
}

/// All messages of `bytes` arriving `step` at a time; what stays incomplete is left out.
fn parse_in_steps(bytes: &[u8], step: usize) -> Result<Vec<Message>, ParseError> {
    let mut parser = Parser::new(Limits::default());
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    for piece in bytes.chunks(step) {
        buffer.extend_from_slice(piece);
        while let Some(message) = parser.next(&mut buffer)? {
            messages.push(message);
        }
    }
    Ok(messages)
}

fn request(text: &[u8]) -> Request {
    match parse_all(text).unwrap().remove(0) {
        Message::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

fn error(text: &[u8]) -> (u16, Option<String>) {
    let error = parse_all(text).unwrap_err();
    (error.status.0, error.cseq)
}

#[test]
fn a_request_is_read() {
    let request =
        request(b"DESCRIBE rtsp://h/a.mov RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n");
    assert_eq!(request.method, Method::Describe);
    assert_eq!(request.uri, "rtsp://h/a.mov");
    assert_eq!(request.version, Version::RTSP_1_0);
    assert_eq!(request.cseq(), Some("2"));
    assert_eq!(request.headers.get("accept"), Some("application/sdp"));
}

#[test]
fn legacy_request_lines_are_read() {
    for (line, uri) in [
        ("DESCRIBE /a.mov RTSP/1.0", "/a.mov"),
        ("describe a.mov rtsp/1.0", "a.mov"),
        ("DESCRIBE  rtsp://h/a  RTSP/1.0 ", "rtsp://h/a"),
        ("DESCRIBE rtsp://h/a b.mov RTSP/1.0", "rtsp://h/a b.mov"),
        ("DESCRIBE rtsp://h/ü.mov RTSP/1.0", "rtsp://h/ü.mov"),
        ("DESCRIBE\t*\tRTSP/1", "*"),
    ] {
        let request = request(format!("{line}\r\nCSeq: 1\r\n\r\n").as_bytes());
        assert_eq!(request.method, Method::Describe, "{line}");
        assert_eq!(request.uri, uri, "{line}");
    }
    let latin_1 = request(b"DESCRIBE rtsp://h/\xfc.mov RTSP/1.0\r\n\r\n");
    assert_eq!(latin_1.uri, "rtsp://h/ü.mov");
}

#[test]
fn legacy_fields_are_read() {
    let text =
        b"PLAY * RTSP/1.0\nCSeq : 1\nUser-Agent:\xe9 \n player\n\t2\nEmpty:\nSession:a:b\n\n";
    let request = request(text);
    assert_eq!(request.cseq(), Some("1"));
    assert_eq!(request.headers.get("User-Agent"), Some("é player 2"));
    assert_eq!(request.headers.get("Empty"), Some(""));
    assert_eq!(request.headers.get("Session"), Some("a:b"));
    let bare_returns = parse_all(b"PLAY * RTSP/1.0\rCSeq: 1\r\rOPTIONS * RTSP/1.0\r\r").unwrap();
    assert_eq!(bare_returns.len(), 2);
}

#[test]
fn unknown_methods_are_still_requests() {
    let request = request(b"DANCE * RTSP/1.0\r\nCSeq: 7\r\n\r\n");
    assert_eq!(request.method, Method::Other("DANCE".to_owned()));
    assert_eq!(request.cseq(), Some("7"));
}

#[test]
fn errors_carry_the_sequence_number() {
    let bad = |text: &[u8]| assert_eq!(error(text), (400, Some("9".to_owned())));
    bad(b"DESCRIBE\r\nCSeq: 9\r\n\r\n");
    bad(b"DESCRIBE /a.mov\r\nCSeq: 9\r\n\r\n");
    bad(b"GET / HTTP/1.0\r\nCSeq: 9\r\n\r\n");
    bad(b"PLAY * RTSP/x\r\nCSeq: 9\r\n\r\n");
    bad(b"PLAY * RTSP/1.0\r\nno colon\r\nCSeq: 9\r\n\r\n");
    bad(b"PLAY * RTSP/1.0\r\n: no name\r\nCSeq: 9\r\n\r\n");
    bad(b"PLAY * RTSP/1.0\r\n folded\r\nCSeq: 9\r\n\r\n");
    bad(b"PLAY * RTSP/1.0\r\nCSeq: 9\r\nContent-Length: -1\r\n\r\n");
    bad(b"PLAY * RTSP/1.0\r\nCSeq: 9\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\n");
    bad(b"RTSP/1.0 OK\r\nCSeq: 9\r\n\r\n");
    let version = b"PLAY * RTSP/2.0\r\nCSeq: 9\r\n\r\n";
    assert_eq!(error(version), (505, Some("9".to_owned())));
    assert_eq!(error(b"\x16\x03\x01\n\n"), (400, None));
}

#[test]
fn bodies_follow_their_length() {
    let text =
        b"\r\nSET_PARAMETER * RTSP/1.0\r\nContent-length: 3\r\nContent-Length: 3\r\n\r\nabc\r\nRTSP/1.0 200 OK\r\n\r\n";
    for step in 1..text.len() {
        let messages = parse_in_steps(text, step).unwrap();
        assert_eq!(messages.len(), 2, "{step}");
        assert!(matches!(&messages[0], Message::Request(request) if request.body == "abc"));
        assert!(
            matches!(&messages[1], Message::Response(response) if response.status == Status::OK)
        );
    }
}

#[test]
fn oversized_messages_are_refused_before_they_are_complete() {
    let long_uri = format!("PLAY {}", "a".repeat(70_000));
    assert_eq!(error(long_uri.as_bytes()), (414, None));
    let long_head = format!("PLAY * RTSP/1.0\r\nCSeq: 3\r\nx: {}", "a".repeat(70_000));
    assert_eq!(error(long_head.as_bytes()), (413, Some("3".to_owned())));
    for length in ["1048577", "18446744073709551615", "99999999999999999999999"] {
        let body = format!("PLAY * RTSP/1.0\r\nCSeq: 3\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(error(body.as_bytes()), (413, Some("3".to_owned())));
    }
    let many = format!("PLAY * RTSP/1.0\r\nCSeq: 3\r\n{}\r\n", "a:\r\n".repeat(300));
    assert_eq!(error(many.as_bytes()), (400, Some("3".to_owned())));
}

#[test]
fn frames_share_the_memory_that_they_arrived_in() {
    let mut buffer =
        BytesMut::from(&b"$\x01\x00\x03abc$\x02\x00\x00OPTIONS * RTSP/1.0\r\n\r\n$"[..]);
    let arrived_at = buffer.as_ptr();
    let mut parser = Parser::new(Limits::default());
    let Some(Message::Frame { channel, data }) = parser.next(&mut buffer).unwrap() else {
        panic!("no frame");
    };
    assert_eq!((channel, &data[..]), (1, &b"abc"[..]));
    assert_eq!(data.as_ptr(), arrived_at.wrapping_add(4));
    let empty = Message::Frame {
        channel: 2,
        data: Bytes::new(),
    };
    assert_eq!(parser.next(&mut buffer), Ok(Some(empty)));
    assert!(matches!(
        parser.next(&mut buffer),
        Ok(Some(Message::Request(_)))
    ));
    assert_eq!(parser.next(&mut buffer), Ok(None));
    assert_eq!(&buffer[..], b"$");
    assert_eq!(write_frame_header(1, 3), *b"$\x01\x00\x03");
}

fn headers() -> impl Strategy<Value = Headers> {
    let field = ("X-[A-Za-z0-9-]{1,12}", "([!-~]([ -~ü]{0,20}[!-~])?)?");
    prop::collection::vec(field, 0..8).prop_map(|fields| {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
    })
}

fn message() -> impl Strategy<Value = Message> {
    let body = prop::collection::vec(any::<u8>(), 0..40);
    let with_length = |mut headers: Headers, body: &[u8]| {
        if !body.is_empty() {
            headers.push("Content-Length", body.len().to_string());
        }
        headers
    };
    let request = (
        "[A-Z_]{1,12}",
        "[!-~]{1,10}( [!-~]{1,10})?",
        headers(),
        body.clone(),
    )
        .prop_map(move |(method, uri, headers, body)| {
            Message::Request(Request {
                method: Method::read(&method),
                uri,
                version: Version::RTSP_1_0,
                headers: with_length(headers, &body),
                body: body.into(),
            })
        });
    let response =
        (100u16..1000, headers(), body.clone()).prop_map(move |(status, headers, body)| {
            Message::Response(Response {
                status: Status(status),
                headers: with_length(headers, &body),
                body: body.into(),
            })
        });
    let frame = (any::<u8>(), body).prop_map(|(channel, data)| Message::Frame {
        channel,
        data: data.into(),
    });
    prop_oneof![request, response, frame]
}

fn write(message: &Message, out: &mut BytesMut) {
    match message {
        Message::Request(request) => request.write(out),
        Message::Response(response) => response.write(out),
        Message::Frame { channel, data } => {
            out.extend_from_slice(&write_frame_header(*channel, data.len() as u16));
            out.extend_from_slice(data);
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_any_pieces(
        messages in prop::collection::vec(message(), 1..5),
        step in 1usize..50,
    ) {
        let mut bytes = BytesMut::new();
        for message in &messages {
            write(message, &mut bytes);
        }
        prop_assert_eq!(parse_in_steps(&bytes, step), Ok(messages));
    }

    #[test]
    fn rubbish_gives_the_same_in_any_pieces(
        bytes in "(PLAY|RTSP/1.0|\\$|[ -~]|\\r|\\n|: |CSeq:1\\n){0,60}",
        step in 1usize..9,
    ) {
        prop_assert_eq!(parse_in_steps(bytes.as_bytes(), step), parse_all(bytes.as_bytes()));
    }
}

#[test]
fn frames_are_seen_where_they_lie_between_messages_only() {
    let mut parser = Parser::new(Limits::default());
    let bytes = b"$\x01\0\x02abOPTIONS * RTSP/1.0\r\n";
    let frame = parser.frame(bytes).unwrap();
    assert_eq!(
        (frame.channel, frame.packet, frame.length()),
        (1, &b"ab"[..], 6)
    );
    assert_eq!(parser.frame(&bytes[..5]), None);
    assert_eq!(parser.frame(&bytes[6..]), None);
    let mut buffer = BytesMut::from(&bytes[6..]);
    assert_eq!(parser.next(&mut buffer), Ok(None));
    assert_eq!(parser.frame(bytes), None, "a head is being read");
}

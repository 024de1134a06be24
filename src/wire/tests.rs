//! Inputs that broke other implementations, run through every reader of this folder.

use std::path::Path;

use bytes::BytesMut;

use super::base64_stream::Decoder;
use super::header::key_mgmt::KeyMgmt;
use super::header::range::Range;
use super::header::rate::{Scale, Speed};
use super::header::rtp_info::RtpInfo;
use super::header::session::SessionHeader;
use super::header::transport::Transport;
use super::header::x_qt::{DynamicRate, Prebuffer, Retransmit, TransportOptions};
use super::http_head::HttpHeadParser;
use super::rtsp::uri::RequestUri;
use super::rtsp::{Limits, Message, Parser};
use super::sdp::Description;
use super::{mikey, rtcp, rtp};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/gofuzz");

/// Folders whose inputs are protocol text or packets.
fn is_ours(folder: &str) -> bool {
    [
        "pkg_base_",
        "pkg_headers_",
        "pkg_description_",
        "sdp",
        "rtcp",
        "pkg_auth_",
        "pkg_mikey_",
    ]
    .iter()
    .any(|part| folder.contains(part))
}

#[test]
fn no_reader_panics() {
    let Ok(folders) = std::fs::read_dir(CORPUS) else {
        println!("skipped: {CORPUS} is absent");
        return;
    };
    let mut inputs = 0;
    for folder in folders.flatten().map(|folder| folder.path()) {
        if folder
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(is_ours)
        {
            inputs += read_folder(&folder);
        }
    }
    assert!(inputs > 0, "no inputs in {CORPUS}");
}

fn read_folder(folder: &Path) -> usize {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
    for file in &files {
        read_everything(&std::fs::read(file.path()).unwrap());
    }
    files.len()
}

fn read_everything(bytes: &[u8]) {
    read_messages(bytes);
    read_messages(&[b"PLAY * RTSP/1.0\r\n", bytes, b"\r\n\r\n"].concat());
    let _ = HttpHeadParser::new(4096).next(&mut BytesMut::from(bytes));
    let _ = Decoder::new().decode(bytes, &mut BytesMut::new());
    let _ = Description::read(bytes).map(|description| description.to_string());
    let _ = rtcp::parse(bytes).map(Iterator::count);
    let _ = mikey::Message::read(bytes);
    let _ = rtp::Packet::read(bytes).map(|packet| packet.payload().len());
    read_values(&String::from_utf8_lossy(bytes));
}

fn read_messages(bytes: &[u8]) {
    let mut parser = Parser::new(Limits::default());
    let mut buffer = BytesMut::from(bytes);
    while let Ok(Some(message)) = parser.next(&mut buffer) {
        let mut written = BytesMut::new();
        match message {
            Message::Request(request) => {
                RequestUri::read(&request.uri).split_track();
                request.write(&mut written);
            }
            Message::Response(response) => response.write(&mut written),
            Message::Frame { .. } => {}
        }
    }
}

fn read_values(text: &str) {
    RequestUri::read(text).split_track();
    let _ = KeyMgmt::read(text).map(|message| message.to_string());
    let _ = Range::read(text).map(|range| range.to_string());
    let _ = RtpInfo::read(text).map(|info| info.to_string());
    let _ = SessionHeader::read(text).map(|session| session.to_string());
    let _ = (Scale::read(text), Speed::read(text));
    let _ = (DynamicRate::read(text), Prebuffer::read(text));
    let _ = (Retransmit::read(text), TransportOptions::read(text));
    for transport in Transport::read_list(text).into_iter().flatten() {
        let _ = transport.to_string();
    }
}

//! Whole dialogues without a socket: requests as text, answers as text.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};

use super::*;
use crate::base::media_time::NptTime;
use crate::media;
use crate::rtsp::answer::{Description, Playing, SetUp, SetUpToRecord};
use crate::rtsp::ask::Span;
use crate::wire::header::range::Range;
use crate::wire::rtsp::{Limits, Message, Parser};

const URL: &str = "rtsp://h/a.mov";

/// A session whose movie has tracks 3 and 4, lasts 70 s and can always be played.
struct Dialogue {
    session: Session,
}

impl Dialogue {
    fn new() -> Self {
        let id = SessionId::from_random(84);
        Self {
            session: Session::new(id, Duration::from_secs(60)),
        }
    }

    fn playing() -> Self {
        let mut dialogue = Self::new();
        dialogue.set_up(3);
        dialogue.set_up(4);
        dialogue.says("PLAY", URL, "Range: npt=0-\r\n");
        dialogue
    }

    fn set_up(&mut self, track: u32) -> String {
        let url = format!("{URL}/trackID={track}");
        self.says("SETUP", &url, "Transport: RTP/AVP/TCP;interleaved=0-1\r\n")
    }

    fn says(&mut self, method: &str, url: &str, headers: &str) -> String {
        self.sends(&format!(
            "{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{headers}\r\n"
        ))
    }

    fn status(&mut self, method: &str, url: &str, headers: &str) -> u16 {
        let answer = self.says(method, url, headers);
        let code = answer.split(' ').nth(1).unwrap();
        code.parse().unwrap()
    }

    fn sends(&mut self, text: &str) -> String {
        let mut buffer = BytesMut::from(text);
        let message = Parser::new(Limits::default()).next(&mut buffer).unwrap();
        let Some(Message::Request(request)) = message else {
            panic!("no request: {text}");
        };
        let opening = Opening {
            cseq: request.cseq().map(str::to_owned),
            date: SystemTime::UNIX_EPOCH,
        };
        let entrance = Entrance {
            local: "192.0.2.1:8554".parse().unwrap(),
            is_encrypted: false,
        };
        let done = match self.session.ask(&request, entrance) {
            Ok(ask) => achieve(ask),
            Err(refusal) => Done::Refused(refusal),
        };
        let mut out = BytesMut::new();
        self.session.done(done, &opening).write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }
}

/// Stands in for the driver.
fn achieve(ask: Ask) -> Done {
    match ask {
        Ask::Options(size) => Done::Options(size.map(|size| Bytes::from(vec![0; size]))),
        Ask::Describe(describe) => Done::Described(Description {
            sdp: "v=0\r\n".to_owned(),
            url: describe.target.whole.url,
            modified: Some(SystemTime::UNIX_EPOCH),
        }),
        Ask::Announce(announce) => {
            let description = media::description::Description::read(&announce.sdp).unwrap();
            Done::Announced(Arc::new(Announcement::new(&announce.target, description)))
        }
        Ask::SetupToRecord(setup, id) => Done::SetUpToRecord(SetUpToRecord {
            id,
            url: setup.target.url,
            transport: setup.transports[0].to_string(),
            key_mgmt: None,
        }),
        Ask::Record(_) => Done::Recording,
        Ask::Setup(setup) => {
            let (movie, id) = setup.target.track.unwrap();
            Done::SetUp(Box::new(SetUp {
                path: movie.path,
                id,
                url: setup.target.url,
                transport: "RTP/AVP/TCP;unicast;interleaved=0-1".to_owned(),
                modified: Some(SystemTime::UNIX_EPOCH),
                options: setup.options,
                dynamic_rate: setup.dynamic_rate.map(|rate| rate.enabled),
                key_mgmt: None,
            }))
        }
        Ask::Play(play) => {
            let (start, end) = match play.range {
                Some(Span::Time(start, end)) => (start, end),
                _ => (None, None),
            };
            Done::Playing(Playing {
                range: Range::npt(
                    start.or(Some(NptTime(0))),
                    end.or(Some(NptTime(70_000_000_000))),
                ),
                scale: play.scale.unwrap_or(1.0),
                speed: play.speed.unwrap_or(1.0),
                asked: (play.scale.is_some(), play.speed.is_some()),
                tracks: vec![
                    (TrackId(3), Some(9109), Some(804_250_548)),
                    (TrackId(4), Some(28591), Some(477_084_890)),
                ],
                prebuffer: play.prebuffer,
                options: play.options,
            })
        }
        Ask::Pause(_) => Done::Paused,
        Ask::Teardown(_) => Done::TornDown,
        Ask::Ping => Done::Alive,
    }
}

fn has(answer: &str, line: &str) -> bool {
    answer.lines().any(|found| found == line)
}

#[track_caller]
fn assert_has(answer: &str, lines: &[&str]) {
    for line in lines {
        assert!(has(answer, line), "no {line:?} in {answer}");
    }
}

#[test]
fn a_whole_dialogue() {
    let mut dialogue = Dialogue::new();
    let answer = dialogue.says("OPTIONS", "*", "");
    assert_has(
        &answer,
        &[
            "RTSP/1.0 200 OK",
            "CSeq: 7",
            "Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, ANNOUNCE, RECORD, GET_PARAMETER, SET_PARAMETER",
        ],
    );
    assert!(!answer.contains("Session"));

    let answer = dialogue.says("DESCRIBE", URL, "Accept: application/sdp\r\n");
    assert_has(
        &answer,
        &[
            "Date: Thu, 01 Jan 1970 00:00:00 GMT",
            "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT",
            "Cache-Control: must-revalidate",
            "Content-Type: application/sdp",
            "Content-Base: rtsp://h/a.mov/",
            "Content-Length: 5",
            "x-Accept-Dynamic-Rate: 1",
        ],
    );

    assert_has(&dialogue.set_up(3), &["Session: 42;timeout=60"]);
    dialogue.set_up(4);
    let answer = dialogue.says("PLAY", URL, "Range: npt=5-7\r\nSession: 42\r\n");
    assert_has(
        &answer,
        &[
            "Session: 42;timeout=60",
            "Range: npt=5.00000-7.00000",
            "RTP-Info: url=rtsp://h/a.mov/trackID=3;seq=9109;rtptime=804250548,url=rtsp://h/a.mov/trackID=4;seq=28591;rtptime=477084890",
        ],
    );
    assert!(!answer.contains("Scale") && !answer.contains("Speed"));

    let answer = dialogue.says("PAUSE", URL, "");
    assert_has(&answer, &["RTSP/1.0 200 OK", "Session: 42;timeout=60"]);
    assert_eq!(dialogue.status("PLAY", URL, ""), 200);
    assert_has(&dialogue.says("TEARDOWN", URL, ""), &["RTSP/1.0 200 OK"]);
    assert!(!dialogue.session.is_set_up());
}

#[test]
fn quicktime_keeps_alive_by_playing_on() {
    let mut dialogue = Dialogue::playing();
    let answer = dialogue.says("PLAY", URL, "");
    assert_has(&answer, &["RTSP/1.0 200 OK", "Session: 42;timeout=60"]);
    assert!(!answer.contains("RTP-Info"));
    assert!(
        dialogue
            .says("PLAY", URL, "Range: npt=9-\r\n")
            .contains("RTP-Info")
    );
    assert!(
        dialogue
            .says("PLAY", URL, "Scale: 2\r\n")
            .contains("RTP-Info")
    );
    assert!(
        !dialogue
            .says("PLAY", URL, "Scale: 2\r\n")
            .contains("RTP-Info")
    );
    dialogue.session.media_ended();
    assert!(dialogue.says("PLAY", URL, "").contains("RTP-Info"));
}

#[test]
fn other_clients_keep_alive_by_parameters() {
    let mut dialogue = Dialogue::playing();
    for method in ["GET_PARAMETER", "SET_PARAMETER"] {
        assert_eq!(dialogue.status(method, URL, ""), 200);
        let answer = dialogue.sends(&format!(
            "{method} {URL} RTSP/1.0\r\nCSeq: 7\r\nContent-Type: text/parameters\r\nContent-Length: 14\r\n\r\njitter: 1\r\nx\r\n"
        ));
        assert_has(
            &answer,
            &["RTSP/1.0 451 Parameter Not Understood", "jitter", "x"],
        );
    }
    let answer = dialogue
        .sends("SET_PARAMETER * RTSP/1.0\r\nContent-Type: a/b\r\nContent-Length: 1\r\n\r\nx");
    assert_has(&answer, &["RTSP/1.0 415 Unsupported Media Type"]);
}

#[test]
fn what_the_state_forbids() {
    let mut dialogue = Dialogue::new();
    for method in ["PLAY", "PAUSE", "TEARDOWN"] {
        assert_eq!(dialogue.status(method, URL, ""), 454, "{method}");
    }
    dialogue.set_up(3);
    assert_eq!(dialogue.status("PAUSE", URL, ""), 455);
    assert_eq!(dialogue.status("PLAY", "rtsp://h/a.mov/trackID=3", ""), 200);
    let transport = "Transport: RTP/AVP/TCP\r\n";
    assert_eq!(dialogue.status("SETUP", "rtsp://h/a.mov/4", transport), 455);
    assert_eq!(dialogue.status("PAUSE", "*", ""), 200);
    assert_eq!(dialogue.status("PAUSE", URL, ""), 200);
    assert_eq!(dialogue.status("SETUP", "rtsp://h/b.mov/3", transport), 459);
    assert_eq!(dialogue.status("SETUP", "rtsp://h/a.mov/4", transport), 200);
    for method in ["PLAY", "PAUSE", "TEARDOWN"] {
        let track = "rtsp://h/a.mov/trackID=3";
        assert_eq!(dialogue.status(method, track, ""), 460, "{method}");
        assert_eq!(
            dialogue.status(method, "rtsp://h/b.mov", ""),
            404,
            "{method}"
        );
    }
}

#[test]
fn what_no_state_allows() {
    let mut dialogue = Dialogue::new();
    for (method, headers, status) in [
        ("ANNOUNCE", "", 400),
        ("ANNOUNCE", "Content-Type: text/plain\r\n", 415),
        ("RECORD", "", 455),
        ("REDIRECT", "", 405),
        ("DANCE", "", 501),
        ("DESCRIBE", "Accept: text/html\r\n", 406),
        (
            "DESCRIBE",
            "Accept: application/rtsl, application/sdp;level=2\r\n",
            200,
        ),
        ("SETUP", "", 400),
        ("SETUP", "Transport: =\r\n", 400),
        ("PLAY", "Range: bytes=1-2\r\n", 400),
        ("PLAY", "Scale: 0\r\n", 400),
        ("OPTIONS", "Require: feature.a, feature.b\r\n", 551),
        ("OPTIONS", "x-Random-Data-Size: many\r\n", 400),
    ] {
        assert_eq!(
            dialogue.status(method, URL, headers),
            status,
            "{method} {headers}"
        );
    }
    let answer = dialogue.says("REDIRECT", URL, "");
    assert!(answer.contains("Allow: OPTIONS, DESCRIBE"));
    let answer = dialogue.says("PLAY", URL, "Require: feature.a\r\n");
    assert_has(&answer, &["CSeq: 7", "Unsupported: feature.a"]);
}

#[test]
fn quicktime_measures_its_line() {
    let answer = Dialogue::new().says(
        "OPTIONS",
        "*",
        "Require: x-Random-Data-Size\r\nx-Random-Data-Size: 1400\r\n",
    );
    assert_has(
        &answer,
        &[
            "Content-Type: application/x-random-data",
            "Content-Length: 1400",
        ],
    );
}

#[test]
fn the_dialect_of_quicktime_is_answered() {
    let mut dialogue = Dialogue::new();
    let answer = dialogue.says(
        "SETUP",
        "rtsp://h/a.mov/trackID=3",
        "Transport: RTP/AVP/TCP\r\nx-Dynamic-Rate: 1\r\nx-Transport-Options: late-tolerance=2.9\r\n",
    );
    assert_has(
        &answer,
        &[
            "x-Dynamic-Rate: 1",
            "x-Transport-Options: late-tolerance=2.9",
        ],
    );
    let answer = dialogue.says(
        "PLAY",
        URL,
        "x-Prebuffer: maxtime=2\r\nx-Transport-Options: late-tolerance=10\r\nSpeed: 2\r\nScale: 1\r\n",
    );
    assert_has(
        &answer,
        &[
            "x-Prebuffer: time=2.00000",
            "x-Transport-Options: late-tolerance=10",
            "Speed: 2.00000",
            "Scale: 1.00000",
        ],
    );
}

#[test]
fn a_request_without_cseq_is_served() {
    let answer = Dialogue::new().sends("OPTIONS * RTSP/1.0\r\n\r\n");
    assert_has(&answer, &["RTSP/1.0 200 OK"]);
    assert!(!answer.contains("CSeq"));
}

const CHANNEL: &str = "rtsp://h/live/x.sdp";

const TWO_TRACKS: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n\
    m=audio 0 RTP/AVP 0\r\na=control:trackID=2\r\n";

impl Dialogue {
    fn announced() -> Self {
        let mut dialogue = Self::new();
        assert_eq!(dialogue.announce(CHANNEL), 200);
        dialogue
    }

    fn announce(&mut self, url: &str) -> u16 {
        let answer = self.sends(&format!(
            "ANNOUNCE {url} RTSP/1.0\r\nCSeq: 7\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{TWO_TRACKS}",
            TWO_TRACKS.len()
        ));
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn set_up_to_record(&mut self, track: u32, mode: &str) -> u16 {
        let transport = format!("Transport: RTP/AVP/TCP;unicast{mode};interleaved=0-1\r\n");
        self.status("SETUP", &format!("{CHANNEL}/trackID={track}"), &transport)
    }

    fn recording() -> Self {
        let mut dialogue = Self::announced();
        assert_eq!(dialogue.set_up_to_record(1, ";mode=record"), 200);
        assert_eq!(
            dialogue.status("RECORD", CHANNEL, "Range: npt=0.000-\r\n"),
            200
        );
        dialogue
    }
}

#[test]
fn publishers_announce_set_up_and_record() {
    let mut dialogue = Dialogue::announced();
    assert_eq!(dialogue.set_up_to_record(1, ";mode=record"), 200);
    assert_eq!(dialogue.set_up_to_record(2, ";mode=receive"), 200);
    let answer = dialogue.says("RECORD", CHANNEL, "");
    let info = format!("RTP-Info: url={CHANNEL}/trackID=1,url={CHANNEL}/trackID=2");
    assert_has(
        &answer,
        &["RTSP/1.0 200 OK", "Session: 42;timeout=60", &info],
    );
    assert_eq!(dialogue.status("TEARDOWN", CHANNEL, ""), 200);
    assert!(!dialogue.session.is_set_up());
}

#[test]
fn broadcasters_of_old_leave_the_mode_out_and_begin_with_play() {
    let mut dialogue = Dialogue::announced();
    assert_eq!(dialogue.set_up_to_record(1, ""), 200);
    let answer = dialogue.says("PLAY", CHANNEL, "Range: npt=0.0-\r\n");
    assert_has(&answer, &[&format!("RTP-Info: url={CHANNEL}/trackID=1")]);
    assert_eq!(dialogue.status("PLAY", CHANNEL, ""), 200, "keeps alive");
}

#[test]
fn publishing_keeps_to_its_order() {
    let mut dialogue = Dialogue::new();
    assert_eq!(dialogue.set_up_to_record(1, ";mode=record"), 455);
    assert_eq!(dialogue.status("RECORD", CHANNEL, ""), 455);
    assert_eq!(dialogue.announce(CHANNEL), 200);
    assert_eq!(dialogue.status("RECORD", CHANNEL, ""), 455);
    assert_eq!(dialogue.status("PAUSE", CHANNEL, ""), 455);
    assert_eq!(dialogue.set_up_to_record(3, ";mode=record"), 404);
    assert_eq!(dialogue.announce("rtsp://h/other"), 455);
    assert_eq!(dialogue.announce(CHANNEL), 200);
    assert_eq!(dialogue.set_up_to_record(1, ";mode=record"), 200);
    assert_eq!(dialogue.status("RECORD", "rtsp://h/other", ""), 404);
    assert_eq!(dialogue.status("RECORD", CHANNEL, ""), 200);
    assert_eq!(dialogue.set_up_to_record(2, ";mode=record"), 455);
}

#[test]
fn a_publisher_may_pause_and_go_on() {
    let mut dialogue = Dialogue::recording();
    assert_eq!(dialogue.announce(CHANNEL), 200, "new parameters");
    assert_eq!(dialogue.status("PAUSE", CHANNEL, ""), 200);
    assert_eq!(dialogue.status("PAUSE", CHANNEL, ""), 455);
    assert_eq!(dialogue.set_up_to_record(2, ""), 200);
    assert_eq!(dialogue.status("RECORD", CHANNEL, ""), 200);
    assert_eq!(dialogue.status("GET_PARAMETER", CHANNEL, ""), 200);
}

#[test]
fn a_session_that_receives_announces_nothing() {
    let mut dialogue = Dialogue::playing();
    assert_eq!(dialogue.announce(CHANNEL), 455);
    assert_eq!(dialogue.status("RECORD", URL, ""), 455);
}

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const MOVIE: &[u8] = b"v=0\ns=own name\nt=0 0\nb=AS:2097200\na=control:*\na=isma-compliance:2,2.0,2\na=range:npt=0-  70.00000\na=range:npt=0-71\n";
const VIDEO: &[u8] = b"m=video 5004 RTP/AVP 96\r\na=rtpmap:96 X-SV3V-ES/90000\r\na=control:trackID=3\r\nc=IN IP4 1.2.3.4\r\nb=AS:2097151\r\na=x-unknown:\xfc\r\na=control:again\r\n";

fn facts() -> SessionFacts<'static> {
    SessionFacts {
        session_id: 4_004_214_324,
        version: 1_795_224_838_000,
        address: Ipv4Addr::LOCALHOST.into(),
        name: "/a.mov",
        control: "rtsp://127.0.0.1/a.mov",
        duration: Some(NptTime::from_seconds(70.0)),
    }
}

fn text(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

#[test]
fn a_hinted_movie_is_described_in_its_own_words() {
    let mut answer = Answer::new(&facts());
    answer.add_movie_text(MOVIE).unwrap();
    answer
        .add_track_text(VIDEO, "rtsp://127.0.0.1/a.mov/trackID=3")
        .unwrap();
    let expected = text(&[
        "v=0",
        "o=StreamingServer 4004214324 1795224838000 IN IP4 127.0.0.1",
        "s=/a.mov",
        "c=IN IP4 0.0.0.0",
        "b=AS:2097200",
        "t=0 0",
        "a=control:rtsp://127.0.0.1/a.mov",
        "a=range:npt=0-70.00000",
        "a=isma-compliance:2,2.0,2",
        "m=video 0 RTP/AVP 96",
        "b=AS:2097151",
        "a=rtpmap:96 X-SV3V-ES/90000",
        "a=control:rtsp://127.0.0.1/a.mov/trackID=3",
        "a=x-unknown:ü",
    ]);
    assert_eq!(answer.finish().to_string(), expected);
}

#[test]
fn an_unhinted_track_is_described_from_facts() {
    let mut answer = Answer::new(&SessionFacts {
        address: Ipv6Addr::LOCALHOST.into(),
        duration: None,
        ..facts()
    });
    answer.add_track(&TrackFacts {
        media: "audio",
        payload_type: 97,
        rtpmap: "mpeg4-generic/22050/2",
        fmtp: Some("mode=AAC-hbr;config=1390"),
        bandwidth_kbps: Some(48),
        control: "rtsp://[::1]/a.mov/trackID=4",
    });
    let expected = text(&[
        "v=0",
        "o=StreamingServer 4004214324 1795224838000 IN IP6 ::1",
        "s=/a.mov",
        "c=IN IP6 ::",
        "t=0 0",
        "a=control:rtsp://127.0.0.1/a.mov",
        "m=audio 0 RTP/AVP 97",
        "b=AS:48",
        "a=rtpmap:97 mpeg4-generic/22050/2",
        "a=control:rtsp://[::1]/a.mov/trackID=4",
        "a=fmtp:97 mode=AAC-hbr;config=1390",
    ]);
    assert_eq!(answer.finish().to_string(), expected);
}

#[test]
fn text_without_sense_changes_nothing() {
    let mut answer = Answer::new(&facts());
    let before = answer.clone().finish();
    assert_eq!(answer.add_movie_text(b"\0\0"), Err(NotSdp));
    assert_eq!(
        answer.add_track_text(b"a=control:trackID=1", "x"),
        Err(NotSdp)
    );
    assert_eq!(answer.finish(), before);
}

const MOVIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/media/qtss");

/// What follows each `sdp ` tag of a file up to the end of the text.
fn hint_texts(movie: &[u8]) -> Vec<&[u8]> {
    let tags = movie.windows(6).enumerate();
    let starts = tags.filter(|(_, bytes)| *bytes == b"sdp m=" || *bytes == b"sdp b=");
    starts
        .map(|(at, _)| {
            let text = &movie[at + 4..];
            let end = text
                .iter()
                .position(|byte| !matches!(byte, b'\r' | b'\n' | b' '..=b'~'));
            &text[..end.unwrap_or(text.len())]
        })
        .collect()
}

#[test]
fn no_line_of_a_real_movie_is_lost() {
    let Ok(movies) = std::fs::read_dir(MOVIES) else {
        println!("skipped: {MOVIES} is absent");
        return;
    };
    for movie in movies.flatten() {
        let bytes = std::fs::read(movie.path()).unwrap();
        for text in hint_texts(&bytes) {
            let mut answer = Answer::new(&facts());
            if text.starts_with(b"m=") {
                answer.add_track_text(text, "rtsp://h/trackID=1").unwrap();
            } else {
                answer.add_movie_text(text).unwrap();
            }
            let answer = answer.finish().to_string();
            let kept = |line: &str| line.starts_with("a=control:") || answer.contains(line);
            assert!(String::from_utf8_lossy(text).lines().all(kept), "{answer}");
        }
    }
}

proptest! {
    #[test]
    fn every_answer_can_be_read(movie: Vec<u8>, track in "m=(video )?[0-9]{1,5} RTP/AVP [ -~]{0,9}\n([abcikt]=[ -~]{0,20}\n){0,5}") {
        let mut answer = Answer::new(&facts());
        let _ = answer.add_movie_text(&movie);
        let _ = answer.add_track_text(track.as_bytes(), "rtsp://127.0.0.1/a.mov/trackID=3");
        let description = answer.finish();
        prop_assert_eq!(Description::read(description.to_string().as_bytes()), Ok(description));
    }
}

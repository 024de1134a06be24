use super::*;
use crate::rtsp::target::Entrance;

fn target(url: &str) -> Target {
    let entrance = Entrance {
        local: "192.0.2.1:554".parse().unwrap(),
        is_encrypted: false,
    };
    Target::read(url, entrance).unwrap().unwrap()
}

fn announced(controls: &[Option<&str>]) -> Announcement {
    let mut sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n".to_owned();
    for control in controls {
        sdp.push_str("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n");
        if let Some(control) = control {
            sdp.push_str(&format!("a=control:{control}\r\n"));
        }
    }
    let description = Description::read(sdp.as_bytes()).unwrap();
    Announcement::new(&target("rtsp://h/live/x.sdp"), description)
}

fn track(announcement: &Announcement, url: &str) -> Result<usize, u16> {
    let track = announcement.track(&target(url), &[]);
    track.map_err(|refusal| refusal.status.0)
}

#[test]
fn tracks_are_found_in_all_spellings() {
    for controls in [
        [Some("trackID=1"), Some("trackID=2")],
        [
            Some("rtsp://h/live/x.sdp/trackID=1"),
            Some("rtsp://h/live/x.sdp/trackID=2"),
        ],
        [Some("streamid=1"), Some("streamid=2")],
        [Some("1"), Some("2")],
        [None, None],
    ] {
        let announcement = announced(&controls);
        for url in [
            "rtsp://h/live/x.sdp/trackID=2",
            "rtsp://other:8554/live/x.sdp/TrackID=2/",
            "rtsp://h/live/x.sdp/2",
            "/live/x.sdp/track2",
            "rtsp://h/live/x.sdp?a=b/trackID=2",
        ] {
            assert_eq!(track(&announcement, url), Ok(1), "{controls:?} {url}");
        }
        assert_eq!(
            track(&announcement, "rtsp://h/live/x.sdp/trackID=4"),
            Err(404)
        );
        assert_eq!(track(&announcement, "rtsp://h/other/trackID=2"), Err(404));
    }
}

#[test]
fn names_without_a_number_and_urls_elsewhere_are_taken_as_they_are() {
    let announcement = announced(&[Some("video"), Some("rtsp://camera/a/b")]);
    assert_eq!(track(&announcement, "rtsp://h/live/x.sdp/video"), Ok(0));
    assert_eq!(track(&announcement, "rtsp://camera/a/b"), Ok(1));
    assert!(announcement.covers(&target("rtsp://camera/a/b")));
    assert!(!announcement.covers(&target("rtsp://h/live/x.sdp2")));
}

#[test]
fn the_whole_names_an_only_track_and_the_next_one_without_controls() {
    let whole = "rtsp://h/live/x.sdp";
    assert_eq!(track(&announced(&[Some("trackID=7")]), whole), Ok(0));
    assert_eq!(track(&announced(&[Some("1"), Some("2")]), whole), Err(459));
    let silent = announced(&[None, None]);
    assert_eq!(track(&silent, whole), Ok(0));
    let first = [(id_of(0), "rtsp://h/elsewhere".to_owned())];
    assert_eq!(silent.track(&target(whole), &first), Ok(1));
}

#[test]
fn tracks_without_controls_may_be_counted_from_0() {
    let silent = announced(&[None, None]);
    let (zero, one) = (
        "rtsp://h/live/x.sdp/streamid=0",
        "rtsp://h/live/x.sdp/streamid=1",
    );
    assert_eq!(track(&silent, zero), Ok(0));
    let first = [(id_of(0), zero.to_owned())];
    assert_eq!(silent.track(&target(one), &first), Ok(1));
    assert_eq!(silent.track(&target(zero), &first), Ok(0));
}

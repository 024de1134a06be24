use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::codec::pcm;

const FFMPEG: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    a=tool:libavformat 59.27.100\r\nm=video 0 RTP/AVP 96\r\nb=AS:800\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0IAH5Y1QKALdCo=,aM4xsg==; profile-level-id=42001F\r\n\
    a=control:streamid=0\r\nm=audio 0 RTP/AVP 97\r\nb=AS:128\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\n\
    a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=1210\r\n\
    a=control:streamid=1\r\n";

const GSTREAMER: &str = "v=0\r\no=- 1188340656180883 1 IN IP4 127.0.0.1\r\ns=Session streamed with GStreamer\r\n\
    i=rtsp-server\r\nt=0 0\r\na=tool:GStreamer\r\na=type:broadcast\r\na=control:*\r\na=range:npt=now-\r\n\
    m=audio 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 MP4A-LATM/44100\r\n\
    a=fmtp:96 cpresent=0;config=40002420adca00\r\na=ssrc:1 cname:user@host\r\na=ts-refclk:local\r\na=control:stream=0\r\n";

/// Line ends, order and port counts as QuickTime Broadcaster and PlaylistBroadcaster wrote them.
const QTSS: &str = "v=0\no=QTSS_Play_List 2863311530 4289383 IN IP4 10.0.0.1\ns=news\nc=IN IP4 224.2.1.1/15\n\
    b=AS:94\nt=0 0\na=x-broadcastcontrol:RTSP\nm=audio 5004/2 RTP/AVP 0\nm=video 5006 RTP/AVP 96\nb=AS:79\n\
    a=rtpmap:96 X-SV3V-ES/90000\na=source-filter: incl IN IP4 * 10.0.0.1\na=control:trackID=4\na=framesize:96 240-180\n";

fn read(text: &str) -> Description {
    Description::read(text.as_bytes()).unwrap()
}

fn presented(description: &Description) -> String {
    description.sdp(&Presenter {
        address: Ipv4Addr::LOCALHOST.into(),
        url: "rtsp://host/live",
        now: NtpTime(0),
    })
}

#[test]
fn what_ffmpeg_announces_is_read() {
    let description = read(FFMPEG);
    let [video, audio] = description.tracks() else {
        panic!("{description:?}");
    };
    assert_eq!((video.id, video.kind), (TrackId(1), Kind::Video));
    assert_eq!((video.payload_type, video.clock_hz), (96, 90_000));
    assert_eq!(video.encoding, "H264/90000");
    assert!(
        video
            .fmtp
            .as_deref()
            .unwrap()
            .starts_with("packetization-mode=1;")
    );
    assert_eq!(video.control.as_deref(), Some("streamid=0"));
    assert_eq!(
        (audio.id, audio.kind, audio.clock_hz),
        (TrackId(2), Kind::Audio, 44_100)
    );
    assert_eq!(description.bit_rate(), Some(928_000));
    assert_eq!(description.name(), "No Name");
}

#[test]
fn it_is_presented_as_this_server_serves_it() {
    let sdp = presented(&read(GSTREAMER));
    for line in [
        "o=- 1188340656180883 1 IN IP4 127.0.0.1",
        "c=IN IP4 0.0.0.0",
        "a=control:rtsp://host/live",
        "a=type:broadcast",
        "a=ts-refclk:local",
        "m=audio 0 RTP/AVP 96",
        "a=fmtp:96 cpresent=0;config=40002420adca00",
        "a=control:rtsp://host/live/trackID=1",
    ] {
        assert!(sdp.contains(&format!("{line}\r\n")), "{line} in {sdp}");
    }
    for gone in ["a=range", "a=ssrc", "stream=0", "control:*"] {
        assert!(!sdp.contains(gone), "{gone} in {sdp}");
    }
    assert_eq!(sdp.matches("c=IN").count(), 1);
    let again = read(&sdp);
    assert!(again.fits(&read(GSTREAMER)));
    assert_eq!(presented(&again), sdp);
}

#[test]
fn broadcasts_of_qtss_are_read() {
    let description = read(QTSS);
    let [audio, video] = description.tracks() else {
        panic!("{description:?}");
    };
    assert_eq!(
        (audio.encoding.as_str(), audio.clock_hz),
        ("PCMU/8000", 8000)
    );
    assert_eq!(video.encoding, "X-SV3V-ES/90000");
    assert_eq!(description.bit_rate(), Some(94_000));
    assert_eq!(description.session().medias[0].port, 5004);
    let sdp = presented(&description);
    assert!(sdp.contains("m=audio 0 RTP/AVP 0\r\n"), "{sdp}");
    assert!(sdp.contains("a=framesize:96 240-180\r\n"), "{sdp}");
    assert!(!sdp.contains("source-filter"), "{sdp}");
}

#[test]
fn what_a_description_lacks_is_added() {
    let sdp = presented(&read("m=audio 5004 RTP/AVP 0\n"));
    for key in ["v=0\r\no=", "s=", "c=IN IP4 0.0.0.0", "t=0 0"] {
        assert!(sdp.contains(key), "{key} in {sdp}");
    }
}

#[test]
fn later_tracks_fit_when_readers_can_go_on() {
    let own = read(FFMPEG);
    let fits = |from: &str, to: &str| own.fits(&read(&FFMPEG.replace(from, to)));
    assert!(fits("aM4xsg==", "aM4xsh=="));
    assert!(fits("H264", "h264"));
    assert!(!fits("H264", "H265"));
    assert!(!fits("/44100/2", "/48000/2"));
    assert!(!own.fits(&read(
        &FFMPEG.replace("AVP 97", "AVP 98").replace(":97", ":98")
    )));
    assert!(!own.fits(&read(QTSS)));
}

#[test]
fn what_cannot_be_a_channel_says_why() {
    let unfit = |text: &str| Description::read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(unfit("hello"), "this is no session description");
    assert_eq!(unfit("v=0\ns=x\n"), "the description has no media");
    assert_eq!(
        unfit("v=0\ns=x\nm=video 0 RTP/SAVP 96\na=rtpmap:96 H264/90000\n"),
        "track 1 travels over RTP/SAVP, not over RTP/AVP"
    );
    assert_eq!(
        unfit("v=0\ns=x\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/0\n"),
        "payload type 96 of track 1 has no a=rtpmap with a clock rate"
    );
    assert_eq!(
        unfit("v=0\ns=x\nm=video 0 RTP/AVP 200\n"),
        "track 1 names no RTP payload type"
    );
    let many = format!("v=0\ns=x\n{}", "m=audio 0 RTP/AVP 0\n".repeat(300));
    assert_eq!(unfit(&many), "the description has more than 32 tracks");
    let long = "a=x\n".repeat(10 << 18);
    assert_eq!(Description::read(long.as_bytes()), Err(Unfit::TooLong));
}

#[test]
fn formats_describe_themselves() {
    let formats = [
        Format::H263,
        Format::Pcm(pcm::Config {
            coding: pcm::Coding::ALaw,
            rate_hz: 8000,
            channels: 1,
        }),
    ];
    let description = Description::of_formats("news", &formats).unwrap();
    let types: Vec<_> = description
        .tracks()
        .iter()
        .map(|track| (track.kind, track.payload_type, track.encoding.as_str()))
        .collect();
    let expected = [
        (Kind::Video, 96, "H263-2000/90000"),
        (Kind::Audio, 8, "PCMA/8000"),
    ];
    assert_eq!(types, expected);
    assert_eq!(description.name(), "news");
    assert_eq!(Description::of_formats("none", &[]), Err(Unfit::NoMedia));
}

#[test]
fn tracks_have_languages() {
    let text = "v=0\ns=x\na=lang:fr-CA\nm=audio 0 RTP/AVP 0\na=lang:de\nm=audio 0 RTP/AVP 8\n\
        m=audio 0 RTP/AVP 9\na=lang:\"en\"\nm=audio 0 RTP/AVP 3\na=lang:und\n";
    let languages = |description: &Description| -> Vec<_> {
        let tracks = description.tracks().iter();
        tracks.map(|track| track.language.clone()).collect()
    };
    let told = |tag: &str| Some(tag.to_owned());
    let description = read(text);
    assert_eq!(
        languages(&description),
        [told("de"), told("fr-CA"), None, None]
    );
    assert!(presented(&description).contains("\r\na=lang:de\r\n"));
    let others = description.in_languages(&[None, told("nld")]);
    assert_eq!(languages(&others)[..2], [told("fr-CA"), told("nld")]);
    let sdp = presented(&others);
    assert!(
        sdp.contains("a=lang:nld\r\n") && !sdp.contains("a=lang:de"),
        "{sdp}"
    );
}

proptest! {
    #[test]
    fn rubbish_does_not_panic(text in "(v=0|[a-z]=[ -~]{0,40}|m=(audio|video) [0-9]{1,6} RTP/AVP [0-9 ]{0,9}|\\PC{0,20}\n){0,20}") {
        if let Ok(description) = Description::read(text.as_bytes()) {
            prop_assert!(!description.tracks().is_empty());
            prop_assert!(read(&presented(&description)).fits(&description));
        }
    }
}

#[test]
fn a_station_is_described_in_its_own_words() {
    let mp3 = Format::MpegAudio {
        layer: 3,
        rate_hz: 44_100,
        channels: 2,
    };
    let station = Station {
        name: Some("Radio".to_owned()),
        description: Some("Day and night".to_owned()),
        genre: None,
        url: Some("http://radio.example/".to_owned()),
        bit_rate: Some(128_000),
    };
    let description = Description::of_formats("x", &[mp3]).unwrap();
    let description = description.of_station(&station);
    assert_eq!(description.name(), "Radio");
    assert_eq!(description.bit_rate(), Some(128_000));
    let sdp = presented(&description);
    for line in [
        "s=Radio",
        "i=Day and night",
        "u=http://radio.example/",
        "b=AS:128",
    ] {
        assert!(sdp.contains(&format!("\r\n{line}\r\n")), "{sdp}");
    }
}

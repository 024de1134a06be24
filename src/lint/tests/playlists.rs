//! Faults of playlists, each an edit of one that is sound.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Fault, assert_sound};
use crate::lint::finding::Findings;
use crate::lint::media::Media;
use crate::lint::program::{self, Playlist};
use crate::lint::stream::Stream;

pub(super) const URL: &str = "http://h/live/media.m3u8";

/// A live playlist of eight segments of transport streams.
pub(super) fn plain() -> String {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:7\n\
        #EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36.0,HOLD-BACK=18.0\n"
        .to_owned();
    for number in 7..15 {
        write!(
            text,
            "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:{:02}:{:02}.000Z\n#EXTINF:6.00000,\n{number}.ts\n",
            number * 6 / 60,
            number * 6 % 60
        )
        .unwrap();
    }
    text
}

/// A live playlist of low latency: eight segments, parts of 1 s in the last two, two of the next.
pub(super) fn low_latency() -> String {
    let mut text = plain()
        .replace("VERSION:3", "VERSION:6")
        .replace("HOLD-BACK=18.0\n", "HOLD-BACK=18.0,PART-HOLD-BACK=3.0\n#EXT-X-PART-INF:PART-TARGET=1.0\n#EXT-X-MAP:URI=\"init.mp4\"\n")
        .replace(".ts\n", ".m4s\n");
    for number in 13..15 {
        let extinf = format!("#EXTINF:6.00000,\n{number}.m4s");
        text = text.replace(&extinf, &format!("{}{extinf}", parts(number, 6)));
    }
    write!(
        text,
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:01:30.000Z\n{}#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.2.m4s\"\n",
        parts(15, 2)
    )
    .unwrap();
    text
}

fn parts(segment: u64, count: u64) -> String {
    (0..count)
        .map(|number| {
            let independent = if number == 0 { ",INDEPENDENT=YES" } else { "" };
            format!("#EXT-X-PART:DURATION=1.00000,URI=\"{segment}.{number}.m4s\"{independent}\n")
        })
        .collect()
}

/// A playlist with an end.
fn ended() -> String {
    plain()
        .replace("SEQUENCE:7", "SEQUENCE:0")
        .replace("#EXT-X-TARGET", "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-TARGET")
        + "#EXT-X-ENDLIST\n"
}

/// A program of two variants with sound in a group.
fn multivariant() -> String {
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n\
     #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,URI=\"en.m3u8\"\n\
     #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=50000,AVERAGE-BANDWIDTH=40000,CODECS=\"avc1.64001f\",RESOLUTION=1280x720,URI=\"i.m3u8\"\n\
     #EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1900000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"a\"\n\
     high.m3u8\n\
     #EXT-X-STREAM-INF:BANDWIDTH=190000,AVERAGE-BANDWIDTH=180000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO=\"a\"\n\
     low.m3u8\n"
        .to_owned()
}

pub(super) fn read(text: &[u8]) -> (Option<Media>, Findings) {
    let mut findings = Findings::default();
    let now = Duration::ZERO;
    let media = Stream::default().playlist(text, URL, &[URL], now, &mut findings);
    (media, findings)
}

pub(super) fn read_program(text: &str) -> (Option<Playlist>, Findings) {
    let mut findings = Findings::default();
    (program::read(text.as_bytes(), &mut findings), findings)
}

#[test]
fn sound_playlists_are_found_sound() {
    for text in [plain(), low_latency(), ended()] {
        let (media, findings) = read(text.as_bytes());
        assert_sound(&findings);
        let media = media.unwrap();
        assert_eq!(media.segments.len(), 8);
        assert_eq!(media.next_sequence(), media.media_sequence + 8);
    }
    let (playlist, findings) = read_program(&multivariant());
    assert_sound(&findings);
    let Some(Playlist::Multivariant(playlist)) = playlist else {
        panic!("{playlist:?}");
    };
    let uris: Vec<_> = playlist.uris().collect();
    assert_eq!(uris, ["high.m3u8", "low.m3u8", "i.m3u8", "en.m3u8"]);
}

#[test]
fn parts_are_understood() {
    let media = read(low_latency().as_bytes()).0.unwrap();
    let open = media.open.as_ref().unwrap();
    assert_eq!((open.sequence, open.parts.len()), (15, 2));
    assert_eq!(media.ages()[..2], [44.0, 38.0]);
    assert_eq!(media.segment(14).unwrap().parts.len(), 6);
    assert!(media.segment(16).is_none());
}

pub(super) fn faults() -> Vec<Fault> {
    let edits = |base: fn() -> String, edits: &[(&'static str, &str, &str)]| {
        edits
            .iter()
            .map(|(rule, old, new)| {
                let text = base();
                let broken = text.replacen(old, new, 1);
                assert_ne!(text, broken, "{rule}");
                let findings = match base() == multivariant() {
                    true => read_program(&broken).1,
                    false => read(broken.as_bytes()).1,
                };
                (*rule, findings)
            })
            .collect::<Vec<Fault>>()
    };
    let mut faults = edits(plain, PLAIN);
    faults.extend(edits(low_latency, LOW_LATENCY));
    faults.extend(edits(ended, ENDED));
    faults.extend(edits(multivariant, MULTIVARIANT));
    faults.push(("encoding", read(b"#EXTM3U\n\xff\n").1));
    faults.push(("no-segments", read(b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n").1));
    faults.extend(program_faults());
    faults.extend(session_key_faults());
    // The last parts of that segment are new enough.
    let extinf = "#EXTINF:6.00000,\n12.m4s";
    let old_parts = low_latency().replace(extinf, &format!("{}{extinf}", parts(12, 6)));
    faults.push(("parts-old", read(old_parts.as_bytes()).1));
    faults.push(("rendition-report", sisters(&low_latency())));
    let reported =
        low_latency() + "#EXT-X-RENDITION-REPORT:URI=\"media.m3u8\",LAST-MSN=15,LAST-PART=1\n";
    faults.push(("rendition-report-wrong", sisters(&reported)));
    faults
}

/// A playlist beside which there is another one.
fn sisters(text: &str) -> Findings {
    let mut findings = Findings::default();
    let others = [URL, "http://h/live/low.m3u8"];
    let now = Duration::ZERO;
    Stream::default().playlist(text.as_bytes(), URL, &others, now, &mut findings);
    findings
}

/// What is wrong only when playlists are seen together.
fn program_faults() -> Vec<Fault> {
    let other = |old: &str, new: &str| plain().replace(old, new);
    let dateless: String = plain()
        .split_inclusive('\n')
        .filter(|line| !line.contains("DATE-TIME"))
        .collect();
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x1\n#EXTINF";
    let cases = [
        (
            "target-durations",
            plain(),
            other("DURATION:6", "DURATION:7"),
        ),
        (
            "playlist-types",
            plain(),
            other("#EXT-X-TARGET", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGET"),
        ),
        ("program-date-times", plain(), dateless),
        (
            "server-controls",
            plain(),
            other("HOLD-BACK=18.0", "HOLD-BACK=20.0"),
        ),
        (
            "content-durations",
            ended(),
            ended().replacen("#EXTINF:6.0", "#EXTINF:0.0", 2),
        ),
        (
            "discontinuity-sequences",
            plain(),
            other("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1"),
        ),
        ("session-key", plain(), other("#EXTINF", key)),
        (
            "independent-segments",
            plain(),
            other("#EXT-X-INDEPENDENT-SEGMENTS\n", ""),
        ),
    ];
    let text = multivariant().replace("#EXT-X-INDEPENDENT-SEGMENTS\n", "");
    let Some(Playlist::Multivariant(program)) = read_program(&text).0 else {
        panic!("this is a multivariant playlist");
    };
    cases
        .into_iter()
        .map(|(rule, one, two)| {
            let [one, two] = [one, two].map(|text| read(text.as_bytes()).0.unwrap());
            let mut findings = Findings::default();
            let all = [("a".to_owned(), &one), ("b".to_owned(), &two)];
            program::check("", &program, &all, &mut findings);
            (rule, findings)
        })
        .collect()
}

const PROGRAM: &str = "http://h/live/index.m3u8";

/// What is found of a program with these session keys, whose segments are encrypted with AES-128.
fn with_session_keys(tags: &str) -> Findings {
    let text = multivariant().replacen("#EXT-X-MEDIA", &format!("{tags}#EXT-X-MEDIA"), 1);
    let (program, mut findings) = read_program(&text);
    let Some(Playlist::Multivariant(program)) = program else {
        panic!("this is a multivariant playlist");
    };
    let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x1\n#EXTINF";
    let media = read(plain().replace("#EXTINF", key).as_bytes()).0.unwrap();
    let all = [(URL.to_owned(), &media)];
    program::check(PROGRAM, &program, &all, &mut findings);
    findings
}

#[test]
fn session_keys_may_be_written_in_another_way() {
    let tags = "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"../live/k\",KEYFORMAT=\"identity\"\n\
         #EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"other\"\n";
    assert_sound(&with_session_keys(tags));
}

fn session_key_faults() -> Vec<Fault> {
    let key = "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n";
    let other = |old, new| key.replace(old, new);
    [
        ("session-key-none", other("AES-128,URI=\"k\"", "NONE")),
        ("session-key-repeated", key.repeat(2)),
        ("session-key-mismatch", other("AES-128", "SAMPLE-AES")),
        (
            "session-key-mismatch",
            other("\"k\"", "\"k\",KEYFORMATVERSIONS=\"2\""),
        ),
    ]
    .map(|(rule, tags)| (rule, with_session_keys(&tags)))
    .into()
}

const PLAIN: &[(&str, &str, &str)] = &[
    ("extm3u", "#EXTM3U", "#EXTM3U8"),
    ("encoding", "#EXTM3U", "\u{feff}#EXTM3U"),
    ("attribute-list", "YES,CAN", "YES, CAN"),
    (
        "attribute-type",
        "CAN-BLOCK-RELOAD=YES",
        "CAN-BLOCK-RELOAD=\"YES\"",
    ),
    (
        "attribute-missing",
        "#EXTINF",
        "#EXT-X-MAP:BYTERANGE=\"5@0\"\n#EXTINF",
    ),
    ("tag-value", "DURATION:6", "DURATION:6.0"),
    ("tag-value", "2026-11-21T07", "21.11.2026 07"),
    (
        "tag-repeated",
        "#EXT-X-VERSION:3",
        "#EXT-X-VERSION:3\n#EXT-X-VERSION:3",
    ),
    (
        "tag-misplaced",
        "14.ts\n",
        "14.ts\n#EXT-X-MEDIA-SEQUENCE:7\n",
    ),
    ("tag-misplaced", "14.ts\n", "14.ts\n#EXTINF:6.00000,\n"),
    ("extinf-missing", "#EXTINF:6.00000,\n7.ts", "7.ts"),
    (
        "playlists-mixed",
        "#EXTINF",
        "#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXTINF",
    ),
    (
        "tag-unknown",
        "#EXTINF",
        "#EXT-X-PROGRAM-DATETIME:x\n#EXTINF",
    ),
    ("byte-range", "#EXTINF", "#EXT-X-BYTERANGE:5-9\n#EXTINF"),
    (
        "byte-range-offset",
        "#EXTINF",
        "#EXT-X-BYTERANGE:5\n#EXTINF",
    ),
    (
        "key-method",
        "#EXTINF",
        "#EXT-X-KEY:METHOD=AES,URI=\"k\"\n#EXTINF",
    ),
    (
        "key-none",
        "#EXTINF",
        "#EXT-X-KEY:METHOD=NONE,URI=\"k\"\n#EXTINF",
    ),
    (
        "key-iv",
        "#EXTINF",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=77\n#EXTINF",
    ),
    (
        "key-counter-mode",
        "#EXTINF",
        "#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"k\"\n#EXTINF",
    ),
    (
        "key-fairplay",
        "#EXTINF",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n#EXTINF",
    ),
    (
        "key-systems",
        "9.ts",
        "9.ts\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n#EXTINF:6.00000,\n9b.ts\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\",KEYFORMAT=\"x\"",
    ),
    ("target-duration-missing", "#EXT-X-TARGETDURATION:6\n", ""),
    ("segment-too-long", "#EXTINF:6.00000", "#EXTINF:6.50000"),
    ("target-duration", "DURATION:6", "DURATION:10"),
    ("extinf-precision", "#EXTINF:6.00000", "#EXTINF:5.9"),
    ("extinf-zero", "#EXTINF:6.00000", "#EXTINF:0.00000"),
    (
        "program-date-time",
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:00:42.000Z\n",
        "",
    ),
    ("program-date-time-drift", "07:00:48", "07:00:49"),
    (
        "discontinuity-sequence",
        "#EXT-X-DISCONTINUITY-SEQUENCE:0\n",
        "",
    ),
    ("map-missing", "8.ts", "8.m4s"),
    ("map-change", "8.ts", "8.ts\n#EXT-X-MAP:URI=\"i.mp4\""),
    (
        "map-iv",
        "#EXTINF",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF",
    ),
    ("version", "#EXT-X-VERSION:3", "#EXT-X-VERSION:2"),
    ("version", "#EXTINF", "#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF"),
    ("gap", "#EXTINF", "#EXT-X-GAP\n#EXTINF"),
    (
        "date-range",
        "#EXTINF",
        "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-11-21T07:00:42Z\",END-ON-NEXT=YES\n#EXTINF",
    ),
    (
        "can-skip-dateranges",
        "#EXTINF",
        "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-11-21T07:00:42Z\"\n#EXTINF",
    ),
    (
        "skip-unasked",
        "#EXT-X-VERSION:3",
        "#EXT-X-VERSION:9\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3",
    ),
    ("hold-back", "HOLD-BACK=18.0", "HOLD-BACK=17.9"),
    ("can-skip-until", "UNTIL=36.0", "UNTIL=35.0"),
    (
        "part-target-missing",
        "#EXTINF",
        "#EXT-X-PART:URI=\"p\",DURATION=1\n#EXTINF",
    ),
];

const LOW_LATENCY: &[(&str, &str, &str)] = &[
    ("part-hold-back-missing", ",PART-HOLD-BACK=3.0", ""),
    ("part-hold-back", "PART-HOLD-BACK=3.0", "PART-HOLD-BACK=2.9"),
    ("blocking-reload", "CAN-BLOCK-RELOAD=YES,", ""),
    (
        "delta-updates",
        "CAN-SKIP-UNTIL=36.0,HOLD-BACK=18.0,PART-HOLD-BACK=3.0\n#EXT-X-PART-INF:PART-TARGET=1.0",
        "HOLD-BACK=18.0,PART-HOLD-BACK=3.0\n#EXT-X-PART-INF:PART-TARGET=1.0\n#EXTINF:100,\nx.m4s",
    ),
    ("part-target", "PART-TARGET=1.0", "PART-TARGET=0.1"),
    ("part-too-long", "DURATION=1.00000", "DURATION=1.00100"),
    (
        "part-too-short",
        "DURATION=1.00000,URI=\"13.2",
        "DURATION=0.84000,URI=\"13.2",
    ),
    (
        "part-sum",
        "DURATION=1.00000,URI=\"14.5",
        "DURATION=0.50000,URI=\"14.5",
    ),
    (
        "parts-old",
        "#EXTINF",
        "#EXT-X-PART:DURATION=1.00000,URI=\"7.5.m4s\"\n#EXTINF",
    ),
    (
        "part-independent-first",
        "14.0.m4s\",INDEPENDENT=YES",
        "14.0.m4s\"",
    ),
    ("part-gap", "14.1.m4s\"", "14.1.m4s\",GAP=YES"),
    (
        "part-i-frames",
        "#EXT-X-VERSION:6",
        "#EXT-X-VERSION:6\n#EXT-X-I-FRAMES-ONLY",
    ),
    (
        "preload-hint",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.2.m4s\"\n",
        "",
    ),
    ("preload-hint-wrong", "URI=\"15.2.m4s\"", "URI=\"15.1.m4s\""),
    (
        "preload-hint-wrong",
        "#EXT-X-PRELOAD",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.3.m4s\"\n#EXT-X-PRELOAD",
    ),
];

const ENDED: &[(&str, &str, &str)] = &[
    ("playlist-type", "#EXT-X-PLAYLIST-TYPE:VOD\n", ""),
    ("vod-without-end", "#EXT-X-ENDLIST\n", ""),
];

const MULTIVARIANT: &[(&str, &str, &str)] = &[
    ("stream-inf-uri", "low.m3u8\n", ""),
    ("stream-inf-missing", "low.m3u8\n", "low.m3u8\nother.m3u8\n"),
    (
        "playlists-mixed-media",
        "#EXT-X-VERSION",
        "#EXT-X-SERVER-CONTROL:HOLD-BACK=1\n#EXT-X-VERSION",
    ),
    ("codecs", "CODECS=\"avc1.64001f,mp4a.40.2\",", ""),
    ("resolution", "RESOLUTION=1280x720,FRAME", "FRAME"),
    ("frame-rate", ",FRAME-RATE=25.000", ""),
    ("average-bandwidth", "AVERAGE-BANDWIDTH=1900000,", ""),
    (
        "average-above-peak",
        "AVERAGE-BANDWIDTH=1900000",
        "AVERAGE-BANDWIDTH=2100000",
    ),
    ("cellular-variant", "BANDWIDTH=190000,", "BANDWIDTH=290000,"),
    ("same-aspect", "640x360", "640x480"),
    (
        "i-frame-playlist",
        "#EXT-X-I-FRAME-STREAM-INF",
        "#EXT-X-COMMENT",
    ),
    ("i-frame-attributes", "CODECS=\"avc1.64001f\",", ""),
    ("group-missing", "AUDIO=\"a\"\n", "AUDIO=\"b\"\n"),
    ("sound-codecs", ",mp4a.40.2\"", ",mp4a.40.2,ac-3\""),
    ("rendition", "AUTOSELECT=YES", "AUTOSELECT=NO"),
    ("rendition", "TYPE=AUDIO", "TYPE=SOUND"),
    ("language", "LANGUAGE=\"en\",", ""),
    ("score", "FRAME-RATE=25.000", "FRAME-RATE=25.000,SCORE=1.0"),
    (
        "pathway",
        "#EXT-X-VERSION:6",
        "#EXT-X-VERSION:6\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"s\"",
    ),
    (
        "video-range",
        "FRAME-RATE=25.000",
        "FRAME-RATE=25.000,VIDEO-RANGE=PQ",
    ),
    (
        "several-bit-rates",
        "#EXT-X-STREAM-INF:BANDWIDTH=190000,AVERAGE-BANDWIDTH=180000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO=\"a\"\nlow.m3u8\n",
        "",
    ),
    (
        "no-variants",
        "#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1900000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"a\"\nhigh.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=190000,AVERAGE-BANDWIDTH=180000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO=\"a\"\nlow.m3u8\n",
        "",
    ),
];

use super::*;

fn at(seconds: u64, millis: u64) -> SystemTime {
    let since = Duration::from_secs(1_795_247_000 + seconds) + Duration::from_millis(millis);
    SystemTime::UNIX_EPOCH + since
}

fn segment(uri: &str, seconds: u64) -> SegmentLine<'_> {
    SegmentLine {
        map: None,
        key: None,
        discontinuity: false,
        date: at(seconds, 40),
        parts: Vec::new(),
        duration: MediaTime::new(540_540, 90_000),
        gap: false,
        uri,
    }
}

fn part(uri: &str, independent: bool) -> PartLine {
    PartLine {
        uri: uri.to_owned(),
        duration: MediaTime::new(45_045, 90_000),
        independent,
        gap: false,
    }
}

fn plain<'a>() -> MediaPlaylist<'a> {
    MediaPlaylist {
        target_duration: 6,
        media_sequence: 7,
        discontinuity_sequence: 2,
        independent: true,
        control: Control {
            can_block_reload: true,
            hold_back: 18.0,
            ..Control::default()
        },
        segments: vec![segment("7.ts", 0), segment("8.ts", 6)],
        ..MediaPlaylist::default()
    }
}

#[test]
fn no_part_is_told_to_be_longer_than_any() {
    let playlist = MediaPlaylist {
        part_target: Some(Duration::from_nanos(366_666_667)),
        ..plain()
    };
    let longest = PartLine {
        duration: MediaTime::new(33_000, 90_000),
        ..part("8.3.m4s", false)
    };
    assert!(playlist.to_string().contains("PART-TARGET=0.366667\n"));
    assert!(longest.to_string().contains("DURATION=0.366667,"));
}

#[test]
fn a_playlist_of_transport_streams_needs_little() {
    assert_eq!(
        plain().to_string(),
        "#EXTM3U\n\
         #EXT-X-VERSION:3\n\
         #EXT-X-TARGETDURATION:6\n\
         #EXT-X-MEDIA-SEQUENCE:7\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:2\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=18.00000\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:43:20.040Z\n\
         #EXTINF:6.006000,\n\
         7.ts\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:43:26.040Z\n\
         #EXTINF:6.006000,\n\
         8.ts\n"
    );
}

#[test]
fn a_playlist_says_what_it_may_become() {
    let text = |kind| {
        let playlist = MediaPlaylist { kind, ..plain() };
        playlist.to_string()
    };
    let event = text(Some(PlaylistKind::Event));
    let told = "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,";
    assert!(event.contains(told), "{event}");
    let movie = text(Some(PlaylistKind::Vod));
    assert!(movie.contains("#EXT-X-PLAYLIST-TYPE:VOD\n"), "{movie}");
    assert!(!movie.contains("#EXT-X-SERVER-CONTROL"), "{movie}");
}

#[test]
fn a_low_latency_playlist_tells_of_parts_and_of_what_comes() {
    let reports = [RenditionReport {
        uri: "../b/media.m3u8".to_owned(),
        last_sequence: 9,
        last_part: Some(1),
    }];
    let mut first = segment("8.m4s", 0);
    first.map = Some("init0.mp4".to_owned());
    let mut second = segment("9.m4s", 6);
    second.map = Some("init1.mp4".to_owned());
    second.discontinuity = true;
    second.parts = vec![part("9.0.m4s", true), part("9.1.m4s", false)];
    let mut open = segment("", 12);
    open.parts = vec![part("10.0.m4s", true)];
    let playlist = MediaPlaylist {
        control: Control {
            can_block_reload: true,
            hold_back: 18.0,
            part_hold_back: Some(1.5015),
            can_skip_until: Some(36.0),
            can_skip_titles: false,
        },
        part_target: Some(Duration::from_micros(500_500)),
        skipped: 1,
        independent: false,
        segments: vec![first, second],
        open: Some(open),
        hint: Some("10.1.m4s".to_owned()),
        reports: &reports,
        ..plain()
    };
    assert_eq!(
        playlist.to_string(),
        "#EXTM3U\n\
         #EXT-X-VERSION:9\n\
         #EXT-X-TARGETDURATION:6\n\
         #EXT-X-MEDIA-SEQUENCE:7\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:2\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=36.00000,PART-HOLD-BACK=1.50150,HOLD-BACK=18.00000\n\
         #EXT-X-PART-INF:PART-TARGET=0.500500\n\
         #EXT-X-SKIP:SKIPPED-SEGMENTS=1\n\
         #EXT-X-MAP:URI=\"init0.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:43:20.040Z\n\
         #EXTINF:6.006000,\n\
         8.m4s\n\
         #EXT-X-DISCONTINUITY\n\
         #EXT-X-MAP:URI=\"init1.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:43:26.040Z\n\
         #EXT-X-PART:DURATION=0.500500,URI=\"9.0.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PART:DURATION=0.500500,URI=\"9.1.m4s\"\n\
         #EXTINF:6.006000,\n\
         9.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-21T07:43:32.040Z\n\
         #EXT-X-PART:DURATION=0.500500,URI=\"10.0.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"10.1.m4s\"\n\
         #EXT-X-RENDITION-REPORT:URI=\"../b/media.m3u8\",LAST-MSN=9,LAST-PART=1\n"
    );
}

fn key(manner: Manner, iv: u128) -> KeyLine {
    KeyLine {
        manner,
        uri: "0.key".to_owned(),
        iv,
    }
}

#[test]
fn a_map_is_no_part_of_what_whole_segments_are_encrypted_with() {
    let mut playlist = plain();
    playlist.segments[0].map = Some("init0.mp4".to_owned());
    playlist.segments[0].key = Some(key(Manner::Whole, 7));
    playlist.segments[1].key = Some(key(Manner::Whole, 8 << 120));
    let text = playlist.to_string();
    let first = "#EXT-X-KEY:METHOD=NONE\n\
         #EXT-X-MAP:URI=\"init0.mp4\"\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"0.key\",IV=0x00000000000000000000000000000007\n";
    assert!(text.contains(first), "{text}");
    let second = "#EXT-X-KEY:METHOD=AES-128,URI=\"0.key\",IV=0x08000000000000000000000000000000\n";
    assert!(text.contains(second), "{text}");
}

#[test]
fn keys_of_samples_need_a_later_version() {
    let mut playlist = plain();
    playlist.segments[0].key = Some(key(Manner::Samples, 1));
    let text = playlist.to_string();
    assert!(text.contains("#EXT-X-VERSION:5\n"), "{text}");
    playlist.segments[0].map = Some("init0.mp4".to_owned());
    let text = playlist.to_string();
    let tags = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"0.key\",IV=0x00000000000000000000000000000001\n\
         #EXT-X-MAP:URI=\"init0.mp4\"\n";
    assert!(text.contains(tags), "{text}");
}

#[test]
fn titles_are_ranges_that_end_where_the_next_begins() {
    let playlist = MediaPlaylist {
        titles: vec![TitleLine {
            id: "0000000a-1".to_owned(),
            text: "Queen: \"Innuendo\"\n",
            date: at(2, 0),
        }],
        ..plain()
    };
    let text = playlist.to_string();
    let tag = "#EXT-X-DATERANGE:ID=\"0000000a-1\",CLASS=\"title\",START-DATE=\"2026-11-21T07:43:22.000Z\",\
         END-ON-NEXT=YES,X-TITLE=\"Queen: 'Innuendo' \"\n";
    assert!(text.contains(tag), "{text}");
}

#[test]
fn older_titles_can_be_left_out_with_their_segments() {
    let playlist = |removed: &[&str]| MediaPlaylist {
        control: Control {
            can_skip_until: Some(36.0),
            can_skip_titles: true,
            ..plain().control
        },
        skipped: 3,
        removed_titles: Some(removed.iter().map(|id| (*id).to_owned()).collect()),
        ..plain()
    };
    let text = playlist(&["a-1", "a-2"]).to_string();
    for line in [
        "#EXT-X-VERSION:10\n",
        "CAN-SKIP-UNTIL=36.00000,CAN-SKIP-DATERANGES=YES,HOLD-BACK=",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES=\"a-1\ta-2\"\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let text = playlist(&[]).to_string();
    assert!(
        text.contains(",RECENTLY-REMOVED-DATERANGES=\"\"\n"),
        "{text}"
    );
}

#[test]
fn the_end_leaves_nothing_to_wait_for() {
    let playlist = MediaPlaylist {
        hint: Some("10.1.m4s".to_owned()),
        ended: true,
        ..plain()
    };
    let text = playlist.to_string();
    assert!(text.ends_with("\n8.ts\n#EXT-X-ENDLIST\n"), "{text}");
}

#[test]
fn a_movie_promises_never_to_change() {
    let playlist = MediaPlaylist {
        kind: Some(PlaylistKind::Vod),
        ended: true,
        ..plain()
    };
    let text = playlist.to_string();
    assert!(text.contains("\n#EXT-X-PLAYLIST-TYPE:VOD\n"), "{text}");
    assert!(!text.contains("SERVER-CONTROL"), "{text}");
}

#[test]
fn key_frames_alone_need_a_later_version() {
    let playlist = MediaPlaylist {
        i_frames_only: true,
        ..plain()
    };
    let text = playlist.to_string();
    assert!(text.contains("#EXT-X-VERSION:4\n"), "{text}");
    assert!(text.contains("\n#EXT-X-I-FRAMES-ONLY\n"), "{text}");
    assert!(!text.contains("SERVER-CONTROL"), "{text}");
}

#[test]
fn gaps_need_a_later_version() {
    let mut missing = segment("9.ts", 12);
    missing.gap = true;
    let playlist = MediaPlaylist {
        segments: vec![missing],
        ..plain()
    };
    let text = playlist.to_string();
    assert!(text.contains("#EXT-X-VERSION:8\n"), "{text}");
    assert!(
        text.contains("#EXT-X-GAP\n#EXTINF:6.006000,\n9.ts\n"),
        "{text}"
    );
}

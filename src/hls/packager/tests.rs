use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;

use super::*;
use crate::base::media_time::MediaTime;
use crate::base::path::MediaPath;
use crate::codec::{Format, Kind};
use crate::hls::segmenter::{Cut, Segmenter, Settings, Track};
use crate::hls::units::Unit;
use crate::hls::window::Variant;
use crate::media::description::Description;
use crate::media::mounts::{Limits, Mounts, Takeover};

const START_WAIT: Duration = Duration::from_secs(10);

const SDP: &[u8] = b"v=0\r\ns=x\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n";

fn packager() -> Arc<Packager> {
    let clock = Clock::start();
    let description = Description::read(SDP).unwrap();
    let path = MediaPath::from_plain("radio").unwrap();
    let publisher = Mounts::new(Limits::default(), clock)
        .publish(&path, description, "test".to_owned(), Takeover::Refuse)
        .unwrap();
    let key = Key([7; 16]);
    Packager::new(
        publisher.channel(),
        (Rendition::Own, None),
        &Hls::default(),
        key,
        &Arc::new(Numbers::open(Path::new("no state"))),
        clock,
    )
    .unwrap()
}

/// The segments 0 to 3, of six seconds of sound together.
fn package(packager: &Packager) {
    let tracks = [Track {
        kind: Kind::Audio,
        language: None,
    }];
    let mut segmenter = Segmenter::new(Settings::default(), &tracks);
    segmenter.set_format(0, Format::Opus { channels: 2 });
    for frame in 0..250 {
        let time = MediaTime::new(1152 * frame, 48_000);
        let unit = Unit {
            duration: Some(1152),
            data: Bytes::from_static(&[0xfc, 0, 0, 0]),
            ..Unit::at(0, time)
        };
        segmenter.push(&unit, SystemTime::UNIX_EPOCH);
    }
    segmenter.finish();
    let now = packager.clock().now();
    packager.update(|window| {
        window.hurry();
        while let Some(cut) = segmenter.pull() {
            match cut {
                Cut::Part(part) => window.push_part(part, SystemTime::UNIX_EPOCH),
                Cut::Segment(segment) => {
                    window.push_segment(segment, None, now, SystemTime::UNIX_EPOCH);
                }
            }
        }
    });
}

/// Asks for the segment that never comes.
const NEXT: Directives = Directives {
    wanted: Some(Wanted {
        sequence: 4,
        part: None,
    }),
    skip: None,
};

#[tokio::test(start_paused = true)]
async fn a_reload_waits_for_three_targets_and_no_longer() {
    let packager = packager();
    package(&packager);
    let asked = time::Instant::now();
    let answer = packager.media(0, Flavour::Cmaf, NEXT, START_WAIT);
    assert_eq!(answer.await.err(), Some(NoPlaylist::Late));
    let waited = asked.elapsed().as_secs_f64();
    assert!((18.0..18.1).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_waited_for_the_beginning_waits_no_longer_in_all() {
    let packager = packager();
    let asked = time::Instant::now();
    let begins = async {
        time::sleep(Duration::from_secs(5)).await;
        package(&packager);
    };
    let answer = packager.media(0, Flavour::Cmaf, NEXT, START_WAIT);
    let (answer, ()) = tokio::join!(answer, begins);
    assert_eq!(answer.err(), Some(NoPlaylist::Late));
    let waited = asked.elapsed().as_secs_f64();
    assert!((18.0..18.1).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_what_never_comes_is_told_so_at_once() {
    let packager = packager();
    package(&packager);
    let asked = time::Instant::now();
    let stops = async { packager.finish() };
    let answer = packager.media(0, Flavour::Cmaf, NEXT, START_WAIT);
    let (answer, ()) = tokio::join!(answer, stops);
    assert_eq!(answer.err(), Some(NoPlaylist::Late));
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

fn variant() -> Arc<Variant> {
    Arc::new(Variant {
        tags: String::new(),
        suits_all: true,
        alternative: None,
        is_stalled: false,
    })
}

#[test]
fn a_program_is_written_once_for_the_same_variants() {
    let packager = packager();
    let (one, other) = (variant(), variant());
    let mut written = 0;
    let mut ask = |shown: &[&Arc<Variant>]| {
        let shown = shown.iter().copied().map(Arc::clone).collect();
        packager.kept_program(Flavour::Ts, shown, |_| {
            written += 1;
            Text::new(String::new(), written.to_string(), SystemTime::UNIX_EPOCH)
        });
        written
    };
    assert_eq!((ask(&[&one]), ask(&[&one])), (1, 1));
    assert_eq!((ask(&[&one, &other]), ask(&[&one, &other])), (2, 2));
    assert_eq!(ask(&[&other]), 3);
}

#[test]
fn a_window_tells_the_same_of_itself_until_it_changes() {
    let packager = packager();
    package(&packager);
    let told = || packager.read().variant(Flavour::LowLatency, "a/").unwrap();
    let before = told();
    assert!(Arc::ptr_eq(&before, &told()));
    packager.update(|window| window.end(SystemTime::UNIX_EPOCH));
    assert!(!Arc::ptr_eq(&before, &told()));
}

#[test]
fn a_program_tells_since_when_it_is_so() {
    let packager = packager();
    let told = |text: &str, seconds| {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let text = Text::new(text.to_owned(), text.to_owned(), modified);
        let shown = vec![variant()];
        let kept = packager.kept_program(Flavour::Cmaf, shown, |_| text);
        let since = kept.modified().duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap().as_secs()
    };
    assert_eq!((told("a", 1), told("a", 2), told("b", 3)), (1, 1, 3));
    assert_eq!((told("b", 4), told("a", 5)), (3, 5));
}

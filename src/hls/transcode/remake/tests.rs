use futures::future::join_all;
use tokio::time::Instant;

use super::*;
use crate::config::Encryption;
use crate::hls::transcode::facts::Pictures;
use crate::hls::transcode::stand_in::StandIn;

/// A movie of pictures and a minute.
fn remake(stand_in: &StandIn) -> Remake {
    let source = MovieFile {
        path: MediaPath::from_plain("a.avi").unwrap(),
        file: stand_in.file("a.avi"),
        size: 1,
        modified: SystemTime::UNIX_EPOCH,
    };
    let facts = Facts {
        seconds: 60.0,
        streams: vec![(0, Coding::Video { most: 250_000 })],
        codecs: vec!["msmpeg4v3".to_owned()],
        pictures: Some(Pictures {
            size: (160, 120),
            rate: 25.0,
        }),
        rate_hz: 48_000,
    };
    let terms = Terms {
        target: Duration::from_secs(6),
        encryption: Encryption::default(),
        secret: Key([7; 16]),
    };
    let (stock, shared) = (Arc::default(), &stand_in.shared);
    Remake::new(source, facts, None, &terms, &stock, shared, Clock::start()).unwrap()
}

/// How many processes are begun for five viewers who ask for one file at a time, which fails for each.
async fn begun_for_five(stand_in: &StandIn, remake: &Remake, file: File) -> u64 {
    let before = stand_in.shared.counts().begun;
    let asked = join_all((0..5).map(|_| remake.file(file))).await;
    for answer in asked {
        assert_eq!(answer, Err(Trouble::Fails));
    }
    stand_in.shared.counts().begun - before
}

#[tokio::test]
async fn what_a_failed_process_has_not_made_is_not_the_end_of_the_movie() {
    let stand_in = StandIn::new("kill -9 $$", "");
    let remake = remake(&stand_in);
    let opened = Object::Multivariant(Flavour::Cmaf);
    assert_eq!(remake.playlist(opened).await.err(), Some(Trouble::Fails));
    let ended = StandIn::new("exit 0", "");
    let shorter = self::remake(&ended);
    assert_eq!(shorter.file(File::Segment(9)).await, Ok(None));
}

#[tokio::test]
async fn a_failure_is_shared_by_all_who_wait() {
    let stand_in = StandIn::new("exit 1", "");
    let remake = remake(&stand_in);
    for number in [3, 7] {
        let begun = begun_for_five(&stand_in, &remake, File::Segment(number)).await;
        assert_eq!(begun, 1, "{number}");
    }
    // It was asked for a moment ago.
    let begun = begun_for_five(&stand_in, &remake, File::Segment(3)).await;
    assert_eq!(begun, 0);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_hangs_is_waited_for_once() {
    let stand_in = StandIn::new("exec sleep 3600", "");
    let remake = remake(&stand_in);
    let asked = Instant::now();
    let begun = begun_for_five(&stand_in, &remake, File::Segment(3)).await;
    assert_eq!(begun, 1);
    let waited = asked.elapsed();
    assert!(waited < Duration::from_secs(60), "{waited:?}");
}

#[tokio::test]
async fn playlists_are_written_once_while_somebody_watches() {
    let stand_in = StandIn::new("", "");
    let remake = remake(&stand_in);
    let playlist = async |object| remake.playlist(object).await.unwrap().unwrap();
    for object in [Object::Media, Object::IFrames] {
        let [first, again, other] = [Flavour::Cmaf, Flavour::Cmaf, Flavour::Ts].map(object);
        let (first, again, other) = (
            playlist(first).await,
            playlist(again).await,
            playlist(other).await,
        );
        assert!(Arc::ptr_eq(&first, &again));
        assert_ne!(first.tag(), other.tag());
    }
    let own = playlist(Object::Media(Flavour::Ts)).await;
    let compat = playlist(Object::Compat(Flavour::Ts)).await;
    assert!(Arc::ptr_eq(&own, &compat));
    remake.pause();
    let anew = playlist(Object::Media(Flavour::Ts)).await;
    assert!(!Arc::ptr_eq(&own, &anew) && own.tag() == anew.tag());
}

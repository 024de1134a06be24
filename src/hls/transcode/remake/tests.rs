use futures::future::join_all;
use tokio::time::Instant;

use super::*;
use crate::config::Encryption;
use crate::hls::keys::Key;
use crate::hls::object::Flavour;
use crate::hls::transcode::stand_in::StandIn;

/// A movie of pictures and a minute.
fn remake(stand_in: &StandIn) -> Remake {
    with_sounds(stand_in, &[])
}

/// The same with sounds in these languages.
fn with_sounds(stand_in: &StandIn, languages: &[&str]) -> Remake {
    let source = MovieFile {
        path: MediaPath::from_plain("a.avi").unwrap(),
        file: stand_in.file("a.avi"),
        size: 1,
        modified: SystemTime::UNIX_EPOCH,
    };
    let pictures = Stream {
        number: 0,
        track: None,
        coding: Coding::Video { most: 250_000 },
        codec: "msmpeg4v3".to_owned(),
        language: None,
        channels: None,
    };
    let sound = |(number, language): (u32, &&str)| Stream {
        number,
        coding: Coding::Audio {
            rate_hz: 48_000,
            mixed_to: None,
        },
        codec: "mp3".to_owned(),
        language: Some((*language).to_owned()),
        channels: Some(2),
        ..pictures.clone()
    };
    let sounds: Vec<_> = (1..).zip(languages).map(sound).collect();
    let facts = Facts {
        seconds: 60.0,
        streams: [vec![pictures], sounds].concat(),
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
    let means = Means {
        stock: Arc::default(),
        shared: Arc::clone(&stand_in.shared),
        clock: Clock::start(),
    };
    Remake::whole(
        source,
        &facts,
        Indexed::default(),
        &terms,
        &means,
        &Arc::default(),
    )
    .unwrap()
}

/// How many processes are begun for five viewers who ask for one file at a time, which fails for each.
async fn begun_for_five(stand_in: &StandIn, remake: &Remake, file: File) -> u64 {
    let before = stand_in.shared.counts().begun;
    let number = remake.main().number;
    let asked = join_all((0..5).map(|_| remake.file(number, file))).await;
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
    assert_eq!(
        shorter.file(shorter.main().number, File::Segment(9)).await,
        Ok(None)
    );
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

#[tokio::test]
async fn each_sound_has_playlists_in_every_flavour() {
    let stand_in = StandIn::new("", "");
    let remake = with_sounds(&stand_in, &["deu", "eng"]);
    let playlist = async |object| remake.playlist(object).await.unwrap();
    for flavour in Flavour::ALL {
        let told = remake.told_of_sounds(flavour);
        let names = told.iter().map(|sound| sound.rendition.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["deu 1", "eng 2"]);
        let media = playlist(Object::Media(flavour)).await.unwrap();
        let cuts = |text: &Text| {
            let text = String::from_utf8(text.plain().to_vec()).unwrap();
            let lines = text.lines().filter(|line| line.starts_with("#EXTINF"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        for place in [1, 2] {
            let sound = playlist(Object::Audio(flavour, place)).await.unwrap();
            assert_eq!(cuts(&sound), cuts(&media));
        }
        assert!(playlist(Object::Audio(flavour, 3)).await.is_none());
    }
    let compat = playlist(Object::Compat(Flavour::Ts)).await.unwrap();
    let own = playlist(Object::Media(Flavour::Ts)).await.unwrap();
    assert_ne!(compat.tag(), own.tag());
    // Each has files of its own.
    let numbers = remake.renditions.iter().map(|rendition| rendition.number);
    let of_compat = remake.compat.as_deref().unwrap().main().number;
    let numbers: Vec<_> = numbers.chain([of_compat]).collect();
    assert!(numbers.iter().all(|number| remake.has_made(*number)));
    let within = numbers.iter().map(|number| number.wrapping_sub(numbers[0]));
    assert_eq!(within.collect::<Vec<_>>(), [0, 1, 2, 4]);
}

#[tokio::test]
async fn a_failure_is_one_for_all_renditions() {
    let stand_in = StandIn::new("exit 1", "");
    let remake = with_sounds(&stand_in, &["deu", "eng"]);
    for rendition in &*remake.renditions {
        let made = remake.file(rendition.number, File::Segment(3)).await;
        assert_eq!(made, Err(Trouble::Fails));
    }
    assert_eq!(stand_in.shared.counts().begun, 1);
}

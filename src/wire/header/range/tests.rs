use proptest::prelude::*;

use super::*;

fn seconds(text: &str) -> (Option<f64>, Option<f64>) {
    match Range::read(text).unwrap() {
        Range::Npt { start, end, .. } => (start.map(NptTime::seconds), end.map(NptTime::seconds)),
        Range::Smpte { start, end, .. } => (Some(start.seconds()), end.map(NptTime::seconds)),
        Range::Clock { .. } => (None, None),
    }
}

#[test]
fn npt_in_all_its_forms() {
    assert_eq!(seconds("npt=0.000000-"), (Some(0.0), None));
    assert_eq!(seconds("npt=5-7.5"), (Some(5.0), Some(7.5)));
    assert_eq!(seconds("npt=-20"), (None, Some(20.0)));
    assert_eq!(seconds("NPT = 1:02:03.5 - "), (Some(3723.5), None));
    assert_eq!(seconds("npt=1:30-"), (Some(90.0), None));
    assert_eq!(seconds("npt=12"), (Some(12.0), None));
    assert_eq!(
        seconds("npt=0-70;time=19970123T143720Z"),
        (Some(0.0), Some(70.0))
    );
    let live = Range::read("npt=now-").unwrap();
    assert_eq!(live.to_string(), "npt=now-");
    assert!(matches!(
        live,
        Range::Npt {
            now: true,
            start: None,
            ..
        }
    ));
}

#[test]
fn smpte_counts_frames() {
    assert_eq!(seconds("smpte-25=0:10:00-"), (Some(600.0), None));
    assert_eq!(
        seconds("smpte-25=10:07:00-10:07:33:05.01"),
        (Some(36420.0), Some(36453.2004))
    );
    // Ten minutes have 17982 frames of 1001/30000 s.
    assert_eq!(seconds("smpte=0:10:00-"), (Some(599.9994), None));
    assert_eq!(
        seconds("smpte-30-drop=0:00:59:29-"),
        (Some(60.026_633_333), None)
    );
    // 0:01:00:02 follows 0:00:59:29.
    assert_eq!(seconds("smpte-30-drop=0:01:00:02-"), (Some(60.06), None));
}

#[test]
fn clock_is_kept_as_sent() {
    let range = Range::read("clock=19961108T142300Z-").unwrap();
    assert_eq!(range.to_string(), "clock=19961108T142300Z-");
}

#[test]
fn what_cannot_be_meant_is_invalid() {
    for bad in [
        "",
        "npt",
        "npt=",
        "npt=-",
        "npt=a-",
        "npt=--5",
        "npt=1e9-",
        "npt=nan-",
        "npt=1:2:3:4-",
        "npt=99999999999999999999-",
        "smpte=-",
        "smpte=1-",
        "smpte=0:60:00-",
        "smpte-25=0:0:0:25-",
        "smpte=9999:00:00-",
        "smpte=0:0:0:0.100-",
        "clock=-",
        "bytes=0-",
    ] {
        assert!(Range::read(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn npt_round_trips(start in 0i64..1_000_000_000, length in prop::option::of(0i64..1_000_000_000)) {
        let time = |hundred_thousandths: i64| NptTime(hundred_thousandths * 10_000);
        let range = Range::npt(Some(time(start)), length.map(|length| time(start + length)));
        prop_assert_eq!(Range::read(&range.to_string()), Ok(range));
    }

    #[test]
    fn smpte_round_trips(hundredths in 0i64..1_000_000_000, drop: bool) {
        let format = if drop { SmpteFormat::Smpte30Drop } else { SmpteFormat::Smpte25 };
        let range = Range::Smpte { start: format.to_time(hundredths), end: None, format };
        prop_assert_eq!(Range::read(&range.to_string()), Ok(range));
    }

    #[test]
    fn rubbish_does_not_panic(text in "(npt|smpte|smpte-25|clock)?=?[0-9:.\\-;, now]{0,30}") {
        let _ = Range::read(&text);
    }
}

use super::*;
use crate::codec::AccessUnit;

const PICTURES: usize = 0;
const SOUND: usize = 1;

fn unit(track: usize, time: u32, bytes: usize) -> Encoded {
    Encoded {
        track,
        unit: AccessUnit {
            time,
            keyframe: track == SOUND,
            damaged: false,
            data: vec![0; bytes].into(),
            duration: None,
        },
        format: None,
    }
}

fn key(time: u32) -> Encoded {
    let mut unit = unit(PICTURES, time, 1);
    unit.unit.keyframe = true;
    unit
}

fn with_format(unit: Encoded, channels: u8) -> Encoded {
    let format = Some(Format::Opus { channels });
    Encoded { format, ..unit }
}

/// The tracks, times and formats of what is there.
fn taken(intake: &mut Intake) -> Vec<(usize, u32, bool)> {
    let given = std::iter::from_fn(|| intake.take());
    let unit = |given| match given {
        Given::Unit(unit) => Some((unit.track, unit.unit.time, unit.format.is_some())),
        _ => None,
    };
    given.map_while(unit).collect()
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_has_what_is_kept() {
    let outlet = Outlet::new();
    outlet.give(with_format(key(0), 1));
    outlet.give(with_format(unit(SOUND, 0, 1), 2));
    let mut first = outlet.intake();
    assert_eq!(taken(&mut first), [(PICTURES, 0, true), (SOUND, 0, true)]);
    tokio::time::advance(KEPT).await;
    outlet.give(unit(PICTURES, 1, 1));
    tokio::time::advance(KEPT / 2).await;
    outlet.give(unit(SOUND, 2, 1));
    outlet.give(key(3));
    assert_eq!(
        taken(&mut first),
        [
            (PICTURES, 1, false),
            (SOUND, 2, false),
            (PICTURES, 3, false)
        ]
    );
    // Pictures begin with a key frame, and all tracks with their formats.
    let mut later = outlet.intake();
    assert_eq!(taken(&mut later), [(SOUND, 2, true), (PICTURES, 3, true)]);
    outlet.end();
    assert_eq!(later.next().await, Given::All);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_bounded() {
    let outlet = Outlet::new();
    let mut slow = outlet.intake();
    outlet.give(with_format(unit(SOUND, 0, 1), 2));
    for time in 1..=20 {
        outlet.give(unit(SOUND, time, 1 << 20));
    }
    let kept = outlet.kept().bytes;
    assert!(kept <= MOST_BYTES, "{kept}");
    let taken = taken(&mut slow);
    assert_eq!((taken.len(), taken[0]), (16, (SOUND, 5, true)));
}

#[tokio::test(start_paused = true)]
async fn trouble_is_told_to_all() {
    let outlet = Outlet::new();
    let mut intake = outlet.intake();
    outlet.set_back();
    outlet.tell(Some(Trouble::Fails));
    outlet.give(unit(SOUND, 0, 1));
    assert_eq!(taken(&mut intake).len(), 1);
    let mut later = outlet.intake();
    assert!(matches!(later.take(), Some(Given::Unit(_))));
    assert_eq!(later.take(), Some(Given::Trouble(Some(Trouble::Fails))));
    assert_eq!(later.take(), None);
    outlet.tell(None);
    assert_eq!(later.next().await, Given::Trouble(None));
    let mut other = outlet.intake();
    other.go_on_from(&later);
    assert!(matches!(other.take(), Some(Given::Unit(_))));
    assert_eq!(other.take(), None);
}

#[tokio::test(start_paused = true)]
async fn a_setback_is_told_once() {
    let outlet = Outlet::new();
    let mut intake = outlet.intake();
    outlet.set_back();
    assert_eq!(intake.next().await, Given::Setback);
    assert_eq!(intake.take(), None);
    assert_eq!(outlet.intake().take(), None);
}

use super::*;
use crate::base::clock::Clock;
use crate::base::path::MediaPath;
use crate::config::Config;
use crate::hls::packager::Rendition;
use crate::hls::transcode::need::Need;
use crate::media::description::Description;
use crate::media::mounts::{Limits, Mounts, Takeover};
use crate::media::publisher::Publisher;

const PICTURES: usize = 0;
const SOUND: usize = 1;

/// Ticks of a unit of sound.
const UNIT: u32 = 1024;

/// A channel whose sound has to be encoded for all players, and its pictures for those that know little; what
/// is made of it is given by hand.
struct Camera {
    shared: Arc<Transcoders>,
    _exchange: Arc<Exchange>,
    publisher: Publisher,
    sounds: Arc<Source>,
    all: Arc<Source>,
    /// The RTP time of the newest sound.
    time: u32,
}

impl Camera {
    fn new() -> Self {
        let sdp = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
            a=rtpmap:96 H265/90000\r\nm=audio 0 RTP/AVP 0\r\n";
        let path = MediaPath::from_plain("camera").unwrap();
        let description = Description::read(sdp).unwrap();
        let publisher = Mounts::new(Limits::default(), Clock::start())
            .publish(&path, description, "test".to_owned(), Takeover::Refuse)
            .unwrap();
        let (_, settings) = watch::channel(Arc::new(Config::default()));
        let shared = Transcoders::new(settings);
        let exchange = shared.exchange(publisher.channel());
        let description = publisher.channel().description().unwrap();
        let share = Share::of(&description, Rendition::Own, true);
        Self {
            sounds: exchange.source_by_hand(Extent::Sounds, &share.need),
            all: exchange.source_by_hand(Extent::All, &share.all),
            _exchange: exchange,
            shared,
            publisher,
            time: 0,
        }
    }

    fn share(&self, rendition: Rendition) -> Share {
        let description = self.publisher.channel().description();
        Share::of(&description.unwrap(), rendition, true)
    }

    fn packager(&self, rendition: Rendition) -> Transcoder {
        let channel = self.publisher.channel();
        Transcoder::begin(&self.shared, channel, self.share(rendition))
    }

    /// The source of the sounds goes on for so many seconds, and that of all if it is to; returns what `packager`
    /// has of it.
    async fn go_on(&mut self, packager: &mut Transcoder, seconds: u32, of_all: bool) -> Vec<u32> {
        let mut taken = Vec::new();
        for _ in 0..seconds * 8000 / UNIT {
            self.time += UNIT;
            self.sounds.give(unit(SOUND, self.time));
            if of_all {
                // It comes a little later.
                self.all.give(unit(SOUND, self.time - 200));
                self.all.give(unit(PICTURES, self.time));
            }
            taken.extend(times(packager).await);
            packager.judge(false);
            tokio::time::advance(Duration::from_millis(128)).await;
        }
        taken
    }
}

fn unit(track: usize, time: u32) -> Encoded {
    Encoded {
        track,
        unit: AccessUnit {
            time,
            keyframe: true,
            damaged: false,
            data: bytes::Bytes::new(),
            duration: (track == SOUND).then_some(UNIT),
        },
        format: None,
    }
}

/// What a packager is given now.
async fn made(packager: &mut Transcoder) -> Option<Made> {
    tokio::select! {
        biased;
        made = packager.next() => Some(made),
        () = tokio::task::yield_now() => None,
    }
}

/// The times of the sounds that it is given.
async fn times(packager: &mut Transcoder) -> Vec<u32> {
    let mut times = Vec::new();
    while let Some(Made::Unit(unit)) = made(packager).await {
        assert_eq!(unit.track, SOUND);
        times.push(unit.unit.time);
    }
    times
}

/// Whether all that was made has come once.
fn is_whole(times: &[u32]) -> bool {
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let mut steps = steps.map(|step| step.abs_diff(UNIT));
    !times.is_empty() && steps.all(|off| off <= UNIT / 2)
}

#[tokio::test(start_paused = true)]
async fn one_process_is_for_all_as_long_as_somebody_wants_its_pictures() {
    let mut camera = Camera::new();
    let mut own = camera.packager(Rendition::Own);
    let mut heard = camera.go_on(&mut own, 3, false).await;
    let compat = camera.packager(Rendition::Compat);
    heard.extend(camera.go_on(&mut own, 10, true).await);
    assert_eq!(own.supply.extent, Extent::All);
    assert_eq!(Arc::strong_count(&camera.sounds), 1);
    drop(compat);
    heard.extend(camera.go_on(&mut own, 2, true).await);
    assert_eq!(own.supply.extent, Extent::Sounds);
    assert_eq!(Arc::strong_count(&camera.all), 1);
    heard.extend(camera.go_on(&mut own, 2, false).await);
    assert!(is_whole(&heard), "{heard:?}");
    assert!(camera.time - heard.last().unwrap() < UNIT);
}

#[tokio::test(start_paused = true)]
async fn sounds_do_not_go_over_to_who_is_late() {
    let mut camera = Camera::new();
    let mut own = camera.packager(Rendition::Own);
    let _compat = camera.packager(Rendition::Compat);
    camera.go_on(&mut own, 4, true).await;
    assert!(own.coming.is_some());
    let heard = camera.go_on(&mut own, 20, false).await;
    assert_eq!(own.supply.extent, Extent::Sounds);
    assert!(is_whole(&heard), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn sounds_come_back_from_who_is_late_or_fails() {
    for is_late in [true, false] {
        let mut camera = Camera::new();
        let mut own = camera.packager(Rendition::Own);
        let _compat = camera.packager(Rendition::Compat);
        let mut heard = camera.go_on(&mut own, 10, true).await;
        assert_eq!(own.supply.extent, Extent::All);
        own.judge(true);
        if is_late {
            own.judge(true);
        } else {
            camera.all.outlet().set_back();
        }
        // What is owed of the past comes with what follows.
        heard.extend(camera.go_on(&mut own, 20, false).await);
        assert_eq!(own.supply.extent, Extent::Sounds);
        assert!(is_whole(&heard), "{heard:?}");
        // It is not tried again for a while.
        camera.go_on(&mut own, 10, true).await;
        assert_eq!(own.supply.extent, Extent::Sounds);
        camera.go_on(&mut own, 60, true).await;
        assert_eq!(own.supply.extent, Extent::All);
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_is_over_where_sounds_have_come_back() {
    let mut camera = Camera::new();
    let mut own = camera.packager(Rendition::Own);
    let _compat = camera.packager(Rendition::Compat);
    camera.go_on(&mut own, 10, true).await;
    camera.all.outlet().tell(Some(Trouble::Fails));
    let told = made(&mut own).await;
    assert!(matches!(told, Some(Made::Trouble(Some(Trouble::Fails)))));
    camera.all.outlet().set_back();
    camera.sounds.give(unit(SOUND, camera.time + UNIT));
    assert!(matches!(made(&mut own).await, Some(Made::Unit(_))));
    assert!(matches!(made(&mut own).await, Some(Made::Trouble(None))));
}

#[tokio::test]
async fn a_channel_that_ends_gives_its_rest() {
    let camera = Camera::new();
    let own = camera.packager(Rendition::Own);
    for number in 0..3 {
        camera.sounds.give(unit(SOUND, number * UNIT));
    }
    camera.sounds.outlet().end();
    assert_eq!(own.rest().await.len(), 3);
}

#[tokio::test]
async fn all_who_need_the_pictures_take_them_from_one() {
    let camera = Camera::new();
    let packagers =
        [Rendition::Compat, Rendition::Compat].map(|rendition| camera.packager(rendition));
    camera.all.give(unit(PICTURES, 0));
    for mut packager in packagers {
        let Some(Made::Unit(unit)) = made(&mut packager).await else {
            panic!("nothing has come");
        };
        assert_eq!(unit.track, PICTURES);
    }
}

#[tokio::test]
async fn who_needs_something_else_does_not_take_it_from_there() {
    let camera = Camera::new();
    let exchange = camera.shared.exchange(camera.publisher.channel());
    let more = Need {
        further: vec![2],
        ..camera.share(Rendition::Compat).all
    };
    let all = exchange.source(Extent::All, &camera.share(Rendition::Compat).all);
    assert!(Arc::ptr_eq(&all, &camera.all));
    let other = exchange.source(Extent::All, &more);
    assert!(!Arc::ptr_eq(&other, &camera.all));
}

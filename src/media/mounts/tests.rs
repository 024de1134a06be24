use futures::FutureExt;
use tokio::time::timeout;

use super::*;
use crate::media::burst::PacketKind;
use crate::media::publisher::Malformed;
use crate::media::tests::{MS, movie, path, radio};

fn mounts() -> (Arc<Mounts>, Instant) {
    let clock = Clock::start();
    (Mounts::new(Limits::default(), clock), clock.started())
}

fn publish(mounts: &Mounts, name: &str, takeover: Takeover) -> Result<Publisher, Busy> {
    mounts.publish(&path(name), movie(), name.to_owned(), takeover)
}

/// After all grace times.
fn much_later(now: Instant) -> Instant {
    now + 3_600_000 * MS
}

#[test]
fn a_name_is_the_same_with_and_without_sdp() {
    let (mounts, _) = mounts();
    let publisher = publish(&mounts, "a/Live.sdp", Takeover::Refuse).unwrap();
    for name in ["a/Live", "a/Live.sdp"] {
        let found = mounts.open(&path(name)).unwrap();
        assert!(Arc::ptr_eq(&found, publisher.channel()));
    }
    assert!(mounts.open(&path("a/live")).is_none());
    assert_eq!(publisher.channel().path().as_str(), "a/Live.sdp");
    assert_eq!(mounts.list().len(), 1);
}

#[test]
fn one_publishes_until_another_takes_over() {
    let (mounts, now) = mounts();
    let mut first = publish(&mounts, "x", Takeover::Refuse).unwrap();
    let refused = publish(&mounts, "x.sdp", Takeover::Refuse).unwrap_err();
    assert_eq!(refused.to_string(), "the channel has a publisher: x");
    assert!(first.replaced().now_or_never().is_none());
    let second = publish(&mounts, "x", Takeover::Replace).unwrap();
    assert!(first.replaced().now_or_never().is_some());
    let pushed = first.push(0, PacketKind::Rtp, &[0x80; 20], now);
    assert_eq!(pushed, Err(Malformed::Replaced));
    let channel = Arc::clone(second.channel());
    drop(first);
    assert_eq!(channel.state(), State::Live);
    assert_eq!(channel.stats().snapshot().publishers, 2);
}

#[test]
fn a_channel_waits_for_its_next_publisher_for_the_grace_time() {
    let (mounts, now) = mounts();
    let publisher = publish(&mounts, "x", Takeover::Refuse).unwrap();
    let channel = Arc::clone(publisher.channel());
    drop(publisher);
    assert!(matches!(channel.state(), State::Waiting { .. }));
    mounts.expire(now + 1000 * MS);
    let again = publish(&mounts, "x", Takeover::Refuse).unwrap();
    assert!(Arc::ptr_eq(again.channel(), &channel));
    mounts.expire(much_later(now));
    assert_eq!(channel.state(), State::Live);
    drop(again);
    mounts.expire(much_later(now));
    assert_eq!(channel.ended(), Some(End::PublisherGone));
    assert!(mounts.open(&path("x")).is_none());
}

#[test]
fn other_tracks_end_the_channel_and_begin_another() {
    let (mounts, _) = mounts();
    let publisher = publish(&mounts, "x", Takeover::Refuse).unwrap();
    let channel = Arc::clone(publisher.channel());
    let radio = mounts.publish(&path("x"), radio(), String::new(), Takeover::Replace);
    let radio = radio.unwrap();
    assert_eq!(channel.ended(), Some(End::Replaced));
    assert!(publisher.replaced().now_or_never().is_some());
    drop(publisher);
    assert_eq!(channel.ended(), Some(End::Replaced));
    assert_eq!(radio.channel().state(), State::Live);
    assert_eq!(radio.channel().description().unwrap().tracks().len(), 1);
}

#[test]
fn a_source_keeps_its_name() {
    let (mounts, now) = mounts();
    let source = mounts.reserve(&path("x"), "pull".to_owned()).unwrap();
    let idle = source.channel();
    assert_eq!((idle.state(), idle.description()), (State::Idle, None));
    for takeover in [Takeover::Refuse, Takeover::Replace] {
        let refused = publish(&mounts, "x", takeover).unwrap_err();
        assert_eq!(refused.to_string(), "the name belongs to pull");
    }
    assert!(mounts.reserve(&path("x.sdp"), "other".to_owned()).is_err());
    let publisher = source.publish(movie()).unwrap();
    assert!(Arc::ptr_eq(publisher.channel(), &idle));
    let again = source.publish(movie()).unwrap();
    drop((publisher, again));
    mounts.expire(much_later(now));
    assert_eq!(idle.ended(), Some(End::PublisherGone));
    assert_eq!(source.channel().state(), State::Idle);
    let last = source.channel();
    drop(source);
    assert_eq!(last.ended(), Some(End::Removed));
    assert!(mounts.list().is_empty());
}

#[test]
fn there_are_only_so_many_channels() {
    let (mounts, now) = mounts();
    let limits = |channels| Limits {
        channels,
        ..Limits::default()
    };
    mounts.configure(limits(2));
    let one = publish(&mounts, "one", Takeover::Refuse).unwrap();
    let _two = mounts.reserve(&path("two"), "a source".to_owned()).unwrap();
    let full = Busy::Full { limit: 2 };
    assert_eq!(
        mounts.check(&path("three"), Takeover::Replace),
        Err(full.clone())
    );
    assert_eq!(
        publish(&mounts, "three", Takeover::Replace).err(),
        Some(full.clone())
    );
    let third = mounts.reserve(&path("three"), "a source".to_owned());
    assert_eq!(third.err(), Some(full));
    // Those that are there go on, also with another publisher.
    drop(one);
    let one = publish(&mounts, "one", Takeover::Refuse).unwrap();
    mounts.configure(limits(1));
    assert_eq!(mounts.list().len(), 2);
    drop(one);
    mounts.expire(much_later(now));
    assert!(publish(&mounts, "three", Takeover::Refuse).is_err());
    mounts.configure(limits(0));
    publish(&mounts, "three", Takeover::Refuse).unwrap();
}

#[test]
fn names_of_groups_are_for_no_channel() {
    let (mounts, _) = mounts();
    let before = publish(&mounts, "x", Takeover::Refuse).unwrap();
    mounts.set_groups(vec![path("x"), path("y")]);
    assert_eq!(
        publish(&mounts, "y.sdp", Takeover::Refuse).unwrap_err(),
        Busy::Group
    );
    assert_eq!(mounts.check(&path("y"), Takeover::Refuse), Err(Busy::Group));
    assert_eq!(
        mounts.reserve(&path("y"), String::new()).unwrap_err(),
        Busy::Group
    );
    assert_eq!(before.channel().ended(), None);
    publish(&mounts, "z", Takeover::Refuse).unwrap();
}

#[test]
fn nothing_begins_when_the_server_stops() {
    let (mounts, _) = mounts();
    let publisher = publish(&mounts, "x", Takeover::Refuse).unwrap();
    let source = mounts.reserve(&path("y"), String::new()).unwrap();
    mounts.stop();
    assert_eq!(publisher.channel().ended(), Some(End::Stopped));
    assert_eq!(source.channel().ended(), Some(End::Stopped));
    assert_eq!(source.publish(movie()).unwrap_err(), Busy::Stopped);
    let refused = publish(&mounts, "z", Takeover::Refuse).unwrap_err();
    assert_eq!(refused, Busy::Stopped);
}

#[test]
fn a_description_changes_as_far_as_readers_can_go_on() {
    let (mounts, _) = mounts();
    let mut publisher = publish(&mounts, "x", Takeover::Refuse).unwrap();
    assert!(publisher.describe(radio()).is_err());
    publisher.describe(movie()).unwrap();
    let _next = publish(&mounts, "x", Takeover::Replace).unwrap();
    assert!(publisher.describe(movie()).is_err());
}

#[tokio::test(start_paused = true)]
async fn readers_of_a_source_are_told_of() {
    let (mounts, _) = mounts();
    let source = mounts.reserve(&path("x"), String::new()).unwrap();
    let channel = source.channel();
    let soon = timeout(MS, source.wanted()).await;
    assert!(soon.is_err());
    let reader = channel.demand();
    source.wanted().await;
    assert_eq!(channel.readers(), 1);
    let soon = timeout(10_000 * MS, source.unwanted(1000 * MS)).await;
    assert!(soon.is_err());
    drop(reader);
    source.unwanted(1000 * MS).await;
}

#[tokio::test(start_paused = true)]
async fn readers_wait_for_a_description() {
    let (mounts, _) = mounts();
    let source = mounts.reserve(&path("x"), String::new()).unwrap();
    let channel = source.channel();
    assert!(channel.described(1000 * MS).await.is_none());
    let (described, publisher) = tokio::join!(channel.described(1000 * MS), async {
        tokio::time::sleep(500 * MS).await;
        source.publish(movie()).unwrap()
    });
    assert_eq!(described, publisher.channel().description());
    assert!(described.is_some());
    let other = mounts.reserve(&path("y"), String::new()).unwrap();
    let waiting = other.channel();
    let (ended, ()) = tokio::join!(waiting.described(1000 * MS), async { drop(other) });
    assert!(ended.is_none());
}

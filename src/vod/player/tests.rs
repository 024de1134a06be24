use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::base::path::MediaPath;
use crate::container::FileRange;
use crate::container::mp4::hint;
use crate::net::host::Host;
use crate::net::interleaved::Interleaved;
use crate::net::outlet::PacketOutlet;
use crate::net::udp_ports::{ClientPorts, Feedback, UdpPorts};
use crate::vod::blocks::{BLOCK, Fetch};
use crate::vod::{Found, Library};

/// A player of a sample clip with all its tracks on one connection, and the connection's other end.
async fn player_of(clip: &str) -> (Player, TcpStream) {
    let library = Arc::new(Library::new(movies(), true));
    let path = MediaPath::from_plain(clip).unwrap();
    let Found::Movie(movie) = library.open(&path).await.unwrap() else {
        panic!("a clip is no reference movie")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (_, write_half) = accepted.unwrap().0.into_split();
    let outlet = Arc::new(Interleaved::new(write_half, 1 << 20));
    let ids: Vec<_> = movie.served().iter().map(|track| track.id).collect();
    let blocks = Arc::new(Blocks::new(64 << 20));
    read_whole(&movie, &blocks).await;
    let mut player = Player::new(movie, blocks);
    for (number, id) in (0..).zip(ids) {
        let outlet = TrackOutlet::Interleaved {
            outlet: Arc::clone(&outlet),
            rtp_channel: 2 * number,
            rtcp_channel: 2 * number + 1,
        };
        player.add_track(id, number.into(), 7, outlet).unwrap();
    }
    (player, client.unwrap())
}

fn play(range: Option<(Option<f64>, Option<f64>)>) -> PlayRequest {
    let range = range.map(|(start, end)| {
        (
            start.map(NptTime::from_seconds),
            end.map(NptTime::from_seconds),
        )
    });
    PlayRequest {
        range,
        scale: 1.0,
        speed: 1.0,
    }
}

/// Reads a movie ahead, so that its player never waits.
async fn read_whole(movie: &Movie, blocks: &Arc<Blocks>) {
    for offset in (0..movie.size()).step_by(BLOCK as usize) {
        let range = FileRange {
            file: 0,
            offset,
            length: 1,
        };
        while let Fetch::Wait(block) = movie.fetch(blocks, range) {
            blocks.wait(&block).await.unwrap();
        }
    }
}

fn announced(player: &mut Player) -> Played {
    player.announce().expect("everything has been read")
}

/// How many packets the hint tracks of a clip describe.
fn hinted_packets(movie: &Movie, clip: &str) -> usize {
    let file = std::fs::read(movies().join(clip)).unwrap();
    let mut count = 0;
    for track in movie
        .index()
        .tracks
        .iter()
        .filter(|track| track.hint().is_some())
    {
        let mut cursor = track.samples.cursor(0);
        while let Some(sample) = cursor.next(&track.samples) {
            let start = sample.offset as usize;
            count += hint::packets(&file[start..][..sample.size as usize])
                .unwrap()
                .count();
        }
    }
    count
}

fn movies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("movies")
}

/// Runs the player for `length` of its time; answers RTP packets, RTCP packets, and when it went idle.
fn run(
    player: &mut Player,
    clock: Clock,
    start: Instant,
    length: Duration,
) -> (usize, usize, Option<Duration>) {
    let writing = Writing {
        payload_limit: 1400,
        cname: "test",
        clock,
    };
    let (mut now, mut rtp, mut rtcp) = (start, 0, 0);
    while now < start + length {
        let mut batch = Batch::default();
        let next = player.fill(now, Duration::ZERO, &writing, &mut batch);
        for packet in batch.packets() {
            assert!(packet.due <= now, "nothing leaves before its time");
            if packet.rtp { rtp += 1 } else { rtcp += 1 }
        }
        match next {
            Next::At(at) => now = at.max(now + Duration::from_millis(1)),
            Next::Idle => return (rtp, rtcp, Some(now - start)),
        }
    }
    (rtp, rtcp, None)
}

#[tokio::test]
async fn a_movie_is_played_whole_and_ends_with_farewells() {
    let (mut player, _client) = player_of("clock-hinted.mov").await;
    let clock = Clock::start();
    player
        .prepare(&play(Some((None, None))), clock.started())
        .unwrap();
    let played = announced(&mut player);
    assert_eq!((played.start, played.tracks.len()), (NptTime(0), 2));
    let first = player.start(clock.started());
    assert!(player.is_under_way(first));
    let (rtp, rtcp, ended) = run(&mut player, clock, clock.started(), Duration::from_secs(60));
    assert_eq!(
        rtp,
        hinted_packets(player.streams.movie(), "clock-hinted.mov")
    );
    assert!(
        rtcp >= 2 * 3,
        "reports at the start, every 5 s, and a farewell, on two tracks: {rtcp}"
    );
    assert_eq!(ended.map(|after| after.as_secs()), Some(12));
    assert!(!player.playing());
    player
        .prepare(&play(None), clock.started() + Duration::from_secs(60))
        .unwrap();
    assert_eq!(
        announced(&mut player).start,
        NptTime(0),
        "a replay begins anew"
    );
}

struct Silent;

impl Feedback for Silent {
    fn rtcp(&self, _: &[u8], _: Instant) {}
    fn ssrc(&self) -> u32 {
        0
    }
    fn alive(&self, _: Instant) {}
}

#[tokio::test]
async fn farewells_give_the_last_datagrams_time_to_be_read() {
    let (mut player, _client) = player_of("clock-hinted.mov").await;
    let clock = Clock::start();
    let client = ClientPorts {
        host: Host::of((Ipv4Addr::LOCALHOST, 0).into()),
        rtp: 9,
        rtcp: 9,
    };
    let local = Ipv4Addr::LOCALHOST.into();
    let ports = UdpPorts::new(0..=0, local, clock);
    let lease = ports.claim(client, local, Arc::new(Silent)).unwrap();
    let outlet = TrackOutlet::Packets(PacketOutlet::Client(lease));
    let id = player.streams.movie().served()[0].id;
    player.add_track(id, 0, 7, outlet).unwrap();
    player
        .prepare(&play(Some((Some(9.0), None))), clock.started())
        .unwrap();
    let played = announced(&mut player);
    let length = played.end.seconds() - played.start.seconds();
    let under_way = player.start(clock.started());
    let end = Duration::from_secs_f64(length) + FAREWELL_AFTER;
    let before = end - Duration::from_millis(100);
    let (_, reports, ended) = run(&mut player, clock, clock.started(), before);
    assert_eq!((reports, ended), (2, None), "reports, no farewell yet");
    assert!(!player.playing() && player.is_under_way(under_way));
    let (rtp, farewells, ended) = run(&mut player, clock, clock.started() + before, end);
    assert_eq!((rtp, farewells), (0, 2));
    assert!(ended.is_some());
}

#[tokio::test]
async fn a_pause_holds_the_place_and_a_seek_goes_back_to_a_picture_that_stands_alone() {
    let (mut player, _client) = player_of("clock.mp4").await;
    let clock = Clock::start();
    let at = |seconds| clock.started() + Duration::from_secs(seconds);
    player
        .prepare(&play(Some((Some(5.0), None))), at(0))
        .unwrap();
    let sought = announced(&mut player);
    assert_eq!(sought.start, NptTime::from_seconds(4.0));
    assert_eq!(sought.earlier, Duration::from_secs(1));
    let stale = player.start(at(0));
    run(&mut player, clock, at(0), Duration::from_secs(3));
    let held = player.pause();
    assert!((6.9..7.1).contains(&held.seconds()), "{held}");
    player.prepare(&play(None), at(30)).unwrap();
    let resumed = announced(&mut player);
    assert_eq!(resumed.start, held);
    player.start(at(30));
    assert!(
        !player.is_under_way(stale),
        "timers of the run before do not count"
    );
    for (before, after) in sought.tracks.iter().zip(&resumed.tracks) {
        let ticks = after.2.wrapping_sub(before.2);
        let rate = if before.0 == TrackId(1) {
            90_000
        } else {
            44_100
        };
        assert!(
            (29 * rate..=31 * rate).contains(&ticks),
            "RTP time goes on through the pause: {ticks}"
        );
    }
}

#[tokio::test]
async fn ranges_that_the_movie_does_not_have_are_refused() {
    let (mut player, _client) = player_of("tone.m4a").await;
    let now = Clock::start().started();
    let refused = player.prepare(&play(Some((Some(99.0), None))), now);
    assert!(matches!(refused, Err(Error::RangeOutside { .. })));
    let scaled = PlayRequest {
        scale: 4.0,
        ..play(Some((None, None)))
    };
    player.prepare(&scaled, now).unwrap();
    assert_eq!(
        announced(&mut player).scale,
        1.0,
        "sound alone has one speed"
    );
}

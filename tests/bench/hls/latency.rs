//! How soon a part can be fetched: from the last packet of its last picture until the packager,
//! which was asked before, hands it out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reelcast::base::clock::Clock;
use reelcast::config::Config;
use reelcast::hls::gateway::Gateway;
use reelcast::hls::object::{File, Flavour};
use reelcast::hls::packager::{Directives, Packager, Rendition};
use reelcast::log::access::AccessLog;
use reelcast::media::sessions::Sessions;
use reelcast::vod::{Blocks, Library};
use tokio::sync::watch;

use super::channel::{Camera, RATE};

/// Key frames have been seen to come regularly by then, so that a segment ends without waiting for one.
const BEGINNING: Duration = Duration::from_secs(8);

/// Prints the figures of so many seconds, and of the channel's beginning before them.
pub(crate) fn measure(seconds: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let delays = runtime.block_on(run(BEGINNING.as_secs() + seconds));
    let is_early = |delay: &Delay| delay.at < BEGINNING;
    let (early, later) = delays.into_iter().partition(is_early);
    print("in the first seconds of the channel", early);
    print("later", later);
}

fn print(when: &str, mut delays: Vec<Delay>) {
    delays.sort_by_key(|delay| delay.length);
    let milliseconds = |delay: &Delay| delay.length.as_secs_f64() * 1e3;
    let half = delays.get(delays.len() / 2).map_or(f64::NAN, milliseconds);
    let worst = delays.last().map_or(f64::NAN, milliseconds);
    println!(
        "latency, {when}: {} parts of 500 ms, from the last picture to the part: half within {half:.2} ms, all within {worst:.2} ms",
        delays.len(),
    );
}

/// How long a part took.
struct Delay {
    /// When its last picture was sent, from the channel's beginning on.
    at: Duration,
    length: Duration,
}

/// How long each part took.
async fn run(seconds: u64) -> Vec<Delay> {
    let clock = Clock::start();
    let mut camera = Camera::start(clock);
    let (_sender, settings) = watch::channel(Arc::new(Config::default()));
    let nothing = Arc::new(Library::new(PathBuf::new(), true));
    let movies = (nothing, Arc::new(Blocks::new(0)));
    let log = AccessLog::disabled();
    let gateway = Gateway::new(movies, Sessions::new(), log, &settings, clock);
    let packager = gateway
        .packagers
        .of(camera.channel(), Rendition::Own)
        .expect("no keys are needed");
    let (sent, times) = watch::channel(Vec::new());
    let reading = tokio::spawn(read(packager, times, clock));
    let mut pictures = tokio::time::interval(Duration::from_millis(1000 / RATE as u64));
    for _ in 0..RATE as u64 * seconds {
        pictures.tick().await;
        let at = clock.now();
        // Before the packager can have made anything of it.
        sent.send_modify(|times: &mut Vec<Instant>| times.push(at));
        camera.send(at);
    }
    drop(sent);
    drop(camera);
    let delays = reading.await.expect("it reads");
    gateway.stop().await;
    delays
}

/// Asks for each part before it is there, until there are no more pictures.
async fn read(
    packager: Arc<Packager>,
    times: watch::Receiver<Vec<Instant>>,
    clock: Clock,
) -> Vec<Delay> {
    let mut delays = Vec::new();
    while times.has_changed().is_ok() {
        let Some((sequence, part)) = announced(&packager).await else {
            continue;
        };
        let file = packager
            .file(packager.number(), File::Part(sequence, part), |_| true)
            .await;
        let now = clock.now();
        if times.has_changed().is_err() {
            // The channel's end has ended this part.
            break;
        }
        let Some((content, _)) = file else {
            continue;
        };
        let last = last_picture(&content.pieces.concat());
        let times = times.borrow();
        let sent = last.and_then(|number| times.get(number).zip(times.first()));
        delays.extend(sent.map(|(sent, first)| Delay {
            at: *sent - *first,
            length: now - *sent,
        }));
    }
    delays
}

/// The part that comes next, as the playlist hints at it.
async fn announced(packager: &Packager) -> Option<(u64, u32)> {
    let playlist = packager.media(
        0,
        Flavour::LowLatency,
        Directives::default(),
        Duration::from_secs(5),
    );
    let text = playlist.await.ok()?;
    let text = std::str::from_utf8(text.plain()).ok()?;
    let hint = text.lines().last()?.strip_suffix(".m4s\"")?;
    let (_, name) = hint.rsplit_once('-')?;
    let (sequence, part) = name.split_once('.')?;
    Some((sequence.parse().ok()?, part.parse().ok()?))
}

/// The number of the last picture of a part: pictures are longer than anything else, and end with it.
fn last_picture(part: &[u8]) -> Option<usize> {
    let fill = [0x5a; 16];
    let end = part.windows(fill.len()).rposition(|bytes| bytes == fill)? + fill.len();
    let number = u64::from_be_bytes(*part.get(end..)?.first_chunk()?);
    usize::try_from(number).ok()
}

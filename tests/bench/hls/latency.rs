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

/// Prints the figures of so many seconds.
pub(crate) fn measure(seconds: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut delays = runtime.block_on(run(seconds));
    delays.sort_by(f64::total_cmp);
    let quantile = |q: f64| delays.get((delays.len() as f64 * q) as usize).copied();
    let quantile = |q| quantile(q).unwrap_or(f64::NAN);
    println!(
        "latency: {} parts of 500 ms, from the last picture to the part: p50 {:.2} ms, p99 {:.2} ms",
        delays.len(),
        quantile(0.5),
        quantile(0.99)
    );
}

/// How long each part took, in milliseconds.
async fn run(seconds: u64) -> Vec<f64> {
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
) -> Vec<f64> {
    let mut delays = Vec::new();
    let mut place = None;
    while times.has_changed().is_ok() {
        let Some((sequence, part)) = place else {
            place = first(&packager).await;
            continue;
        };
        let file = packager
            .file(packager.number(), File::Part(sequence, part))
            .await;
        let now = clock.now();
        // A segment that is whole has no more parts.
        let Some(pieces) = file else {
            place = Some((sequence + 1, 0)).filter(|_| part > 0);
            continue;
        };
        place = Some((sequence, part + 1));
        let last = last_picture(&pieces.concat());
        let sent = last.and_then(|number| times.borrow().get(number).copied());
        delays.extend(sent.map(|sent| (now - sent).as_secs_f64() * 1e3));
    }
    delays
}

/// The part that comes next, as the first playlist hints at it.
async fn first(packager: &Packager) -> Option<(u64, u32)> {
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

//! `reelcast publish`: a movie, published to a server in real time.
#![expect(clippy::print_stderr, reason = "this command's output")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{Transport, block_on};
use crate::base::clock::Clock;
use crate::base::error::chain;
use crate::base::id::SessionId;
use crate::base::path::MediaPath;
use crate::client::{self, Address, Publishing};
use crate::media::sessions::{Role, Session, SessionFacts, Sessions};
use crate::vod::{self, Blocks, Found, Library, Movie, Pace, Pacer, PlayRequest, Playback};
use crate::wire::sdp::Presenter;

/// How often to look whether the movie has ended.
const GLANCE: Duration = Duration::from_millis(200);

/// Memory for parts of the movie that were read ahead, in bytes.
const READ_AHEAD: u64 = 8 << 20;

/// Packets due within this time leave together.
const INTERVAL: Duration = Duration::from_millis(10);

/// Publishes a movie to a server in real time
#[derive(Debug, Args)]
pub struct Publish {
    /// The movie, hinted or not
    file: PathBuf,
    /// Where to: rtsp://host:port/name, with user:password@ before the host if need be
    url: String,
    /// How media travels
    #[arg(long, value_enum, default_value_t)]
    transport: Transport,
    /// Begin again at the end, until stopped
    #[arg(long = "loop")]
    repeat: bool,
    /// The longest RTP payload in bytes, for movies without hint tracks
    #[arg(long, default_value_t = 1400)]
    max_packet: u16,
}

/// Why a movie is not published.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Movie(String),
    #[error(transparent)]
    Server(#[from] client::Error),
    #[error(transparent)]
    Playback(#[from] vod::Error),
}

/// Publishes the movie; fails when the server does not take it, or ends it.
pub fn publish(arguments: &Publish) -> ExitCode {
    let address = match Address::read(&arguments.url) {
        Ok(address) => address,
        Err(error) => return fail(&error.to_string()),
    };
    match block_on(send(arguments, &address)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => fail(&format!(
            "{} to {}: {}",
            arguments.file.display(),
            address.url,
            chain(&failure)
        )),
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("reelcast publish: {reason}");
    ExitCode::FAILURE
}

async fn send(arguments: &Publish, address: &Address) -> Result<(), Failure> {
    let clock = Clock::start();
    let movie = open(&arguments.file).await?;
    let controls: Vec<String> = movie
        .served()
        .iter()
        .map(|track| format!("{}/trackID={}", address.url, track.id))
        .collect();
    let sdp = movie.sdp(&Presenter {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        url: &address.url,
        now: clock.ntp(clock.now()),
    });
    let way = arguments.transport.into();
    let (mut publishing, outlets) = Publishing::open(address, way, sdp, &controls, clock).await?;

    let pace = Pace {
        tcp_interval: INTERVAL,
        udp_interval: INTERVAL,
        payload_limit: usize::from(arguments.max_packet),
    };
    let pacer = Pacer::start(1, pace, Arc::new(Blocks::new(READ_AHEAD)), clock);
    let playback = Playback::new(Arc::clone(&movie), &pacer, session(&movie, clock));
    playback.set_repeating(arguments.repeat);
    for (track, outlet) in movie.served().iter().zip(outlets) {
        playback.add_track(track.id, rand::random(), outlet)?;
    }
    let whole = PlayRequest {
        range: None,
        scale: 1.0,
        speed: 1.0,
    };
    playback.play(&whole, clock.now()).await?;
    publishing.record().await?;
    playback.start(clock.now());
    let published = attend(&mut publishing, &playback).await;
    playback.stop(clock.now());
    if published.is_ok() {
        // A server that has ended the broadcast by itself need not confirm it.
        let _ = publishing.tear_down().await;
    }
    published
}

/// Until the movie ends, or somebody interrupts the program.
async fn attend(publishing: &mut Publishing, playback: &Playback) -> Result<(), Failure> {
    while playback.is_playing() {
        tokio::select! {
            attended = publishing.attend(GLANCE) => attended?,
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    Ok(())
}

async fn open(file: &Path) -> Result<Arc<Movie>, Failure> {
    let name = file.file_name().and_then(|name| name.to_str());
    let path = name.and_then(|name| MediaPath::from_plain(name).ok());
    let path = path.ok_or_else(|| Failure::Movie("its name is no plain name".to_owned()))?;
    let folder = Path::new(".").join(file.parent().unwrap_or_else(|| Path::new("")));
    match Arc::new(Library::new(folder, true)).open(&path).await? {
        Found::Movie(movie) => Ok(movie),
        Found::Redirect(url) => Err(Failure::Movie(format!(
            "a reference movie, which leads to {url}"
        ))),
    }
}

/// Where the player counts what it sends.
fn session(movie: &Movie, clock: Clock) -> Arc<Session> {
    Sessions::new().open(SessionFacts {
        id: SessionId::from_random(rand::random()),
        role: Role::Publisher,
        path: movie.path().clone(),
        peer: (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        user_agent: String::new(),
        transport: "tcp",
        opened: clock.now(),
    })
}

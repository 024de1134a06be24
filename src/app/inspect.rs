//! `reelcast inspect`: what is in a movie, how it would be served, and what would not.
#![expect(clippy::print_stdout, reason = "this command's output")]

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::probe;
use crate::base::clock::Clock;
use crate::base::error::chain;
use crate::base::media_time::MediaTime;
use crate::base::path::MediaPath;
use crate::container::{self, HintTrack, Role, Track};
use crate::vod::{self, Found, Library};
use crate::wire::sdp::Presenter;

/// Shows the movie at `file`; fails when it cannot be served.
pub(super) fn inspect(file: &Path) -> ExitCode {
    let index = match probe::open(file) {
        Ok(index) => Some(index),
        Err(container::Error::Unrecognised) => None,
        Err(error) => return refuse(file, &chain(&error)),
    };
    if let Some(index) = &index {
        println!("{}: {}", file.display(), summary(index));
        for track in &index.tracks {
            println!("{}", line(track));
        }
        for fault in &index.faults {
            println!("  cannot be served: {fault}");
        }
    }
    match served(file) {
        Ok(Found::Movie(movie)) => {
            let clock = Clock::start();
            let presenter = Presenter {
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                url: &format!("rtsp://127.0.0.1:8554/{}", movie.path().to_url()),
                now: clock.ntp(clock.now()),
            };
            let how = if movie.is_hinted() {
                "its hint tracks"
            } else {
                "packets made by the server"
            };
            println!("\nServed with {how}; SDP:\n");
            print!("{}", movie.sdp(&presenter).replace("\r\n", "\n"));
            ExitCode::SUCCESS
        }
        Ok(Found::Redirect(url)) => {
            println!("{}: a reference movie; redirects to {url}", file.display());
            ExitCode::SUCCESS
        }
        Err(reason) => refuse(file, &reason),
    }
}

fn refuse(file: &Path, reason: &str) -> ExitCode {
    println!("{}: cannot be served: {reason}", file.display());
    ExitCode::FAILURE
}

/// Opens the file as the server would.
fn served(file: &Path) -> Result<Found, String> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or("its name is not UTF-8")?;
    let path = MediaPath::from_plain(name).map_err(|error| error.to_string())?;
    let folder: PathBuf = file.parent().map(Path::to_owned).unwrap_or_default();
    let library = Arc::new(Library::new(Path::new(".").join(folder), true));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| error.to_string())?;
    runtime
        .block_on(library.open(&path))
        .map_err(|error: vod::Error| chain(&error))
}

fn summary(movie: &container::Movie) -> String {
    format!(
        "{}, {}, {} tracks, index {} KB",
        movie.container,
        length(movie.duration),
        movie.tracks.len(),
        movie.index_memory().div_ceil(1024),
    )
}

/// A track: `  track 1: H.264 (avc1) 320x240, 10.000 s, 300 samples, 284 kbit/s`.
fn line(track: &Track) -> String {
    let what = match &track.role {
        Role::Media(format) => format.name().to_owned(),
        Role::Unservable { .. } => "media".to_owned(),
        Role::Hint(_) => "hints".to_owned(),
        Role::Other => "not streamed".to_owned(),
    };
    let mut text = format!("  track {}: {what} ({})", track.id, track.codec.trim());
    if let Some((width, height)) = track.size.filter(|size| *size != (0, 0)) {
        text += &format!(" {width}x{height}");
    }
    let duration = MediaTime::new(track.duration, track.timescale);
    text += &format!(", {}, {} samples", length(duration), track.samples.len());
    if let Some(rate) = track.bit_rate {
        text += &format!(", {} kbit/s", rate / 1000);
    }
    if let Some(language) = &track.language {
        text += &format!(", {language}");
    }
    match &track.role {
        Role::Hint(hint) => text + &hints(hint),
        Role::Unservable { reason, .. } => text + &format!("; only with a hint track: {reason}"),
        _ => text,
    }
}

fn hints(hint: &HintTrack) -> String {
    let media: Vec<_> = hint.media.iter().map(ToString::to_string).collect();
    let mut text = format!(
        ", sends track {} at {} Hz",
        media.join(" and "),
        hint.rtp_rate
    );
    if let Some(packets) = hint.totals.packets {
        text += &format!(", {packets} packets");
    }
    text + &format!(" of at most {} bytes", hint.max_packet)
}

fn length(time: MediaTime) -> String {
    format!("{:.3} s", time.seconds())
}

//! What the server says at its start: addresses, URLs, and how to stop it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use super::listeners::Addresses;
use super::probe;
use super::server::Server;
use crate::net::addresses;
use crate::vod::{Library, Listed};

/// The most movies whose URLs are printed.
const MOST: usize = 100;

/// Prints where `server` is reached and what it plays.
pub(super) async fn print(server: &Server, movies: &Path, file: Option<&Path>) {
    let listed = listed(server.library(), movies).await;
    let hosts = hosts(
        &server.addresses().plain.rtsp,
        &addresses::of_this_machine(),
    );
    let text = text(server, movies, file) + &urls(&listed, &hosts, movies) + &publishing(&hosts);
    // A terminal that is gone does not keep the server from serving.
    io::stdout().write_all(text.as_bytes()).ok();
}

fn text(server: &Server, movies: &Path, file: Option<&Path>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let movies = movies.display();
    let settings = file.map_or_else(|| "embedded defaults".into(), Path::to_string_lossy);
    let Addresses { plain, ts, .. } = server.addresses();
    let (rtsp, http, admin) = (
        joined(&plain.rtsp),
        joined(&plain.http),
        joined(&plain.admin),
    );
    let (ts, tls) = (joined(ts), tls(server));
    let process = std::process::id();
    format!(
        "Reelcast {version} serves {movies} ({settings})\n\
         RTSP: {rtsp}; HTTP tunnel: {http}; MPEG-TS: {ts}; metrics: {admin}\n\
         TLS: {tls}\n\
         Stop with Ctrl-C, or with: kill {process}\n"
    )
}

/// What is spoken by TLS, and by what the server proves who it is.
fn tls(server: &Server) -> String {
    let Some(identity) = server.identity() else {
        return "off".to_owned();
    };
    let spoken = &server.addresses().tls;
    let (rtsp, http, admin) = (
        joined(&spoken.rtsp),
        joined(&spoken.http),
        joined(&spoken.admin),
    );
    let (fingerprint, made) = (
        identity.fingerprint(),
        match identity.is_self_made() {
            true => " (self-signed)",
            false => "",
        },
    );
    format!("RTSP {rtsp}; HTTP {http}; metrics {admin}; certificate {fingerprint}{made}")
}

fn urls(listed: &[Listed], hosts: &[SocketAddr], movies: &Path) -> String {
    if listed.is_empty() {
        return format!(
            "There is no movie yet: put some into {}\n",
            movies.display()
        );
    }
    let mut text = "Open in a player:\n".to_owned();
    for movie in listed.iter().take(MOST) {
        for host in hosts {
            let path = movie.path.to_url();
            writeln!(text, "  rtsp://{host}/{path}").expect("a String takes everything");
        }
    }
    if let Some(more) = listed.len().checked_sub(MOST).filter(|more| *more > 0) {
        text += &format!("  and {more} more\n");
    }
    text
}

/// How to begin a live channel; only this host may.
fn publishing(hosts: &[SocketAddr]) -> String {
    let own = hosts.iter().find(|host| host.ip().is_loopback());
    own.map_or_else(String::new, |host| {
        format!(
            "Publish a live channel from this host, to be opened like a movie:\n  \
             ffmpeg -re -i FILE -c copy -f rtsp rtsp://{host}/live\n"
        )
    })
}

fn joined(addresses: &[SocketAddr]) -> String {
    if addresses.is_empty() {
        return "off".to_owned();
    }
    let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

/// The files that can be played. Files that are no movies at all are passed
/// over in silence; what is wrong with others goes to the error log.
async fn listed(library: &Arc<Library>, movies: &Path) -> Vec<Listed> {
    let (library_there, folder) = (Arc::clone(library), movies.to_owned());
    let found = tokio::task::spawn_blocking(move || {
        let mut found = library_there.list();
        found.retain(|movie| probe::is_movie(&movie.path.below(&folder)));
        found
    });
    let mut playable = Vec::new();
    for movie in found.await.unwrap_or_default() {
        if library.open(&movie.path).await.is_ok() {
            playable.push(movie);
        }
    }
    playable
}

/// Where a player reaches the `bound` addresses: those that stand for every
/// address of the machine are spelled out as `machine`'s.
fn hosts(bound: &[SocketAddr], machine: &[IpAddr]) -> Vec<SocketAddr> {
    let mut hosts: Vec<SocketAddr> = Vec::new();
    for address in bound {
        if !address.ip().is_unspecified() {
            hosts.push(*address);
            continue;
        }
        let reached = |ip: &&IpAddr| ip.is_ipv4() || address.is_ipv6();
        let spelled = machine.iter().filter(reached);
        hosts.extend(spelled.map(|ip| SocketAddr::new(*ip, address.port())));
    }
    hosts.dedup();
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_the_machine_is_spelled_out() {
        let machine: Vec<IpAddr> = ["127.0.0.1", "192.0.2.5", "::1"]
            .iter()
            .map(|ip| ip.parse().unwrap())
            .collect();
        let hosts_of = |bound: &str| {
            let hosts = hosts(&[bound.parse().unwrap()], &machine);
            joined(&hosts)
        };
        assert_eq!(
            hosts_of("[::]:8554"),
            "127.0.0.1:8554 192.0.2.5:8554 [::1]:8554"
        );
        assert_eq!(hosts_of("0.0.0.0:554"), "127.0.0.1:554 192.0.2.5:554");
        assert_eq!(hosts_of("192.0.2.5:8554"), "192.0.2.5:8554");
        assert_eq!(joined(&[]), "off");
    }
}

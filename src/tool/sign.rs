//! `reelcast sign`: URLs that open one movie or channel to whoever has them, for a while; and the keys that
//! they are signed with.
#![expect(clippy::print_stdout, reason = "this command's output")]
#![expect(clippy::print_stderr, reason = "this command's output")]

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use ipnet::IpNet;
use time::OffsetDateTime;
use url::Url;

use super::replacing::{lock, replace};
use crate::access::{NoKey, SIGNED, SigningKeys, Terms, is_private, key_line};
use crate::base::clock::Clock;
use crate::base::path::{BadPath, MediaPath};
use crate::config::{self, Fault, SettingsSource, read_duration};
use crate::hls::object::Object;

/// Signs a URL, so that whoever has it may watch for a while what it names
///
/// The keys are in the file that `[access] signing_keys` of the configuration names; the first URL that is
/// signed makes it. The server notices by itself when the file changes.
#[derive(Debug, Args)]
pub struct Sign {
    /// What may be watched: the URL of a movie, a channel or a page, rtsp: or http:
    #[arg(required_unless_present = "rotate")]
    url: Option<Url>,
    /// For how long: 90m, 2h, 7d
    #[arg(long = "for", value_name = "TIME", value_parser = duration, required_unless_present = "rotate")]
    time: Option<Duration>,
    /// From which address or network alone: 192.0.2.7, 2001:db8::/32
    #[arg(long = "ip", value_name = "ADDRESS", value_parser = network)]
    network: Option<IpNet>,
    /// Make a new key, which signs from now on; what was signed before stays good
    #[arg(long, conflicts_with_all = ["url", "time", "network"])]
    rotate: bool,
    /// The configuration; without it, conf/reelcast.toml, then /etc/reelcast/reelcast.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", told(.0))]
    Config(Vec<Fault>),
    #[error("{}: {error}", .file.display())]
    File { file: PathBuf, error: io::Error },
    #[error(
        "the folder of {} is not there: run this where the server was started, or name its configuration with --config",
        .0.display()
    )]
    NoFolder(PathBuf),
    #[error("others may use the keys, so the server takes none of them: chmod 600 {}", .0.display())]
    Exposed(PathBuf),
    #[error("{}: {fault}", .file.display())]
    Keys { file: PathBuf, fault: NoKey },
    #[error("{0} URLs are not served; sign one that begins with rtsp:, rtsps:, http: or https:")]
    Scheme(String),
    #[error("the URL names nothing: {0}")]
    Path(#[from] BadPath),
    #[error("the URL names no movie and no channel")]
    Root,
    #[error("the URL would be good for too long")]
    Long,
}

/// Prints the signed URL; tells on standard error what else it did, or why not.
pub fn sign(arguments: &Sign) -> ExitCode {
    match arguments.carry_out() {
        Ok(signed) => {
            if let Some(url) = signed {
                println!("{url}");
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

impl Sign {
    /// Returns the signed URL, if one was asked for.
    fn carry_out(&self) -> Result<Option<Url>, Failure> {
        let loaded = config::load(&SettingsSource::new(self.config.clone(), None));
        let file = loaded.map_err(Failure::Config)?.config.signing_keys();
        let clock = Clock::start();
        let now = clock.wall(clock.started());
        let (Some(url), Some(time)) = (&self.url, self.time) else {
            add_key(&file, now)?;
            return Ok(None);
        };
        let name = name_of(url)?;
        let terms = Terms {
            until: now.checked_add(time).ok_or(Failure::Long)?,
            network: self.network,
        };
        let (keys, _) = read_keys(&file)?;
        let signature = match keys.sign(&name, &terms) {
            Some(signature) => Some(signature),
            None => {
                add_key(&file, now)?;
                let (keys, _) = read_keys(&file)?;
                keys.sign(&name, &terms)
            }
        };
        Ok(signature.map(|signature| with_signature(url, &signature)))
    }
}

/// What a signature of `url` is about.
fn name_of(url: &Url) -> Result<MediaPath, Failure> {
    let path = MediaPath::from_url(url.path())?;
    let name = match url.scheme() {
        "rtsp" | "rtsps" => path,
        "http" | "https" => match Object::of_path(&path) {
            Some((name, _)) => name,
            None => path,
        },
        other => return Err(Failure::Scheme(other.to_owned())),
    };
    match name.is_root() {
        true => Err(Failure::Root),
        false => Ok(name),
    }
}

/// `url` with this signature in place of another one.
fn with_signature(url: &Url, signature: &str) -> Url {
    let pairs = url.query().unwrap_or_default().split('&');
    let is_other = |pair: &&str| !pair.is_empty() && pair.split('=').next() != Some(SIGNED);
    let mut pairs: Vec<_> = pairs.filter(is_other).map(str::to_owned).collect();
    pairs.push(format!("{SIGNED}={signature}"));
    let mut url = url.clone();
    url.set_query(Some(&pairs.join("&")));
    url
}

/// The keys of the file, and its text; none when it is not there.
fn read_keys(file: &Path) -> Result<(SigningKeys, String), Failure> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(file, error)),
    };
    if fs::metadata(file).is_ok_and(|facts| !is_private(facts.mode())) {
        return Err(Failure::Exposed(file.to_owned()));
    }
    let keys = SigningKeys::read(&text).map_err(|fault| Failure::Keys {
        file: file.to_owned(),
        fault,
    })?;
    Ok((keys, text))
}

/// Puts a new key before the others.
fn add_key(file: &Path, now: SystemTime) -> Result<(), Failure> {
    let _lock = lock(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::NoFolder(file.to_owned()),
        _ => failed(file, error),
    })?;
    let (keys, others) = read_keys(file)?;
    let day = OffsetDateTime::from(now).date().to_string();
    let mut names = (1..).map(|number: u32| match number {
        1 => day.clone(),
        more => format!("{day}-{more}"),
    });
    let name = names.find(|name| !keys.has(name)).unwrap_or_default();
    let text = key_line(&name, rand::random()) + &others;
    replace(file, &text).map_err(|error| failed(file, error))?;
    eprintln!(
        "{}: the key {name} is new, and signs from now on",
        file.display()
    );
    Ok(())
}

fn failed(file: &Path, error: io::Error) -> Failure {
    let file = file.to_owned();
    Failure::File { file, error }
}

fn told(faults: &[Fault]) -> String {
    let faults: Vec<_> = faults.iter().map(Fault::to_string).collect();
    faults.join("\n")
}

fn duration(text: &str) -> Result<Duration, String> {
    let read = read_duration(text).filter(|time| !time.is_zero());
    read.ok_or_else(|| "a time has a unit: 90m, 2h, 7d".to_owned())
}

/// A network, or the address of one host.
fn network(text: &str) -> Result<IpNet, String> {
    let host = || {
        text.parse::<IpAddr>()
            .map(|host| host.to_canonical().into())
    };
    let network = text.parse::<IpNet>().map(|network| network.trunc());
    network
        .or_else(|_| host())
        .map_err(|_| "no address, and no network such as 192.0.2.0/24".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_url_is_signed_with_the_name_of_what_it_shows() {
        for (text, name) in [
            ("rtsp://h:8554/news/live", Some("news/live")),
            ("rtsps://h/live.sdp", Some("live.sdp")),
            ("http://h/live", Some("live")),
            ("https://h/live.m3u8?x", Some("live")),
            ("http://h/a%20b.mov/index.m3u8", Some("a b.mov")),
            ("http://h/live/ts.m3u8", Some("live")),
            ("http://h/live.ts", Some("live.ts")),
            ("rtsp://h/live.m3u8", Some("live.m3u8")),
            ("http://h/", None),
            ("rtsp://h", None),
            ("http://h/%2e%2e/a%00", None),
            ("ftp://h/live", None),
        ] {
            let found = name_of(&url(text)).ok();
            assert_eq!(found.as_ref().map(MediaPath::as_str), name, "{text}");
        }
    }

    #[test]
    fn the_rest_of_a_url_stays() {
        for (text, signed) in [
            ("rtsp://ann@h/a", "rtsp://ann@h/a?signed=x"),
            ("http://h/a?download", "http://h/a?download&signed=x"),
            ("http://h/a?signed=old&b=1", "http://h/a?b=1&signed=x"),
        ] {
            assert_eq!(with_signature(&url(text), "x").as_str(), signed);
        }
    }

    #[test]
    fn networks_and_times_are_read() {
        for (text, found) in [
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("::ffff:192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.7/24", Some("192.0.2.0/24")),
            ("2001:db8::1/32", Some("2001:db8::/32")),
            ("192.0.2.7/33", None),
            ("h", None),
        ] {
            let network = network(text).ok().map(|network| network.to_string());
            assert_eq!(network.as_deref(), found, "{text}");
        }
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert!(duration("0").is_err() && duration("2").is_err());
    }
}

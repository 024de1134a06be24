//! The `reelcast` program as a user starts it, on ports that the system chooses.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A running server; ends when dropped.
pub(crate) struct Program {
    /// Where it answers RTSP.
    pub(crate) rtsp: SocketAddr,
    /// What it printed before the first URL.
    greeting: Vec<String>,
    child: Child,
    _printed: Lines<BufReader<ChildStdout>>,
    place: TempDir,
}

impl Program {
    /// Starts the server on the movies in `folder` and waits until it has printed a URL.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[]).await
    }

    /// The same with settings, as variables of the environment.
    pub(crate) async fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let place = tempfile::tempdir().unwrap();
        // The server may become another user, who has to get at its state.
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_reelcast"));
        command
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command
            .current_dir(place.path())
            .env("REELCAST_SERVER_STATE", place.path().join("state"));
        for section in ["RTSP", "HTTP", "ADMIN", "TS"] {
            command.env(format!("REELCAST_{section}_LISTEN"), "127.0.0.1:0");
        }
        for section in ["RTSP", "HTTP", "ADMIN"] {
            command.env(format!("REELCAST_{section}_TLS_LISTEN"), "");
        }
        command.envs(settings.iter().copied());
        let mut child = command.spawn().expect("the program starts");
        let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = tokio::time::timeout(Duration::from_secs(20), Self::greeting(&mut printed));
        let (rtsp, greeting) = greeting
            .await
            .expect("the program prints a URL within 20 s");
        Self {
            rtsp,
            greeting,
            child,
            _printed: printed,
            place,
        }
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id().expect("it has not ended")
    }

    /// The folder for what it writes.
    pub(crate) fn state(&self) -> PathBuf {
        self.place.path().join("state")
    }

    /// The lines of the error log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        let file = self.state().join("logs/error.log");
        let text = fs::read_to_string(file).expect("an error log");
        text.lines().map(str::to_owned).collect()
    }

    /// Where it speaks `what` by TLS: `RTSP`, `HTTP` or `metrics`.
    pub(crate) fn tls(&self, what: &str) -> SocketAddr {
        let line = self
            .greeting
            .iter()
            .find_map(|line| line.strip_prefix("TLS: "));
        let mut told = line.expect("a line about TLS").split("; ");
        let address = told.find_map(|told| told.strip_prefix(what)?.strip_prefix(' '));
        address
            .expect("it is spoken by TLS")
            .parse()
            .expect("an address")
    }

    /// The lines up to the first URL, and its address.
    async fn greeting(printed: &mut Lines<BufReader<ChildStdout>>) -> (SocketAddr, Vec<String>) {
        let mut lines = Vec::new();
        while let Some(line) = printed.next_line().await.unwrap() {
            if let Some((_, url)) = line.split_once("rtsp://") {
                let authority = url.split('/').next().unwrap();
                let address = authority.parse();
                return (
                    address.unwrap_or_else(|_| panic!("an address in {line}")),
                    lines,
                );
            }
            lines.push(line);
        }
        panic!("the program ended before it printed a URL");
    }
}

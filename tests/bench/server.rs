//! The server under test, as a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::process::{self, SERVER_CPU, Usage};

/// A running server; it is killed when dropped.
pub(crate) struct Server {
    pub(crate) rtsp: SocketAddr,
    admin: SocketAddr,
    pub(crate) process: u32,
    _child: Child,
    _state: tempfile::TempDir,
}

impl Server {
    /// Starts the program with the movies in `folder` on free ports, and waits until it says where.
    ///
    /// `settings` are variables of its environment.
    pub(crate) async fn start(program: &Path, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().expect("a folder for the server's state");
        let mut command = Command::new(program);
        command
            .arg(folder)
            .env("REELCAST_SERVER_STATE", state.path());
        for listen in ["RTSP", "HTTP", "ADMIN", "TS"] {
            command.env(format!("REELCAST_{listen}_LISTEN"), "127.0.0.1:0");
        }
        for listen in ["RTSP", "HTTP", "ADMIN"] {
            command.env(format!("REELCAST_{listen}_TLS_LISTEN"), "");
        }
        command
            .envs(settings.iter().copied())
            .env("REELCAST_LOG_ERROR_LEVEL", "warn")
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .expect("the server starts: build it with `make build`");
        let process = child.id().expect("it runs");
        process::pin(process, SERVER_CPU);
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let (mut rtsp, mut admin) = (None, None);
        while let (None, _) | (_, None) = (rtsp, admin) {
            let line = lines
                .next_line()
                .await
                .expect("readable output")
                .expect("the server goes on");
            rtsp = rtsp.or_else(|| address_after(&line, "RTSP: "));
            admin = admin.or_else(|| address_after(&line, "metrics: "));
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let (rtsp, admin) = (rtsp.expect("an RTSP port"), admin.expect("a metrics port"));
        tokio::time::sleep(Duration::from_secs(1)).await;
        Self {
            rtsp,
            admin,
            process,
            _child: child,
            _state: state,
        }
    }

    /// What the server has used so far.
    pub(crate) fn usage(&self) -> Usage {
        process::usage(self.process)
    }

    /// RTP packets that the server has sent.
    pub(crate) async fn packets(&self) -> u64 {
        self.metric("reelcast_packets_total").await as u64
    }

    /// Median and 99th percentile of the lateness of sending, in seconds.
    pub(crate) async fn lateness(&self) -> (f64, f64) {
        let quantile = |q| format!("reelcast_lateness_quantile_seconds{{quantile=\"{q}\"}}");
        (
            self.metric(&quantile("0.5")).await,
            self.metric(&quantile("0.99")).await,
        )
    }

    async fn metric(&self, name: &str) -> f64 {
        let mut stream = TcpStream::connect(self.admin)
            .await
            .expect("the metrics port");
        stream
            .write_all(b"GET /metrics HTTP/1.0\r\n\r\n")
            .await
            .expect("a request");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("the metric is there");
        value.trim().parse().expect("a number")
    }
}

/// The address that follows `label` in a line of the server's greeting.
fn address_after(line: &str, label: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(label)?;
    rest.split([';', ' ']).next()?.parse().ok()
}

//! What sends, as a process of its own on a processor of its own.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use clap::ValueEnum;

use super::Arguments;
use super::process::{self, SERVER_CPU, Usage};
use super::server::Server;

/// What sends to the readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// A loop with nothing but system calls.
    Bare,
    /// Channel and fan, without RTSP.
    Fan,
    /// A channel with a task for each reader instead of the fan; TCP only.
    Tasks,
    /// The server, with a publisher and readers over RTSP.
    Server,
}

/// How media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// A running sender; it is killed when dropped.
pub(crate) enum Sender {
    /// This program once more, as one of the loops.
    Loop { child: Child, port: u16 },
    /// The server.
    Server(Box<Hosted>),
}

/// The server, and the folder of movies that it has to have.
pub(crate) struct Hosted {
    server: Server,
    _movies: tempfile::TempDir,
}

/// What the server says of itself.
pub(crate) struct Account {
    /// RTP packets sent so far.
    pub(crate) packets: u64,
    /// Median and 99th percentile of the lateness of sending, in seconds.
    pub(crate) lateness: (f64, f64),
}

impl Sender {
    /// Starts one for so many readers, and waits until it says where it listens.
    pub(crate) async fn start(
        arguments: &Arguments,
        subject: Subject,
        transport: Transport,
        readers: usize,
        bits: usize,
    ) -> Self {
        if subject == Subject::Server {
            let folder = tempfile::tempdir().expect("a folder");
            let server = Server::start(&arguments.server, folder.path(), &[]).await;
            return Self::Server(Box::new(Hosted {
                server,
                _movies: folder,
            }));
        }
        let word = |value: Option<clap::builder::PossibleValue>| {
            value.expect("it has a name").get_name().to_owned()
        };
        let mut child = Command::new(env::current_exe().expect("a program"))
            .args(["--send", &word(subject.to_possible_value())])
            .args(["--transport", &word(transport.to_possible_value())])
            .args(["--readers", &readers.to_string()])
            .args(["--bits", &bits.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts once more");
        process::pin(child.id(), SERVER_CPU);
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("it says its port");
        let port = line.trim().parse().expect("a port");
        Self::Loop { child, port }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Loop { port, .. } => ([127, 0, 0, 1], *port).into(),
            Self::Server(hosted) => hosted.server.rtsp,
        }
    }

    /// Tells a loop where its datagrams go.
    pub(crate) fn say_ports(&self, ports: &[u16]) {
        let Self::Loop { child, .. } = self else {
            return;
        };
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        let mut input = child.stdin.as_ref().expect("its input");
        writeln!(input, "{}", ports.join(" ")).expect("it reads");
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Usage {
        match self {
            Self::Loop { child, .. } => process::usage(child.id()),
            Self::Server(hosted) => hosted.server.usage(),
        }
    }

    /// What the server says of itself; `None` of a loop.
    pub(crate) async fn account(&self) -> Option<Account> {
        let Self::Server(hosted) = self else {
            return None;
        };
        Some(Account {
            packets: hosted.server.packets().await,
            lateness: hosted.server.lateness().await,
        })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if let Self::Loop { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

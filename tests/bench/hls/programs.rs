//! The programs that are measured, and those that ask them; each ends when dropped.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::process::{self, SERVER_CPU, VIEWERS_CPU};

/// A running program.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(command: &mut Command, cpu: u32) -> Self {
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        process::pin(child.id(), cpu);
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Not killed, for nginx would leave its worker behind.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// The server, with no movies.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) rtsp: String,
    pub(crate) http: String,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts it with these settings, as environment variables without `REELCAST_`.
    pub(crate) fn start(program: &Path, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program);
        command.arg(folder.path());
        command.env("REELCAST_SERVER_STATE", folder.path());
        command.env("REELCAST_LOG_ERROR_LEVEL", "warn");
        for listen in ["RTSP", "HTTP", "ADMIN", "TS"] {
            command.env(format!("REELCAST_{listen}_LISTEN"), "127.0.0.1:0");
        }
        for listen in ["RTSP", "HTTP", "ADMIN"] {
            command.env(format!("REELCAST_{listen}_TLS_LISTEN"), "");
        }
        for (name, value) in settings {
            command.env(format!("REELCAST_{name}"), value);
        }
        let mut program = Program::start(command.stdout(Stdio::piped()), SERVER_CPU);
        let output = program.0.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("RTSP: "));
        let line = line.expect("it says where it listens");
        let after = |label: &str| {
            let (_, rest) = line.split_once(label)?;
            rest.split([';', ' ']).next().map(str::to_owned)
        };
        let (rtsp, http) = (after("RTSP: "), after("HTTP tunnel: "));
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            program,
            rtsp: rtsp.expect("an RTSP port"),
            http: http.expect("an HTTP port"),
            _folder: folder,
        }
    }

    /// Publishes 2 Mbit/s on the channel `live`, until the program is dropped.
    pub(crate) fn publish(&self, program: &Path, movie: &Path) -> Program {
        let mut command = Command::new(program);
        command.arg("publish").arg(movie).arg("--loop");
        command.arg(format!("rtsp://{}/live", self.rtsp));
        let publisher = Program::start(&mut command, VIEWERS_CPU);
        while get(&self.http, "/live/media.m3u8").is_none() {
            sleep(Duration::from_millis(200));
        }
        publisher
    }
}

/// Has ffmpeg make a movie of 2 Mbit/s with a key frame every two seconds.
pub(crate) fn movie(folder: &Path) -> std::path::PathBuf {
    let movie = folder.join("movie.mp4");
    let options = "-v error -f lavfi -i testsrc2=size=640x360:rate=25:duration=20 -f lavfi -i sine=duration=20 \
        -c:v libx264 -preset ultrafast -g 50 -sc_threshold 0 -bf 0 -b:v 1900k -minrate 1900k -maxrate 1900k \
        -bufsize 950k -x264-params nal-hrd=cbr -c:a aac -b:a 96k";
    let mut command = Command::new("ffmpeg");
    command.args(options.split_whitespace()).arg(&movie);
    let status = command.status().expect("ffmpeg is there");
    assert!(status.success(), "{command:?}");
    movie
}

/// nginx with the files of a folder.
pub(crate) struct Nginx {
    pub(crate) address: String,
    /// The process that answers.
    pub(crate) worker: u32,
    _master: Program,
}

impl Nginx {
    pub(crate) fn start(folder: &Path, sendfile: bool) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("bound").to_string();
        drop(socket);
        let (work, send) = (folder.display(), if sendfile { "on" } else { "off" });
        let settings = folder.join(format!("nginx-{send}.conf"));
        let user = rustix::process::getuid().is_root().then_some("user root;");
        let text = format!(
            "daemon off; worker_processes 1; {} pid {work}/nginx-{send}.pid; error_log {work}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile {send}; tcp_nopush {send}; keepalive_requests 100000000;\n\
             types {{ application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; }}\n\
             server {{ listen {address}; root {work}; }} }}\n",
            user.unwrap_or_default()
        );
        fs::write(&settings, text).expect("a place for settings");
        let mut command = Command::new("nginx");
        let log = folder.join("error.log");
        command.arg("-c").arg(&settings).arg("-e").arg(log);
        let master = Program::start(&mut command, SERVER_CPU);
        while TcpStream::connect(&address).is_err() {
            sleep(Duration::from_millis(50));
        }
        let children = format!("/proc/{0}/task/{0}/children", master.id());
        let worker = fs::read_to_string(children).expect("its processes");
        let worker = worker
            .split_whitespace()
            .next()
            .and_then(|id| id.parse().ok());
        let worker = worker.expect("a worker");
        process::pin(worker, SERVER_CPU);
        Self {
            address,
            worker,
            _master: master,
        }
    }
}

/// The body of the answer to a GET; `None` unless it is 200.
pub(crate) fn get(address: &str, path: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = answer.get(9..12)?;
    (status == b"200").then(|| answer[end + 4..].to_vec())
}

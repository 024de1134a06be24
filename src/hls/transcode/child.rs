//! One `ffmpeg` process: begun, heard and ended. What it is told stands in `orders`.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::Trouble;
use super::seat::Seat;

/// How much less of the processor than the server itself a process gets (`nice`).
const NICENESS: i32 = 5;

/// How many lines of a process go into the log; it may repeat itself with every picture.
const MOST_LINES: usize = 20;

/// The longest line of which anything is kept, in bytes.
const LONGEST_LINE: u64 = 500;

/// How long a process may take to end that writes nothing any more.
const LAST_TIME: Duration = Duration::from_secs(2);

/// What a process reads and writes.
#[derive(Debug)]
pub(super) struct Pipes {
    /// Its standard input, if it is to read that.
    pub(super) input: Option<ChildStdin>,
    pub(super) output: ChildStdout,
}

/// A process, which is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    /// Returns the last line that it had to say.
    lines: AbortOnDropHandle<Option<String>>,
    seat: Arc<Seat>,
}

impl Child {
    /// Begins a process for what is called `name` and has that `seat`; its standard input `is_fed` or empty.
    pub(super) fn begin(
        seat: Arc<Seat>,
        name: &str,
        arguments: &[String],
        is_fed: bool,
    ) -> Result<(Self, Pipes), Trouble> {
        let shared = &seat.0;
        let program = shared.program();
        let begun = Command::new(&program)
            .args(arguments)
            .stdin(if is_fed {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut process = match begun {
            Ok(process) => process,
            Err(error) => {
                shared.failed.fetch_add(1, Relaxed);
                warn!(name, %error, "cannot be transcoded: {program} does not start");
                return Err(trouble(&error));
            }
        };
        shared.begun.fetch_add(1, Relaxed);
        info!(name, arguments = arguments.join(" "), "transcoding begins");
        be_nice(&process);
        let pipes = (process.stdout.take(), process.stderr.take());
        let (Some(output), Some(stderr)) = pipes else {
            return Err(Trouble::Fails);
        };
        let input = process.stdin.take();
        let child = Self {
            process,
            lines: AbortOnDropHandle::new(tokio::spawn(listen(name.to_owned(), stderr))),
            seat,
        };
        Ok((child, Pipes { input, output }))
    }

    /// Whether a process that writes nothing any more has failed. Cancel safe.
    pub(super) async fn has_failed(&mut self) -> bool {
        let ended = timeout(LAST_TIME, self.process.wait()).await;
        ended.is_ok_and(|status| !status.is_ok_and(|status| status.success()))
    }

    /// What went wrong with a process that has ended, or does nothing any more.
    pub(super) async fn fault(mut self) -> String {
        self.seat.0.failed.fetch_add(1, Relaxed);
        let ended = timeout(LAST_TIME, self.process.wait()).await;
        let status = match ended {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => return "it made nothing".to_owned(),
        };
        let said = timeout(LAST_TIME, self.lines).await;
        said.ok().and_then(Result::ok).flatten().unwrap_or(status)
    }
}

pub(super) fn trouble(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Trouble::Missing,
        _ => Trouble::Fails,
    }
}

/// The server's own work comes first.
fn be_nice(process: &tokio::process::Child) {
    let pid = process.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        // A process that is already over needs no priority.
        let _ = rustix::process::setpriority_process(Some(pid), NICENESS);
    }
}

/// Puts what a process says into the log; returns the last line.
async fn listen(name: String, stderr: ChildStderr) -> Option<String> {
    let mut reader = BufReader::new(stderr);
    let (mut last, mut count) = (None, 0);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(LONGEST_LINE);
        let read = limited.read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            break;
        }
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if line.is_empty() {
            continue;
        }
        count += 1;
        if count <= MOST_LINES {
            warn!(name, "ffmpeg: {line}");
        }
        last = Some(line);
    }
    if count > MOST_LINES {
        let more = count - MOST_LINES;
        info!(name, more, "ffmpeg had more to say");
    }
    last
}

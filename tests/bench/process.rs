//! What a process uses, and on which processor it runs.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The processor of the server.
pub(crate) const SERVER_CPU: u32 = 0;

/// The processor of the viewers.
pub(crate) const VIEWERS_CPU: u32 = 1;

/// What a process has used.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// Bytes of memory.
    pub(crate) resident: u64,
}

/// What a running process has used so far.
pub(crate) fn usage(process: u32) -> Usage {
    Usage {
        cpu: cpu(process),
        resident: resident(process),
    }
}

/// The time of all its threads, to the nanosecond; `/proc/PID/stat` counts in ticks of 10 ms.
fn cpu(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let nanos = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("resident memory");
    let kilobytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("kilobytes");
    kilobytes * 1024
}

/// Binds a process to one processor, where there are two and `taskset` is there.
pub(crate) fn pin(process: u32, cpu: u32) {
    let mut command = Command::new("taskset");
    command.args(["-a", "-p", "-c", &cpu.to_string(), &process.to_string()]);
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

//! The server's process, when it runs on this host: what it has used, as Linux tells.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// Clock ticks a second in `/proc/PID/stat`, on every Linux that is still in use.
const TICKS: f64 = 100.0;

/// A process of this host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process(u32);

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Processor time.
    pub(super) cpu: Duration,
    /// Resident memory in bytes.
    pub(super) memory: u64,
}

impl Process {
    /// The process that listens where `authority` leads; `None` when that is
    /// another host, or somebody else's process.
    pub(super) fn listening_at(authority: &str) -> Option<Self> {
        let mut addresses = authority.to_socket_addrs().ok()?;
        let port = addresses.find(is_here)?.port();
        let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listeners(&table, port))
            .collect();
        let links: Vec<String> = inodes
            .iter()
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        processes().find(|process| process.holds(&links))
    }

    /// The number of the process.
    pub(super) fn id(self) -> u32 {
        self.0
    }

    /// What it has used; `None` when it has ended.
    pub(super) fn usage(self) -> Option<Usage> {
        let read = |name| fs::read_to_string(format!("/proc/{}/{name}", self.0)).ok();
        Some(Usage {
            cpu: processor_time(&read("stat")?)?,
            memory: resident(&read("status")?)?,
        })
    }

    fn holds(self, links: &[String]) -> bool {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{}/fd", self.0)) else {
            return false;
        };
        descriptors
            .flatten()
            .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .any(|link| {
                links
                    .iter()
                    .any(|wanted| link.as_os_str() == wanted.as_str())
            })
    }
}

/// Whether an address is one of this host: it can be bound.
fn is_here(address: &SocketAddr) -> bool {
    address.ip().is_loopback() || crate::net::addresses::of_this_machine().contains(&address.ip())
}

fn processes() -> impl Iterator<Item = Process> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    names.filter_map(|name| name.file_name().to_str()?.parse().ok().map(Process))
}

/// The inodes of the sockets of a table of `/proc/net` that listen on `port`.
fn listeners(table: &str, port: u16) -> Vec<String> {
    let listening = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let own = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        (*state == "0A" && own == port).then(|| (*inode).to_owned())
    };
    table.lines().skip(1).filter_map(listening).collect()
}

/// User and system time of `/proc/PID/stat`.
fn processor_time(stat: &str) -> Option<Duration> {
    // The name, in brackets, may hold blanks.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS))
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_found_by_their_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:216A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n   \
            1: 0100007F:216A 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";
        assert_eq!(listeners(table, 8554), ["4711"]);
        assert!(listeners(table, 554).is_empty());
        assert!(listeners("", 554).is_empty());
    }

    #[test]
    fn usage_is_read_past_a_strange_name() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        assert_eq!(processor_time(stat), Some(Duration::from_secs(2)));
        assert_eq!(processor_time("12 (a) S"), None);
        assert_eq!(resident("Name:\tx\nVmRSS:\t  12 kB\n"), Some(12 * 1024));
    }
}

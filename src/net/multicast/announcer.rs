//! Announcing the channels that are sent to groups, and withdrawing them (RFC 2974).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::Casts;
use super::cast::Cast;
use crate::base::clock::Clock;
use crate::media::group_sdp::GroupSdp;
use crate::wire::sap::{Kind, Packet};

/// The port of announcements.
pub const SAP_PORT: u16 = 9875;

/// The shortest time between two announcements of a session, and what all together may take (RFC 2974, 3.1).
const INTERVAL: Duration = Duration::from_secs(300);
const BITS_PER_SECOND: u64 = 4000;

/// Announces what the casts send, while the settings say so.
pub struct Announcer {
    casts: Arc<Casts>,
    clock: Clock,
    announced: Vec<Announced>,
}

/// A session that is announced.
struct Announced {
    cast: Arc<Cast>,
    version: u64,
    sdp: String,
    due: Instant,
}

impl Announcer {
    /// An announcer that has announced nothing yet.
    pub fn new(casts: Arc<Casts>, clock: Clock) -> Self {
        Self {
            casts,
            clock,
            announced: Vec::new(),
        }
    }

    /// Announces until `stop`, and withdraws everything then.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changed = self.casts.changed();
        while !stop.is_cancelled() {
            let sent = match self.casts.are_announced() {
                true => self.casts.sent(),
                false => Vec::new(),
            };
            self.follow(sent);
            let due = self.announce_due();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                // The sender is in `casts`.
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(due.into()) => {}
            }
        }
        self.follow(Vec::new());
    }

    /// Withdraws what is not in `sent`, and takes up what is new.
    fn follow(&mut self, sent: Vec<Arc<Cast>>) {
        let is_sent = |one: &Announced| sent.iter().any(|cast| Arc::ptr_eq(cast, &one.cast));
        for one in self.announced.extract_if(.., |one| !is_sent(one)) {
            one.send(Kind::Deletion);
        }
        let now = self.clock.now();
        for cast in sent {
            let is_known = |one: &Announced| Arc::ptr_eq(&one.cast, &cast);
            if !self.announced.iter().any(is_known) {
                self.announced.push(Announced {
                    cast,
                    version: 0,
                    sdp: String::new(),
                    due: now,
                });
            }
        }
    }

    /// Announces what is due; answers when something is next.
    fn announce_due(&mut self) -> Instant {
        let now = self.clock.now();
        let interval = self.interval();
        for one in self.announced.iter_mut().filter(|one| one.due <= now) {
            one.describe(self.clock.ntp(now).0 >> 32);
            one.send(Kind::Announcement);
            // Spread, so that servers which start together do not stay in step.
            let spread = 2.0 / 3.0 + rand::random::<f64>() * 2.0 / 3.0;
            one.due = now + interval.mul_f64(spread);
        }
        let next = self.announced.iter().map(|one| one.due).min();
        next.unwrap_or(now + interval)
    }

    fn interval(&self) -> Duration {
        let bytes: usize = self.announced.iter().map(|one| one.sdp.len() + 32).sum();
        INTERVAL.max(Duration::from_secs(bytes as u64 * 8 / BITS_PER_SECOND))
    }
}

impl Announced {
    /// Brings the text up to date; it has a new version when it differs.
    fn describe(&mut self, version: u64) {
        if self.text(self.version) != self.sdp {
            self.version = version;
            self.sdp = self.text(version);
        }
    }

    fn text(&self, version: u64) -> String {
        let cast = &self.cast;
        let name = cast.name();
        let group = GroupSdp {
            name,
            // The same after a restart, so that receivers know the session again.
            id: u64::from(u32::from_be_bytes(hash(name.as_bytes()))),
            version,
            source: cast.source(),
            source_specific: cast.is_source_specific(),
            group: cast.group(),
            ttl: cast.ttl(),
        };
        let description = cast.channel().description();
        description.map_or_else(String::new, |description| {
            group.text(&description, |index| cast.ports(index).map(|(rtp, _)| rtp))
        })
    }

    fn send(&self, kind: Kind) {
        let [high, low, ..] = hash(self.sdp.as_bytes());
        let packet = Packet {
            kind,
            hash: u16::from_be_bytes([high, low]),
            origin: self.cast.source(),
            sdp: self.sdp.as_bytes(),
        };
        let mut bytes = Vec::new();
        packet.write(&mut bytes);
        self.cast
            .send_to(scope_of(self.cast.group()), SAP_PORT, &bytes);
        tracing::debug!(channel = self.cast.name(), ?kind, "announced by SAP");
    }
}

fn hash(bytes: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(bytes).into();
    [a, b, c, d]
}

/// Where sessions of the group's scope are announced (RFC 2974, 3).
fn scope_of(group: IpAddr) -> IpAddr {
    match group {
        IpAddr::V4(group) => match group.octets() {
            [239, 255, ..] => [239, 255, 255, 255].into(),
            [239, 192..=195, ..] => [239, 195, 255, 255].into(),
            _ => Ipv4Addr::new(224, 2, 127, 254).into(),
        },
        IpAddr::V6(group) => {
            let scope = 0xff00 | (group.segments()[0] & 0xf);
            Ipv6Addr::new(scope, 0, 0, 0, 0, 0, 2, 0x7ffe).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_announced_in_their_scope() {
        for (group, wanted) in [
            ("239.255.7.7", "239.255.255.255"),
            ("239.193.7.7", "239.195.255.255"),
            ("232.1.1.1", "224.2.127.254"),
            ("ff15::7", "ff05::2:7ffe"),
        ] {
            let scope = scope_of(group.parse().unwrap());
            assert_eq!(scope, wanted.parse::<IpAddr>().unwrap());
        }
    }
}

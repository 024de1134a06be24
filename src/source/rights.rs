//! Who may publish. Pure.

use std::net::IpAddr;

/// Whether programs at `peer` may feed channels and say what they play.
///
/// Until there are users and passwords, those of this host may, and no others.
pub fn may_publish(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_may_publish() {
        for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(may_publish(peer.parse().unwrap()), "{peer}");
        }
        for peer in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "::"] {
            assert!(!may_publish(peer.parse().unwrap()), "{peer}");
        }
    }
}

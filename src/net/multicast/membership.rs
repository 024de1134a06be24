//! Joining a group, for all who send to it or for some (RFC 3376, RFC 3810).

use std::io;
use std::net::IpAddr;

use socket2::Socket;

use super::Interface;
use crate::net::receiver::Senders;

/// Joins `group` on `interface`.
///
/// The network is told who may send where the system's interface for that is at
/// hand, which is IPv4 and a list of those who may; otherwise the group is
/// joined for all, and whoever receives has to look at the sender.
pub(in crate::net) fn join(
    socket: &Socket,
    group: IpAddr,
    senders: &Senders,
    interface: &Interface,
) -> io::Result<()> {
    match (group, senders) {
        (IpAddr::V4(group), Senders::Only(list)) => {
            let mut sources = list.iter().filter_map(|source| match source {
                IpAddr::V4(source) => Some(source),
                IpAddr::V6(_) => None,
            });
            sources.try_for_each(|source| socket.join_ssm_v4(source, &group, &interface.ipv4))
        }
        (IpAddr::V4(group), _) => socket.join_multicast_v4(&group, &interface.ipv4),
        (IpAddr::V6(group), _) => socket.join_multicast_v6(&group, interface.index),
    }
}

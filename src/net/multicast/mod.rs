//! Multicast: groups to receive from, and groups to send channels to.
//!
//! A channel that somebody wants by multicast has a [`Cast`], which is one
//! reader of the channel however many listen to the group. What the dialogue
//! with them says is the matter of `rtsp`.

mod announcer;
mod cast;
mod casts;
mod group_track;
mod groups;
mod interface;
mod membership;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::{Domain, Protocol, Socket, Type};

pub use announcer::{Announcer, SAP_PORT};
pub use cast::{Cast, GroupListener};
pub use casts::{Casts, NoCast, Settings};
pub use group_track::GroupTrack;
pub use interface::Interface;
pub(super) use membership::join;

/// The address from which the system would send to `group`; asked by connecting a socket, which sends nothing.
fn source_address(group: IpAddr, interface: &Interface) -> io::Result<IpAddr> {
    let (any, to): (IpAddr, SocketAddr) = match group {
        IpAddr::V4(group) => (Ipv4Addr::UNSPECIFIED.into(), (group, 9).into()),
        IpAddr::V6(group) => {
            let to = SocketAddrV6::new(group, 9, 0, interface.index);
            (Ipv6Addr::UNSPECIFIED.into(), to.into())
        }
    };
    let any = SocketAddr::new(any, 0);
    let socket = Socket::new(Domain::for_address(any), Type::DGRAM, Some(Protocol::UDP))?;
    interface.choose(&socket, any.is_ipv6())?;
    socket.connect(&to.into())?;
    let local = socket.local_addr()?.as_socket();
    Ok(local.map_or_else(|| any.ip(), |local| local.ip()))
}

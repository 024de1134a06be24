//! Who presents media to whom: what a description says of the server and not of the media.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::media_time::NtpTime;

/// Who presents a movie or a channel to whom.
#[derive(Clone, Copy, Debug)]
pub struct Presenter<'a> {
    /// The server's address as the client reaches it.
    pub address: IpAddr,
    /// The absolute URL of the movie or channel, without a trailing slash.
    pub url: &'a str,
    /// The time of the answer.
    pub now: NtpTime,
}

impl Presenter<'_> {
    /// The address in `c=`, which says only that addresses come with SETUP (RFC 2326, C.1.7).
    pub fn unspecified(&self) -> IpAddr {
        unspecified(self.address)
    }
}

/// The unspecified address of the family that `address` has.
pub(super) fn unspecified(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

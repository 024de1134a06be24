//! What a client wants, as its request tells it.

use std::net::IpAddr;

use crate::access::about::About;
use crate::access::challenge::Client;
use crate::access::question::Protocol;
use crate::base::path::MediaPath;

/// A client's wish to watch or to publish something, as its request tells it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The address that it comes from.
    pub peer: IpAddr,
    /// The method of the request.
    pub method: &'a str,
    /// What an answer by Digest has to be about.
    pub about: About<'a>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// What the client understands.
    pub client: Client,
    /// The signature in the URL of the request.
    pub signed: Option<Signed<'a>>,
    /// The token in the URL of the request, which goes before one in the `Authorization` header.
    pub token: Option<&'a str>,
    /// The ticket in the URL of the request.
    pub ticket: Option<Ticket<'a>>,
    /// How the request comes.
    pub protocol: Protocol,
    /// The query of its URL.
    pub query: &'a str,
}

impl Attempt<'_> {
    /// From where alone a nonce is good that the client gets; `None`: from everywhere. Where answers need not be
    /// counted, whoever has seen one could use it again.
    pub(super) fn place(&self) -> Option<IpAddr> {
        match self.about {
            About::Url(_) => None,
            About::Names { .. } => Some(self.peer.to_canonical()),
        }
    }
}

/// A signature in the URL of a request.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// As it stands there.
    pub signature: &'a str,
    /// The names that such a URL is signed with; any of them will do.
    pub names: &'a [MediaPath],
}

/// A ticket in the URL of a request.
#[derive(Clone, Copy, Debug)]
pub struct Ticket<'a> {
    /// As it stands there.
    pub ticket: &'a str,
    /// The name that such a ticket is for.
    pub name: &'a MediaPath,
}

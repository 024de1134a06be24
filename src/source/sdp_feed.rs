//! A feed of RTP that arrives as datagrams, as a session description tells.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use super::claims::{Claim, Claims};
use super::rtp_inflow::{Carries, Inlet, RtpInflow};
use super::sdp_places::{Place, Unsound, places};
use super::{Attempt, Failure};
use crate::media::description::Description;
use crate::net::receiver::{Receiver, Reception};

/// A channel that is fed at places which its description names.
#[derive(Debug)]
pub(super) struct SdpFeed {
    /// Boxed, for it is large beside what other sources hold.
    description: Box<Description>,
    places: Vec<Place>,
    claim: Claim,
    interface: String,
}

impl SdpFeed {
    /// Reads `sdp`, and claims its places for `owner`; groups will be joined on `interface`.
    pub(super) fn read(
        sdp: &[u8],
        owner: &str,
        claims: &Arc<Claims>,
        interface: &str,
    ) -> Result<Self, Unsound> {
        let description = Description::read(sdp)?;
        let places = places(&description)?;
        Ok(Self {
            description: Box::new(description),
            claim: claims.claim(owner.to_owned(), places.clone()),
            places,
            interface: interface.to_owned(),
        })
    }

    /// Receives for as long as it may; the channel is live also while nothing arrives.
    pub(super) async fn feed(&self, attempt: &Attempt) -> Failure {
        let Err(failure) = self.receive(attempt).await;
        failure
    }

    async fn receive(&self, attempt: &Attempt) -> Result<Infallible, Failure> {
        self.claim.check()?;
        let inlets = self.open()?;
        let publisher = attempt.publish((*self.description).clone())?;
        let inflow = RtpInflow::new(publisher, &attempt.status, attempt.clock);
        Err(inflow.run(&inlets).await)
    }

    fn open(&self) -> Result<Vec<Inlet>, Failure> {
        let mut inlets = Vec::new();
        for (track, place) in self.places.iter().enumerate() {
            let alone = match place.rtcp {
                Some(_) => Carries::Rtp,
                None => Carries::Both,
            };
            for (address, carries) in place.addresses().zip([alone, Carries::Rtcp]) {
                let reception = Reception {
                    address,
                    senders: place.senders.clone(),
                    interface: self.interface.clone(),
                };
                let receiver = Receiver::bind(&reception).map_err(|source| Failure::Bind {
                    address,
                    source: explain(source),
                })?;
                inlets.push(Inlet {
                    receiver,
                    track,
                    carries,
                });
            }
        }
        Ok(inlets)
    }
}

/// In the words of whoever wrote the description.
fn explain(error: io::Error) -> io::Error {
    let text = match error.kind() {
        io::ErrorKind::AddrInUse => "another program has the port",
        io::ErrorKind::AddrNotAvailable => "this host has no such address",
        _ => return error,
    };
    io::Error::new(error.kind(), text)
}

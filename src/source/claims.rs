//! Which feed has which ports: the first that asked, until it lets go of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sdp_places::Place;

/// The claims of all feeds, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    made: u64,
    claims: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    owner: String,
    places: Vec<Place>,
}

/// One feed's claim to its places; given up on drop.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Claims>,
    number: u64,
}

/// Another feed was first; the text is one line for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is taken by {owner}")]
pub struct Clash {
    /// The address that both want.
    pub address: SocketAddr,
    /// Who has it.
    pub owner: String,
}

impl Claims {
    /// Claims `places` for `owner`, after all who did so before.
    pub(super) fn claim(self: &Arc<Self>, owner: String, places: Vec<Place>) -> Claim {
        let mut table = self.lock();
        table.made += 1;
        let number = table.made;
        table.claims.push(Entry {
            number,
            owner,
            places,
        });
        Claim {
            claims: Arc::clone(self),
            number,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Whether it is its turn.
    ///
    /// # Errors
    /// [`Clash`] names an earlier claim to the same places.
    pub(super) fn check(&self) -> Result<(), Clash> {
        let table = self.claims.lock();
        let Some(own) = table.claims.iter().find(|one| one.number == self.number) else {
            return Ok(());
        };
        let mut earlier = table
            .claims
            .iter()
            .take_while(|one| one.number < own.number);
        earlier.try_for_each(|one| own.check(one))
    }
}

impl Entry {
    fn check(&self, earlier: &Self) -> Result<(), Clash> {
        let mut pairs = (self.places.iter())
            .flat_map(|own| earlier.places.iter().map(move |other| (own, other)));
        match pairs.find_map(|(own, other)| own.clashes(other)) {
            None => Ok(()),
            Some(address) => Err(Clash {
                address,
                owner: earlier.owner.clone(),
            }),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims
            .lock()
            .claims
            .retain(|one| one.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::receiver::Senders;

    fn place(port: u16) -> Vec<Place> {
        vec![Place {
            rtp: ([127, 0, 0, 1], port).into(),
            rtcp: None,
            senders: Senders::Any,
        }]
    }

    #[test]
    fn the_first_has_the_port_until_it_lets_go() {
        let claims = Arc::new(Claims::default());
        let first = claims.claim("a.sdp".to_owned(), place(5000));
        let second = claims.claim("b.sdp".to_owned(), place(5000));
        let third = claims.claim("c.sdp".to_owned(), place(5002));
        assert_eq!((first.check(), third.check()), (Ok(()), Ok(())));
        let clash = second.check().unwrap_err();
        assert_eq!(clash.to_string(), "127.0.0.1:5000 is taken by a.sdp");
        drop(first);
        assert_eq!(second.check(), Ok(()));
    }
}

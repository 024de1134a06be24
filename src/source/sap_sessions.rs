//! The sessions that others announce: which there are, and when they are over.
//!
//! Sans-IO: packets and times come in with the calls.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::sdp_places::{Place, places};
use crate::base::path::MediaPath;
use crate::media::description::Description;
use crate::wire::sap::{Kind, Packet};
use crate::wire::sdp;

/// A session that is not heard of for so long is over, or for ten of its intervals if that is longer (RFC 2974, 4).
const SILENCE: Duration = Duration::from_secs(3600);
const INTERVALS: u32 = 10;

/// What of the sessions of others is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// The groups that they may use.
    pub(super) groups: Vec<IpNet>,
    /// Those that this server sends to itself, and so hears of.
    pub(super) own: Vec<IpAddr>,
    /// Who may announce; empty: everybody.
    pub(super) senders: Vec<IpNet>,
    /// The most sessions.
    pub(super) most: usize,
}

/// The sessions that are known.
#[derive(Debug, Default)]
pub(super) struct SapSessions {
    known: HashMap<Key, Session>,
}

/// Who announces, and the session as its `o=` line names it without the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    sender: IpAddr,
    session: String,
}

#[derive(Debug)]
struct Session {
    channel: MediaPath,
    sdp: Vec<u8>,
    heard: Instant,
    /// The longest time between two announcements.
    interval: Duration,
}

/// What follows from a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is new.
    Nothing,
    /// There is a session, or it has another text.
    Offer(MediaPath),
    /// A session is over.
    Withdraw(MediaPath),
    /// The session is not let in.
    Refuse(String),
}

impl Admission {
    /// What to object to in what `sender` announces; `None` when it may be received.
    fn objection(&self, sender: IpAddr, description: &Description) -> Option<String> {
        let within = |list: &[IpNet], ip: IpAddr| list.iter().any(|network| network.contains(&ip));
        if !self.senders.is_empty() && !within(&self.senders, sender) {
            return Some(format!("{sender} may not announce"));
        }
        let places = match places(description) {
            Ok(places) => places,
            Err(unsound) => return Some(unsound.to_string()),
        };
        let addresses = places.iter().flat_map(Place::addresses);
        let groups: Vec<_> = addresses.map(|address| address.ip()).collect();
        if groups.iter().any(|group| self.own.contains(group)) {
            return Some("it is sent by this server".to_owned());
        }
        let allowed = |group: &IpAddr| group.is_multicast() && within(&self.groups, *group);
        let outside = groups.into_iter().find(|group| !allowed(group));
        outside.map(|group| format!("{group} is none of the groups that are allowed"))
    }
}

impl SapSessions {
    /// Takes a packet that came from `sender` at `now`.
    pub(super) fn take(
        &mut self,
        packet: &Packet<'_>,
        sender: IpAddr,
        admission: &Admission,
        now: Instant,
    ) -> Step {
        let Ok(sdp::Description(session)) = sdp::Description::read(packet.sdp) else {
            return Step::Refuse("this is no session description".to_owned());
        };
        let origin = &session.origin;
        let user = origin.username.as_deref().unwrap_or("-");
        let key = Key {
            sender,
            session: format!("{user} {} {}", origin.sess_id, origin.unicast_address),
        };
        match packet.kind {
            Kind::Announcement => self.announce(key, packet.sdp, admission, now),
            Kind::Deletion => match self.known.remove(&key) {
                Some(session) => Step::Withdraw(session.channel),
                None => Step::Nothing,
            },
        }
    }

    fn announce(&mut self, key: Key, sdp: &[u8], admission: &Admission, now: Instant) -> Step {
        if let Some(known) = self.known.get_mut(&key) {
            let since = now.saturating_duration_since(known.heard);
            known.interval = known.interval.max(since);
            known.heard = now;
            if known.sdp == sdp {
                return Step::Nothing;
            }
        }
        let description = match Description::read(sdp) {
            Ok(description) => description,
            Err(unfit) => return Step::Refuse(unfit.to_string()),
        };
        if let Some(objection) = admission.objection(key.sender, &description) {
            return Step::Refuse(objection);
        }
        if let Some(known) = self.known.get_mut(&key) {
            known.sdp = sdp.to_vec();
            // It keeps the name that its readers know.
            return Step::Offer(known.channel.clone());
        }
        let Some(channel) = channel_of(description.name()) else {
            return Step::Refuse("the session has no name".to_owned());
        };
        if self.known.len() >= admission.most {
            return Step::Refuse(format!("there are {} sessions already", admission.most));
        }
        if self.known.values().any(|known| known.channel == channel) {
            return Step::Refuse(format!("another session is called {channel}"));
        }
        let session = Session {
            channel: channel.clone(),
            sdp: sdp.to_vec(),
            heard: now,
            interval: Duration::ZERO,
        };
        self.known.insert(key, session);
        Step::Offer(channel)
    }

    /// The description of a channel.
    pub(super) fn sdp(&self, channel: &MediaPath) -> Option<&[u8]> {
        let mut known = self.known.values();
        let session = known.find(|known| known.channel == *channel)?;
        Some(&session.sdp)
    }

    /// Forgets a session that could not be received; it is taken for new when it is announced again.
    pub(super) fn forget(&mut self, channel: &MediaPath) {
        self.known.retain(|_, known| known.channel != *channel);
    }

    /// Takes out those that were not heard of for too long at `now`.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<MediaPath> {
        let is_over = |session: &Session| {
            let patience = SILENCE.max(session.interval * INTERVALS);
            now.saturating_duration_since(session.heard) >= patience
        };
        let over = self.known.extract_if(|_, session| is_over(session));
        over.map(|(_, session)| session.channel).collect()
    }

    /// Takes all out.
    pub(super) fn clear(&mut self) -> Vec<MediaPath> {
        self.known
            .drain()
            .map(|(_, session)| session.channel)
            .collect()
    }
}

/// The name of the channel for a session of that name; `None` where nothing of it can be in a path.
fn channel_of(name: &str) -> Option<MediaPath> {
    let plain: String = name
        .trim()
        .chars()
        .map(|c| if c.is_control() || c == '\\' { '-' } else { c })
        .collect();
    let channel = MediaPath::from_plain(&plain).ok()?;
    (!channel.is_root() && !channel.is_private()).then_some(channel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    struct Air {
        sessions: SapSessions,
        admission: Admission,
        now: Instant,
    }

    impl Air {
        fn new() -> Self {
            Self {
                sessions: SapSessions::default(),
                admission: Admission {
                    groups: vec!["239.0.0.0/8".parse().unwrap()],
                    own: vec![[239, 9, 9, 9].into()],
                    senders: Vec::new(),
                    most: 2,
                },
                now: Clock::start().started(),
            }
        }

        fn hear(&mut self, kind: Kind, sender: [u8; 4], sdp: &str) -> Step {
            let packet = Packet {
                kind,
                hash: 1,
                origin: sender.into(),
                sdp: sdp.as_bytes(),
            };
            let Self {
                sessions,
                admission,
                now,
            } = self;
            sessions.take(&packet, sender.into(), admission, *now)
        }

        fn announce(&mut self, sdp: &str) -> Step {
            self.hear(Kind::Announcement, OWN, sdp)
        }
    }

    const OWN: [u8; 4] = [10, 0, 0, 1];

    fn sdp(id: u8, name: &str, group: &str) -> String {
        format!(
            "v=0\r\no=- {id} 1 IN IP4 10.0.0.1\r\ns={name}\r\nc=IN IP4 {group}/1\r\nt=0 0\r\n\
             m=audio 5004 RTP/AVP 0\r\n"
        )
    }

    fn path(name: &str) -> MediaPath {
        MediaPath::from_plain(name).unwrap()
    }

    fn refused(step: &Step) -> &str {
        match step {
            Step::Refuse(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_session_is_offered_once_again_when_it_changes_and_withdrawn() {
        let mut air = Air::new();
        let first = sdp(1, "News/now", "239.1.1.1");
        assert_eq!(air.announce(&first), Step::Offer(path("News/now")));
        assert_eq!(air.announce(&first), Step::Nothing);
        let changed = sdp(1, "Other name", "239.1.1.2");
        assert_eq!(air.announce(&changed), Step::Offer(path("News/now")));
        assert_eq!(
            air.sessions.sdp(&path("News/now")),
            Some(changed.as_bytes())
        );
        let deletion = "o=- 1 1 IN IP4 10.0.0.1\r\n";
        let foreign = air.hear(Kind::Deletion, [10, 0, 0, 2], deletion);
        assert_eq!(foreign, Step::Nothing);
        let own = air.hear(Kind::Deletion, OWN, deletion);
        assert_eq!(own, Step::Withdraw(path("News/now")));
    }

    #[test]
    fn a_session_that_is_not_heard_of_is_over() {
        let mut air = Air::new();
        let start = air.now;
        let text = sdp(1, "a", "239.1.1.1");
        air.announce(&text);
        air.now = start + Duration::from_secs(900);
        air.announce(&text);
        assert_eq!(air.sessions.expire(air.now + SILENCE), []);
        let late = air.now + Duration::from_secs(9000);
        assert_eq!(air.sessions.expire(late), [path("a")]);
    }

    #[test]
    fn only_what_is_allowed_is_let_in() {
        let mut air = Air::new();
        for (text, why) in [
            (
                sdp(1, "a", "224.2.1.1"),
                "224.2.1.1 is none of the groups that are allowed",
            ),
            (
                sdp(1, "a", "127.0.0.1"),
                "127.0.0.1 is none of the groups that are allowed",
            ),
            (sdp(1, "a", "239.9.9.9"), "it is sent by this server"),
            (sdp(1, "../etc", "239.1.1.1"), "the session has no name"),
            ("v=0\r\ns=a\r\n".to_owned(), "the description has no media"),
        ] {
            assert_eq!(refused(&air.announce(&text)), why);
        }
        air.admission.senders = vec!["10.9.0.0/16".parse().unwrap()];
        let step = air.announce(&sdp(1, "a", "239.1.1.1"));
        assert_eq!(refused(&step), "10.0.0.1 may not announce");
    }

    #[test]
    fn sessions_are_bounded_and_their_names_are_their_own() {
        let mut air = Air::new();
        air.announce(&sdp(1, "a", "239.1.1.1"));
        let again = air.announce(&sdp(2, "a", "239.1.1.2"));
        assert_eq!(refused(&again), "another session is called a");
        air.announce(&sdp(2, "b", "239.1.1.2"));
        let third = air.announce(&sdp(3, "c", "239.1.1.3"));
        assert_eq!(refused(&third), "there are 2 sessions already");
        assert_eq!(air.sessions.clear().len(), 2);
    }
}

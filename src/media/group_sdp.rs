//! What a channel that is sent to a group says of itself to whoever has not asked: where it is, and who sends it.

use std::net::IpAddr;

use sdp_types::{Connection, Origin};

use super::description::{Description, is_of_media};
use crate::wire::sdp;

/// Where and by whom a channel is sent.
#[derive(Clone, Copy, Debug)]
pub struct GroupSdp<'a> {
    /// The channel's name, which becomes that of the session.
    pub name: &'a str,
    /// The session's number, the same for all its versions (RFC 8866, 5.2).
    pub id: u64,
    /// Counts up when the text changes.
    pub version: u64,
    /// The sender's address.
    pub source: IpAddr,
    /// Whether only that may send (RFC 4570).
    pub source_specific: bool,
    /// The group.
    pub group: IpAddr,
    /// How many networks forward it.
    pub ttl: u8,
}

impl GroupSdp<'_> {
    /// The text; `port` tells the RTP port of each track by its index, RTCP comes to the next one.
    pub fn text(&self, description: &Description, port: impl Fn(usize) -> Option<u16>) -> String {
        let mut session = description.session().clone();
        session.origin = Origin::with_ip_addr(self.id, self.version, self.source);
        session.origin.username = Some("reelcast".to_owned());
        session.session_name = self.name.to_owned();
        session.connection = Some(Connection::from_ip_addr_ttl(self.group, Some(self.ttl)));
        session.attributes.retain(is_of_media);
        if self.source_specific {
            let kind = match self.group {
                IpAddr::V4(_) => "IP4",
                IpAddr::V6(_) => "IP6",
            };
            let filter = format!(" incl IN {kind} {} {}", self.group, self.source);
            session.add_attribute_with_value("source-filter", filter);
        }
        for (index, media) in session.medias.iter_mut().enumerate() {
            media.port = port(index).unwrap_or(0);
            media.num_ports = None;
            media.proto = "RTP/AVP".to_owned();
            media.connections.clear();
            media.attributes.retain(is_of_media);
        }
        sdp::Description(session).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_group_and_keeps_the_media() {
        let sdp = b"v=0\r\no=- 9 9 IN IP4 10.0.0.9\r\ns=Other\r\nc=IN IP4 10.0.0.9\r\n\
            a=control:*\r\nm=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
            a=control:streamid=0\r\nm=audio 0 RTP/AVP 0\r\n";
        let description = Description::read(sdp).unwrap();
        let group = GroupSdp {
            name: "news/now",
            id: 7,
            version: 2,
            source: [10, 0, 0, 1].into(),
            source_specific: true,
            group: [232, 1, 2, 3].into(),
            ttl: 1,
        };
        let text = group.text(&description, |index| Some(6000 + 2 * index as u16));
        for line in [
            "o=reelcast 7 2 IN IP4 10.0.0.1",
            "s=news/now",
            "c=IN IP4 232.1.2.3/1",
            "a=source-filter: incl IN IP4 232.1.2.3 10.0.0.1",
            "m=video 6000 RTP/AVP 96",
            "a=rtpmap:96 H264/90000",
            "m=audio 6002 RTP/AVP 0",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in {text}");
        }
        assert!(!text.contains("control"));
    }
}

//! SRTP as sessions have it: the keys of a track, and how they are told.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use sdp_types::Media;

use crate::base::id::TrackId;
use crate::base::media_time::NtpTime;
use crate::base::path::MediaPath;
use crate::media::burst::PacketKind;
use crate::wire::header::key_mgmt::KeyMgmt;
use crate::wire::header::transport::Transport;
use crate::wire::mikey::{Message, Stream, Unfit};
use crate::wire::srtp::{MasterKey, Receiver, SUITE};

use super::ask::Setup;
use super::connection::Connection;
use super::refusal::Refusal;
use super::transport_choice::Terms;

/// The keys of one track.
#[derive(Debug)]
pub(super) struct Protection {
    /// That of what the server sends.
    pub(super) key: MasterKey,
    /// That of what the client sends.
    pub(super) opener: Arc<Opener>,
}

/// Takes the protection off what one client sends for one track.
#[derive(Debug)]
pub(super) struct Opener(Mutex<Receiver>);

impl Connection {
    /// By which protection media may go.
    pub(super) fn terms(&self) -> Terms {
        Terms::on(self.is_encrypted(), self.service().config().rtsp.srtp)
    }

    /// Whether keys may be told as `a=crypto`.
    pub(super) fn tells_sdes(&self) -> bool {
        self.terms().srtp && self.is_encrypted() && self.service().config().rtsp.sdes
    }

    /// By which protection the track may go: who was told a key as `a=crypto` takes all for encrypted.
    pub(super) fn terms_for(&mut self, path: &MediaPath, track: TrackId) -> Terms {
        let terms = self.terms();
        Terms {
            plain_datagrams: terms.plain_datagrams || self.takes_all_for_encrypted(path, track),
            ..terms
        }
    }

    fn takes_all_for_encrypted(&mut self, path: &MediaPath, track: TrackId) -> bool {
        self.tells_sdes() && self.offered_keys().has(path, track)
    }

    /// The keys of a track that goes by SRTP: those that the client was told, or new ones.
    pub(super) fn protection(
        &mut self,
        setup: &Setup,
        offer: &Transport,
        path: &MediaPath,
        track: TrackId,
    ) -> Result<Option<Protection>, Refusal> {
        if !offer.profile.is_secure() && !self.takes_all_for_encrypted(path, track) {
            return Ok(None);
        }
        let key = self.offered_keys().take(path, track);
        let key = key.unwrap_or_else(|| MasterKey::new(rand::random()));
        Protection::new(key, setup.told_key()?).map(Some)
    }
}

impl Setup {
    /// The message that the client has sent with its key.
    ///
    /// # Errors
    /// 400 for a header that makes no sense.
    pub(super) fn told_key(&self) -> Result<Option<Vec<u8>>, Refusal> {
        let header = self.key_mgmt.as_deref().map(KeyMgmt::read).transpose()?;
        Ok(header.map(|header| header.data))
    }
}

impl Protection {
    /// What the server sends is protected by `key`; `told` is the message that the client has sent with
    /// its own, without which its packets have that of the server, as those of SDES clients do.
    ///
    /// # Errors
    /// 400 for a message that makes no sense, or brings a key for another protection than is known.
    pub(super) fn new(key: MasterKey, told: Option<Vec<u8>>) -> Result<Self, Refusal> {
        let receiver = match told {
            Some(told) => {
                let Message { key, streams } = Message::read(&told)?;
                let rollovers = streams.iter().map(|stream| (stream.ssrc, stream.rollovers));
                Receiver::new(&key, rollovers.collect())
            }
            None => Receiver::new(&key, Vec::new()),
        };
        Ok(Self {
            key,
            opener: Arc::new(Opener(Mutex::new(receiver))),
        })
    }

    /// The header that tells the client, once more, what it needs for the track at `url`.
    pub(super) fn key_mgmt(&self, url: &str, ssrc: u32, now: NtpTime) -> String {
        let header = KeyMgmt {
            uri: Some(url.to_owned()),
            data: message(&self.key, ssrc).write(now, rand::random()),
        };
        header.to_string()
    }
}

impl Opener {
    /// Whether the client, and nobody else, can have sent this RTCP packet.
    pub(super) fn is_author(&self, packet: &[u8]) -> bool {
        self.receiver().is_author(packet)
    }

    fn receiver(&self) -> MutexGuard<'_, Receiver> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The packet that has come from a client, as it is or by SRTP; `None` when it is not the client's,
/// or came before.
pub(super) fn open<'a>(
    opener: Option<&Opener>,
    kind: PacketKind,
    packet: &'a [u8],
) -> Option<Cow<'a, [u8]>> {
    let Some(opener) = opener else {
        return Some(packet.into());
    };
    let opened = match kind {
        PacketKind::Rtp => opener.receiver().unprotect_rtp(packet),
        PacketKind::Rtcp => opener.receiver().unprotect_rtcp(packet),
    };
    opened.ok().map(Cow::Owned)
}

/// The message of MIKEY that a description has for a track (RFC 4567, 3.1).
pub(super) fn announced_key(media: &Media) -> Option<Vec<u8>> {
    let value = media.get_first_attribute_value("key-mgmt")??;
    let (protocol, data) = value.trim().split_once(' ')?;
    let is_mikey = protocol.eq_ignore_ascii_case("mikey");
    is_mikey.then(|| STANDARD.decode(data.trim()).ok())?
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        Self::told(400, unfit.to_string())
    }
}

/// The attributes of a track that goes by SRTP; with `sdes` those that FFmpeg knows too.
pub(super) fn attributes(key: &MasterKey, now: NtpTime, sdes: bool) -> Vec<String> {
    // Its source is known when it is set up.
    let message = message(key, 0).write(now, rand::random());
    let mut lines = vec![format!("key-mgmt:mikey {}", STANDARD.encode(message))];
    if sdes {
        lines.push(format!("crypto:1 {SUITE} {}", key.inline()));
    }
    lines
}

fn message(key: &MasterKey, ssrc: u32) -> Message {
    Message {
        key: key.clone(),
        streams: vec![Stream { ssrc, rollovers: 0 }],
    }
}

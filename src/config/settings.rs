//! The settings by section, with their defaults; one field for one key of the file.
//!
//! What a value means for people stands in `conf/reelcast.toml`; its unit in
//! the program stands here.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::access::{AccessCallback, AccessJwt};
use super::acme::Acme;
use super::hls::Hls;
use super::hls_channels::ChannelHls;
use super::hls_groups::HlsGroup;
use super::limits::Limits;
use super::live::Live;
use super::logs::Log;
use super::multicast::{Multicast, Sap};
use super::networks::Networks;
use super::origins;
use super::proxy::Proxy;
use super::sources::ChannelSource;
use super::srtp::Srtp;
use super::tls::Tls;
use super::{channel_name, lists, quantity};
use crate::access::{Rules, Scheme};
use crate::base::path::MediaPath;

/// Every setting of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[rtsp]`
    pub rtsp: Rtsp,
    /// `[http]`
    pub http: Http,
    /// `[admin]`
    pub admin: Admin,
    /// `[tls]`
    pub tls: Tls,
    /// `[acme]`
    pub acme: Acme,
    /// `[live]`
    pub live: Live,
    /// `[multicast]`
    pub multicast: Multicast,
    /// `[sap]`
    pub sap: Sap,
    /// `[hls]`
    pub hls: Hls,
    /// `[ts]`
    pub ts: Ts,
    /// `[relay]`
    pub relay: Relay,
    /// `[access]`
    pub access: Access,
    /// `[limits]`
    pub limits: Limits,
    /// `[proxy]`
    pub proxy: Proxy,
    /// `[log.error]` and `[log.access]`
    pub log: Log,
    /// `[[source]]`, read by `sources`; no variable of the environment stands for it.
    #[serde(skip)]
    pub sources: Vec<ChannelSource>,
    /// Who may watch the channels of these sources, as far as `access` says.
    #[serde(skip)]
    pub source_access: Vec<(MediaPath, Rules)>,
    /// `[[hls.group]]`, read by `hls_groups`; no variable of the environment stands for it.
    #[serde(skip)]
    pub hls_groups: Vec<HlsGroup>,
    /// `[[hls.channel]]`, read by `hls_channels`; no variable of the environment stands for it.
    #[serde(skip)]
    pub hls_channels: Vec<ChannelHls>,
}

impl Config {
    /// Who may watch channels, as far as the settings say.
    pub fn channel_access(&self) -> impl Iterator<Item = (&MediaPath, &Rules)> {
        let sources = self.source_access.iter();
        let sources = sources.map(|(channel, rules)| (channel, rules));
        let encoders = self.ts.access.as_ref();
        sources.chain(encoders.map(|rules| (&self.ts.channel, rules)))
    }

    /// Whether the certificate comes from an authority, and not from files that somebody else sees to.
    pub fn is_certificate_fetched(&self) -> bool {
        let is_given = !self.tls.certificate.as_os_str().is_empty();
        !is_given && !self.acme.domains.is_empty() && !self.acme.email.is_empty()
    }

    /// The file of the keys that URLs are signed with.
    pub fn signing_keys(&self) -> PathBuf {
        match self.access.signing_keys.as_os_str().is_empty() {
            true => self.server.state.join("signing-keys"),
            false => self.access.signing_keys.clone(),
        }
    }

    /// The settings of `[hls]` for that channel.
    pub fn hls_of(&self, channel: &MediaPath) -> &Hls {
        let mut channels = self.hls_channels.iter();
        let own = channels.find(|one| one.is_of(channel));
        own.map_or(&self.hls, |own| &own.hls)
    }
}

/// What the server serves and where it keeps its own files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The folder of movies.
    pub movies: PathBuf,
    /// The folder for what the server writes by itself.
    pub state: PathBuf,
    /// The user to become after binding; empty: stay.
    pub user: String,
    /// Whether symbolic links below `movies` may lead out of it.
    pub follow_links: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            movies: "movies".into(),
            state: "state".into(),
            user: String::new(),
            follow_links: true,
        }
    }
}

/// RTSP and the transports of RTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rtsp {
    /// Addresses for RTSP, and for its HTTP tunnel.
    #[serde(with = "lists::addresses")]
    pub listen: Vec<SocketAddr>,
    /// Addresses for RTSP over TLS.
    #[serde(with = "lists::addresses")]
    pub tls_listen: Vec<SocketAddr>,
    /// UDP ports for RTP and RTCP; starts at an even one.
    #[serde(with = "quantity::ports")]
    pub udp_ports: RangeInclusive<u16>,
    /// Whose media may go by SRTP.
    pub srtp: Srtp,
    /// Whether keys for SRTP are also told as `a=crypto`, to clients that come by TLS.
    pub sdes: bool,
    /// How long a session lives without a sign of its client.
    #[serde(with = "quantity::duration")]
    pub session_timeout: Duration,
    /// How long a connection without a session may be idle.
    #[serde(with = "quantity::duration")]
    pub connection_timeout: Duration,
    /// Packets due within this time leave together over TCP.
    #[serde(with = "quantity::duration")]
    pub tcp_interval: Duration,
    /// Packets due within this time leave together over UDP.
    #[serde(with = "quantity::duration")]
    pub udp_interval: Duration,
    /// The longest RTP payload that the server builds, in bytes.
    pub max_packet: u16,
}

impl Default for Rtsp {
    fn default() -> Self {
        Self {
            listen: everywhere(8554),
            tls_listen: everywhere(8322),
            udp_ports: 6970..=9999,
            srtp: Srtp::Tls,
            sdes: false,
            session_timeout: Duration::from_secs(60),
            connection_timeout: Duration::from_secs(180),
            tcp_interval: Duration::from_millis(200),
            udp_interval: Duration::from_millis(20),
            max_packet: 1400,
        }
    }
}

/// HLS, pages, the RTSP tunnel, and what encoders upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Addresses for HTTP.
    #[serde(with = "lists::addresses")]
    pub listen: Vec<SocketAddr>,
    /// Addresses for HTTPS.
    #[serde(with = "lists::addresses")]
    pub tls_listen: Vec<SocketAddr>,
    /// An encoder that sends no media for so long is disconnected.
    #[serde(with = "quantity::duration")]
    pub source_timeout: Duration,
    /// Whether the files of movies can be fetched, with `?download` behind their names.
    pub download: bool,
    /// The pages that are told what viewers get by their cookies and logins, by the origins that browsers name.
    #[serde(with = "origins")]
    pub origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: everywhere(8080),
            tls_listen: everywhere(8443),
            source_timeout: Duration::from_secs(10),
            download: false,
            origins: Vec::new(),
        }
    }
}

/// Administration: metrics and health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Addresses for HTTP.
    #[serde(with = "lists::addresses")]
    pub listen: Vec<SocketAddr>,
    /// Addresses for HTTPS.
    #[serde(with = "lists::addresses")]
    pub tls_listen: Vec<SocketAddr>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: on_this_host(1220),
            tls_listen: on_this_host(1240),
        }
    }
}

/// MPEG transport streams that encoders send by TCP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ts {
    /// Addresses where encoders connect.
    #[serde(with = "lists::addresses")]
    pub listen: Vec<SocketAddr>,
    /// The channel that they feed.
    #[serde(with = "channel_name")]
    pub channel: MediaPath,
    /// Who may watch that channel; `None`: as the access files say.
    #[serde(with = "lists::rules")]
    pub access: Option<Rules>,
    /// An encoder that sends no media for so long is disconnected.
    #[serde(with = "quantity::duration")]
    pub source_timeout: Duration,
}

impl Default for Ts {
    fn default() -> Self {
        Self {
            listen: on_this_host(9999),
            channel: MediaPath::from_plain("stream").expect("this is a plain name"),
            access: None,
            source_timeout: Duration::from_secs(10),
        }
    }
}

/// Relays to other servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relay {
    /// The file that describes the relays; empty: none.
    pub conf: PathBuf,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            conf: "conf/relays.toml".into(),
        }
    }
}

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Files of users; the first that exists counts.
    #[serde(with = "lists::paths")]
    pub users: Vec<PathBuf>,
    /// Files of groups; the first that exists counts.
    #[serde(with = "lists::paths")]
    pub groups: Vec<PathBuf>,
    /// How users log in where no access file says it.
    pub scheme: Scheme,
    /// The file with what this server logs in with elsewhere.
    pub logins: PathBuf,
    /// The file of the keys that URLs are signed with; empty: `signing-keys` in the state folder.
    pub signing_keys: PathBuf,
    /// For how long the URLs in playlists are good for who has logged in.
    #[serde(with = "quantity::duration")]
    pub pass_lifetime: Duration,
    /// `[access.watch]`: who may watch, list and download.
    pub watch: Networks,
    /// `[access.publish]`: who may publish.
    pub publish: Networks,
    /// `[access.admin]`: who may come to the administration port.
    pub admin: Networks,
    /// `[access.jwt]`
    pub jwt: AccessJwt,
    /// `[access.callback]`
    pub callback: AccessCallback,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            users: vec!["conf/qtusers".into(), "/etc/streaming/qtusers".into()],
            groups: vec!["conf/qtgroups".into(), "/etc/streaming/qtgroups".into()],
            scheme: Scheme::Digest,
            logins: "conf/logins".into(),
            signing_keys: PathBuf::new(),
            pass_lifetime: Duration::from_secs(12 * 60 * 60),
            watch: Networks::default(),
            publish: Networks::default(),
            admin: Networks::default(),
            jwt: AccessJwt::default(),
            callback: AccessCallback::default(),
        }
    }
}

/// Every IPv6 and IPv4 address of the host.
fn everywhere(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv6Addr::UNSPECIFIED, port).into()]
}

fn on_this_host(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into()]
}

//! The configuration: one immutable value, read from a file and the environment.
//!
//! Reading, checking and watching belong here; acting on a change does not
//! (`app/` and the holders of a watch receiver do that). `conf/reelcast.toml` is
//! the manual of the settings and the embedded default at once.

mod access;
mod acme;
mod bounds;
mod certificate;
mod changes;
mod channel_name;
mod fault;
mod hls;
mod hls_channels;
mod hls_groups;
mod key;
mod limits;
mod lists;
mod live;
mod load;
mod logins;
mod logs;
mod multicast;
mod networks;
mod origins;
mod proxy;
mod quantity;
mod ranges;
mod settings;
mod source_url;
mod sources;
mod srtp;
mod tables;
mod tls;
mod verify;
mod watch;

pub use access::{AccessCallback, AccessJwt};
pub use acme::{Acme, Challenge};
pub use certificate::Certificate;
pub use changes::{Change, Changes};
pub use fault::{Fault, Place};
pub use hls::{Encryption, Hls, KeyCount, Method, Package, PlaylistType};
pub use hls_channels::ChannelHls;
pub use hls_groups::HlsGroup;
pub use limits::Limits;
pub use live::Live;
pub use load::{EMBEDDED, Loaded, SettingsSource, load};
pub use logs::{Level, Log, LogAccess, LogError, LogFormat};
pub use multicast::{Multicast, Sap};
pub use networks::Networks;
pub use proxy::Proxy;
pub use quantity::duration::read as read_duration;
pub use settings::{Access, Admin, Config, Http, Relay, Rtsp, Server, Ts};
pub use source_url::{Credentials, Scheme, SourceUrl};
pub use sources::{ChannelSource, Transport};
pub use srtp::Srtp;
pub use tls::Tls;
pub use watch::Watch;

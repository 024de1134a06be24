//! The text of playlists (RFC 8216 and its second edition, draft-pantos-hls-rfc8216bis). Pure.
//!
//! What stands in a playlist is decided in `window`; how it is written, here.

mod media;
mod multivariant;
mod pictures;
mod streams;
mod uris;

pub use media::{
    Control, KeyLine, MediaPlaylist, PartLine, PlaylistKind, RenditionReport, SegmentLine,
    TitleLine,
};
pub use multivariant::{
    Alternative, AudioRendition, HEAD, IFrames, Multivariant, SessionKey, Tags,
};
pub use pictures::Pictures;
pub use streams::{Sound, Stream};
pub use uris::with_uris;

/// The media type of every playlist (RFC 8216, 10).
pub const MEDIA_TYPE: &str = "application/vnd.apple.mpegurl";

//! Why there is no playlist for who asks.

use crate::hls::transcode::Trouble;

/// Why there is no playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlaylist {
    /// What is wanted is too far ahead.
    #[error("that segment is too far ahead")]
    Beyond,
    /// What is wanted did not come in time.
    #[error("that segment did not come in time")]
    Late,
    /// There is nothing to play yet.
    #[error("the channel has sent nothing to play yet")]
    Starting,
    /// What the channel holds, or how it is encrypted, is not for this flavour.
    #[error(
        "transport streams cannot carry the formats of the channel, or not as they are encrypted: take index.m3u8, or have the server transcode it (`transcode` in [hls])"
    )]
    Unfit,
    /// The channel ended before there was anything to play, or holds nothing that can be packaged.
    #[error("the channel holds nothing that HLS can carry")]
    Nothing,
    /// There are no key frames in what it holds.
    #[error("the channel has no pictures, or none that are whole by themselves")]
    NoPictures,
    /// It has fewer sounds.
    #[error("the channel has no such sound")]
    NoSound,
    /// What it holds has to be transcoded, and is not.
    #[error(transparent)]
    Untranscoded(#[from] Trouble),
}

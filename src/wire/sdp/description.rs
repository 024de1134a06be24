//! A session description as a value.

use std::fmt;

use sdp_types::Session;

use super::sanitise::sanitise;

/// A session description: what sdp-types models, read from whatever text encoders and movies hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(pub Session);

/// Text that is no session description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no session description")]
pub struct NotSdp;

impl Description {
    /// Reads `text` after [`sanitise`].
    ///
    /// # Errors
    /// [`NotSdp`] when no line of it makes sense.
    pub fn read(text: &[u8]) -> Result<Self, NotSdp> {
        let sound = sanitise(text);
        if sound == "v=0\r\n" {
            return Err(NotSdp);
        }
        Session::parse(sound.as_bytes())
            .map(Self)
            .map_err(|_| NotSdp)
    }
}

impl fmt::Display for Description {
    /// The text, lines with CRLF, in the order of RFC 4566, 5.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.0.write(&mut text).map_err(|_| fmt::Error)?;
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

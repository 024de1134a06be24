//! What a multivariant playlist tells of the pictures of a variant.

use std::fmt::{self, Display, Formatter};

use crate::codec::VideoRange;

/// The pictures of a variant, as far as they are known; nothing where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pictures {
    /// Width and height.
    pub resolution: Option<(u32, u32)>,
    /// How many come a second.
    pub frame_rate: Option<f64>,
    /// What a player has to be able to show.
    pub range: Option<VideoRange>,
}

impl Display for Pictures {
    /// The attributes, each behind a comma (rfc8216bis, 4.4.6.2).
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some((width, height)) = self.resolution {
            write!(f, ",RESOLUTION={width}x{height}")?;
        }
        if let Some(rate) = self.frame_rate {
            write!(f, ",FRAME-RATE={rate:.3}")?;
        }
        match self.range {
            Some(range) => write!(f, ",VIDEO-RANGE={range}"),
            None => Ok(()),
        }
    }
}

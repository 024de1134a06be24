//! HLS playlists (RFC 8216), as far as transport streams are fetched by them. Pure.

use std::time::Duration;

/// The most segments of a playlist that count.
const MAX_SEGMENTS: usize = 10_000;

/// A playlist.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Playlist {
    /// The URI of the best variant of a multivariant playlist.
    Best(String),
    /// A media playlist.
    Media(Media),
}

/// A media playlist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// The longest that a segment lasts.
    pub(super) target: Duration,
    /// The number of the first segment.
    pub(super) sequence: u64,
    pub(super) segments: Vec<Segment>,
    /// Nothing will be added.
    pub(super) ended: bool,
}

/// A segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) uri: String,
    /// It does not continue the one before.
    pub(super) discontinuity: bool,
}

/// Why a playlist cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("this is no HLS playlist")]
    NotPlaylist,
    #[error("the playlist names no media")]
    Empty,
    #[error("the segments are encrypted, which is not supported")]
    Encrypted,
    #[error("the segments are no transport streams, which is not supported")]
    OtherFormat,
    #[error("the segments are parts of files, which is not supported")]
    ByteRanges,
}

impl Playlist {
    /// Reads the text of a playlist; tags that do not matter here are skipped.
    pub(super) fn read(text: &str) -> Result<Self, Unusable> {
        let mut lines = text.lines().map(str::trim);
        let first = lines.next().map(|line| line.trim_start_matches('\u{feff}'));
        if !first.is_some_and(|line| line.starts_with("#EXTM3U")) {
            return Err(Unusable::NotPlaylist);
        }
        let mut reading = Reading::default();
        for line in lines.filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                Some(tag) => reading.tag(tag)?,
                None => reading.uri(line),
            }
        }
        reading.finish()
    }
}

#[derive(Default)]
struct Reading {
    media: Media,
    best: Option<(u64, String)>,
    /// The bandwidth of the variant whose URI comes next.
    bandwidth: Option<u64>,
    discontinuity: bool,
}

impl Reading {
    fn tag(&mut self, tag: &str) -> Result<(), Unusable> {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXT-X-STREAM-INF" => self.bandwidth = Some(bandwidth(value)),
            "EXT-X-TARGETDURATION" => {
                let seconds: u64 = value.parse().unwrap_or_default();
                self.media.target = Duration::from_secs(seconds.min(3600));
            }
            "EXT-X-MEDIA-SEQUENCE" => self.media.sequence = value.parse().unwrap_or_default(),
            "EXT-X-DISCONTINUITY" => self.discontinuity = true,
            "EXT-X-ENDLIST" => self.media.ended = true,
            "EXT-X-KEY" if !value.contains("METHOD=NONE") => return Err(Unusable::Encrypted),
            "EXT-X-MAP" => return Err(Unusable::OtherFormat),
            "EXT-X-BYTERANGE" => return Err(Unusable::ByteRanges),
            _ => {}
        }
        Ok(())
    }

    fn uri(&mut self, uri: &str) {
        if let Some(bandwidth) = self.bandwidth.take() {
            if self.best.as_ref().is_none_or(|(best, _)| bandwidth > *best) {
                self.best = Some((bandwidth, uri.to_owned()));
            }
        } else if self.media.segments.len() < MAX_SEGMENTS {
            self.media.segments.push(Segment {
                uri: uri.to_owned(),
                discontinuity: std::mem::take(&mut self.discontinuity),
            });
        }
    }

    fn finish(self) -> Result<Playlist, Unusable> {
        match self.best {
            Some((_, uri)) => Ok(Playlist::Best(uri)),
            None if self.media.segments.is_empty() && self.media.target.is_zero() => {
                Err(Unusable::Empty)
            }
            None => Ok(Playlist::Media(self.media)),
        }
    }
}

/// The value of BANDWIDTH in a list of attributes; quoted values may hold commas.
fn bandwidth(attributes: &str) -> u64 {
    let mut is_quoted = false;
    let parts = attributes.split(|character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    });
    let own = |part: &str| part.trim().strip_prefix("BANDWIDTH=")?.parse().ok();
    parts.into_iter().find_map(own).unwrap_or_default()
}

/// Which segments of a playlist that changes have been taken.
#[derive(Debug, Default)]
pub(super) struct Progress {
    next: Option<u64>,
}

impl Progress {
    /// How many of the segments at hand come before the next to take, and how many were missed.
    ///
    /// The first time, all but the last three of a live playlist are left out (RFC 8216, 6.3.3).
    pub(super) fn skip(&mut self, media: &Media) -> (usize, u64) {
        const FROM_THE_END: usize = 3;
        let count = media.segments.len();
        let end = media.sequence.saturating_add(count as u64);
        let from_the_end = if media.ended {
            0
        } else {
            count.saturating_sub(FROM_THE_END)
        };
        let next = match self.next {
            // A playlist that went back has begun anew.
            Some(next) if next <= end.saturating_add(count as u64) => next,
            _ => media.sequence.saturating_add(from_the_end as u64),
        };
        let missed = media.sequence.saturating_sub(next);
        let skipped = usize::try_from(next.saturating_sub(media.sequence)).unwrap_or(usize::MAX);
        self.next = Some(next.max(media.sequence));
        (skipped.min(count), missed)
    }

    /// The next segment has been taken.
    pub(super) fn taken(&mut self) {
        self.next = self.next.map(|next| next.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n\
        #EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:4.0,\na.ts\n#EXTINF:4,\nb.ts\r\n\
        #EXT-X-DISCONTINUITY\n#EXTINF:3.5,\nhttp://x/c.ts\n#EXTINF:4,\nd.ts\n";

    fn media(text: &str) -> Media {
        match Playlist::read(text) {
            Ok(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_media_playlist_lists_its_segments() {
        let live = media(LIVE);
        assert_eq!(
            (live.target, live.sequence, live.ended),
            (Duration::from_secs(4), 7, false)
        );
        let segments: Vec<_> = live
            .segments
            .iter()
            .map(|one| (&one.uri[..], one.discontinuity))
            .collect();
        assert_eq!(
            segments,
            [
                ("a.ts", false),
                ("b.ts", false),
                ("http://x/c.ts", true),
                ("d.ts", false)
            ]
        );
        assert!(media(&format!("{LIVE}#EXT-X-ENDLIST")).ended);
    }

    #[test]
    fn the_best_variant_is_taken() {
        let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS=\"a,b\"\nlow.m3u8\n\
            #EXT-X-STREAM-INF:CODECS=\"avc1,BANDWIDTH=9\",BANDWIDTH=900000\nhigh.m3u8\n\
            #EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=2000000,BANDWIDTH=300000\nmiddle.m3u8\n";
        assert_eq!(
            Playlist::read(text),
            Ok(Playlist::Best("high.m3u8".to_owned()))
        );
    }

    #[test]
    fn what_cannot_be_followed_is_told() {
        for (text, reason) in [
            ("<html>", Unusable::NotPlaylist),
            ("", Unusable::NotPlaylist),
            ("#EXTM3U\n", Unusable::Empty),
            (
                "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\na.ts",
                Unusable::Encrypted,
            ),
            (
                "#EXTM3U\n#EXT-X-MAP:URI=\"i.mp4\"\na.m4s",
                Unusable::OtherFormat,
            ),
            ("#EXTM3U\n#EXT-X-BYTERANGE:9@0\na.ts", Unusable::ByteRanges),
        ] {
            assert_eq!(Playlist::read(text), Err(reason), "{text}");
        }
        assert!(Playlist::read("#EXTM3U\n#EXT-X-KEY:METHOD=NONE\na.ts").is_ok());
    }

    #[test]
    fn each_segment_is_taken_once() {
        let mut progress = Progress::default();
        let mut live = media(LIVE);
        assert_eq!(progress.skip(&live), (1, 0));
        (0..3).for_each(|_| progress.taken());
        assert_eq!(progress.skip(&live), (4, 0));
        live.sequence = 9;
        assert_eq!(progress.skip(&live), (2, 0));
        // Too late for two of them.
        live.sequence = 13;
        assert_eq!(progress.skip(&live), (0, 2));
        // The server began anew.
        live.sequence = 0;
        assert_eq!(progress.skip(&live), (1, 0));
        let whole = Media {
            ended: true,
            ..media(LIVE)
        };
        assert_eq!(Progress::default().skip(&whole), (0, 0));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, sequence: u64) {
            let _ = Playlist::read(&format!("#EXTM3U\n{text}"));
            let mut progress = Progress::default();
            let _ = progress.skip(&Media { sequence, ..media(LIVE) });
            progress.taken();
            let _ = progress.skip(&media(LIVE));
        }
    }
}

//! `/NAME?download`: the file of a movie as it is, or a range of its bytes.

use std::ops::Range;
use std::sync::Arc;

use futures::{Stream, stream};
use hyper::header::CONTENT_DISPOSITION;
use hyper::{Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::{full, set, text, typed};
use super::asked::Asked;
use super::body::{Body, Broken};
use super::file::File;
use super::movies::refused;
use super::server::Server;
use crate::base::path::MediaPath;
use crate::codec::Kind;
use crate::container::FileRange;
use crate::hls::movies::NoMovie;
use crate::hls::viewers::Stay;
use crate::hls::watched::Watched;
use crate::vod::{Blocks, Movie};

/// Bytes that are read at a time.
const PIECE: u64 = 256 << 10;

/// Whether a query asks for the file.
pub(super) fn is_download(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| pair == "download" || pair.starts_with("download="))
}

impl Server {
    /// The file of the movie `path`, if `[http] download` allows it.
    pub(super) async fn answer_download(
        &self,
        asked: &Asked<'_>,
        path: &MediaPath,
    ) -> Response<Body> {
        if !self.config().http.download {
            return text(StatusCode::FORBIDDEN, "files cannot be fetched from here\n");
        }
        match self.library.file(path).await {
            Ok(movie) => self.send(asked, &movie),
            Err(error) => refused(&NoMovie::from(error)),
        }
    }

    fn send(&self, asked: &Asked<'_>, movie: &Arc<Movie>) -> Response<Body> {
        let length = movie.size();
        let file = File {
            tag: format!("\"{length:x}-{:x}\"", since_1970(movie)),
            modified: Some(movie.modified()),
            length,
            keep: "no-cache",
        };
        file.answer(asked, |range| self.piece(asked, movie, range))
    }

    fn piece(&self, asked: &Asked<'_>, movie: &Arc<Movie>, range: Range<u64>) -> Response<Body> {
        let watched = Watched::Movie(Arc::clone(movie));
        let stay = match self.hls.viewers.stay(&watched, asked.visit()) {
            Ok(stay) => stay,
            Err(reached) => return full(reached),
        };
        let session = Arc::clone(stay.session());
        let length = range.end - range.start;
        let mut response = typed(StatusCode::OK, media_type(movie), "");
        let name = utf8_percent_encode(movie.path().name(), NON_ALPHANUMERIC);
        let disposition = format!("attachment; filename*=UTF-8''{name}");
        set(&mut response, CONTENT_DISPOSITION, &disposition);
        let sending = Sending {
            movie: Arc::clone(movie),
            blocks: Arc::clone(self.hls.movies.blocks()),
            range,
            stay,
        };
        *response.body_mut() = Body::coming(length, sending.pieces());
        response.body_mut().count_for(session);
        response
    }
}

/// A file on its way to a client.
struct Sending {
    movie: Arc<Movie>,
    blocks: Arc<Blocks>,
    /// What is still to be sent.
    range: Range<u64>,
    /// The client's session.
    stay: Stay,
}

impl Sending {
    fn pieces(self) -> impl Stream<Item = Result<bytes::Bytes, Broken>> {
        stream::try_unfold(self, |mut sending| async move {
            let Range { start, end } = sending.range;
            if start >= end {
                return Ok(None);
            }
            if sending.stay.session().end().is_cancelled() {
                return Err(Broken("the session was ended"));
            }
            let to = (start / PIECE + 1).saturating_mul(PIECE).min(end);
            let piece = FileRange {
                file: 0,
                offset: start,
                length: (to - start) as u32,
            };
            let read = sending.movie.read(&sending.blocks, piece).await;
            let bytes = read.ok_or(Broken("the file cannot be read"))?;
            sending.range.start = to;
            Ok(Some((bytes, sending)))
        })
    }
}

fn since_1970(movie: &Movie) -> u128 {
    let since = movie.modified().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}

fn media_type(movie: &Movie) -> &'static str {
    let mut tracks = movie.index().tracks.iter();
    let is_seen = tracks.any(|track| track.kind() == Some(Kind::Video));
    match movie.index().container {
        "QuickTime" => "video/quicktime",
        "MP4" if is_seen => "video/mp4",
        "MP4" => "audio/mp4",
        "3GPP" => "video/3gpp",
        "MP3" | "MPEG audio" => "audio/mpeg",
        "WAV" => "audio/wav",
        "AIFF" | "AIFF-C" => "audio/aiff",
        "AU" => "audio/basic",
        "ASF" => "video/x-ms-asf",
        "AVI" => "video/x-msvideo",
        "FLAC" => "audio/flac",
        "Flash" => "video/x-flv",
        "Matroska" => "video/x-matroska",
        "MPEG-PS" => "video/mpeg",
        "MPEG-TS" => "video/mp2t",
        "Ogg" => "application/ogg",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_asks_for_the_file() {
        for (query, asks) in [
            ("download", true),
            ("a=b&download", true),
            ("download=1", true),
            ("", false),
            ("downloads", false),
        ] {
            assert_eq!(is_download(query), asks, "{query}");
        }
    }
}

//! Titles of channels, as source clients of Icecast and SHOUTcast tell them: in requests beside the stream.

use std::net::SocketAddr;

use hyper::{Response, StatusCode};
use tracing::{info, warn};

use super::body::Body;
use super::connection::{text, typed};
use super::server::Server;
use crate::base::path::MediaPath;
use crate::media::channel::State;
use crate::source::rights::may_publish;
use crate::wire::icecast::TitleUpdate;

/// What Icecast answers, which some clients look for.
const DONE: &str = "<?xml version=\"1.0\"?>\n<iceresponse><message>Metadata update successful</message>\
    <return>1</return></iceresponse>\n";

/// The longest form of a POST, in bytes.
pub(super) const MAX_FORM: u64 = 16 * 1024;

/// A status of HTTP, and why a title was not taken.
pub(super) type NotTaken = (StatusCode, &'static str);

/// Whether a URL's path is that of updates: Icecast's or SHOUTcast's.
pub(super) fn is_of_titles(path: &str) -> bool {
    matches!(
        path,
        "/admin/metadata" | "/admin/metadata.xsl" | "/admin.cgi"
    )
}

impl Server {
    /// Answers a GET with the query `query`.
    pub(super) fn update_title(&self, query: &str, peer: SocketAddr) -> Response<Body> {
        match self.take_title(query, peer) {
            Ok(done) => typed(StatusCode::OK, "text/xml; charset=utf-8", done),
            Err((status, reason)) => text(status, reason),
        }
    }

    /// Takes the title in `form`, which a URL or a POST had; returns what to answer.
    ///
    /// # Errors
    /// [`NotTaken`], which was logged.
    pub(super) fn take_title(
        &self,
        form: &str,
        peer: SocketAddr,
    ) -> Result<&'static str, NotTaken> {
        let taken = self.read_title(form, peer);
        let (path, title) = taken.inspect_err(|(status, reason)| {
            let status = status.as_u16();
            warn!(%peer, status, reason = reason.trim_end(), "a title was refused");
        })?;
        // Some encoders repeat their title with every frame.
        if self.uploads.title(&path).as_ref() == Some(&title) {
            return Ok(DONE);
        }
        info!(%path, title, "a channel has another title");
        self.uploads.set_title(&path, &title);
        if let Some(channel) = self.mounts.open(&path) {
            channel.set_title(&title);
        }
        Ok(DONE)
    }

    /// Whose title `form` tells, and the title.
    fn read_title(&self, form: &str, peer: SocketAddr) -> Result<(MediaPath, String), NotTaken> {
        if !may_publish(peer.ip()) {
            let reason = "only this host itself may publish so far\n";
            return Err((StatusCode::FORBIDDEN, reason));
        }
        let update = TitleUpdate::read(form)
            .map_err(|_| (StatusCode::BAD_REQUEST, "no update of a title\n"))?;
        let path = match &update.mount {
            Some(mount) => MediaPath::from_plain(mount).ok(),
            None => self.uploads.only_radio(),
        };
        let path = path.filter(|path| self.is_fed(path));
        let path = path.ok_or((StatusCode::NOT_FOUND, "no such channel\n"))?;
        Ok((path, update.title))
    }

    fn is_fed(&self, path: &MediaPath) -> bool {
        let channel = self.mounts.open(path);
        let is_live = channel.is_some_and(|channel| channel.state() == State::Live);
        is_live || self.uploads.has(path)
    }
}

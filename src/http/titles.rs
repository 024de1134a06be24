//! Titles of channels, as source clients of Icecast and SHOUTcast tell them: in requests beside the stream.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use tracing::{info, warn};

use super::connection::{text, typed};
use super::server::Server;
use crate::base::path::MediaPath;
use crate::media::channel::{Channel, State};
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
    pub(super) fn update_title(&self, query: &str, peer: SocketAddr) -> Response<Full<Bytes>> {
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
        let taken = self.find_titled(form, peer);
        let (channel, title) = taken.inspect_err(|(status, reason)| {
            let status = status.as_u16();
            warn!(%peer, status, reason = reason.trim_end(), "a title was refused");
        })?;
        channel.set_title(&title);
        info!(path = %channel.path(), title, "a channel has another title");
        Ok(DONE)
    }

    fn find_titled(
        &self,
        form: &str,
        peer: SocketAddr,
    ) -> Result<(Arc<Channel>, String), NotTaken> {
        if !peer.ip().is_loopback() {
            let reason = "only this host itself may publish so far\n";
            return Err((StatusCode::FORBIDDEN, reason));
        }
        let update = TitleUpdate::read(form)
            .map_err(|_| (StatusCode::BAD_REQUEST, "no update of a title\n"))?;
        let path = match &update.mount {
            Some(mount) => MediaPath::from_plain(mount).ok(),
            None => self.uploads.only_radio(),
        };
        let channel = path.and_then(|path| self.mounts.open(&path));
        let channel = channel.filter(|channel| channel.state() == State::Live);
        let channel = channel.ok_or((StatusCode::NOT_FOUND, "no such channel\n"))?;
        Ok((channel, update.title))
    }
}

//! Titles of channels, as source clients of Icecast and SHOUTcast tell them: in requests beside the stream.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use tracing::{info, warn};

use super::connection::{text, typed};
use super::server::Server;
use crate::base::path::MediaPath;
use crate::media::channel::State;
use crate::wire::icecast::TitleUpdate;

/// What Icecast answers, which some clients look for.
const DONE: &str = "<?xml version=\"1.0\"?>\n<iceresponse><message>Metadata update successful</message>\
    <return>1</return></iceresponse>\n";

/// Why a title was not taken.
type NotTaken = (StatusCode, &'static str);

impl Server {
    /// Answers `/admin/metadata?…` and `/admin.cgi?…`.
    pub(super) fn update_title(&self, query: &str, peer: SocketAddr) -> Response<Full<Bytes>> {
        match self.take_title(query, peer) {
            Ok(()) => typed(StatusCode::OK, "text/xml; charset=utf-8", DONE),
            Err((status, reason)) => {
                warn!(%peer, status = status.as_u16(), reason = reason.trim_end(), "a title was refused");
                text(status, reason)
            }
        }
    }

    fn take_title(&self, query: &str, peer: SocketAddr) -> Result<(), NotTaken> {
        if !peer.ip().is_loopback() {
            return Err((
                StatusCode::FORBIDDEN,
                "only this host itself may publish so far\n",
            ));
        }
        let update = TitleUpdate::read(query)
            .map_err(|_| (StatusCode::BAD_REQUEST, "no update of a title\n"))?;
        let path = match &update.mount {
            Some(mount) => MediaPath::from_plain(mount).ok(),
            None => self.uploads.only_radio(),
        };
        let channel = path.and_then(|path| self.mounts.open(&path));
        let channel = channel.filter(|channel| channel.state() == State::Live);
        let channel = channel.ok_or((StatusCode::NOT_FOUND, "no such channel\n"))?;
        channel.set_title(&update.title);
        info!(path = %channel.path(), title = update.title, "a channel has another title");
        Ok(())
    }
}

//! Titles of channels, as source clients of Icecast and SHOUTcast tell them: in requests beside the stream.

use std::io;

use hyper::{Response, StatusCode};
use tokio::io::AsyncReadExt;
use tracing::{info, warn};

use super::answer::typed;
use super::asked::Asked;
use super::body::Body;
use super::permission::{Claim, refused};
use super::server::Server;
use super::upload_body::UploadBody;
use super::upload_request::Refusal;
use crate::base::path::MediaPath;
use crate::media::channel::State;
use crate::wire::http_head::HttpHead;
use crate::wire::icecast::TitleUpdate;

/// What Icecast answers, which some clients look for.
const DONE: &str = "<?xml version=\"1.0\"?>\n<iceresponse><message>Metadata update successful</message>\
    <return>1</return></iceresponse>\n";

/// The longest form of a POST, in bytes.
const MAX_FORM: u64 = 16 * 1024;

/// Whether a URL's path is that of updates: Icecast's or SHOUTcast's.
pub(super) fn is_of_titles(path: &str) -> bool {
    matches!(
        path,
        "/admin/metadata" | "/admin/metadata.xsl" | "/admin.cgi"
    )
}

/// What a POST tells, whose form is its `body`, and perhaps its query; libshout sends one.
///
/// # Errors
/// What the connection says, or that it is no text.
pub(super) async fn form_of(head: &HttpHead, body: UploadBody<'_>) -> io::Result<String> {
    let mut form = String::new();
    body.take(MAX_FORM).read_to_string(&mut form).await?;
    if let Some((_, query)) = head.target.split_once('?') {
        form = format!("{form}&{query}");
    }
    Ok(form)
}

impl Server {
    /// Answers the GET `asked`. Cancel safe.
    pub(super) async fn update_title(&self, asked: &Asked<'_>) -> Response<Body> {
        let query = asked.request.uri().query().unwrap_or_default();
        match self.take_title(query, &Claim::of(asked)).await {
            Ok(done) => typed(StatusCode::OK, "text/xml; charset=utf-8", done),
            Err(refusal) => refused(refusal),
        }
    }

    /// Takes the title in `form`, which a URL or a POST had; returns what to answer. Cancel safe.
    ///
    /// # Errors
    /// [`Refusal`] with 400, 401, 403 or 404, which was logged.
    pub(super) async fn take_title(
        &self,
        form: &str,
        claim: &Claim<'_>,
    ) -> Result<&'static str, Refusal> {
        let taken = self.read_title(form, claim).await;
        let (path, title) = taken.inspect_err(|Refusal { status, reason, .. }| {
            warn!(peer = %claim.peer(), status, reason, "a title was refused");
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
    async fn read_title(
        &self,
        form: &str,
        claim: &Claim<'_>,
    ) -> Result<(MediaPath, String), Refusal> {
        let update =
            TitleUpdate::read(form).map_err(|_| Refusal::new(400, "no update of a title"))?;
        let path = match &update.mount {
            Some(mount) => MediaPath::from_plain(mount).ok(),
            None => self.uploads.only_radio(),
        };
        // Who may not publish does not learn what there is.
        self.admit_publisher(claim, &path.clone().unwrap_or_default())
            .await?;
        let path = path.filter(|path| self.is_fed(path));
        let path = path.ok_or_else(|| Refusal::new(404, "no such channel"))?;
        Ok((path, update.title))
    }

    fn is_fed(&self, path: &MediaPath) -> bool {
        let channel = self.mounts.open(path);
        let is_live = channel.is_some_and(|channel| channel.state() == State::Live);
        is_live || self.uploads.has(path)
    }
}

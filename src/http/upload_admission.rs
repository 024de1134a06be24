//! Whether what an encoder wants to upload may begin, and what it is told if not, or if it cannot go on.

use std::time::Duration;

use tracing::warn;

use super::permission::Claim;
use super::server::Server;
use super::upload::Upload;
use super::upload_body::UploadBody;
use super::upload_request::{Refusal, UploadRequest};
use crate::base::error::Kind;
use crate::base::path::MediaPath;
use crate::base::peer::Peer;
use crate::media::mounts::{Busy, Takeover};
use crate::source::Failure;
use crate::wire::http_head::HttpHead;

impl Server {
    /// What `head`, a request for `target`, asks for if `peer` may have it, with the upload that it goes
    /// on with or begins; `current` is the one that went before on its connection. Cancel safe.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) async fn admit_upload(
        &self,
        head: &HttpHead,
        target: &str,
        peer: Peer,
        current: Option<Upload>,
    ) -> Result<(UploadRequest, Upload), Refusal> {
        let claim = Claim::of_encoder(head, peer);
        let request = UploadRequest::read(head, target)?;
        self.admit_publisher(&claim, &request.path).await?;
        if let Some(upload) = current.or_else(|| self.pauses.take(&request.path)) {
            if upload.goes_on_with(&request) {
                return Ok((request, upload));
            }
            upload.end(peer, &Failure::Ended);
        }
        self.check_name(&request.path).await?;
        let upload = Upload::begin(self, &request, peer);
        Ok((request, upload))
    }

    /// Feeds the channel of `upload` with `body` for as long as `peer` may publish; whether the body came to its end.
    ///
    /// # Errors
    /// Why the channel is fed no longer.
    pub(super) async fn take_body(
        &self,
        upload: &mut Upload,
        body: &mut UploadBody<'_>,
        peer: Peer,
    ) -> Result<bool, Failure> {
        tokio::select! {
            taken = upload.take(body) => taken,
            () = self.gate.until_foreign(peer.ip()) => Err(Failure::Foreign),
        }
    }

    /// Counts and logs that an upload of `peer` was refused.
    pub(super) fn note_refusal(&self, head: &HttpHead, peer: Peer, refusal: &Refusal) {
        self.uploads.refuse();
        let Refusal { status, reason, .. } = refusal;
        warn!(%peer, target = head.target, status, reason, "an upload was refused");
    }

    /// Whether a channel of that name may begin now.
    async fn check_name(&self, path: &MediaPath) -> Result<(), Refusal> {
        let opened = self.library.open(path).await;
        let is_file = opened.map_or_else(|error| error.kind() != Kind::NotFound, |_| true);
        if is_file {
            return Err(Refusal::new(409, "a file has that name"));
        }
        let free = self.mounts.check(path, self.takeover());
        free.map_err(|busy| match busy {
            Busy::Publishing { .. } => Refusal::new(403, format_args!("Mountpoint in use: {busy}")),
            Busy::Reserved { .. } | Busy::Group => Refusal::new(409, busy),
            Busy::Full { .. } | Busy::Stopped => Refusal::new(503, busy),
        })
    }

    pub(super) fn takeover(&self) -> Takeover {
        if self.config().live.takeover {
            Takeover::Replace
        } else {
            Takeover::Refuse
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.config().http.source_timeout
    }
}

/// What an encoder is told whose upload has ended by `failure`.
pub(super) fn status_of(failure: &Failure) -> u16 {
    match failure {
        Failure::Silent(_) => 408,
        Failure::Barren { .. } | Failure::Unknown | Failure::Unfit(_) => 415,
        Failure::Busy(_) | Failure::Replaced => 409,
        Failure::Foreign => 403,
        _ => 400,
    }
}

//! Reference movies: texts that send QuickTime from a web page to an RTSP URL.

use crate::base::error::Kind;
use crate::base::path::MediaPath;
use crate::wire::http_head::HttpHead;

use super::service::Service;
use super::target::Entrance;

impl Service {
    /// The reference movie for an HTTP GET of the path of a movie or channel (QTSS manual, "Reference movies");
    /// `entrance` stands in for a missing Host, and whoever comes by TLS is sent to TLS. Of what not everybody may watch it tells nothing: the player
    /// that follows it is asked to log in, whether there is such a thing or not.
    ///
    /// # Errors
    /// Why there is neither.
    pub(super) async fn reference(
        &self,
        head: &HttpHead,
        entrance: Entrance,
    ) -> Result<String, Kind> {
        let path = head.target.split('?').next().unwrap_or_default();
        let path = MediaPath::from_url(path).map_err(|_| Kind::NotFound)?;
        if self.parts.gate.is_open(&path).await && self.parts.mounts.open(&path).is_none() {
            let found = self.parts.library.open(&path).await;
            found.map_err(|error| error.kind())?;
        }
        let host = match head.headers.get("Host") {
            Some(host) => host.to_owned(),
            None => entrance.local.to_string(),
        };
        let (scheme, path) = (entrance.scheme(), path.to_url());
        Ok(format!("rtsptext\r\n{scheme}://{host}/{path}\r\n"))
    }
}

//! The way to other servers, to which this folder makes no connections.

use std::fmt::Debug;
use std::io;

use bytes::Bytes;
use futures::future::BoxFuture;
use url::Url;

/// Asks other servers by HTTP.
pub trait Web: Debug + Send + Sync {
    /// What is at `url`, of which nobody on the way may have changed anything.
    ///
    /// # Errors
    /// When there is nothing, or it does not come within seconds.
    fn fetch(&self, url: Url) -> BoxFuture<'static, io::Result<Bytes>>;

    /// The status that is answered when `json` is sent to `url`, by a server that is who it should be.
    /// Cancel safe: the connection ends.
    ///
    /// # Errors
    /// When there is no answer.
    fn post(&self, url: Url, json: Bytes) -> BoxFuture<'static, io::Result<u16>>;
}

//! The keys by which tokens are known: read from a file, or fetched from where their issuer tells them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;
use url::Url;

use super::settings::{Jwt, KeySet};
use super::texts::{Fault, Texts};
use super::tokens::{Bearer, TokenKeys};
use super::web::Web;
use crate::base::clock::Clock;

/// Keys that were fetched are good for so long without another look.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// For so long they are good when the issuer cannot be asked.
const LASTING: Duration = Duration::from_secs(60 * 60);

/// How often an issuer is asked at most, also for keys that tokens speak of and that are not known.
const PAUSE: Duration = Duration::from_secs(30);

/// Keys of tokens.
#[derive(Debug)]
pub(super) struct TokenIssuer {
    clock: Clock,
    web: Arc<dyn Web>,
    files: Texts<TokenKeys>,
    fetched: Mutex<Fetched>,
    /// One asks, the others wait.
    asking: tokio::sync::Mutex<()>,
}

/// What was fetched last.
#[derive(Debug, Default)]
struct Fetched {
    url: Option<Url>,
    keys: Option<(Instant, Arc<TokenKeys>)>,
    /// When the issuer was asked last.
    asked: Option<Instant>,
}

impl TokenIssuer {
    /// No keys yet.
    pub(super) fn new(web: Arc<dyn Web>, clock: Clock) -> Self {
        Self {
            clock,
            web,
            files: Texts::default(),
            fetched: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// Whom `token` names, if it is good. Cancel safe.
    pub(super) async fn read(self: &Arc<Self>, token: &str, jwt: &Jwt) -> Option<Bearer> {
        let keys = match &jwt.keys {
            KeySet::Url(url) => self.of_url(url, token).await,
            KeySet::File(file) => {
                let (issuer, file) = (Arc::clone(self), file.clone());
                let look = move || issuer.files.of_keys(&file, of_file).ok().flatten();
                tokio::task::spawn_blocking(look).await.ok()?
            }
        };
        keys?.read_token(token, jwt, self.clock.latest_wall())
    }

    /// The keys that are told at `url`, among them that of `token` if possible.
    async fn of_url(&self, url: &Url, token: &str) -> Option<Arc<TokenKeys>> {
        if let Some(keys) = self.known(url, token) {
            return Some(keys);
        }
        let _asking = self.asking.lock().await;
        // Whoever asked meanwhile may have got it.
        if let Some(keys) = self.known(url, token) {
            return Some(keys);
        }
        if self.is_due(url) {
            match self.fetch(url).await {
                Ok(keys) => self.keep(keys),
                Err(reason) => warn!(%url, %reason, "the keys of tokens cannot be fetched"),
            }
        }
        self.lasting()
    }

    /// Everybody may read what is told at a URL, so secrets in it are none.
    async fn fetch(&self, url: &Url) -> Result<TokenKeys, String> {
        let text = self.web.fetch(url.clone()).await;
        let text = text.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&text);
        TokenKeys::read(&text, false).map_err(|fault| fault.to_string())
    }

    /// Keys that need not be fetched again for `token`.
    fn known(&self, url: &Url, token: &str) -> Option<Arc<TokenKeys>> {
        let now = self.clock.now();
        let fetched = self.fetched();
        let (at, keys) = fetched
            .keys
            .as_ref()
            .filter(|_| fetched.url.as_ref() == Some(url))?;
        let is_fresh = now.saturating_duration_since(*at) < FRESH;
        (is_fresh && keys.has_key_of(token)).then(|| Arc::clone(keys))
    }

    /// Whether the issuer was not asked just now; then it counts as asked, for who asks may leave before there is an
    /// answer. What another one has told is forgotten.
    fn is_due(&self, url: &Url) -> bool {
        let now = self.clock.now();
        let mut fetched = self.fetched();
        if fetched.url.as_ref() != Some(url) {
            *fetched = Fetched {
                url: Some(url.clone()),
                ..Fetched::default()
            };
        }
        let is_past = |asked: Instant| now.saturating_duration_since(asked) >= PAUSE;
        let is_due = fetched.asked.is_none_or(is_past);
        if is_due {
            fetched.asked = Some(now);
        }
        is_due
    }

    fn keep(&self, keys: TokenKeys) {
        self.fetched().keys = Some((self.clock.now(), Arc::new(keys)));
    }

    /// The last keys, if they are not too old.
    fn lasting(&self) -> Option<Arc<TokenKeys>> {
        let now = self.clock.now();
        let fetched = self.fetched();
        let (at, keys) = fetched.keys.as_ref()?;
        let lasts = now.saturating_duration_since(*at) < LASTING;
        lasts.then(|| Arc::clone(keys))
    }

    fn fetched(&self) -> std::sync::MutexGuard<'_, Fetched> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys that everybody may know may stand in a file that is not `private`.
fn of_file(text: &str, private: Result<(), Fault>) -> Result<TokenKeys, Fault> {
    let keys = TokenKeys::read(text, true).map_err(|fault| Fault {
        line: 0,
        text: fault.to_string(),
    })?;
    if keys.has_secrets() {
        private?;
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use futures::future::BoxFuture;

    use super::*;

    /// An issuer that is asked and never answers.
    #[derive(Debug, Default)]
    struct Silent(AtomicUsize);

    impl Web for Silent {
        fn fetch(&self, _: Url) -> BoxFuture<'static, io::Result<Bytes>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(futures::future::pending())
        }

        fn post(&self, _: Url, _: Bytes) -> BoxFuture<'static, io::Result<u16>> {
            Box::pin(futures::future::pending())
        }
    }

    #[tokio::test]
    async fn a_client_that_leaves_does_not_make_the_next_one_ask() {
        let web = Arc::<Silent>::default();
        let issuer = TokenIssuer::new(Arc::clone(&web) as Arc<dyn Web>, Clock::start());
        let url: Url = "https://issuer.example/jwks".parse().unwrap();
        let mut asked = Box::pin(issuer.of_url(&url, "x"));
        assert!(futures::poll!(&mut asked).is_pending());
        drop(asked);
        assert!(issuer.of_url(&url, "x").await.is_none());
        assert_eq!(web.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn secrets_are_kept_in_private_files() {
        let fault = || {
            Err(Fault {
                line: 0,
                text: "not private".to_owned(),
            })
        };
        let secret =
            r#"{ "keys": [{ "kty": "oct", "k": "YSBzZWNyZXQgdGhhdCBpcyAzMiBieXRlcyBsb25nLi4" }] }"#;
        let public = r#"{ "keys": [{ "kty": "OKP", "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }"#;
        assert!(of_file(secret, Ok(())).is_ok());
        assert_eq!(of_file(secret, fault()).map(|_| ()), fault());
        assert!(of_file(public, fault()).is_ok());
    }
}

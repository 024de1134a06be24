//! The account that an authority knows this server by, kept on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use instant_acme::{Account, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::Failure;
use super::authority::Authority;
use crate::config::Acme;
use crate::net::tls_files::write_private;

/// What is kept of an account, and for whom it was made.
#[derive(Deserialize, Serialize)]
struct Kept {
    directory: String,
    email: String,
    credentials: AccountCredentials,
}

/// The account for these settings; a new one if none is kept in `folder`. By having one, whoever set
/// the address agrees to the authority's terms.
///
/// # Errors
/// [`Failure`].
pub(super) async fn open(acme: &Acme, folder: &Path) -> Result<Account, Failure> {
    let failed = |source| Failure::Files {
        folder: folder.to_owned(),
        source,
    };
    let builder = Account::builder_with_http(Box::new(Authority));
    let file = folder.join("account.json");
    if let Some(kept) = read(file.clone()).await
        && (&kept.directory, &kept.email) == (&acme.directory, &acme.email)
    {
        return Ok(builder.from_credentials(kept.credentials).await?);
    }
    let contact = format!("mailto:{}", acme.email);
    let wanted = NewAccount {
        contact: &[&contact],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let created = builder.create(&wanted, acme.directory.clone(), None).await;
    let (account, credentials) = created?;
    let kept = Kept {
        directory: acme.directory.clone(),
        email: acme.email.clone(),
        credentials,
    };
    let text = serde_json::to_string(&kept).map_err(|error| failed(error.into()))?;
    let written = spawn_blocking(move || write_private(&file, &text)).await;
    let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
    written.map_err(failed)?;
    Ok(account)
}

/// An account that cannot be read is as good as none.
async fn read(file: PathBuf) -> Option<Kept> {
    let text = spawn_blocking(move || fs::read(file)).await.ok()?.ok()?;
    serde_json::from_slice(&text).ok()
}

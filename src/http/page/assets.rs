//! The files that `admin-ui` builds, kept in the program: styles, scripts, and the page around them.
//!
//! The names of files in `assets/` hold a hash of their content, so browsers keep them for ever.

use std::collections::HashMap;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use rust_embed::RustEmbed;

use super::super::answer::{FOR_EVER, set, status, typed, varies_by};
use super::super::asked::Asked;
use super::super::body::Body;
use crate::hls::text::packed;

/// Shorter bodies are sent as they are.
const WORTH_PACKING: usize = 1024;

/// Where all the others are.
const FOLDER: &str = "/assets/";

/// The page into which all others are written.
const TEMPLATE: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "admin-ui/dist"]
#[allow_missing = true]
struct Built;

/// What `admin-ui` has built; nothing where it has not.
#[derive(Debug)]
pub(super) struct Assets {
    table: HashMap<String, Asset>,
    template: Option<String>,
}

/// A file that never changes.
#[derive(Debug)]
pub(super) struct Asset {
    plain: Bytes,
    /// In the gzip format, made when it is asked for first.
    gzip: OnceLock<Bytes>,
    media_type: &'static str,
    tag: String,
}

impl Default for Assets {
    fn default() -> Self {
        let named = Built::iter().map(|name| (format!("/{name}"), name));
        let named = named.filter(|(path, _)| path.starts_with(FOLDER));
        let assets = named.filter_map(|(path, name)| {
            let asset = Asset::new(&name, Built::get(&name)?.data.into_owned());
            Some((path, asset))
        });
        let template = Built::get(TEMPLATE).map(|file| file.data.into_owned());
        Self {
            table: assets.collect(),
            template: template.and_then(|html| String::from_utf8(html).ok()),
        }
    }
}

impl Assets {
    /// The file that the path of a URL names.
    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        let is_here = path.starts_with(FOLDER);
        is_here.then(|| self.table.get(path)).flatten()
    }

    /// The page into which all others are written.
    pub(super) fn template(&self) -> Option<&str> {
        self.template.as_deref()
    }
}

impl Asset {
    fn new(name: &str, content: Vec<u8>) -> Self {
        Self {
            plain: content.into(),
            gzip: OnceLock::new(),
            media_type: media_type(name),
            tag: format!("\"{}\"", name.rsplit('/').next().unwrap_or_default()),
        }
    }

    /// The answer to a request for it.
    pub(super) fn answer(&self, asked: &Asked<'_>) -> Response<Body> {
        let is_packable = self.plain.len() >= WORTH_PACKING;
        let is_packed = is_packable && asked.takes_gzip();
        let tag = match is_packed {
            true => format!("{}-gzip\"", self.tag.trim_end_matches('"')),
            false => self.tag.clone(),
        };
        let mut response = if asked.has(tag.as_bytes(), None) {
            status(StatusCode::NOT_MODIFIED)
        } else if is_packed {
            let gzip = || packed(&self.plain, Compression::best());
            let bytes = self.gzip.get_or_init(gzip).clone();
            typed(StatusCode::OK, self.media_type, bytes)
        } else {
            typed(StatusCode::OK, self.media_type, self.plain.clone())
        };
        if is_packed {
            set(&mut response, CONTENT_ENCODING, "gzip");
        }
        if is_packable {
            varies_by(&mut response, &ACCEPT_ENCODING);
        }
        set(&mut response, ETAG, &tag);
        set(&mut response, CACHE_CONTROL, FOR_EVER);
        set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
        response
    }
}

/// An answer that is packed where that is worth it and the client takes it.
pub(super) fn packable(
    asked: &Asked<'_>,
    status: StatusCode,
    media_type: &'static str,
    text: String,
) -> Response<Body> {
    if text.len() < WORTH_PACKING {
        return typed(status, media_type, text);
    }
    let mut response = match asked.takes_gzip() {
        true => {
            let gzip = packed(text.as_bytes(), Compression::fast());
            let mut response = typed(status, media_type, gzip);
            set(&mut response, CONTENT_ENCODING, "gzip");
            response
        }
        false => typed(status, media_type, text),
    };
    varies_by(&mut response, &ACCEPT_ENCODING);
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

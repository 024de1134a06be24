//! Pictures that stand for a channel or movie until it plays.

use std::sync::Arc;

use hyper::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

use super::super::answer::{missing, set, typed};
use super::super::body::Body;
use super::shelf::Picture;
use crate::vod::Library;

/// The largest picture that is sent, in bytes.
const LARGEST: u64 = 8 << 20;

/// Answers with `picture`, read from the movies folder.
pub(super) async fn answer(library: &Arc<Library>, picture: Option<Picture>) -> Response<Body> {
    let Some(picture) = picture else {
        return missing("there is no picture\n");
    };
    let library = Arc::clone(library);
    let media_type = picture.media_type;
    let read = tokio::task::spawn_blocking(move || library.text(&picture.path, LARGEST));
    let Ok(Ok(bytes)) = read.await else {
        return missing("the picture cannot be read\n");
    };
    let mut response = typed(StatusCode::OK, media_type, bytes);
    // Its URL changes when it does.
    set(&mut response, CACHE_CONTROL, "max-age=86400");
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

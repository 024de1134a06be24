//! Session descriptions (RFC 4566): tolerant reading, and the answer to DESCRIBE.
//!
//! The model is that of sdp-types; this folder makes legacy text fit for it and
//! composes descriptions. What an attribute means is not known here, so all are kept.

mod answer;
mod description;
mod presenter;
mod sanitise;
mod secure;

pub use answer::{Answer, SessionFacts, TrackFacts};
pub use description::{Description, NotSdp};
pub use presenter::Presenter;
pub use sanitise::sanitise;
pub use secure::{secure, unsecure};

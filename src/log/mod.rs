//! The error log and the access log, and the files that both roll.
//!
//! What is worth logging is decided where it happens; how a line looks, where
//! it goes and when a file rolls belongs here.

pub mod access;
mod agent;
pub mod error;
pub mod roll;
mod stamp;

//! Several channels as one program: variants that players switch between.
//!
//! What they share is made here, and given to their packagers when those begin: a timeline
//! ([`epoch`]) and the lines at which segments begin ([`grid`]), as far apart as the key frames of all
//! allow (`cadence`). Packagers know nothing of each other.

mod cadence;
pub mod epoch;
pub mod grid;
pub(super) mod grids;
pub mod program;

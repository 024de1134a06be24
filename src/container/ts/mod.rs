//! MPEG transport streams (ISO/IEC 13818-1): from bytes, however they arrive, to the units of elementary streams.
//!
//! And the way back: [`mux`] makes a transport stream of samples.
//!
//! Packets are found, tables followed while they change, and PES packets put
//! together. What the bytes of an elementary stream mean is `codec`'s work, and
//! where they come from is `source`'s.
//!
//! ```text
//!  bytes ─> sync ─> packet ─┬─ PID 0, PMT ─> section ─> tables ──> Event::Program
//!                           └─ streams ────> pes ─ timestamp ────> Event::Unit
//! ```

#[cfg(test)]
pub(crate) mod build;
mod demux;
pub mod mux;
mod packet;
mod pes;
mod section;
mod sync;
mod tables;
#[cfg(test)]
mod tests;
mod timestamp;

pub use demux::{Counts, Demux, Event, Unit};
pub use tables::{Program, Stream};

/// Ticks per second of PTS and DTS, in Hz.
pub const CLOCK_HZ: u32 = 90_000;

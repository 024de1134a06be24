//! MPEG transport streams (ISO/IEC 13818-1): from bytes, however they arrive, to the units of elementary streams.
//!
//! Packets are found, tables followed while they change, and PES packets put
//! together. What the bytes of an elementary stream mean is `codec`'s work, and
//! where they come from is `source`'s.
//!
//! ```text
//!  bytes ─> sync ─> packet ─┬─ PID 0, PMT ─> section ─> tables ──> Event::Program
//!                           └─ streams ────> pes ─ timestamp ────> Event::Unit
//! ```

mod demux;
#[cfg(test)]
pub(crate) mod mux;
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

//! A channel's packets on their way into one process after the other.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tracing::warn;

use super::door::Connection;
use crate::media::burst::{Burst, Packet, PacketKind};
use crate::media::ring::{Cursor, Taken};
use crate::wire::rtsp::Message;

/// In which form packets go into a process. Sans-IO.
pub(super) trait Form: Send {
    /// Appends to `into` what is to be made of a packet, whose bytes are `data`.
    fn write(&mut self, packet: &Packet, data: &[u8], into: &mut BytesMut) -> Written;

    /// Appends to `into` what is under way; nothing follows.
    fn finish(&mut self, into: &mut BytesMut);
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It was taken, or is for nobody.
    Taken,
    /// It is for the next process.
    Turn,
    /// What a decoder must know has not come with so many packets.
    Untold,
}

/// Where a process takes what it is given.
pub(super) enum Inlet {
    /// RTP, from a connection.
    Connection(Box<Connection>),
    /// A file, from its standard input.
    Pipe(ChildStdin),
}

impl Inlet {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Connection(connection) => connection.write(bytes).await,
            Self::Pipe(pipe) => pipe.write_all(bytes).await,
        }
    }

    /// What the process says next. Cancel safe.
    async fn next(&mut self) -> io::Result<Message> {
        match self {
            Self::Connection(connection) => connection.next().await,
            Self::Pipe(_) => std::future::pending().await,
        }
    }

    async fn answer(&mut self, message: &Message) -> io::Result<()> {
        match self {
            Self::Connection(connection) => connection.answer(message).await,
            Self::Pipe(_) => Ok(()),
        }
    }
}

/// How a process takes what it is given.
#[derive(Debug, Default)]
pub(super) struct Appetite {
    /// Bytes that it was offered.
    offered: AtomicU64,
    /// It has not taken all of them yet.
    is_pending: AtomicBool,
}

impl Appetite {
    /// Waits until the process has taken what `giving` gives.
    async fn wait<T>(&self, giving: impl Future<Output = T>) -> T {
        self.is_pending.store(true, Relaxed);
        let given = giving.await;
        self.is_pending.store(false, Relaxed);
        given
    }

    /// Whether the process has had anything to take since it had been offered `known` bytes in all, which
    /// become those that it has been offered now.
    pub(super) fn had_something(&self, known: &mut u64) -> bool {
        let offered = self.offered.load(Relaxed);
        std::mem::replace(known, offered) != offered || self.is_pending.load(Relaxed)
    }
}

/// Why no more packets go into a process.
#[derive(Debug)]
pub(super) enum Fed {
    /// The channel has ended.
    All,
    /// What comes next is for a process that begins anew.
    UpToTurn,
    /// The process takes no more.
    UpToFault,
    /// What a decoder must know of some track has not come for long.
    Untold,
}

/// What a channel has at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Packets,
    Nothing,
    Turn,
    Untold,
    End,
}

/// A channel's packets on their way into one process after the other.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    cursor: Cursor,
    /// Bursts that were taken and have not gone out, but for the packets of the first before that one.
    taken: VecDeque<Arc<Burst>>,
    from: usize,
}

impl Feed {
    /// From `cursor` on.
    pub(super) fn new(cursor: Cursor) -> Self {
        Self {
            cursor,
            taken: VecDeque::new(),
            from: 0,
        }
    }

    /// Takes hold of all that is there, which the channel may not keep for as long as a process takes to begin;
    /// not where something is held already, so that no more is than a channel keeps.
    pub(super) fn take_hold(&mut self) {
        if !self.taken.is_empty() {
            return;
        }
        let mut bursts = Vec::new();
        loop {
            match self.cursor.take(&mut bursts, usize::MAX) {
                Taken::Bursts => {}
                Taken::Missed(packets) => {
                    self.warn_of_missed(packets);
                    bursts.clear();
                }
                Taken::Nothing | Taken::Ended(_) => break,
            }
        }
        self.taken.extend(bursts);
    }

    /// Lets go of what was taken and has not gone out.
    pub(super) fn let_go(&mut self) {
        self.taken.clear();
        self.from = 0;
    }

    fn warn_of_missed(&self, packets: u64) {
        let path = self.cursor.channel().path();
        warn!(%path, packets, "transcoding for HLS fell behind");
    }

    /// Whether a packet of that track is there, or was not long ago.
    pub(super) fn has(&self, track: usize) -> bool {
        let taken = self.taken.iter().flat_map(|burst| burst.packets());
        let mut taken = taken.skip(self.from);
        taken.any(|packet| packet.kind == PacketKind::Rtp && usize::from(packet.track) == track)
            || self.cursor.first_of(track).is_some()
    }

    /// Sends packets in that form until the channel ends or turns.
    ///
    /// Notes in `appetite` how the process takes them.
    pub(super) async fn run(
        &mut self,
        inlet: &mut Inlet,
        form: &mut dyn Form,
        appetite: &Appetite,
    ) -> Fed {
        let mut head = self.cursor.channel().head();
        let mut bytes = BytesMut::new();
        loop {
            head.borrow_and_update();
            let step = self.take(form, &mut bytes);
            appetite.offered.fetch_add(bytes.len() as u64, Relaxed);
            if appetite.wait(inlet.write(&bytes)).await.is_err() {
                return Fed::UpToFault;
            }
            bytes.clear();
            match step {
                Step::Packets => continue,
                Step::Turn => return Fed::UpToTurn,
                Step::Untold => return Fed::Untold,
                Step::End => return Fed::All,
                Step::Nothing => {}
            }
            tokio::select! {
                changed = head.changed() => if changed.is_err() {
                    return Fed::All;
                },
                message = inlet.next() => {
                    let Ok(message) = message else {
                        return Fed::UpToFault;
                    };
                    if appetite.wait(inlet.answer(&message)).await.is_err() {
                        return Fed::UpToFault;
                    }
                }
            }
        }
    }

    /// Appends the next burst to `bytes`, as far as it is for this process.
    fn take(&mut self, form: &mut dyn Form, bytes: &mut BytesMut) -> Step {
        let Some(burst) = self.taken.pop_front() else {
            return self.take_more(form, bytes);
        };
        let from = std::mem::take(&mut self.from);
        for (index, packet) in burst.packets().iter().enumerate().skip(from) {
            match form.write(packet, burst.bytes_of(packet), bytes) {
                Written::Taken => {}
                Written::Turn => {
                    self.taken.push_front(burst);
                    self.from = index;
                    return Step::Turn;
                }
                Written::Untold => {
                    let path = self.cursor.channel().path();
                    warn!(%path, "nothing in the packets tells how to decode them");
                    return Step::Untold;
                }
            }
        }
        Step::Packets
    }

    fn take_more(&mut self, form: &mut dyn Form, bytes: &mut BytesMut) -> Step {
        let mut bursts = Vec::new();
        match self.cursor.take(&mut bursts, 1) {
            Taken::Bursts => {
                self.taken.extend(bursts);
                Step::Packets
            }
            Taken::Nothing => Step::Nothing,
            Taken::Missed(packets) => {
                self.warn_of_missed(packets);
                Step::Turn
            }
            Taken::Ended(_) => {
                form.finish(bytes);
                Step::End
            }
        }
    }
}

#[cfg(test)]
mod tests;

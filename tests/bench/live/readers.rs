//! The readers: they count packets, gaps and how old the packets are, and do little else.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::net::{TcpStream, UdpSocket};

use super::traffic::{self, FRAME};

/// What all readers of a run have received so far.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) packets: Cell<u64>,
    pub(crate) gaps: Cell<u64>,
    /// Readers whose connection ended.
    pub(crate) cut: Cell<u64>,
    /// Ages of packets in microseconds, while they are asked for.
    ages: RefCell<Vec<u32>>,
    timing: Cell<bool>,
}

impl Received {
    /// Begins to note how old packets are.
    pub(crate) fn time(&self) {
        self.timing.set(true);
    }

    /// The age at quantile `q`, in milliseconds.
    pub(crate) fn age(&self, q: f64) -> f64 {
        let mut ages = self.ages.borrow_mut();
        ages.sort_unstable();
        let at = (ages.len() as f64 * q) as usize;
        ages.get(at.min(ages.len().saturating_sub(1)))
            .map_or(f64::NAN, |age| f64::from(*age) / 1e3)
    }

    fn count(&self, last: &mut Option<u16>, packet: &[u8], now: u64) {
        let Some((sequence, age)) = traffic::read(packet, now) else {
            return;
        };
        if last.is_some_and(|last| sequence != last.wrapping_add(1)) {
            self.gaps.set(self.gaps.get() + 1);
        }
        *last = Some(sequence);
        self.packets.set(self.packets.get() + 1);
        if self.timing.get() {
            let age = u32::try_from(age / 1000).unwrap_or(u32::MAX);
            self.ages.borrow_mut().push(age);
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 1 << 18]);
}

/// Reads interleaved frames until the connection ends; `begun` is what was read of them already.
pub(crate) async fn read_tcp(stream: TcpStream, begun: Vec<u8>, received: Rc<Received>) {
    let (mut last, mut rest) = (None, begun);
    while stream.readable().await.is_ok() {
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let held = rest.len();
            scratch[..held].copy_from_slice(&rest);
            let read = stream.try_read(&mut scratch[held..])?;
            let bytes = &scratch[..held + read];
            let used = frames(bytes, |packet, now| received.count(&mut last, packet, now));
            rest.clear();
            rest.extend_from_slice(&bytes[used..]);
            std::io::Result::Ok(read)
        });
        match read {
            Ok(0) => break,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
            _ => {}
        }
    }
    received.cut.set(received.cut.get() + 1);
}

/// Hands every whole RTP frame to `each`; answers how many bytes were used.
fn frames(bytes: &[u8], mut each: impl FnMut(&[u8], u64)) -> usize {
    let now = traffic::wall_nanos();
    let mut used = 0;
    while let Some(&[_, channel, high, low]) = bytes[used..].first_chunk::<FRAME>() {
        let size = usize::from(u16::from_be_bytes([high, low]));
        let Some(packet) = bytes.get(used + FRAME..used + FRAME + size) else {
            break;
        };
        if channel == 0 {
            each(packet, now);
        }
        used += FRAME + size;
    }
    used
}

/// Receives RTP for ever.
pub(crate) async fn read_udp(socket: UdpSocket, received: Rc<Received>) {
    let mut last = None;
    while socket.readable().await.is_ok() {
        SCRATCH.with_borrow_mut(|scratch| {
            let now = traffic::wall_nanos();
            while let Ok(size) = socket.try_recv(scratch) {
                received.count(&mut last, &scratch[..size], now);
            }
        });
    }
}

/// Keeps something until the run is over.
pub(crate) async fn hold<T>(_held: T) {
    std::future::pending().await
}

/// Keeps the processor from falling asleep when nothing is left to read.
pub(crate) async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

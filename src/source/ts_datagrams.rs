//! Transport streams in datagrams: plain, or in RTP packets (RFC 2250, 2).

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reading::Reading;
use super::ts_feed::TsFeed;
use super::{Attempt, Failure, Silence};
use crate::base::clock::Clock;
use crate::config::{ChannelSource, Scheme};
use crate::media::jitter::Reorder;
use crate::net::receiver::{Receiver, Reception, Senders};
use crate::wire::rtp;

/// The longest datagram.
const MAX_DATAGRAM: usize = 65_535;

/// How many packets, and how long, an RTP packet that is missing is waited for.
const WINDOW: usize = 128;
const HOLD: Duration = Duration::from_millis(50);

/// A channel fed by datagrams.
#[derive(Debug)]
pub(super) struct TsDatagrams {
    settings: ChannelSource,
}

impl TsDatagrams {
    pub(super) fn new(settings: &ChannelSource) -> Self {
        Self {
            settings: settings.clone(),
        }
    }

    /// Receives whoever sends and however often they pause.
    pub(super) async fn feed(&self, attempt: &Attempt) -> Failure {
        let Err(failure) = self.receive(attempt).await;
        failure
    }

    async fn receive(&self, attempt: &Attempt) -> Result<Infallible, Failure> {
        let failed = |source| Failure::Connect {
            host: self.settings.url.to_string(),
            source,
        };
        let reception = self.reception().await.map_err(failed)?;
        let receiver = Receiver::bind(&reception).map_err(failed)?;
        let silence = Silence::Waits(Arc::clone(&attempt.status));
        let reading = attempt.ts_reading(self.settings.timeout, silence);
        match self.settings.url.scheme() {
            Scheme::Rtp => Unpacking::new(reading, attempt.clock).run(&receiver).await,
            _ => plain(reading, &receiver).await,
        }
    }

    /// What the URL asks for: `udp://[source@]group:port[?interface=NAME]`. What precedes the
    /// `@` is a sender if it is an address, and otherwise an interface.
    async fn reception(&self) -> io::Result<Reception> {
        let url = self.settings.url.url();
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut found = tokio::net::lookup_host((host, url.port().unwrap_or_default())).await?;
        let address: SocketAddr = found.next().ok_or(io::ErrorKind::NotFound)?;
        let before = Some(url.username()).filter(|before| !before.is_empty());
        let source: Option<IpAddr> = before.and_then(|before| before.parse().ok());
        let mut query = url.query_pairs();
        let named = query.find_map(|(key, value)| (key == "interface").then(|| value.into_owned()));
        let interface = named.or_else(|| before.filter(|_| source.is_none()).map(str::to_owned));
        Ok(Reception {
            address,
            senders: source.map_or(Senders::Any, |source| Senders::Only(vec![source])),
            interface: interface.unwrap_or_default(),
        })
    }
}

async fn plain(mut reading: Reading<TsFeed>, receiver: &Receiver) -> Result<Infallible, Failure> {
    let mut datagram = vec![0; MAX_DATAGRAM];
    loop {
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(reading.wake_at().into()) => reading.wake()?,
            received = receiver.receive(&mut datagram) => {
                let (size, _) = received.map_err(Failure::Receive)?;
                reading.push(&datagram[..size])?;
            }
        }
    }
}

/// Takes the transport packets out of RTP packets, which it puts in order before.
struct Unpacking {
    reading: Reading<TsFeed>,
    order: Reorder,
    clock: Clock,
}

impl Unpacking {
    fn new(reading: Reading<TsFeed>, clock: Clock) -> Self {
        Self {
            reading,
            order: Reorder::new(WINDOW, HOLD),
            clock,
        }
    }

    async fn run(mut self, receiver: &Receiver) -> Result<Infallible, Failure> {
        let mut datagram = vec![0; MAX_DATAGRAM];
        loop {
            let wake = self.reading.wake_at();
            let wake = self.order.deadline().map_or(wake, |due| due.min(wake));
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(wake.into()) => self.reading.wake()?,
                received = receiver.receive(&mut datagram) => {
                    let (size, _) = received.map_err(Failure::Receive)?;
                    self.order.push(&datagram[..size], self.clock.now());
                }
            }
            self.unpack(self.clock.now())?;
        }
    }

    fn unpack(&mut self, now: Instant) -> Result<(), Failure> {
        while let Some(packet) = self.order.pop(now) {
            if let Ok(packet) = rtp::Packet::read(packet) {
                self.reading.push(packet.payload())?;
            }
        }
        Ok(())
    }
}

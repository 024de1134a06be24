//! One run: a sender, so many readers, and what it gave.

use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpStream, UdpSocket};
use tokio::task::spawn_local;

use super::Arguments;
use super::dialogue::Dialogue;
use super::readers::{self, Received};
use super::sender::{Sender, Subject, Transport};
use super::traffic::Traffic;

/// Until readers have caught up, and everything that grows has grown.
const WARM_UP: Duration = Duration::from_secs(2);

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) subject: Subject,
    pub(crate) transport: Transport,
    pub(crate) readers: usize,
    pub(crate) bits: usize,
    /// Whether the readers' processor never sleeps.
    pub(crate) awake: bool,
}

/// What a run gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Microseconds of the sender's CPU for each packet that a reader received.
    pub(crate) cpu: f64,
    /// Share of one processor.
    pub(crate) load: f64,
    /// Packets received.
    pub(crate) packets: u64,
    /// Breaks in the sequence numbers, all readers together.
    pub(crate) gaps: u64,
    /// Readers that were disconnected.
    pub(crate) cut: u64,
    /// Milliseconds from the making of a packet to its reading.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Packets sent, and milliseconds from arrival to sending, as the server itself counts them.
    pub(crate) sent: u64,
    pub(crate) own_p50: f64,
    pub(crate) own_p99: f64,
    /// KB of resident memory a reader.
    pub(crate) memory: f64,
}

impl Run {
    /// Runs it for the time that the arguments say.
    pub(crate) async fn measure(self, arguments: &Arguments) -> Figures {
        let received = Rc::new(Received::default());
        if self.awake {
            spawn_local(readers::stay_awake());
        }
        let sender = self.start(arguments).await;
        let idle = sender.usage();
        self.join(&sender, &received).await;
        tokio::time::sleep(WARM_UP).await;
        received.time();
        let sent = sender.account().await.map_or(0, |account| account.packets);
        let (before, packets, gaps) = (sender.usage(), received.packets.get(), received.gaps.get());
        tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
        let after = sender.usage();
        let packets = received.packets.get() - packets;
        let account = sender.account().await;
        let own = account
            .as_ref()
            .map_or((f64::NAN, f64::NAN), |account| account.lateness);
        let cpu = (after.cpu - before.cpu).as_secs_f64();
        let grown = after.resident.saturating_sub(idle.resident);
        Figures {
            cpu: cpu * 1e6 / packets.max(1) as f64,
            load: cpu / arguments.seconds as f64,
            packets,
            gaps: received.gaps.get() - gaps,
            cut: received.cut.get(),
            p50: received.age(0.5),
            p99: received.age(0.99),
            sent: account.map_or(0, |account| account.packets - sent),
            own_p50: own.0 * 1e3,
            own_p99: own.1 * 1e3,
            memory: grown as f64 / 1024.0 / self.readers as f64,
        }
    }

    /// Starts the sender; the server with its publisher.
    async fn start(self, arguments: &Arguments) -> Sender {
        let Self {
            subject,
            transport,
            readers,
            bits,
            ..
        } = self;
        let sender = Sender::start(arguments, subject, transport, readers, bits).await;
        if subject == Subject::Server {
            let mut publisher = Dialogue::connect(sender.address()).await;
            publisher.announce().await;
            spawn_local(publisher.publish(Traffic::new(bits)));
            tokio::time::sleep(WARM_UP).await;
        }
        sender
    }

    /// Lets the readers begin, one after the other.
    async fn join(self, sender: &Sender, received: &Rc<Received>) {
        let mut ports = Vec::new();
        for _ in 0..self.readers {
            match self.transport {
                Transport::Tcp => {
                    let (stream, begun) = self.connect(sender).await;
                    spawn_local(readers::read_tcp(stream, begun, Rc::clone(received)));
                }
                Transport::Udp => {
                    let (rtp, rtcp) = port_pair().await;
                    let port = rtp.local_addr().expect("bound").port();
                    ports.push(port);
                    spawn_local(readers::read_udp(rtp, Rc::clone(received)));
                    let control = self.ask_for(sender, port).await;
                    spawn_local(readers::hold((rtcp, control)));
                }
            }
        }
        if self.transport == Transport::Udp {
            sender.say_ports(&ports);
        }
    }

    /// A connection that media comes on, and what came already.
    async fn connect(self, sender: &Sender) -> (TcpStream, Vec<u8>) {
        if self.subject != Subject::Server {
            let stream = TcpStream::connect(sender.address()).await;
            return (stream.expect("the sender listens"), Vec::new());
        }
        let mut dialogue = Dialogue::connect(sender.address()).await;
        dialogue.play("RTP/AVP/TCP;unicast;interleaved=0-1").await;
        dialogue.into_parts()
    }

    /// Has the server send to `port`; loops are told all ports together.
    async fn ask_for(self, sender: &Sender, port: u16) -> Option<Dialogue> {
        if self.subject != Subject::Server {
            return None;
        }
        let mut dialogue = Dialogue::connect(sender.address()).await;
        let transport = format!("RTP/AVP;unicast;client_port={port}-{}", port + 1);
        dialogue.play(&transport).await;
        Some(dialogue)
    }
}

/// Two sockets on an even port and the next.
async fn port_pair() -> (UdpSocket, UdpSocket) {
    loop {
        let rtp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = rtp.local_addr().expect("bound").port();
        if port.is_multiple_of(2)
            && let Ok(rtcp) = UdpSocket::bind(("127.0.0.1", port + 1)).await
        {
            return (rtp, rtcp);
        }
    }
}

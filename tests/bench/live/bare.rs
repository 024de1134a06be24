//! The reference loops: what it costs to send to many readers when nothing else is done.
//!
//! They run in a process of their own, as the server does. One plain `send` of
//! the framed picture for each reader over TCP; one `sendmsg` with UDP_SEGMENT
//! for each reader over UDP.

use std::io::{IoSlice, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use reelcast::base::clock::Clock;
use socket2::{Domain, MsgHdr, Protocol, SockAddr, Socket, Type};

use super::traffic::{FRAME, RATE, Traffic};

/// Accepts `readers` connections and sends them pictures until it is killed.
pub(crate) fn tcp(readers: usize, traffic: Traffic) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    super::say_port(listener.local_addr().expect("bound").port());
    let mut streams: Vec<TcpStream> = listener
        .incoming()
        .take(readers)
        .map(|stream| stream.expect("a reader"))
        .collect();
    for stream in &streams {
        // As the server does it: Nagle's algorithm would hold pictures back until the reader
        // acknowledges the one before, and send them at the reader's expense.
        stream.set_nodelay(true).expect("a TCP socket");
    }
    for_each_picture(traffic, |framed, _| {
        for stream in &mut streams {
            stream.write_all(framed).expect("the reader reads");
        }
    });
}

/// Sends pictures to the ports named on standard input until it is killed.
pub(crate) fn udp(traffic: Traffic) {
    super::say_port(0);
    let readers: Vec<SockAddr> = super::read_ports()
        .into_iter()
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)).into())
        .collect();
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
    socket.set_send_buffer_size(4 << 20).expect("a buffer");
    for_each_picture(traffic, |framed, size| {
        let run: Vec<u8> = framed
            .chunks(FRAME + size)
            .flat_map(|packet| &packet[FRAME..])
            .copied()
            .collect();
        let control = segment(size as u16);
        let parts = [IoSlice::new(&run)];
        for reader in &readers {
            let message = MsgHdr::new()
                .with_addr(reader)
                .with_buffers(&parts)
                .with_control(&control);
            // A full buffer loses the picture for that reader, which it counts.
            let _ = socket.sendmsg(&message, 0);
        }
    });
}

/// The control message that has the kernel cut a datagram into pieces of `size` bytes (udp(7), UDP_SEGMENT).
fn segment(size: u16) -> Vec<u8> {
    const SOL_UDP: u32 = 17;
    const UDP_SEGMENT: u32 = 103;
    let length = 2 * size_of::<usize>() + size_of::<u16>();
    let mut control = length.to_ne_bytes().to_vec();
    control.extend(SOL_UDP.to_ne_bytes());
    control.extend(UDP_SEGMENT.to_ne_bytes());
    control.extend(size.to_ne_bytes());
    control.resize(length.next_multiple_of(size_of::<usize>()), 0);
    control
}

/// Calls `send` with a picture, framed, and the size of its packets, in real time and for ever.
fn for_each_picture(mut traffic: Traffic, mut send: impl FnMut(&[u8], usize)) {
    let clock = Clock::start();
    let mut due = clock.now();
    let size = traffic.size();
    loop {
        send(traffic.next(), size);
        due += Duration::from_secs(1) / RATE;
        thread::sleep(due.saturating_duration_since(clock.now()));
    }
}

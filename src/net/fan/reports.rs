//! Sender reports for one member: first of all when it starts, and last of all, with BYE, when the channel ends.

use std::time::Instant;

use super::Member;
use crate::media::channel::Channel;
use crate::net::outlet::TrackOutlet;

/// Sends what the channel has to report on the member's tracks as of `now`.
pub(super) fn greet(member: &Member, channel: &Channel, now: Instant) {
    let mut reports = Vec::new();
    channel.reports(now, &mut reports);
    send_all(member, &reports);
}

/// The same with BYE (RFC 3550, 6.6).
pub(super) fn part(member: &Member, channel: &Channel, now: Instant) {
    let mut goodbyes = Vec::new();
    channel.goodbyes(now, &mut goodbyes);
    send_all(member, &goodbyes);
}

fn send_all(member: &Member, reports: &[(usize, Vec<u8>)]) {
    for (index, compound) in reports {
        if let Some((_, outlet)) = member.tracks.iter().find(|(track, _)| track == index) {
            send(outlet, compound);
        }
    }
}

/// A report that is lost is made good by the next one; a connection that is closed shows with the next burst.
fn send(outlet: &TrackOutlet, compound: &[u8]) {
    match outlet {
        TrackOutlet::Interleaved {
            outlet,
            rtcp_channel,
            ..
        } => {
            let Ok(length) = u16::try_from(compound.len()) else {
                return;
            };
            let [high, low] = length.to_be_bytes();
            let frame = [&[b'$', *rtcp_channel, high, low], compound].concat();
            let _ = outlet.send(&frame);
        }
        TrackOutlet::Packets(lease) => {
            let _ = lease.send_rtcp(compound);
        }
    }
}

//! RTCP compound packets (RFC 3550, 6): reports and goodbyes out, receivers' feedback in.
//!
//! Reading is guarded: rtcp-types sees a packet only after its length and padding
//! are known to be sound, and a faulty packet does not hide the sound ones beside it.

use rtcp_types::{
    Bye, Compound as CompoundPacket, CompoundBuilder, ReceiverReport, ReportBlock,
    ReportBlockBuilder, RtcpPacketParser, RtcpPacketWriter, RtcpPacketWriterExt, RtcpWriteError,
    Sdes, SdesChunk, SdesItem, SenderReport as SenderReportPacket,
};

use crate::base::media_time::NtpTime;

/// What a sender tells of itself (RFC 3550, 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// The sender's synchronisation source.
    pub ssrc: u32,
    /// The wall time of the report.
    pub ntp: NtpTime,
    /// The same instant in ticks of the payload's clock.
    pub rtp_time: u32,
    /// Packets sent so far, wrapping.
    pub packets: u32,
    /// Payload bytes sent so far, wrapping.
    pub bytes: u32,
}

/// Appends a compound of sender report, SDES with `cname`, and BYE if `bye`.
///
/// `cname` is cut to the 255 bytes that fit.
pub fn write_sender_report(out: &mut Vec<u8>, report: SenderReport, cname: &str, bye: bool) {
    let start = out.len();
    // With a name that fits, the writer has nothing to refuse.
    if append(out, report, cut(cname, 255), bye).is_err() {
        out.truncate(start);
    }
}

fn append(
    out: &mut Vec<u8>,
    report: SenderReport,
    cname: &str,
    bye: bool,
) -> Result<(), RtcpWriteError> {
    let sender = SenderReportPacket::builder(report.ssrc)
        .ntp_timestamp(report.ntp.0)
        .rtp_timestamp(report.rtp_time)
        .packet_count(report.packets)
        .octet_count(report.bytes);
    let name = SdesItem::builder(SdesItem::CNAME, cname);
    let chunk = SdesChunk::builder(report.ssrc).add_item(name);
    let mut compound = CompoundPacket::builder()
        .add_packet(sender)
        .add_packet(Sdes::builder().add_chunk(chunk));
    if bye {
        compound = compound.add_packet(Bye::builder().add_source(report.ssrc));
    }
    append_compound(out, &compound)
}

/// Appends a compound of receiver report and SDES with `cname`: what `ssrc` receives, a block a source.
///
/// At most 31 blocks, which is what a report holds, and at most 255 bytes of `cname`.
pub fn write_receiver_report(out: &mut Vec<u8>, ssrc: u32, blocks: &[Block], cname: &str) {
    let mut report = ReceiverReport::builder(ssrc);
    for block in blocks.iter().take(31) {
        report = report.add_report_block(block.builder());
    }
    let name = SdesItem::builder(SdesItem::CNAME, cut(cname, 255));
    let chunk = SdesChunk::builder(ssrc).add_item(name);
    let compound = CompoundPacket::builder()
        .add_packet(report)
        .add_packet(Sdes::builder().add_chunk(chunk));
    let start = out.len();
    // Within these bounds the writer has nothing to refuse.
    if append_compound(out, &compound).is_err() {
        out.truncate(start);
    }
}

fn append_compound(
    out: &mut Vec<u8>,
    compound: &CompoundBuilder<'_>,
) -> Result<(), RtcpWriteError> {
    let start = out.len();
    out.resize(start + compound.calculate_size()?, 0);
    compound.write_into(out.get_mut(start..).unwrap_or_default())?;
    Ok(())
}

fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Bytes that are no RTCP compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no RTCP packet")]
pub struct NotRtcp;

/// One packet of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feedback<'a> {
    /// What a receiver that does not send tells (RFC 3550, 6.4.2).
    ReceiverReport {
        /// Who tells it.
        sender_ssrc: u32,
        /// One block for each source that it receives.
        blocks: Vec<Block>,
    },
    /// What a receiver that also sends tells (RFC 3550, 6.4.1).
    SenderReport {
        /// What it sends.
        report: SenderReport,
        /// One block for each source that it receives.
        blocks: Vec<Block>,
    },
    /// Names of sources (RFC 3550, 6.5); the first CNAME that is UTF-8.
    Description {
        /// The canonical name.
        cname: Option<String>,
    },
    /// Sources that leave (RFC 3550, 6.6).
    Bye {
        /// Which.
        ssrcs: Vec<u32>,
    },
    /// An application's own packet (RFC 3550, 6.7), like QuickTime's `QTSS` and `qtak`.
    App {
        /// The subtype, 0 to 31.
        subtype: u8,
        /// Who sends it.
        ssrc: u32,
        /// Four letters, as a rule.
        name: [u8; 4],
        /// The rest without padding.
        data: &'a [u8],
    },
    /// A packet of another type, or one that is faulty in itself.
    Other,
}

/// How well one source is received (RFC 3550, 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The source.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; below 0 when duplicates prevail.
    pub cumulative_lost: i32,
    /// The highest sequence number received, with the count of wraps in the upper 16 bits.
    pub highest_sequence: u32,
    /// Jitter of arrival in ticks of the payload's clock.
    pub jitter: u32,
    /// [`NtpTime::middle`] of the last sender report received; 0 for none.
    pub last_sr: u32,
    /// From that report to this block, in 1/65536 seconds.
    pub delay: u32,
}

impl Block {
    fn builder(&self) -> ReportBlockBuilder {
        ReportBlock::builder(self.ssrc)
            .fraction_lost(self.fraction_lost)
            // 24 bits with a sign.
            .cumulative_lost(self.cumulative_lost.cast_unsigned() & 0xff_ffff)
            .extended_sequence_number(self.highest_sequence)
            .interarrival_jitter(self.jitter)
            .last_sender_report_timestamp(self.last_sr)
            .delay_since_last_sender_report_timestamp(self.delay)
    }
}

/// Whether a datagram of a port that RTP and RTCP share is RTCP (RFC 5761, 4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram
        .get(1)
        .is_some_and(|kind| (192..=223).contains(kind))
}

/// The packets of a compound, in their order.
#[derive(Clone, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

/// Checks that `bytes` are a compound, that is a chain of packets with nothing between and after them.
///
/// A compound that begins with another packet than a report is accepted, as RFC 5506 allows.
///
/// # Errors
/// [`NotRtcp`] when the chain is broken or has a packet of another version or type range.
pub fn parse(bytes: &[u8]) -> Result<Compound<'_>, NotRtcp> {
    let mut rest = bytes;
    while let Some((packet, after)) = split_packet(rest) {
        let sound =
            matches!(packet, [first, kind, ..] if first >> 6 == 2 && (192..=223).contains(kind));
        if !sound {
            return Err(NotRtcp);
        }
        rest = after;
    }
    if bytes.is_empty() || !rest.is_empty() {
        return Err(NotRtcp);
    }
    Ok(Compound { rest: bytes })
}

/// The first packet and what follows; the length field counts 32-bit words after the first.
fn split_packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let &[_, _, high, low] = bytes.first_chunk::<4>()?;
    let words = usize::from(u16::from_be_bytes([high, low])) + 1;
    bytes.split_at_checked(words * 4)
}

impl<'a> Iterator for Compound<'a> {
    type Item = Feedback<'a>;

    fn next(&mut self) -> Option<Feedback<'a>> {
        let (packet, rest) = split_packet(self.rest)?;
        self.rest = rest;
        Some(read_packet(packet).unwrap_or(Feedback::Other))
    }
}

fn read_packet(packet: &[u8]) -> Option<Feedback<'_>> {
    let padding = padding(packet)?;
    match packet.get(1)? {
        200 => read_sender_report(packet),
        201 => read_receiver_report(packet),
        202 => read_description(packet),
        203 => read_bye(packet),
        204 => read_app(packet, padding),
        _ => None,
    }
}

/// Bytes of padding; `None` when there is more of it than packet.
fn padding(packet: &[u8]) -> Option<usize> {
    let (first, last) = (packet.first()?, packet.last()?);
    if first & 0x20 == 0 {
        return Some(0);
    }
    let padding = usize::from(*last);
    (padding > 0 && padding + 4 <= packet.len()).then_some(padding)
}

fn read_sender_report(packet: &[u8]) -> Option<Feedback<'_>> {
    let report = SenderReportPacket::parse(packet).ok()?;
    Some(Feedback::SenderReport {
        report: SenderReport {
            ssrc: report.ssrc(),
            ntp: NtpTime(report.ntp_timestamp()),
            rtp_time: report.rtp_timestamp(),
            packets: report.packet_count(),
            bytes: report.octet_count(),
        },
        blocks: report
            .report_blocks()
            .map(|block| read_block(&block))
            .collect(),
    })
}

fn read_receiver_report(packet: &[u8]) -> Option<Feedback<'_>> {
    let report = ReceiverReport::parse(packet).ok()?;
    Some(Feedback::ReceiverReport {
        sender_ssrc: report.ssrc(),
        blocks: report
            .report_blocks()
            .map(|block| read_block(&block))
            .collect(),
    })
}

fn read_block(block: &ReportBlock<'_>) -> Block {
    Block {
        ssrc: block.ssrc(),
        fraction_lost: block.fraction_lost(),
        // 24 bits with a sign.
        cumulative_lost: (block.cumulative_lost() << 8).cast_signed() >> 8,
        highest_sequence: block.extended_sequence_number(),
        jitter: block.interarrival_jitter(),
        last_sr: block.last_sender_report_timestamp(),
        delay: block.delay_since_last_sender_report_timestamp(),
    }
}

fn read_description(packet: &[u8]) -> Option<Feedback<'_>> {
    let description = Sdes::parse(packet).ok()?;
    let mut items = description.chunks().flat_map(SdesChunk::items);
    let cname = items
        .find(|item| item.type_() == SdesItem::CNAME)
        .and_then(|item| item.get_value_string().ok());
    Some(Feedback::Description { cname })
}

fn read_bye(packet: &[u8]) -> Option<Feedback<'_>> {
    let bye = Bye::parse(packet).ok()?;
    Some(Feedback::Bye {
        ssrcs: bye.ssrcs().collect(),
    })
}

/// Read here and not by rtcp-types, whose 0.3 panics when there is more padding than data.
fn read_app(packet: &[u8], padding: usize) -> Option<Feedback<'_>> {
    let (head, _) = packet.split_first_chunk::<12>()?;
    let &[first, _, _, _, s0, s1, s2, s3, n0, n1, n2, n3] = head;
    Some(Feedback::App {
        subtype: first & 0x1f,
        ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
        name: [n0, n1, n2, n3],
        data: packet.get(12..packet.len() - padding)?,
    })
}

#[cfg(test)]
mod tests;

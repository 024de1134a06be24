//! Channels that are offered in other formats, too.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reelcast::base::path::MediaPath;
use reelcast::media::burst::PacketKind;
use reelcast::media::mounts::Takeover;
use reelcast::media::publisher::Publisher;
use reelcast::media::ring::{Cursor, Start, Taken};

use super::hls::text;
use super::support::clip::Clip;
use super::support::server::Server;

/// The clip by an encoder that does not tell what its clock shows.
struct Untold {
    clip: Clip,
    cursor: Cursor,
    publisher: Publisher,
}

impl Untold {
    fn publish(server: &Server, name: &str) -> Self {
        let path = |name| MediaPath::from_plain(name).unwrap();
        let clip = Clip::publish(server, "told");
        let told = server.mounts.open(&path("told")).unwrap();
        let description = told.description().unwrap();
        let description = Arc::unwrap_or_clone(description);
        let origin = "the test".to_owned();
        let publisher = server
            .mounts
            .publish(&path(name), description, origin, Takeover::Refuse);
        Self {
            clip,
            cursor: told.cursor(Start::Past),
            publisher: publisher.unwrap(),
        }
    }

    fn send_until(&mut self, seconds: f64) {
        self.clip.send_until(seconds);
        let mut bursts = Vec::new();
        while self.cursor.take(&mut bursts, usize::MAX) == Taken::Bursts {}
        for burst in &bursts {
            let packets = burst.packets().iter();
            for packet in packets.filter(|packet| packet.kind == PacketKind::Rtp) {
                let bytes = burst.bytes_of(packet);
                let track = usize::from(packet.track);
                let pushed = self
                    .publisher
                    .push(track, PacketKind::Rtp, bytes, burst.arrived());
                pushed.unwrap();
            }
        }
        self.publisher.flush(self.clip.at(seconds));
    }
}

#[tokio::test]
async fn a_channel_in_other_formats_waits_for_no_report() {
    let server = Server::start(Path::new("no movies"), |config| {
        config.hls.target_duration = Duration::from_secs(2);
        // Less than reports may need.
        config.hls.start_wait = Duration::from_secs(3);
        config.hls.compat = true;
    });
    let mut untold = Untold::publish(&server, "live");
    untold.send_until(9.0);
    assert!(!untold.publisher.channel().publisher_clock().is_told);
    let playlist = text(server.http, "/live/media-cmaf.m3u8").await;
    assert!(playlist.matches("#EXTINF:").count() >= 3, "{playlist}");
}

//! Descriptions of media that go by SRTP: another profile, and the keys (RFC 4567, 3.1; RFC 4568).

use std::borrow::Cow;

/// `sdp` with the profile SAVP for each track that `attributes` has lines for, which are added to it:
/// attributes without `a=`. It is asked by the track's place among the media lines.
pub fn secure(sdp: &str, attributes: impl Fn(usize) -> Option<Vec<String>>) -> String {
    let mut out = String::with_capacity(sdp.len() * 2);
    let mut added = Vec::new();
    let mut tracks = 0;
    for line in sdp.lines() {
        if !line.starts_with("m=") {
            push(&mut out, line);
            continue;
        }
        push_all(&mut out, &mut added);
        match attributes(tracks) {
            Some(lines) => {
                push(&mut out, &line.replacen(" RTP/AVP", " RTP/SAVP", 1));
                added = lines;
            }
            None => push(&mut out, line),
        }
        tracks += 1;
    }
    push_all(&mut out, &mut added);
    out
}

/// `sdp` with plain profiles in place of secure ones; its keys stay there.
pub fn unsecure(sdp: &[u8]) -> Cow<'_, [u8]> {
    let secure = b" RTP/SAVP";
    if !sdp.windows(secure.len()).any(|found| found == secure) {
        return sdp.into();
    }
    let lines = sdp.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.map(|line| {
        let place = line.windows(secure.len()).position(|found| found == secure);
        match place.filter(|_| line.starts_with(b"m=")) {
            Some(at) => Cow::Owned([&line[..at], b" RTP/AVP", &line[at + secure.len()..]].concat()),
            None => Cow::Borrowed(line),
        }
    });
    lines.collect::<Vec<_>>().concat().into()
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

fn push_all(out: &mut String, attributes: &mut Vec<String>) {
    for attribute in attributes.drain(..) {
        push(out, &format!("a={attribute}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_of_tracks_become_plain() {
        let sdp =
            b"s=a RTP/SAVP b\nm=audio 0 RTP/SAVP 96\r\na=key-mgmt:mikey x\nm=video 0 RTP/SAVPF 97";
        let plain =
            b"s=a RTP/SAVP b\nm=audio 0 RTP/AVP 96\r\na=key-mgmt:mikey x\nm=video 0 RTP/AVPF 97";
        assert_eq!(*unsecure(sdp), plain[..]);
        assert!(matches!(unsecure(plain), Cow::Owned(_)));
        assert!(matches!(
            unsecure(b"m=audio 0 RTP/AVP 96"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn each_track_gets_its_own_lines_at_its_end() {
        let sdp = "v=0\r\ns=RTP/AVP\r\nm=audio 0 RTP/AVP 96\r\na=rtpmap:96 opus/48000\r\n\
                   m=application 0 RTP/AVP 97\r\na=x\r\nm=video 0 RTP/AVP 98\r\na=rtpmap:98 H264/90000\r\n";
        let secured = secure(sdp, |track| {
            (track != 1).then(|| vec![format!("key-mgmt:{track}"), "crypto:1".to_owned()])
        });
        assert_eq!(
            secured,
            "v=0\r\ns=RTP/AVP\r\nm=audio 0 RTP/SAVP 96\r\na=rtpmap:96 opus/48000\r\na=key-mgmt:0\r\na=crypto:1\r\n\
             m=application 0 RTP/AVP 97\r\na=x\r\nm=video 0 RTP/SAVP 98\r\na=rtpmap:98 H264/90000\r\n\
             a=key-mgmt:2\r\na=crypto:1\r\n"
        );
    }
}

//! The URIs of a playlist: where they stand, and giving all of them a query. Pure.

/// `playlist` with `query` in all of its URIs that are relative, of lines and of `URI` attributes
/// (RFC 8216, 4.1 and 4.2). `query` may have no letter that URIs or quotation marks end with.
pub fn with_query(playlist: &str, query: &str) -> String {
    let lines = playlist.split_inclusive('\n');
    let mut carrying = String::with_capacity(2 * playlist.len());
    for line in lines {
        let end = line.trim_end().len();
        let (line, ending) = line.split_at(end);
        if line.starts_with('#') {
            push_tag(&mut carrying, line, query);
        } else if !line.is_empty() {
            push_uri(&mut carrying, line, query);
        }
        carrying += ending;
    }
    carrying
}

fn push_tag(carrying: &mut String, tag: &str, query: &str) {
    const ATTRIBUTE: &str = "URI=\"";
    let mut rest = tag;
    while let Some(start) = rest.find(ATTRIBUTE) {
        let (before, after) = rest.split_at(start + ATTRIBUTE.len());
        let is_whole = before
            .strip_suffix(ATTRIBUTE)
            .is_some_and(|before| before.ends_with([':', ',']));
        carrying.push_str(before);
        let (uri, after) = after.split_at(after.find('"').unwrap_or(after.len()));
        match is_whole {
            true => push_uri(carrying, uri, query),
            false => carrying.push_str(uri),
        }
        rest = after;
    }
    carrying.push_str(rest);
}

fn push_uri(carrying: &mut String, uri: &str, query: &str) {
    carrying.push_str(uri);
    let is_relative = !uri.starts_with('/') && !uri.contains(':');
    if is_relative {
        carrying.push(if uri.contains('?') { '&' } else { '?' });
        carrying.push_str(query);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relative_uri_carries_the_query() {
        let playlist = "#EXTM3U\n\
            #EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,b\",URI=\"audio1.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1\n\
            media.m3u8?x=1\r\n\
            #EXT-X-KEY:METHOD=AES-128,URI=\"1-2.key\",IV=0x1\n\
            #EXT-X-MAP:URI=\"init.mp4\"\n\
            #EXT-X-DATERANGE:ID=\"1\",X-OWN-URI=\"x\",X-ASSET-URI=\"http://h/x\"\n\
            #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"data:x\"\n\
            #EXTINF:2,\n\
            \n\
            https://elsewhere/1.ts\n\
            /elsewhere.ts\n\
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"3.m4s\"";
        let carrying = "#EXTM3U\n\
            #EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,b\",URI=\"audio1.m3u8?p=1\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1\n\
            media.m3u8?x=1&p=1\r\n\
            #EXT-X-KEY:METHOD=AES-128,URI=\"1-2.key?p=1\",IV=0x1\n\
            #EXT-X-MAP:URI=\"init.mp4?p=1\"\n\
            #EXT-X-DATERANGE:ID=\"1\",X-OWN-URI=\"x\",X-ASSET-URI=\"http://h/x\"\n\
            #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"data:x\"\n\
            #EXTINF:2,\n\
            \n\
            https://elsewhere/1.ts\n\
            /elsewhere.ts\n\
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"3.m4s?p=1\"";
        assert_eq!(with_query(playlist, "p=1"), carrying);
    }
}

//! The URIs of a playlist: where they stand, and changing all of them. Pure.

/// `playlist` with `way` before, and `query` behind, all of its URIs that are relative, in lines and in
/// `URI` attributes (RFC 8216, 4.1 and 4.2). Neither may have a letter that ends a URI, or a
/// quotation mark; both may be empty.
pub fn with_uris(playlist: &str, way: &str, query: &str) -> String {
    let change = Change { way, query };
    let mut changed = String::with_capacity(2 * playlist.len());
    for line in playlist.split_inclusive('\n') {
        let (line, ending) = line.split_at(line.trim_end().len());
        if line.starts_with('#') {
            change.push_tag(&mut changed, line);
        } else if !line.is_empty() {
            change.push_uri(&mut changed, line);
        }
        changed += ending;
    }
    changed
}

struct Change<'a> {
    way: &'a str,
    query: &'a str,
}

impl Change<'_> {
    fn push_tag(&self, text: &mut String, tag: &str) {
        const ATTRIBUTE: &str = "URI=\"";
        let mut rest = tag;
        while let Some(start) = rest.find(ATTRIBUTE) {
            let (before, after) = rest.split_at(start + ATTRIBUTE.len());
            // Not a part of another attribute's name.
            let is_whole = rest[..start].ends_with([':', ',']);
            let (uri, after) = after.split_at(after.find('"').unwrap_or(after.len()));
            text.push_str(before);
            match is_whole {
                true => self.push_uri(text, uri),
                false => text.push_str(uri),
            }
            rest = after;
        }
        text.push_str(rest);
    }

    fn push_uri(&self, text: &mut String, uri: &str) {
        // Behind a slash a colon is part of a name (RFC 3986, 4.2).
        let first = uri.split('/').next().unwrap_or_default();
        if uri.starts_with('/') || first.contains(':') {
            return text.push_str(uri);
        }
        text.push_str(self.way);
        text.push_str(uri);
        if !self.query.is_empty() {
            text.push(if uri.contains('?') { '&' } else { '?' });
            text.push_str(self.query);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relative_uri_is_changed() {
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
        assert_eq!(with_uris(playlist, "", "p=1"), carrying);
        assert_eq!(with_uris(playlist, "", ""), playlist);
        let below = "#EXT-X-MAP:URI=\"./a/i.mp4\"\n./a/1.ts\n/2.ts\n";
        let beside = "#EXT-X-MAP:URI=\"i.mp4\"\n1.ts\n/2.ts\n";
        assert_eq!(with_uris(beside, "./a/", ""), below);
        assert_eq!(with_uris("../tv:hd/1.ts", "", "p=1"), "../tv:hd/1.ts?p=1");
    }
}

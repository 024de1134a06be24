//! Players too old for fragmented MP4, told by what they call themselves. They are given transport streams.

/// The first version of iOS and tvOS that plays fragmented MP4 by HLS (WWDC 2016, session 504).
const FIRST_IOS: u32 = 10;

/// The same of macOS: 10.12.
const FIRST_MACOS_MINOR: u32 = 12;

/// Whether the player that sends this `User-Agent` field needs transport streams: one of Apple's from before autumn
/// 2016, or Android's own, which never learned of EXT-X-MAP. Browsers there that bring a player of their own do not.
pub fn needs_transport_streams(user_agent: &str) -> bool {
    let system = |before| version_after(user_agent, before);
    let ios = system("CPU iPhone OS ").or_else(|| system("CPU OS "));
    if let Some(major) = ios {
        return major < FIRST_IOS;
    }
    if user_agent.starts_with("AppleCoreMedia/") {
        return system("Mac OS X 10_").is_some_and(|minor| minor < FIRST_MACOS_MINOR);
    }
    user_agent.starts_with("QuickTime/") || user_agent.starts_with("stagefright/")
}

/// The number that follows `before` in `text`.
fn version_after(text: &str, before: &str) -> Option<u32> {
    let (_, rest) = text.split_once(before)?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_from_before_2016_need_transport_streams() {
        for user_agent in [
            "AppleCoreMedia/1.0.0.13G36 (iPhone; U; CPU OS 9_3_5 like Mac OS X; en_us)",
            "AppleCoreMedia/1.0.0.12F69 (Apple TV; U; CPU OS 8_3 like Mac OS X; en_us)",
            "AppleCoreMedia/1.0.0.15G31 (Macintosh; U; Intel Mac OS X 10_11_6; en_us)",
            "Mozilla/5.0 (iPhone; U; CPU iPhone OS 3_0 like Mac OS X; en-us) AppleWebKit/528.18",
            "QuickTime/7.6.6 (qtver=7.6.6;os=Windows NT 6.1)",
            "stagefright/1.2 (Linux;Android 4.4.2)",
        ] {
            assert!(needs_transport_streams(user_agent), "{user_agent}");
        }
        for user_agent in [
            "",
            "AppleCoreMedia/1.0.0.14A403 (iPhone; U; CPU OS 10_0_1 like Mac OS X; en_us)",
            "AppleCoreMedia/1.0.0.20B101 (Apple TV; U; CPU OS 16_1 like Mac OS X; en_us)",
            "AppleCoreMedia/1.0.0.16A323 (Macintosh; U; Intel Mac OS X 10_12; en_us)",
            "AppleCoreMedia/1.0.0.20G165 (Macintosh; U; Intel Mac OS X 11_6; en_us)",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_6) AppleWebKit/537.36 Chrome/103.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 99999999999 like Mac OS X)",
            "Lavf/59.27.100",
        ] {
            assert!(!needs_transport_streams(user_agent), "{user_agent}");
        }
    }
}

//! The parameters of an `a=fmtp` line (RFC 4566, 6): names with values, between semicolons.

/// The value of `a=fmtp` after the payload type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fmtp<'a>(&'a str);

impl<'a> Fmtp<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The value of a parameter, whose name is found in any case; empty for a flag without one.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.split(';').find_map(|parameter| {
            let (found, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let is_it = found.trim().eq_ignore_ascii_case(name);
            is_it.then(|| value.trim().trim_matches('"'))
        })
    }

    pub(super) fn number(self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    /// Whether a parameter is 1.
    pub(super) fn flag(self, name: &str) -> bool {
        self.number(name) == Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_however_they_are_written() {
        let fmtp = Fmtp::new(" config=12 ;SizeLength=13; octet-align = 1;crc;sprop-vps=QAE=, QAE");
        assert_eq!(fmtp.number("sizelength"), Some(13));
        assert!(fmtp.flag("octet-align"));
        assert_eq!(fmtp.text("crc"), Some(""));
        assert_eq!(fmtp.text("mode"), None);
    }
}

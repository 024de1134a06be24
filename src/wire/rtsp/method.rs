//! Methods.

/// What a request asks for (RFC 2326, 10).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `ANNOUNCE`
    Announce,
    /// `DESCRIBE`
    Describe,
    /// `GET_PARAMETER`
    GetParameter,
    /// `OPTIONS`
    Options,
    /// `PAUSE`
    Pause,
    /// `PLAY`
    Play,
    /// `RECORD`
    Record,
    /// `REDIRECT`
    Redirect,
    /// `SET_PARAMETER`
    SetParameter,
    /// `SETUP`
    Setup,
    /// `TEARDOWN`
    Teardown,
    /// Any other, as it was sent.
    Other(String),
}

const KNOWN: [Method; 11] = [
    Method::Describe,
    Method::Setup,
    Method::Play,
    Method::Pause,
    Method::Teardown,
    Method::Options,
    Method::GetParameter,
    Method::SetParameter,
    Method::Announce,
    Method::Record,
    Method::Redirect,
];

impl Method {
    /// Reads a method in any case, as QTSS did.
    pub fn read(text: &str) -> Self {
        KNOWN
            .into_iter()
            .find(|method| method.name().eq_ignore_ascii_case(text))
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    /// The method as the protocol spells it.
    pub fn name(&self) -> &str {
        match self {
            Self::Announce => "ANNOUNCE",
            Self::Describe => "DESCRIBE",
            Self::GetParameter => "GET_PARAMETER",
            Self::Options => "OPTIONS",
            Self::Pause => "PAUSE",
            Self::Play => "PLAY",
            Self::Record => "RECORD",
            Self::Redirect => "REDIRECT",
            Self::SetParameter => "SET_PARAMETER",
            Self::Setup => "SETUP",
            Self::Teardown => "TEARDOWN",
            Self::Other(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_in_any_case() {
        for method in KNOWN {
            assert_eq!(Method::read(&method.name().to_lowercase()), method);
        }
        assert_eq!(Method::read("Dance").name(), "Dance");
    }
}

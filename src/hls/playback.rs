//! Which playback a request is of, by the name that its player gives it: so two of one kind at one address
//! are told apart.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The name of a playback, as a number: names are of any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Playback(u64);

impl Playback {
    /// That of the name itself, as Apple's players tell it in `X-Playback-Session-Id`; `None` for an empty one.
    pub fn named(name: &str) -> Option<Self> {
        if name.is_empty() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Some(Self(hasher.finish()))
    }

    /// That of the `sid` in a list of Common Media Client Data, in a header field or decoded from a query
    /// (CTA-5004, 3.2).
    pub fn of_client_data(list: &str) -> Option<Self> {
        let name = members(list).find_map(|member| member.trim().strip_prefix("sid="))?;
        Self::named(name.trim_matches('"'))
    }
}

/// The members of a list between commas, of which those in quotation marks separate nothing.
fn members(list: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    list.split(move |letter| {
        let was_escaped = is_escaped;
        is_escaped = letter == '\\' && !was_escaped;
        is_quoted ^= letter == '"' && !was_escaped;
        letter == ',' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_among_what_else_is_told() {
        let name = Playback::named("6e2f-b550");
        assert!(name.is_some());
        for list in [
            r#"sid="6e2f-b550""#,
            r#"cid="a,sid=\",b",sf=h,sid="6e2f-b550",st=l"#,
            r#"br=1, sid="6e2f-b550""#,
        ] {
            assert_eq!(Playback::of_client_data(list), name, "{list}");
        }
        assert_ne!(Playback::of_client_data(r#"sid="6e2f""#), name);
    }

    #[test]
    fn without_a_name_there_is_none() {
        assert_eq!(Playback::named(""), None);
        for list in ["", "br=3200", r#"sid="""#, r#"cid="a,sid=b""#, "\"", ",,"] {
            assert_eq!(Playback::of_client_data(list), None, "{list}");
        }
    }
}

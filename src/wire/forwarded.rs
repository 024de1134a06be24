//! Whose request an HTTP proxy passes on, as it tells in `X-Forwarded-For` or `Forwarded` (RFC 7239). Pure.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The header in which proxies tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    /// `X-Forwarded-For: 203.0.113.7, 10.0.0.5`
    #[default]
    #[serde(rename = "X-Forwarded-For")]
    XForwardedFor,
    /// `Forwarded: for=203.0.113.7;proto=https, for="[2001:db8::5]:4711"`
    Forwarded,
}

impl Field {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    /// What each element of `value` tells: an address or something else.
    fn addresses(self, value: &str) -> Result<Vec<Option<IpAddr>>, Untold> {
        Ok(match self {
            Self::XForwardedFor => value.split(',').map(address).collect(),
            Self::Forwarded => {
                let elements = split(value, ',')?.into_iter();
                elements.map(forwarded_for).collect()
            }
        })
    }
}

/// A proxy tells something, but no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proxy does not tell the client's address")]
pub struct Untold;

/// Where a request comes from that a proxy passes on, by all `values` of `field` in their order;
/// `None` if there are none.
///
/// Each proxy on the way appends whom it has the request from, after whatever the client wrote there
/// itself. So the last address counts that is not one of another proxy, as `is_proxy` tells.
///
/// # Errors
/// [`Untold`] if that is no address.
pub fn client<'v>(
    field: Field,
    values: impl DoubleEndedIterator<Item = &'v str>,
    is_proxy: impl Fn(IpAddr) -> bool,
) -> Result<Option<IpAddr>, Untold> {
    let mut furthest = None;
    for value in values.rev() {
        for address in field.addresses(value)?.into_iter().rev() {
            let address = address.ok_or(Untold)?;
            furthest = Some(address);
            if !is_proxy(address) {
                return Ok(furthest);
            }
        }
    }
    Ok(furthest)
}

/// The address of `for` in an element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = split(element, ';').ok()?.into_iter();
    let node = pairs.find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })?;
    let node = node.trim();
    let quoted = node.strip_prefix('"');
    address(quoted.map_or(Some(node), |rest| rest.strip_suffix('"'))?)
}

/// An address as proxies write it, with brackets or without, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let alone = text.parse::<IpAddr>().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let address = alone.or_else(with_port);
    let address = address.or_else(|| in_brackets().map(IpAddr::V6));
    address.map(|address| address.to_canonical())
}

/// The parts of a list, of which quoted ones may hold the separator.
///
/// # Errors
/// [`Untold`] when a quotation does not end: it would swallow what a proxy has appended.
fn split(list: &str, separator: char) -> Result<Vec<&str>, Untold> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = list.split(|letter| {
        let was_escaped = std::mem::replace(&mut is_escaped, false);
        match letter {
            '"' if !was_escaped => is_quoted = !is_quoted,
            '\\' if !was_escaped => is_escaped = is_quoted,
            _ => {}
        }
        letter == separator && !is_quoted
    });
    let parts = parts.collect();
    if is_quoted { Err(Untold) } else { Ok(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(field: Field, values: &[&str]) -> Result<Option<IpAddr>, Untold> {
        let is_proxy = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets()[0] == 10,
            IpAddr::V6(address) => address.segments()[0] == 0xfd00,
        };
        client(field, values.iter().copied(), is_proxy)
    }

    fn is(address: &str) -> Result<Option<IpAddr>, Untold> {
        Ok(Some(address.parse().unwrap()))
    }

    #[test]
    fn the_last_address_that_is_no_proxy_counts() {
        for (values, expected) in [
            (&[][..], Ok(None)),
            (&["203.0.113.7"], is("203.0.113.7")),
            (&[" 203.0.113.7 "], is("203.0.113.7")),
            (&["203.0.113.7:4711"], is("203.0.113.7")),
            (&["2001:db8::7"], is("2001:db8::7")),
            (&["[2001:db8::7]"], is("2001:db8::7")),
            (&["[2001:db8::7]:4711"], is("2001:db8::7")),
            (&["::ffff:203.0.113.7"], is("203.0.113.7")),
            (&["203.0.113.7, 10.0.0.5"], is("203.0.113.7")),
            (&["203.0.113.7", "10.0.0.5, 10.0.0.6"], is("203.0.113.7")),
            (&["10.0.0.7, 10.0.0.5"], is("10.0.0.7")),
            // What the client wrote itself goes before, whatever it is.
            (&["127.0.0.1, 203.0.113.7"], is("203.0.113.7")),
            (&["127.0.0.1", "203.0.113.7, fd00::5"], is("203.0.113.7")),
            (&["x, \u{0}, 203.0.113.7"], is("203.0.113.7")),
            (&["\"", "203.0.113.7"], is("203.0.113.7")),
            (&["unknown"], Err(Untold)),
            (&["203.0.113.7, unknown"], Err(Untold)),
            (&["203.0.113.7, _gate, 10.0.0.5"], Err(Untold)),
            (&["203.0.113.7,"], Err(Untold)),
            (&[""], Err(Untold)),
            (&["[203.0.113.7]"], Err(Untold)),
            (&["203.0.113.7:x"], Err(Untold)),
            (&["for=203.0.113.7"], Err(Untold)),
        ] {
            let found = found(Field::XForwardedFor, values);
            assert_eq!(found, expected, "{values:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_as_well() {
        for (values, expected) in [
            (&[][..], Ok(None)),
            (&["for=203.0.113.7"], is("203.0.113.7")),
            (&["For=\"[2001:db8::7]:4711\""], is("2001:db8::7")),
            (
                &["by=10.0.0.5; for=203.0.113.7;proto=https"],
                is("203.0.113.7"),
            ),
            (
                &["for=203.0.113.7;host=\"a,b;for=x\", for=10.0.0.5"],
                is("203.0.113.7"),
            ),
            (
                &["for=127.0.0.1;host=\"\\\"\", for=203.0.113.7"],
                is("203.0.113.7"),
            ),
            (
                &["for=127.0.0.1", "for=203.0.113.7", "for=10.0.0.5"],
                is("203.0.113.7"),
            ),
            // A quotation that does not end cannot hide what a proxy appends.
            (&["for=127.0.0.1;x=\", for=203.0.113.7"], Err(Untold)),
            (&["for=127.0.0.1;x=\", for=\"[2001:db8::7]\""], Err(Untold)),
            (
                &["for=127.0.0.1;x=\"\\, for=\"[2001:db8::7]\""],
                Err(Untold),
            ),
            (&["for=unknown"], Err(Untold)),
            (&["for=_hidden"], Err(Untold)),
            (&["for=\"203.0.113.7"], Err(Untold)),
            (&["proto=https"], Err(Untold)),
            (&["203.0.113.7"], Err(Untold)),
        ] {
            assert_eq!(found(Field::Forwarded, values), expected, "{values:?}");
        }
    }
}

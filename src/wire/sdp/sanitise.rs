//! Making legacy session descriptions fit for a strict reader.
//!
//! Encoders and movies of the QTSS era write descriptions that sdp-types
//! refuses as a whole because of one line. Here each line is repaired where its
//! meaning is plain, and left out where it is not.

use super::super::head::{decode, lines};

/// Rewrites `text` into a description that sdp-types accepts.
///
/// Lines end with CRLF, are UTF-8 (what is not is read as Latin-1), and stand in
/// their old order after `v=0`. Left out are lines of unknown type, lines that
/// cannot be understood, second lines of a type that may stand only once, and
/// media sections without transport or format.
pub fn sanitise(text: &[u8]) -> String {
    let mut description = Sound::new(text.len());
    for line in lines(text) {
        let line = decode(line).replace('\0', "");
        if let Some((key, value)) = key_and_value(&line) {
            description.push(key, value);
        }
    }
    description.text
}

fn key_and_value(line: &str) -> Option<(char, &str)> {
    let (key, value) = line.trim().split_once('=')?;
    let mut letters = key.trim().chars();
    let key = letters.next().filter(|_| letters.next().is_none())?;
    Some((key, value.trim()))
}

/// The part of the description that has been found sound.
struct Sound {
    text: String,
    section: Section,
    /// Types of lines that this section has already.
    present: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Session,
    Media,
    /// What follows a media line that cannot be used.
    Unusable,
}

impl Sound {
    fn new(capacity: usize) -> Self {
        let mut text = String::with_capacity(capacity + 16);
        text.push_str("v=0\r\n");
        Self {
            text,
            section: Section::Session,
            present: String::new(),
        }
    }

    fn push(&mut self, key: char, value: &str) {
        if key == 'm' {
            self.present.clear();
            self.section = Section::Unusable;
        } else if !self.may_hold(key) {
            return;
        }
        let Some(value) = repair(key, value) else {
            return;
        };
        if key == 'm' {
            self.section = Section::Media;
        }
        self.present.push(key);
        self.text.extend([key, '=']);
        self.text.push_str(&value);
        self.text.push_str("\r\n");
    }

    fn may_hold(&self, key: char) -> bool {
        let (once, often) = match self.section {
            Section::Session => ("osiuczk", "epbtra"),
            Section::Media => ("ik", "cba"),
            Section::Unusable => ("", ""),
        };
        // Repetitions refer to the time line before them.
        let out_of_place = key == 'r' && !self.present.contains('t');
        let again = once.contains(key) && self.present.contains(key);
        (once.contains(key) || often.contains(key)) && !again && !out_of_place
    }
}

/// The value as a strict reader accepts it.
fn repair(key: char, value: &str) -> Option<String> {
    match key {
        'o' => repair_origin(value),
        'c' => repair_connection(value),
        'b' => repair_bandwidth(value),
        't' => Some(repair_time(value)),
        'r' => repair_repeat(value),
        'z' => repair_zones(value),
        'm' => repair_media(value),
        'a' | 'k' => (!value.is_empty() && !value.starts_with(':')).then(|| value.to_owned()),
        _ => Some(value.to_owned()),
    }
}

/// `user id version nettype addrtype address`: user names with blanks, versions that are no 64-bit number.
fn repair_origin(value: &str) -> Option<String> {
    let words: Vec<_> = value.split_whitespace().collect();
    let (user, [id, version, net, kind, address]) = words.split_last_chunk::<5>()?;
    if user.is_empty() || !is_token(net) || !is_token(kind) {
        return None;
    }
    let user = user.join("_");
    let version: u64 = version.trim_start_matches('-').parse().unwrap_or(0);
    Some(format!("{user} {id} {version} {net} {kind} {address}"))
}

fn repair_connection(value: &str) -> Option<String> {
    let mut words = value.split_whitespace();
    let (net, kind, address) = (words.next()?, words.next()?, words.next()?);
    let sound = is_token(net) && is_token(kind);
    sound.then(|| format!("{net} {kind} {address}"))
}

/// A token of RFC 4566, 9.
fn is_token(word: &str) -> bool {
    let is_token_char =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte);
    !word.is_empty() && word.bytes().all(is_token_char)
}

/// `AS:12.5`, with a unit after it or not: rounded up to whole units.
fn repair_bandwidth(value: &str) -> Option<String> {
    let (kind, amount) = value.split_once(':')?;
    let amount = amount.trim();
    let end = amount
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(amount.len());
    let amount: f64 = amount.get(..end)?.parse().ok()?;
    Some(format!("{}:{}", kind.trim(), amount.ceil() as u64))
}

/// `start stop`; what is no such number means 0, unbounded.
fn repair_time(value: &str) -> String {
    let mut words = value.split_whitespace();
    let mut time = || -> u64 {
        let word = words.next().and_then(|word| word.parse().ok());
        word.unwrap_or(0)
    };
    let (start, stop) = (time(), time());
    format!("{start} {stop}")
}

/// `interval duration offsets…`, times with or without a unit.
fn repair_repeat(value: &str) -> Option<String> {
    let words: Vec<_> = value.split_whitespace().collect();
    let sound = words.len() >= 2 && words.iter().all(|word| is_typed_time(word));
    sound.then(|| words.join(" "))
}

/// Pairs of a time and an offset, which may be negative.
fn repair_zones(value: &str) -> Option<String> {
    let words: Vec<_> = value.split_whitespace().collect();
    let is_pair = |pair: &[&str]| match pair {
        [time, offset] => {
            time.parse::<u64>().is_ok() && is_typed_time(offset.strip_prefix('-').unwrap_or(offset))
        }
        _ => false,
    };
    let sound = !words.is_empty() && words.chunks(2).all(is_pair);
    sound.then(|| words.join(" "))
}

/// `604800` or `7d`; no time of ten digits overflows, whatever its unit.
fn is_typed_time(word: &str) -> bool {
    let digits = word.strip_suffix(['d', 'h', 'm', 's']).unwrap_or(word);
    (1..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `media port transport formats`; ports that are none become 0, for SETUP decides them.
fn repair_media(value: &str) -> Option<String> {
    let mut words = value.split_whitespace();
    let (media, port, transport) = (words.next()?, words.next()?, words.next()?);
    let formats: Vec<_> = words.collect();
    if formats.is_empty() {
        return None;
    }
    let (first, count) = port.split_once('/').unwrap_or((port, "1"));
    let sound = first.parse::<u16>().is_ok() && count.parse::<u16>().is_ok();
    let port = if sound { port } else { "0" };
    Some(format!("{media} {port} {transport} {}", formats.join(" ")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sdp_types::Session;

    use super::*;

    fn sound(lines: &[&str]) -> String {
        lines.iter().map(|line| format!("{line}\r\n")).collect()
    }

    #[test]
    fn a_sound_description_stays_as_it_is() {
        let text = sound(&[
            "v=0",
            "o=- 1 2 IN IP4 127.0.0.1",
            "s=x",
            "t=0 0",
            "r=7d 1h 0 25h",
            "z=2882844526 -1h 2898848070 0",
            "a=x-unknown:1:2",
            "m=audio 0 RTP/AVP 97 98",
            "c=IN IP4 224.2.1.1/127",
            "b=AS:48",
            "a=rtpmap:97 mpeg4-generic/22050/2",
        ]);
        assert_eq!(sanitise(text.as_bytes()), text);
    }

    #[test]
    fn faulty_lines_are_repaired() {
        let text = b"o=My Server 1 -5 IN IP4 h\rs=\xfc\n\nt=a\nb=AS:12.5\nb=TIAS:7 bit/s\nm=video 70000 RTP/AVP  96\0";
        let expected = sound(&[
            "v=0",
            "o=My_Server 1 5 IN IP4 h",
            "s=\u{fc}",
            "t=0 0",
            "b=AS:13",
            "b=TIAS:7",
            "m=video 0 RTP/AVP 96",
        ]);
        assert_eq!(sanitise(text), expected);
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        let text = b"x=1\nhello\no=- 1\nc=IN IP4\nc=IN IP4 a\nc=IN IP4 b\nr=1 1\na=\nb=AS:x\nm=video 0 RTP/AVP\na=of it\nm=audio 0 RTP/AVP 0\na=x";
        let expected = sound(&["v=0", "c=IN IP4 a", "m=audio 0 RTP/AVP 0", "a=x"]);
        assert_eq!(sanitise(text), expected);
    }

    proptest! {
        #[test]
        fn every_result_is_accepted(text in "([vosiuepcbtrzkamx]=[ -~ü]{0,20}(\r\n|\r|\n)){0,12}") {
            let sound = sanitise(text.as_bytes());
            prop_assert!(Session::parse(sound.as_bytes()).is_ok(), "{}", sound);
            prop_assert_eq!(sanitise(sound.as_bytes()), sound);
        }

        #[test]
        fn numbers_at_their_limits_are_accepted(
            text in "([otrzbm]=([0-9dhms.:/-]{1,21}[ /:]){1,7}(IN IP4 h)?\n){0,12}",
        ) {
            let sound = sanitise(text.as_bytes());
            prop_assert!(Session::parse(sound.as_bytes()).is_ok(), "{}", sound);
        }

        #[test]
        fn rubbish_does_not_panic(bytes: Vec<u8>) {
            prop_assert!(Session::parse(sanitise(&bytes).as_bytes()).is_ok());
        }
    }
}

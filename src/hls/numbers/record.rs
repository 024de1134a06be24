//! How far channels are, as the file says it: a line for each, and one that tells whether all of it is there. Pure.
//!
//! ```text
//! 1763791502 1763791906 20414 tv/news
//! 3e9b1f…
//! ```

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::Numbering;
use crate::base::hex::hex;
use crate::base::path::MediaPath;

/// The text of the file.
pub(super) fn written(channels: &[(MediaPath, Numbering)]) -> String {
    let lines: String = channels.iter().map(line).collect();
    let sum = sum(&lines);
    format!("{lines}{sum}\n")
}

/// What it says; `None` if it is not as it was written.
pub(super) fn read(text: &str) -> Option<HashMap<MediaPath, Numbering>> {
    let without_end = text.strip_suffix('\n')?;
    let end = without_end.rfind('\n').map_or(0, |end| end + 1);
    let (lines, told) = without_end.split_at_checked(end)?;
    let is_whole = told == sum(lines);
    is_whole.then(|| lines.lines().map(channel).collect())?
}

fn sum(lines: &str) -> String {
    hex(&Sha256::digest(lines))
}

fn line((channel, next): &(MediaPath, Numbering)) -> String {
    let Numbering {
        sequence,
        frame,
        discontinuity,
    } = next;
    format!("{sequence} {frame} {discontinuity} {}\n", channel.to_url())
}

fn channel(line: &str) -> Option<(MediaPath, Numbering)> {
    let mut fields = line.splitn(4, ' ');
    let mut number = || fields.next()?.parse().ok();
    let next = Numbering {
        sequence: number()?,
        frame: number()?,
        discontinuity: number()?,
    };
    let channel = MediaPath::from_url(fields.next()?).ok()?;
    Some((channel, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (MediaPath, Numbering) {
        let next = Numbering {
            sequence: 1_763_791_502,
            frame: 1_763_791_906,
            discontinuity: 20_414,
        };
        (MediaPath::from_plain("tv/hd d").unwrap(), next)
    }

    #[test]
    fn what_was_written_is_read() {
        let (channel, next) = example();
        let text = written(&[(channel.clone(), next)]);
        let line = "1763791502 1763791906 20414 tv/hd%20d\n";
        assert!(text.starts_with(line), "{text}");
        assert_eq!(read(&text), Some(HashMap::from([(channel, next)])));
        assert_eq!(read(&written(&[])), Some(HashMap::new()));
    }

    #[test]
    fn what_is_damaged_says_nothing() {
        let text = written(&[example()]);
        for end in 0..text.len() {
            assert_eq!(read(&text[..end]), None, "{end}");
        }
        assert_eq!(read(&text.replacen('6', "7", 1)), None);
        let other = "a b c d\n";
        assert_eq!(read(&format!("{other}{}\n", sum(other))), None);
    }
}

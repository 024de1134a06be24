//! Lines of files that people write by hand, on any system: access files, users, groups, keys, logins. Pure.

/// What some editors begin a text with.
pub const MARK: char = '\u{feff}';

/// The lines that say something, without the blanks around them, and their numbers, counted from 1: not those that are
/// empty or begin with `#`.
pub fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let entries = (1..).zip(lines(text).map(str::trim));
    entries.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// The lines of a text of any system.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The same with their ends, so that they make up the text again; a mark at its start is part of the first.
pub fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let length = match rest.find(['\r', '\n']) {
            Some(end) if rest[end..].starts_with("\r\n") => end + 2,
            Some(end) => end + 1,
            None => rest.len(),
        };
        let (line, others) = rest.split_at(length);
        rest = others;
        (!line.is_empty()).then_some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_the_numbers_of_their_lines() {
        let text = "\u{feff}# one\r\n\r\n three \r#four\nfive # and more\n\t\n";
        let found: Vec<_> = entries(text).collect();
        assert_eq!(found, [(3, "three"), (5, "five # and more")]);
    }

    #[test]
    fn lines_are_the_same_with_their_ends() {
        for text in [
            "",
            "a",
            "a\n",
            "a\r\nb\r\n",
            "a\rb\r",
            "a\r\r\nb\n\nc",
            "\n\ra\n\r\n",
            "\u{feff}a\rb",
        ] {
            let whole: Vec<_> = whole_lines(text).collect();
            assert_eq!(whole.concat(), text, "{text:?}");
            let bare = |line: &&str| line.trim_matches([MARK, '\r', '\n']).to_owned();
            let whole: Vec<_> = whole.iter().map(bare).collect();
            let mut expected: Vec<_> = lines(text).collect();
            // Behind the last end there is a line as well, in which nothing stands.
            expected.truncate(whole.len());
            assert_eq!(whole, expected, "{text:?}");
            let more = lines(text).skip(whole.len());
            assert!(more.collect::<String>().is_empty(), "{text:?}");
        }
    }
}

//! Languages of sounds, as playlists name them. Pure.

/// The tag of RFC 5646 for what a file tells, a code of ISO 639-2 as a rule; `None` for what is no tag, and for what
/// names no language.
pub(super) fn read(told: &str) -> Option<String> {
    let is_word = |word: &str| {
        (1..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_tag = told.len() <= LONGEST && told.split('-').all(is_word);
    (is_tag && !NO_LANGUAGE.contains(&told)).then(|| registered(told).to_owned())
}

/// The name that RFC 5646 has for a language, where ISO 639-2 has two; all others are as they are told.
pub(super) fn registered(told: &str) -> &str {
    let twice = TWICE.iter().find(|(of_libraries, _)| *of_libraries == told);
    twice.map_or(told, |(_, tag)| tag)
}

/// The longest tag that is read, in bytes (RFC 5646, 4.4.1).
const LONGEST: usize = 35;

/// What ISO 639-2 has for what is not known, not named, and not spoken.
const NO_LANGUAGE: [&str; 4] = ["und", "mis", "mul", "zxx"];

/// The languages that ISO 639-2 names twice. Matroska has the names of libraries (RFC 9559, 12), transport streams and
/// MP4 have either, and RFC 5646 the others alone (2.2.1).
const TWICE: [(&str, &str); 20] = [
    ("alb", "sqi"),
    ("arm", "hye"),
    ("baq", "eus"),
    ("bur", "mya"),
    ("chi", "zho"),
    ("cze", "ces"),
    ("dut", "nld"),
    ("fre", "fra"),
    ("geo", "kat"),
    ("ger", "deu"),
    ("gre", "ell"),
    ("ice", "isl"),
    ("mac", "mkd"),
    ("mao", "mri"),
    ("may", "msa"),
    ("per", "fas"),
    ("rum", "ron"),
    ("slo", "slk"),
    ("tib", "bod"),
    ("wel", "cym"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_have_one_name_for_a_language() {
        for (told, tag) in [
            ("ger", Some("deu")),
            ("deu", Some("deu")),
            ("eng", Some("eng")),
            ("pt-BR", Some("pt-BR")),
            ("und", None),
            ("", None),
            ("\"\nx", None),
            ("German (Germany)", None),
        ] {
            assert_eq!(read(told).as_deref(), tag, "{told}");
        }
    }
}

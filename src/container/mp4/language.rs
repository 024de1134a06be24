//! The language of a track, as its media header has it (ISO/IEC 14496-12, 8.4.2.3; QTFF, "Language Code Values").

/// The code of ISO 639-2 that a media header's field stands for; `None` when it stands for no language.
///
/// Three letters of five bits each, or one of QuickTime's own numbers, which are below `0x400`.
pub(super) fn read(packed: u16) -> Option<String> {
    if packed < 0x400 {
        let known = NUMBERED.get(usize::from(packed)).or_else(|| {
            let behind = packed.checked_sub(FIRST_BEHIND)?;
            NUMBERED_BEHIND.get(usize::from(behind))
        });
        return known.map(|&code| code.to_owned());
    }
    let letter = |shift: u16| char::from(0x60 + (packed >> shift & 31) as u8);
    let code: String = [letter(10), letter(5), letter(0)].into_iter().collect();
    let is_known = code != "und" && code.chars().all(|c| c.is_ascii_lowercase());
    is_known.then_some(code)
}

/// The field for a code of ISO 639-2; anything else counts as not known.
pub(super) fn pack(code: Option<&str>) -> u16 {
    let letters = code.map_or(UNDETERMINED, |code| match code.as_bytes() {
        &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_lowercase) => [a, b, c],
        _ => UNDETERMINED,
    });
    letters
        .iter()
        .fold(0, |packed, letter| packed << 5 | u16::from(letter - 0x60))
}

const UNDETERMINED: [u8; 3] = *b"und";

/// QuickTime's languages from number 0 on.
const NUMBERED: [&str; 95] = [
    "eng", "fra", "deu", "ita", "nld", "swe", "spa", "dan", "por", "nor", "heb", "jpn", "ara",
    "fin", "ell", "isl", "mlt", "tur", "hrv", "zho", "urd", "hin", "tha", "kor", "lit", "pol",
    "hun", "est", "lav", "smi", "fao", "fas", "rus", "zho", "nld", "gle", "sqi", "ron", "ces",
    "slk", "slv", "yid", "srp", "mkd", "bul", "ukr", "bel", "uzb", "kaz", "aze", "aze", "hye",
    "kat", "ron", "kir", "tgk", "tuk", "mon", "mon", "pus", "kur", "kas", "snd", "bod", "nep",
    "san", "mar", "ben", "asm", "guj", "pan", "ori", "mal", "kan", "tam", "tel", "sin", "mya",
    "khm", "lao", "vie", "ind", "tgl", "msa", "msa", "amh", "tir", "orm", "som", "swa", "kin",
    "run", "nya", "mlg", "epo",
];

/// The number of the first of those that stand apart.
const FIRST_BEHIND: u16 = 128;

const NUMBERED_BEHIND: [&str; 11] = [
    "cym", "eus", "cat", "lat", "que", "grn", "aym", "tat", "uig", "dzo", "jav",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read() {
        for code in ["deu", "eng", "zul"] {
            assert_eq!(read(pack(Some(code))).as_deref(), Some(code));
        }
        assert_eq!(read(pack(None)), None);
        assert_eq!(pack(Some("pt-BR")), pack(None));
    }

    #[test]
    fn quicktime_numbers_its_languages() {
        for (number, code) in [
            (0, Some("eng")),
            (11, Some("jpn")),
            (32, Some("rus")),
            (94, Some("epo")),
            (95, None),
            (127, None),
            (128, Some("cym")),
            (138, Some("jav")),
            (139, None),
            (0x3ff, None),
            (0x7fff, None),
        ] {
            assert_eq!(read(number).as_deref(), code, "{number}");
        }
    }
}

//! Keys of encrypted segments (rfc8216bis, 4.4.4.4).

use std::sync::Arc;

use super::attributes::Attributes;
use super::finding::Findings;
use super::media::Key;
use super::rule::rules;

rules! {
    METHOD "key-method" Error "bis 4.4.4.4"
        "use NONE, AES-128, SAMPLE-AES or one of the newer methods";
    NONE "key-none" Error "bis 4.4.4.4"
        "write METHOD=NONE without other attributes";
    IV "key-iv" Error "bis 4.4.4.4"
        "write the initialisation vector as 0x and up to 32 hexadecimal digits";
    COUNTER "key-counter-mode" Warning "Apple 13.5"
        "encrypt with the cbcs scheme (SAMPLE-AES): Apple's players do not know counter mode";
}

/// The key tags in force.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyTag {
    keys: Vec<Key>,
    /// Shared by the segments that they hold for; made when somebody asks.
    shared: Option<Arc<[Key]>>,
}

impl KeyTag {
    /// Reads an `EXT-X-KEY`, which replaces the one of its key format.
    pub(super) fn read(&mut self, list: &Attributes<'_>, findings: &mut Findings) {
        self.shared = None;
        match key(list, findings) {
            None => self.keys.clear(),
            Some(key) => {
                self.keys.retain(|other| other.format != key.format);
                self.keys.push(key);
            }
        }
    }

    /// The keys that segments are encrypted with from here on.
    pub(super) fn in_force(&mut self) -> Arc<[Key]> {
        let shared = self
            .shared
            .get_or_insert_with(|| self.keys.as_slice().into());
        Arc::clone(shared)
    }
}

/// Reads a key; `None` for one that ends encryption.
pub(super) fn key(list: &Attributes<'_>, findings: &mut Findings) -> Option<Key> {
    list.require(&["METHOD"], findings);
    let method = list.word("METHOD", findings).unwrap_or_default();
    if method == "NONE" {
        if list.has("URI") || list.has("IV") || list.has("KEYFORMAT") {
            findings.add(
                &NONE,
                list.line(),
                "METHOD=NONE has other attributes beside it",
            );
        }
        return None;
    }
    match method {
        "AES-128" | "SAMPLE-AES" | "AES-256-GCM" => {}
        "SAMPLE-AES-CTR" => findings.add(&COUNTER, list.line(), "METHOD is SAMPLE-AES-CTR"),
        _ => findings.add(&METHOD, list.line(), format!("METHOD is {method:?}")),
    }
    list.require(&["URI"], findings);
    let format = list.quoted("KEYFORMAT", findings);
    let versions = list.quoted("KEYFORMATVERSIONS", findings);
    Some(Key {
        line: list.line(),
        method: method.to_owned(),
        uri: list.quoted("URI", findings),
        iv: vector(list, findings),
        format: format.unwrap_or_else(|| "identity".to_owned()),
        versions: versions.unwrap_or_else(|| "1".to_owned()),
    })
}

fn vector(list: &Attributes<'_>, findings: &mut Findings) -> Option<u128> {
    let word = list.word("IV", findings)?;
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let vector = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
    if vector.is_none() {
        findings.add(&IV, list.line(), format!("IV is {word:?}"));
    }
    vector
}

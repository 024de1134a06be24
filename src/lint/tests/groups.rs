//! Faults of groups that belong together.

use super::playlists::read_program;
use super::{Fault, assert_sound};

const AAC: [&str; 2] = [
    "GROUP-ID=\"aac\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\"",
    "GROUP-ID=\"aac\",NAME=\"Deutsch\",LANGUAGE=\"de\",AUTOSELECT=YES,CHANNELS=\"2\",URI=\"de.m3u8\"",
];
const AC3: [&str; 2] = [
    "GROUP-ID=\"ac3\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"6\",URI=\"en-ac3.m3u8\"",
    "GROUP-ID=\"ac3\",NAME=\"Deutsch\",LANGUAGE=\"de\",AUTOSELECT=YES,CHANNELS=\"6\",URI=\"de-ac3.m3u8\"",
];

/// A program with these sounds, whose variants have these further attributes.
fn program(sounds: &[&str], of_variants: [&str; 2]) -> String {
    let sounds = sounds.iter();
    let sounds = sounds.map(|sound| format!("#EXT-X-MEDIA:TYPE=AUDIO,{sound}\n"));
    let variants = [("aac", "mp4a.40.2", 190_000), ("ac3", "ac-3", 500_000)].into_iter();
    let variants = variants.zip(of_variants).map(|((group, codec, peak), more)| {
        format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH=100000,CODECS=\"avc1.64001f,{codec}\",\
             RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO=\"{group}\"{more}\n{group}.m3u8\n"
        )
    });
    let lines: String = sounds.chain(variants).collect();
    format!(
        "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=50000,CODECS=\"avc1.64001f\",RESOLUTION=640x360,URI=\"i.m3u8\"\n{lines}"
    )
}

/// The rules of groups that are broken, with what was found.
fn found(text: &str) -> Vec<(&'static str, String)> {
    let findings = read_program(text).1.into_iter();
    let of_groups = findings.filter(|one| one.rule.name.starts_with("group-"));
    of_groups.map(|one| (one.rule.name, one.found)).collect()
}

pub(super) fn faults() -> Vec<Fault> {
    let members = program(&[AAC[0], AAC[1], AC3[0]], ["", ""]);
    let other = AC3[1].replace("AUTOSELECT=YES,", "");
    let attributes = program(&[AAC[0], AAC[1], AC3[0], &other], ["", ""]);
    vec![
        ("group-members", read_program(&members).1),
        ("group-attributes", read_program(&attributes).1),
    ]
}

#[test]
fn groups_may_differ_by_their_encoding() {
    assert_sound(&read_program(&program(&[AAC, AC3].concat(), ["", ""])).1);
}

#[test]
fn each_group_is_told_what_it_lacks() {
    let text = program(&[AAC[0], AAC[1], AC3[0]], ["", ""]);
    let lack = r#""aac" has ["Deutsch"], "ac3" has not"#.to_owned();
    assert_eq!(found(&text), [("group-members", lack)]);
    let text = program(&[AAC[0], AC3[1]], ["", ""]);
    let lacks = [
        r#""aac" has ["English"], "ac3" has not"#,
        r#""ac3" has ["Deutsch"], "aac" has not"#,
    ];
    let lacks = lacks.map(|lack| ("group-members", lack.to_owned()));
    assert_eq!(found(&text), lacks);
}

#[test]
fn members_that_are_told_of_otherwise_are_found() {
    let other = AC3[0]
        .replace("\"en\"", "\"en-US\"")
        .replace("DEFAULT=YES,", "");
    let text = program(&[AAC[0], AAC[1], &other, AC3[1]], ["", ""]);
    let differ = r#""English" has in "aac" another LANGUAGE, DEFAULT"#.to_owned();
    assert_eq!(found(&text), [("group-attributes", differ)]);
}

#[test]
fn groups_of_other_pathways_and_of_no_variant_are_passed_over() {
    let sounds = [AAC[0], AC3[1]];
    let text = program(&sounds, [",PATHWAY-ID=\"a\"", ",PATHWAY-ID=\"b\""]);
    assert_eq!(found(&text), []);
    let text = program(&sounds, ["", ""]).replace(",AUDIO=\"ac3\"", "");
    assert_eq!(found(&text), []);
}

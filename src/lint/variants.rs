//! What a multivariant playlist must tell (rfc8216bis, 4.4.6; the authoring specification, 9).

use std::collections::BTreeSet;

use super::finding::Findings;
use super::groups;
use super::multivariant::{Multivariant, Rendition, Variant};
use super::rule::rules;

rules! {
    MEDIA_TAG "playlists-mixed-media" Error "bis 4.1"
        "keep tags of media playlists out of multivariant playlists";
    CODECS "codecs" Warning "Apple 9.1; bis 4.4.6.2"
        "add CODECS, so that a player knows before it loads a segment whether it can play it";
    RESOLUTION "resolution" Warning "Apple 9.14"
        "add RESOLUTION to every variant with pictures";
    FRAME_RATE "frame-rate" Warning "Apple 9.2, 9.15"
        "add FRAME-RATE to every variant with pictures";
    AVERAGE "average-bandwidth" Warning "Apple 9.16"
        "add AVERAGE-BANDWIDTH to every variant";
    AVERAGE_ABOVE_PEAK "average-above-peak" Error "bis 4.4.6.2"
        "measure both: the average cannot be above BANDWIDTH, which is the peak";
    INDEPENDENT "independent-segments" Warning "Apple 9.11, 9.12"
        "begin every segment with a key frame, and promise it by #EXT-X-INDEPENDENT-SEGMENTS";
    ONE_BIT_RATE "several-bit-rates" Advice "Apple 9.9"
        "offer the same pictures at several bit rates, so that players on slow networks go on";
    CELLULAR "cellular-variant" Advice "Apple 1.32, 9.21"
        "offer a variant of at most 192 kbit/s for cellular networks";
    ASPECT "same-aspect" Advice "Apple 1.33"
        "give all variants the same aspect ratio";
    NO_I_FRAMES "i-frame-playlist" Warning "Apple 6.1"
        "offer an I-frame playlist by #EXT-X-I-FRAME-STREAM-INF, for pictures while the viewer scrubs";
    I_FRAME_ATTRIBUTES "i-frame-attributes" Warning "Apple 9.3, 9.4"
        "add CODECS and RESOLUTION to #EXT-X-I-FRAME-STREAM-INF";
    GROUP "group-missing" Error "bis 4.4.6.2"
        "declare each group that a variant names by #EXT-X-MEDIA of that type";
    SOUND_CODECS "sound-codecs" Warning "bis 4.4.6.2"
        "give the sounds of each codec a group and an #EXT-X-STREAM-INF of their own: a player passes over a variant \
         when it does not know all of its CODECS";
    RENDITION "rendition" Error "bis 4.4.6.1"
        "mend the attributes of #EXT-X-MEDIA";
    LANGUAGE "language" Warning "Apple 8.10"
        "add LANGUAGE to every #EXT-X-MEDIA that is not VIDEO";
    SCORE "score" Warning "Apple 9.18"
        "give SCORE to all variants or to none";
    PATHWAY "pathway" Warning "Apple 9.19"
        "give PATHWAY-ID to every variant where #EXT-X-CONTENT-STEERING is used";
    VIDEO_RANGE "video-range" Warning "Apple 9.16"
        "add VIDEO-RANGE to all variants unless all are SDR";
    EMPTY "no-variants" Error "bis 4.4.6.2"
        "list at least one variant";
}

/// Checks what does not need the media playlists.
pub(super) fn check(playlist: &Multivariant, findings: &mut Findings) {
    for (line, tag) in &playlist.other_tags {
        let found = format!("#{tag} belongs to media playlists, or to none");
        findings.add(&MEDIA_TAG, line, found);
    }
    if playlist.variants.is_empty() {
        findings.add(&EMPTY, "", "there is no variant");
    }
    for variant in &playlist.variants {
        check_variant(variant, findings);
        check_groups(variant, &playlist.renditions, findings);
    }
    for variant in &playlist.i_frames {
        if variant.codecs.is_empty() || variant.resolution.is_none() {
            let found = "the I-frame playlist lacks CODECS or RESOLUTION";
            findings.add(&I_FRAME_ATTRIBUTES, variant.line, found);
        }
    }
    check_renditions(&playlist.renditions, findings);
    groups::check(playlist, findings);
    check_together(playlist, findings);
}

/// Whether the segments begin with key frames must be promised here or in each media playlist.
pub(super) fn check_promise(is_in_media: bool, playlist: &Multivariant, findings: &mut Findings) {
    let has_video = playlist.variants.iter().any(Variant::has_video);
    if has_video && !playlist.independent_segments && !is_in_media {
        let found = "neither this playlist nor the media playlists promise it";
        findings.add(&INDEPENDENT, "", found);
    }
}

fn check_variant(variant: &Variant, findings: &mut Findings) {
    let line = variant.line;
    if variant.codecs.is_empty() {
        findings.add(&CODECS, line, "the variant has no CODECS");
    }
    if variant.has_video() && variant.resolution.is_none() {
        findings.add(
            &RESOLUTION,
            line,
            "the variant has pictures and no RESOLUTION",
        );
    }
    if variant.has_video() && variant.frame_rate.is_none() {
        findings.add(
            &FRAME_RATE,
            line,
            "the variant has pictures and no FRAME-RATE",
        );
    }
    check_sound_codecs(variant, findings);
    match (variant.average_bandwidth, variant.bandwidth) {
        (None, _) => findings.add(&AVERAGE, line, "the variant has no AVERAGE-BANDWIDTH"),
        (Some(average), Some(peak)) if average > peak => {
            let found = format!("AVERAGE-BANDWIDTH is {average}, BANDWIDTH is {peak}");
            findings.add(&AVERAGE_ABOVE_PEAK, line, found);
        }
        _ => {}
    }
}

fn check_sound_codecs(variant: &Variant, findings: &mut Findings) {
    let has_group = variant.groups.iter().any(|(kind, _)| *kind == "AUDIO");
    let sounds: BTreeSet<_> = variant.sound_codecs().collect();
    if has_group && sounds.len() > 1 {
        let names = Vec::from_iter(sounds).join(", ");
        let found = format!("the group of sounds is of {names}");
        findings.add(&SOUND_CODECS, variant.line, found);
    }
}

fn check_groups(variant: &Variant, renditions: &[Rendition], findings: &mut Findings) {
    for (kind, group) in &variant.groups {
        let is_there = |one: &Rendition| one.kind == *kind && one.group == *group;
        if !renditions.iter().any(is_there) {
            let found =
                format!("there is no #EXT-X-MEDIA of the type {kind} in the group {group:?}");
            findings.add(&GROUP, variant.line, found);
        }
    }
}

fn check_renditions(renditions: &[Rendition], findings: &mut Findings) {
    let mut names = BTreeSet::new();
    let mut defaults = BTreeSet::new();
    for one in renditions {
        for fault in rendition_faults(one) {
            findings.add(&RENDITION, one.line, fault);
        }
        if !names.insert((&one.kind, &one.group, &one.name)) {
            let found = format!(
                "the group {:?} has two of the name {:?}",
                one.group, one.name
            );
            findings.add(&RENDITION, one.line, found);
        }
        if one.default && !defaults.insert((&one.kind, &one.group)) {
            let found = format!("the group {:?} has two with DEFAULT=YES", one.group);
            findings.add(&RENDITION, one.line, found);
        }
        if one.language.is_none() && one.kind != "VIDEO" {
            let found = format!("{:?} has no LANGUAGE", one.name);
            findings.add(&LANGUAGE, one.line, found);
        }
    }
}

fn rendition_faults(one: &Rendition) -> impl Iterator<Item = &'static str> {
    let kind = one.kind.as_str();
    let is_known = ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"].contains(&kind);
    let is_captions = kind == "CLOSED-CAPTIONS";
    [
        (
            !is_known,
            "TYPE is none of AUDIO, VIDEO, SUBTITLES, CLOSED-CAPTIONS",
        ),
        (
            is_captions && one.uri.is_some(),
            "closed captions have a URI",
        ),
        (
            is_captions && one.instream.is_none(),
            "closed captions have no INSTREAM-ID",
        ),
        (
            !is_captions && one.instream.is_some(),
            "INSTREAM-ID is for closed captions",
        ),
        (
            kind == "SUBTITLES" && one.uri.is_none(),
            "subtitles have no URI",
        ),
        (kind != "SUBTITLES" && one.forced, "FORCED is for subtitles"),
        (
            one.default && one.autoselect == Some(false),
            "DEFAULT=YES stands with AUTOSELECT=NO",
        ),
    ]
    .into_iter()
    .filter_map(|(is_fault, text)| is_fault.then_some(text))
}

/// What holds for all variants together.
fn check_together(playlist: &Multivariant, findings: &mut Findings) {
    let variants = &playlist.variants;
    let with_video: Vec<&Variant> = variants.iter().filter(|one| one.has_video()).collect();
    let Some(first) = with_video.first() else {
        return check_consistency(variants, playlist.steering, findings);
    };
    if with_video.len() == 1 {
        findings.add(&ONE_BIT_RATE, first.line, "there is one variant");
    }
    let lowest = variants.iter().filter_map(|one| one.bandwidth).min();
    if let Some(lowest) = lowest.filter(|lowest| *lowest > CELLULAR_BIT_RATE) {
        let found = format!("the lowest variant has {} kbit/s", lowest / 1000);
        findings.add(&CELLULAR, "", found);
    }
    if playlist.i_frames.is_empty() {
        findings.add(&NO_I_FRAMES, "", "there is none");
    }
    for other in &with_video {
        if let (Some(one), Some(two)) = (first.resolution, other.resolution)
            && !is_same_aspect(one, two)
        {
            let found = format!("{}x{} beside {}x{}", two.0, two.1, one.0, one.1);
            findings.add(&ASPECT, other.line, found);
        }
    }
    let ranges: BTreeSet<_> = with_video.iter().map(|one| &one.video_range).collect();
    if ranges.contains(&None) && ranges.len() > 1 {
        findings.add(
            &VIDEO_RANGE,
            "",
            "some variants tell their VIDEO-RANGE, others do not",
        );
    }
    check_consistency(variants, playlist.steering, findings);
}

fn check_consistency(variants: &[Variant], steering: bool, findings: &mut Findings) {
    let scored = variants.iter().filter(|one| one.score.is_some()).count();
    if scored != 0 && scored != variants.len() {
        let found = format!("{scored} of {} variants have it", variants.len());
        findings.add(&SCORE, "", found);
    }
    let without = variants.iter().find(|one| one.pathway.is_none());
    if let Some(without) = without.filter(|_| steering) {
        findings.add(&PATHWAY, without.line, "the variant has no PATHWAY-ID");
    }
}

fn is_same_aspect(one: (u32, u32), two: (u32, u32)) -> bool {
    let aspect = |(width, height): (u32, u32)| f64::from(width) / f64::from(height.max(1));
    (aspect(one) / aspect(two).max(1e-9) - 1.0).abs() < 0.02
}

/// Bits per second.
const CELLULAR_BIT_RATE: u64 = 192_000;

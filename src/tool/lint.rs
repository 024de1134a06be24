//! `reelcast lint`: whether what a URL leads to keeps the rules of HLS.
//!
//! The rules are in `lint`; here everything is fetched that they are about.
#![expect(clippy::print_stdout, reason = "this command's output")]
#![expect(clippy::print_stderr, reason = "this command's output")]

mod follow;
mod media;
mod probes;
mod removed;
mod web;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::task::JoinSet;
use url::Url;

use self::follow::{Followed, Follower};
use self::web::{Answer, Failure, Web};
use super::block_on;
use crate::lint::delivery::{self, Asked};
use crate::lint::finding::Findings;
use crate::lint::multivariant::Multivariant;
use crate::lint::program::{self, Playlist};
use crate::lint::report::Report;
use crate::lint::rule::Level;
use crate::lint::rules;

/// Checks what players get of a playlist against the rules of HLS, and says what to change
///
/// Ends with 0 when no rule is broken (advice does not count), with 1 when one is, and with 2
/// when there was nothing to check. Sources of rules: "Apple" is the HLS authoring specification,
/// "bis" is draft-pantos-hls-rfc8216bis.
#[derive(Clone, Debug, Args)]
pub struct Lint {
    /// A multivariant or a media playlist
    #[arg(required_unless_present = "rules")]
    url: Option<Url>,
    /// For how long to watch a live playlist
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How many segments to read at first, of each media playlist
    #[arg(long, default_value_t = 30)]
    segments: usize,
    /// Leave out what breaks this rule; can be given more than once
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
    /// Accept any certificate
    #[arg(long)]
    insecure: bool,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    /// List all rules
    #[arg(long)]
    rules: bool,
}

/// Runs the checks; fails when a rule is broken.
pub fn lint(arguments: &Lint) -> ExitCode {
    if let Some(unknown) = arguments.allow.iter().find(|name| !is_rule(name)) {
        return fail(&format!("there is no rule {unknown:?}; --rules lists all"));
    }
    let Some(url) = arguments.url.as_ref().filter(|_| !arguments.rules) else {
        list_rules();
        return ExitCode::SUCCESS;
    };
    let report = match block_on(look(arguments, url)) {
        Ok(Ok(report)) => report,
        Ok(Err(failure)) => return fail(&failure.to_string()),
        Err(error) => return fail(&error.to_string()),
    };
    match serde_json::to_string_pretty(&report)
        .ok()
        .filter(|_| arguments.json)
    {
        Some(text) => println!("{text}"),
        None => print!("{report}"),
    }
    match report.count(Level::Error) + report.count(Level::Warning) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("reelcast lint: {reason}");
    ExitCode::from(2)
}

fn is_rule(name: &str) -> bool {
    rules().any(|rule| rule.name == name)
}

fn list_rules() {
    for rule in rules() {
        println!(
            "{:<8} {} ({})\n   {}",
            rule.level, rule.name, rule.source, rule.change
        );
    }
}

async fn look(arguments: &Lint, url: &Url) -> Result<Report, Failure> {
    let web = Web::new(arguments.insecure);
    let began = web.elapsed();
    let mut report = Report::new(url.as_str(), &arguments.allow);
    let answer = web.get(url, None, PATIENCE).await?;
    if answer.delivery.status != 200 {
        let reason = String::from_utf8_lossy(&answer.body).into_owned();
        let reason = reason
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(200)
            .collect();
        return Err(Failure::Status(answer.delivery.status, reason));
    }
    let mut findings = Findings::default();
    let playlist = program::read(&answer.body, &mut findings);
    match playlist {
        None => report.add(url.as_str(), findings),
        Some(Playlist::Media) => {
            let url = vec![answer.url.clone()];
            let followed = follow_all(&web, arguments, &url, &url).await;
            take(&mut report, followed);
        }
        Some(Playlist::Multivariant(playlist)) => {
            delivery::check(Asked::Playlist(None), &answer.delivery, "", &mut findings);
            report.looked.playlists += 1;
            report.add(url.as_str(), findings);
            look_at_program(&web, arguments, &answer, &playlist, &mut report).await;
        }
    }
    check_connection(&web, url, &mut report).await;
    report.looked.seconds = (web.elapsed() - began).as_secs_f64();
    report.sort();
    Ok(report)
}

async fn look_at_program(
    web: &Web,
    arguments: &Lint,
    answer: &Answer,
    playlist: &Multivariant,
    report: &mut Report,
) {
    let mut urls: Vec<Url> = Vec::new();
    for uri in playlist.uris() {
        match answer.url.join(uri) {
            Ok(url) if !urls.contains(&url) => urls.push(url),
            _ => {}
        }
    }
    let is_i_frames = |url: &Url| {
        let mut i_frames = playlist.i_frames.iter();
        i_frames.any(|one| answer.url.join(&one.uri).as_ref() == Ok(url))
    };
    let sisters = urls.iter().filter(|url| !is_i_frames(url));
    let sisters: Vec<Url> = sisters.cloned().collect();
    let followed = follow_all(web, arguments, &urls, &sisters).await;
    let mut findings = Findings::default();
    for variant in playlist.variants.iter().chain(&playlist.i_frames) {
        let own = answer.url.join(&variant.uri).ok();
        let stream = followed
            .iter()
            .find(|followed| Some(&followed.url) == own.as_ref());
        if let Some(followed) = stream {
            followed.stream.check_variant(variant, &mut findings);
        }
    }
    let medias: Vec<_> = followed
        .iter()
        .filter_map(|followed| Some((followed.url.to_string(), followed.stream.last()?)))
        .collect();
    program::check(answer.url.as_str(), playlist, &medias, &mut findings);
    report.add(&report.url.clone(), findings);
    take(report, followed);
}

/// Follows media playlists, all at the same time; `sisters` are those of them that report on one another.
async fn follow_all(web: &Web, arguments: &Lint, urls: &[Url], sisters: &[Url]) -> Vec<Followed> {
    let mut tasks = JoinSet::new();
    for url in urls {
        let follower = Follower::new(web.clone(), url.clone(), sisters, arguments.segments);
        tasks.spawn(follower.run(Duration::from_secs(arguments.seconds)));
    }
    let mut followed = tasks.join_all().await;
    followed.sort_by_key(|followed| urls.iter().position(|url| *url == followed.url));
    followed
}

fn take(report: &mut Report, followed: Vec<Followed>) {
    for one in followed {
        report.looked.streams += 1;
        report.looked.playlists += one.looked.playlists;
        report.looked.segments += one.looked.segments;
        report.looked.parts += one.looked.parts;
        report.is_low_latency |= one
            .stream
            .last()
            .is_some_and(|media| media.part_target.is_some());
        report.add(one.url.as_str(), one.findings);
    }
}

async fn check_connection(web: &Web, url: &Url, report: &mut Report) {
    let mut findings = Findings::default();
    let is_http2 = !report.is_low_latency || web.takes_http2(url).await;
    let is_secure = url.scheme() == "https";
    delivery::check_connection(is_secure, is_http2, report.is_low_latency, &mut findings);
    report.add(&report.url.clone(), findings);
}

/// How long the answer to a plain request may take.
const PATIENCE: Duration = Duration::from_secs(30);

use std::path::Path;

use super::*;
use crate::config::fault::{Fault, Place};

fn read(text: &str) -> (Vec<ChannelSource>, Vec<String>) {
    let document = DeTable::parse(text).unwrap();
    let place = |offset| Place::at(Path::new("a.toml"), text, offset);
    let value = document.get_ref().get("source").unwrap();
    let said = Sources::read(Tables::new("source", &place, text), value);
    let faults = said.faults.iter().map(Fault::to_string).collect();
    (said.sources, faults)
}

#[test]
fn a_channel_and_a_url_suffice() {
    let text = "[[source]]\nchannel = 'door'\nurl = 'rtsp://u:p@camera/1'\n\
                [[source]]\nchannel = 'yard/gate'\nurl = 'rtsp://camera/2'\non_demand = true\n\
                transport = 'udp'\nretry_longest = '5m'\n";
    let (sources, faults) = read(text);
    assert_eq!(faults, [""; 0]);
    let [door, gate] = sources.as_slice() else {
        panic!("{sources:?}")
    };
    assert_eq!(door.channel.as_str(), "door");
    assert_eq!(door.transport, Transport::Tcp);
    assert_eq!(door.retry_first, Duration::from_secs(1));
    assert!(gate.on_demand);
    assert_eq!(gate.transport, Transport::Udp);
    assert_eq!(gate.retry_longest, Duration::from_secs(300));
}

#[test]
fn every_fault_has_its_place_and_fix() {
    let text = "[[source]]\nchanel = 'a'\nurl = 'rtmp://h/'\n\
                [[source]]\nchannel = '../a'\non_demand = 'yes'\nstop_delay = 5\n\
                [[source]]\nchannel = 'b'\nurl = 'udp://h:1'\ntransport = 'udp'\ncertificate = 'any'\n\
                [[source]]\nchannel = 'b.sdp'\nurl = 'rtsp://h/'\nretry_first = '1m'\n";
    let (_, faults) = read(text);
    assert_eq!(
        faults,
        [
            "a.toml:2:1: there is no key `source.chanel`; did you mean `channel`?",
            "a.toml:3:7: source.url: `rtmp` is none of rtsp, rtsps, udp, rtp, tcp, http, https, \
             pipe; write one such as \"rtsp://camera/live\"",
            "a.toml:1:1: this source has no `channel`; write a name such as \"camera\"",
            "a.toml:5:11: source.channel: path has a component that is not a plain name; \
             write a name such as \"camera\"",
            "a.toml:6:13: source.on_demand: invalid type: string \"yes\", expected a boolean; \
             write true or false",
            "a.toml:7:14: source.stop_delay: `5` is not a duration with its unit: \
             \"100ms\", \"60s\", \"5m\", \"1h\"; the default is \"10s\"",
            "a.toml:4:1: this source has no `url`; write one such as \"rtsp://camera/live\"",
            "a.toml:11:13: source.transport: out of place; remove it; only rtsp: has the choice, \
             and rtsps: carries media in its connection",
            "a.toml:12:15: source.certificate: out of place; remove it; the URL uses no TLS",
            "a.toml:14:11: source.channel: `b.sdp` has a source already; choose another name",
            "a.toml:13:1: source.retry_longest: out of bounds; choose 60s to 1d",
        ]
    );
}

#[test]
fn rules_and_logins_stand_beside_a_source() {
    let text = "[[source]]\nchannel = 'door'\nurl = 'rtsp://camera/1'\nlogin = 'cameras'\n\
                access = ['AuthScheme basic', 'require group family']\n";
    let document = DeTable::parse(text).unwrap();
    let place = |offset| Place::at(Path::new("a.toml"), text, offset);
    let value = document.get_ref().get("source").unwrap();
    let said = Sources::read(Tables::new("source", &place, text), value);
    let [login] = &said.logins[..] else {
        panic!("{said:?}")
    };
    assert_eq!(
        (login.channel.as_str(), login.name.as_str()),
        ("door", "cameras")
    );
    assert_eq!(login.place.to_string(), "a.toml:4:9");
    let [(channel, rules)] = &said.rules[..] else {
        panic!("{said:?}")
    };
    assert_eq!(channel.as_str(), "door");
    assert_eq!(rules.to_string(), "AuthScheme basic; require group family");
    let text = "[[source]]\nchannel = 'a'\nurl = 'udp://h:1'\nlogin = 'x'\n\
                [[source]]\nchannel = 'b'\nurl = 'rtsp://u:p@h/'\nlogin = 'x'\n\
                access = 'reqire user ann'\n\
                [[source]]\nchannel = 'c'\nurl = 'rtsp://u:p@h/'\nlogin = 'x'\n";
    let (_, faults) = read(text);
    assert_eq!(
        faults,
        [
            "a.toml:4:9: source.login: out of place; remove it; the URL is of a kind without users",
            "a.toml:9:10: source.access: unknown keyword reqire; there are AuthName, AuthUserFile, \
             AuthGroupFile, AuthScheme, require; write lines of an access file, such as \
             \"require valid-user\"",
            "a.toml:13:9: source.login: out of place; remove it, or the user in the URL",
        ]
    );
}

#[test]
fn one_table_is_no_list() {
    let (sources, faults) = read("[source]\nchannel = 'a'\n");
    assert!(sources.is_empty());
    assert_eq!(
        faults,
        ["a.toml:1:1: `source` is a list of tables; write its keys below a line [[source]]"]
    );
}

#[test]
fn certificates_are_trusted_pinned_or_any() {
    let digits = "ab:".repeat(31) + "Cd";
    let text =
        format!("[[source]]\nchannel = 'a'\nurl = 'rtsps://h/'\ncertificate = 'sha256:{digits}'\n");
    let (sources, _) = read(&text);
    let mut expected = [0xab; 32];
    expected[31] = 0xcd;
    assert_eq!(sources[0].certificate, Certificate::Pinned(expected));
    let (_, faults) =
        read("[[source]]\nchannel = 'a'\nurl = 'rtsps://h/'\ncertificate = 'sha256:ab'\n");
    assert_eq!(
        faults,
        [
            "a.toml:4:15: source.certificate: `sha256:ab` is not \"trusted\", \"any\" or \"sha256:\" \
          and 64 hexadecimal digits; the default is \"trusted\""
        ]
    );
}

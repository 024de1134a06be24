use super::*;

fn read(text: &str, environment: &[(&str, &str)]) -> Result<(Config, Vec<Fault>), Vec<String>> {
    let mut reading = Reading::new();
    reading.file(Some(Path::new("a.toml")), text);
    let variables: Vec<_> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    reading.environment(&variables);
    reading
        .finish(&variables)
        .map_err(|faults| faults.iter().map(Fault::to_string).collect())
}

#[test]
fn the_embedded_file_says_every_key_with_its_default() {
    let written: Table = EMBEDDED.parse().unwrap();
    let mut found = Vec::new();
    for key in Key::all() {
        let value = key.value_in(&written);
        assert!(
            value.is_some(),
            "{} is missing from conf/reelcast.toml",
            key.name
        );
        found.push(key.name);
    }
    let (config, warnings) = read(EMBEDDED, &[]).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(warnings, []);
}

#[test]
fn values_override_the_defaults() {
    let text =
        "[rtsp]\nlisten = '127.0.0.1:0'\nudp_ports = '7000-7009'\n[log.error]\nlevel = 'debug'\n";
    let (config, _) = read(text, &[]).unwrap();
    assert_eq!(config.rtsp.listen, ["127.0.0.1:0".parse().unwrap()]);
    assert_eq!(config.rtsp.udp_ports, 7000..=7009);
    assert_eq!(config.log.error.level, crate::config::Level::Debug);
    assert_eq!(config.http, Config::default().http);
}

#[test]
fn every_fault_is_reported_with_its_place_and_fix() {
    let text =
        "[rtsp]\nlisen = '[::]:1'\nsession_timeout = 60\nmax_packet = 7\n\n[sever]\nmovies = 'm'\n";
    let faults = read(text, &[]).unwrap_err();
    assert_eq!(
        faults,
        [
            "a.toml:2:1: there is no key `rtsp.lisen`; did you mean `listen`?",
            "a.toml:3:19: rtsp.session_timeout: `60` is not a duration with its unit: \
             \"100ms\", \"60s\", \"5m\", \"1h\"; the default is \"1m\"",
            "a.toml:4:14: rtsp.max_packet: out of bounds; choose 200 to 65000 bytes; \
             above 1440 packets are fragmented on Ethernet",
            "a.toml:6:2: there is no section [sever]; did you mean [server]?",
        ]
    );
}

#[test]
fn syntax_errors_have_places_too() {
    let faults = read("[rtsp]\nlisten = \nmax_packet = 'x'\n", &[]).unwrap_err();
    assert!(faults[0].starts_with("a.toml:2:"), "{faults:?}");
    assert!(
        faults[1].starts_with("a.toml:3:14: rtsp.max_packet: "),
        "{faults:?}"
    );
}

#[test]
fn misplaced_keys_are_sent_home() {
    let faults = read("udp_ports = '6970-9999'\nrtsp = 5\n", &[]).unwrap_err();
    assert_eq!(
        faults,
        [
            "a.toml:1:1: there is no key `udp_ports`; `udp_ports` belongs in [rtsp]",
            "a.toml:2:1: `rtsp` is a section; write its keys below a line [rtsp]",
        ]
    );
}

#[test]
fn the_environment_wins_and_its_faults_name_the_variable() {
    let text = "[rtsp]\nlisten = '127.0.0.1:1'\n";
    let (config, warnings) = read(
        text,
        &[
            ("REELCAST_RTSP_LISTEN", "127.0.0.1:2,[::1]:2"),
            ("REELCAST_LOG_ERROR_ROLL_DAYS", "3"),
            ("REELCAST_SERVER_FOLLOW_LINKS", "false"),
            ("REELCAST_RTSP_LISEN", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.rtsp.listen.len(), 2);
    assert_eq!(config.log.error.roll_days, 3);
    assert!(!config.server.follow_links);
    assert_eq!(
        warnings[0].to_string(),
        "environment variable REELCAST_RTSP_LISEN: overrides no setting; \
         did you mean REELCAST_RTSP_LISTEN?"
    );
    let faults = read(text, &[("REELCAST_LIMITS_CONNECTIONS", "many")]).unwrap_err();
    assert!(
        faults[0]
            .starts_with("environment variable REELCAST_LIMITS_CONNECTIONS: limits.connections: "),
        "{faults:?}"
    );
}

#[test]
fn keys_of_tokens_are_fetched_over_tls() {
    for (keys, is_safe) in [
        ("conf/keys.json", true),
        ("https://issuer.example/jwks", true),
        ("https:issuer.example/jwks", true),
        ("http://127.0.0.1:9/jwks", true),
        ("http://[::1]/jwks", true),
        ("http://localhost/jwks", true),
        ("http://issuer.example/jwks", false),
        ("http:issuer.example/jwks", false),
        ("http:/issuer.example/jwks", false),
        ("HTTP://issuer.example/jwks", false),
        ("ftp://issuer.example/jwks", false),
    ] {
        let text = format!("[access.jwt]\nkeys = '{keys}'\nissuer = 'a'\naudience = 'b'\n");
        assert_eq!(read(&text, &[]).is_ok(), is_safe, "{keys}");
    }
}

#[test]
fn encoders_are_waited_for_within_bounds() {
    for section in ["http", "ts"] {
        for (timeout, is_within) in [("0s", false), ("900ms", false), ("1s", true), ("2d", false)] {
            let text = format!("[{section}]\nsource_timeout = '{timeout}'\n");
            assert_eq!(read(&text, &[]).is_ok(), is_within, "{section} {timeout}");
        }
    }
}

#[test]
fn an_address_for_all_clashes_with_each_of_its_kind() {
    for (rtsp, http, is_free) in [
        ("0.0.0.0:9", "127.0.0.1:9", false),
        ("127.0.0.1:9", "0.0.0.0:9", false),
        ("[::]:9", "127.0.0.1:9", false),
        ("[::]:9", "0.0.0.0:9", false),
        ("[::]:9", "[::1]:9", false),
        ("127.0.0.1:9", "127.0.0.1:9", false),
        ("0.0.0.0:9", "[::1]:9", true),
        ("0.0.0.0:9", "127.0.0.1:8", true),
        ("127.0.0.1:9", "127.0.0.2:9", true),
    ] {
        let text = format!("[rtsp]\nlisten = '{rtsp}'\n[http]\nlisten = '{http}'\n");
        assert_eq!(read(&text, &[]).is_ok(), is_free, "{rtsp} {http}");
    }
}

#[test]
fn addresses_that_clash_are_refused() {
    let faults = read("[http]\nlisten = '127.0.0.1:8554'\n", &[]).unwrap_err();
    assert_eq!(
        faults,
        ["a.toml:2:10: http.listen: 127.0.0.1:8554 is taken by rtsp.listen; choose another port"]
    );
    assert!(
        read(
            "[http]\nlisten = '[::]:0'\n[rtsp]\nlisten = '[::]:0'\n",
            &[]
        )
        .is_ok()
    );
}

#[test]
fn settings_of_later_releases_are_announced_as_such() {
    let (_, warnings) = read("[relay]\nconf = 'relays.toml'\n", &[]).unwrap();
    assert_eq!(
        warnings[0].to_string(),
        "a.toml:2:8: relay.conf: does not act yet; it takes effect with a later release"
    );
}

#[test]
fn variants_of_a_group_agree_in_what_players_see_of_them() {
    let with = |settings: &str| {
        let text = format!(
            "[[hls.group]]\nname = 'news'\nvariants = ['hd', 'sd']\n\
             [[hls.channel]]\nchannel = 'sd'\n{settings}\n"
        );
        read(&text, &[]).err()
    };
    let allowed = "target_duration = '4s'\nencryption.method = 'aes-128'\ncompat = true";
    assert_eq!(with(allowed), None);
    for (key, here, there) in [
        ("dvr", "\"15m\"", "\"0\""),
        ("playlist_type", "\"event\"", "\"live\""),
        ("part_duration", "\"1s\"", "\"500ms\""),
        ("window", "\"90s\"", "\"1m\""),
        ("segments", "9", "6"),
    ] {
        let fault = format!(
            "a.toml:3:19: hls.group.variants: `sd` has {key} = {here}, and `hd` has {there}; \
             give all variants of a group the same {key}"
        );
        assert_eq!(with(&format!("{key} = {here}")), Some(vec![fault]));
    }
}

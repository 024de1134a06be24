use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Transport {
    Transport::read(text).unwrap()
}

#[test]
fn what_players_send_is_read() {
    let udp = read("RTP/AVP;unicast;client_port=36970-36971");
    assert_eq!((udp.profile, udp.lower), (Profile::Avp, Lower::Udp));
    assert_eq!(udp.client_port, Some((36970, 36971)));
    let tcp = read("rtp/avp/tcp; UNICAST; interleaved = 8-9 ;mode=\"PLAY\"");
    assert_eq!(
        (tcp.lower, tcp.interleaved, tcp.mode),
        (Lower::Tcp, Some((8, 9)), Mode::Play)
    );
    assert_eq!(tcp.spelled, "rtp/avp/tcp");
    let group = read("RTP/AVP;multicast;destination=224.2.1.1;port=5000-5001;ttl=16");
    assert_eq!(group.delivery, Delivery::Multicast);
    assert_eq!((group.port, group.ttl), (Some((5000, 5001)), Some(16)));
    let push = read("RTP/AVP/UDP;unicast;mode=\"PLAY,Receive\";append;ssrc=zz;x-y=1");
    assert_eq!(
        (push.mode, push.append, push.ssrc),
        (Mode::Record, true, None)
    );
    assert_eq!(push.others, ["x-y=1"]);
    assert_eq!(
        read("RTP/AVP;client_port=5000").client_port,
        Some((5000, 5001))
    );
    assert_eq!(read("RTP/SAVP").profile, Profile::Savp);
    assert_eq!(
        read("RAW/RAW/UDP").profile,
        Profile::Other("RAW/RAW".to_owned())
    );
}

#[test]
fn one_bad_entry_does_not_spoil_the_list() {
    let list = Transport::read_list(
        "RTP/AVP;client_port=70000-70001, RTP/AVP/TCP;mode=\"PLAY,RECORD\";interleaved=0-1,",
    );
    assert_eq!(list.len(), 2);
    assert!(list[0].is_err());
    assert_eq!(list[1].as_ref().unwrap().interleaved, Some((0, 1)));
    assert!(Transport::read_list("").is_empty());
}

#[test]
fn what_cannot_be_meant_is_invalid() {
    for bad in [
        "",
        ";unicast",
        "client_port=1-2",
        "RTP/AVP;client_port=a",
        "RTP/AVP;client_port=65535",
        "RTP/AVP;client_port=1-2-3",
        "RTP/AVP/TCP;interleaved=256-257",
        "RTP/AVP;ttl=256",
        "\"RTP/AVP\"",
    ] {
        assert!(Transport::read(bad).is_err(), "{bad}");
    }
}

#[test]
fn answers_look_like_those_of_qtss() {
    let mut answer = Transport::unicast(Lower::Udp);
    answer.source = Some("127.0.0.1".to_owned());
    answer.client_port = Some((36970, 36971));
    answer.server_port = Some((6970, 6971));
    answer.ssrc = Some(0x38c4_478a);
    assert_eq!(
        answer.to_string(),
        "RTP/AVP;unicast;source=127.0.0.1;client_port=36970-36971;server_port=6970-6971;ssrc=38C4478A"
    );
    let mut answer = Transport::unicast(Lower::Tcp);
    answer.interleaved = Some((0, 1));
    answer.ssrc = Some(0x753c);
    assert_eq!(
        answer.to_string(),
        "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000753C"
    );
}

#[test]
fn what_needs_quotes_is_written_with_them() {
    let quoted = read("RTP/AVP;destination=\"a;ttl=1, b\";source=\"192.0.2.1\";x=\"c;d\"");
    assert_eq!(quoted.destination.as_deref(), Some("a;ttl=1, b"));
    let written = quoted.to_string();
    assert_eq!(
        written,
        "RTP/AVP;unicast;destination=\"a;ttl=1, b\";source=192.0.2.1;x=\"c;d\""
    );
    assert_eq!(read(&written), quoted);
}

prop_compose! {
    fn transport()(
        lower in prop_oneof![Just(Lower::Udp), Just(Lower::Tcp)],
        delivery in prop_oneof![Just(Delivery::Unicast), Just(Delivery::Multicast)],
        mode in prop_oneof![Just(Mode::Play), Just(Mode::Record)],
        ports: [Option<(u16, u16)>; 3],
        interleaved: Option<(u8, u8)>,
        addresses in [prop::option::of("[a-z0-9.:;, ]{1,9}"), prop::option::of("[a-z0-9.:;, ]{1,9}")],
        numbers: (Option<u8>, Option<u32>, bool),
    ) -> Transport {
        let [client_port, server_port, port] = ports;
        let [destination, source] = addresses;
        let (ttl, ssrc, append) = numbers;
        Transport {
            delivery, client_port, server_port, port, interleaved, destination, source,
            ttl, ssrc, mode, append, ..Transport::unicast(lower)
        }
    }
}

proptest! {
    #[test]
    fn transports_round_trip(transport in transport()) {
        prop_assert_eq!(Transport::read(&transport.to_string()), Ok(transport));
    }

    #[test]
    fn rubbish_that_is_understood_round_trips(text in "(RTP/AVP|;|=|\"|-|,| |port|client_port|ttl|source|x|[ -~ü]){0,30}") {
        for text in [format!("RTP/AVP;{text}"), text] {
            for transport in Transport::read_list(&text).into_iter().flatten() {
                let again = Transport::read_list(&transport.to_string());
                prop_assert_eq!(again, [Ok(transport)]);
            }
        }
    }
}

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::base::media_time::NtpTime;

fn message() -> Message {
    Message {
        key: MasterKey::new(std::array::from_fn(|at| at as u8)),
        streams: vec![Stream {
            ssrc: 0x1234_5678,
            rollovers: 3,
        }],
    }
}

fn bytes() -> Vec<u8> {
    message().write(NtpTime(0x0102_0304_0506_0708), 7)
}

#[test]
fn messages_are_laid_out_as_the_rfc_has_them() {
    let bytes = bytes();
    let header = [1, 0, 5, 0, 0, 0, 0, 0, 1, 0];
    assert_eq!(bytes[..10], header);
    assert_eq!(bytes[10..19], [0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 3]);
    assert_eq!(bytes[19..29], [11, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(bytes[29..31], [10, 16]);
    let policy = [1, 0, 0, 0, 24, 0, 1, 1, 1, 1, 16, 2, 1, 1, 3, 1, 20];
    assert_eq!(bytes[47..64], policy);
    assert_eq!(bytes[64..76], [7, 1, 1, 8, 1, 1, 10, 1, 1, 11, 1, 10]);
    assert_eq!(bytes[76..84], [0, 0, 0, 34, 0, 0x20, 0, 30]);
    assert_eq!(bytes[84..114], *message().key.as_bytes());
    assert_eq!(bytes[114..], [0]);
    assert_eq!(Message::read(&bytes), Ok(message()));
}

#[test]
fn salts_may_stand_apart() {
    let mut bytes = bytes();
    bytes[79] = 36;
    bytes[81] = 0x30;
    bytes[83] = 16;
    bytes.splice(100..100, [0, 14]);
    assert_eq!(Message::read(&bytes), Ok(message()));
}

#[test]
fn what_gstreamer_sends_is_read() {
    // Made by GStreamer 1.22 as rtspsrc makes it for its SETUP.
    let bytes = STANDARD.decode(
        "AQAFANE2kLABAAASNFZ4AAAAAAsA7qxxo8CMDOkKEFC7NHwXTu5k+Nxmf4qhBl8BAAAAFQABAQEBEAIBAQMBCgcBAQgBAQoB\
         AQAAACIAIAAeAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdAA==",
    );
    let read = Message::read(&bytes.unwrap()).unwrap();
    let Message { key, streams } = message();
    assert_eq!(read.key, key);
    assert_eq!(
        read.streams,
        [Stream {
            rollovers: 0,
            ..streams[0]
        }]
    );
}

#[test]
fn other_protection_is_refused() {
    for (at, value, unfit) in [
        (0, 2, Unfit::OtherKind),
        (1, 2, Unfit::OtherKind),
        (9, 1, Unfit::OtherKind),
        (2, 9, Unfit::Payload(9)),
        (49, 1, Unfit::OtherKind),
        (54, 6, Unfit::Policy(0)),
        (57, 32, Unfit::Policy(1)),
        (63, 4, Unfit::Policy(3)),
        (66, 0, Unfit::Policy(7)),
        (75, 4, Unfit::Policy(11)),
        (77, 1, Unfit::Key),
        (81, 0, Unfit::Key),
        (81, 0x21, Unfit::Key),
        (114, 1, Unfit::Key),
    ] {
        let mut bytes = bytes();
        bytes[at] = value;
        assert_eq!(Message::read(&bytes), Err(unfit), "byte {at}");
    }
}

#[test]
fn what_is_cut_off_is_refused() {
    let bytes = bytes();
    for len in 0..bytes.len() {
        assert!(Message::read(&bytes[..len]).is_err(), "{len} bytes");
    }
}

proptest! {
    #[test]
    fn rubbish_does_not_panic(bytes: Vec<u8>, from in 0usize..115) {
        let mut message = self::bytes();
        message.splice(from.., bytes);
        let _ = Message::read(&message);
    }
}

//! From a key to the bytes of a message.

use super::{
    HEADER_LEN, KEY, MAP_OF_SRTP, Message, NULL, POLICY, PRE_SHARED, STREAM_LEN, VERSION, payload,
    policy,
};
use crate::base::media_time::NtpTime;

/// Bytes of the random value in a message.
const RANDOM_LEN: usize = 16;

/// The parameters of the policy that are said; the others are as everybody assumes them.
const SAID: [u8; 8] = [
    policy::ENCRYPTION,
    policy::ENCRYPTION_KEY,
    policy::AUTHENTICATION,
    policy::AUTHENTICATION_KEY,
    policy::RTP_ENCRYPTED,
    policy::RTCP_ENCRYPTED,
    policy::RTP_AUTHENTICATED,
    policy::TAG,
];

impl Message {
    /// The bytes of the message, as of `now`; `random` makes it another one than all others.
    pub fn write(&self, now: NtpTime, random: u128) -> Vec<u8> {
        let random = random.to_be_bytes();
        let streams = self.streams.get(..usize::from(u8::MAX));
        let streams = streams.unwrap_or(&self.streams);
        let mut out = Vec::with_capacity(128 + HEADER_LEN + streams.len() * STREAM_LEN);
        out.extend([VERSION, PRE_SHARED, payload::T, 0]);
        // The identifier of the bundle; whoever reads it compares it with nothing.
        out.extend(random.first_chunk::<4>().unwrap_or(&[0; 4]));
        out.extend([streams.len() as u8, MAP_OF_SRTP]);
        for stream in streams {
            out.push(0);
            out.extend(stream.ssrc.to_be_bytes());
            out.extend(stream.rollovers.to_be_bytes());
        }
        out.extend([payload::RAND, NULL]);
        out.extend(now.0.to_be_bytes());
        out.extend([payload::SP, RANDOM_LEN as u8]);
        out.extend(random);
        write_policy(&mut out);
        self.write_key(&mut out);
        out
    }

    fn write_key(&self, out: &mut Vec<u8>) {
        let key = self.key.as_bytes();
        let mut data = vec![payload::LAST, KEY << 4];
        data.extend((key.len() as u16).to_be_bytes());
        data.extend(key);
        out.extend([payload::LAST, NULL]);
        out.extend((data.len() as u16).to_be_bytes());
        out.extend(data);
        out.push(NULL);
    }
}

/// The payload that says which transform it is.
fn write_policy(out: &mut Vec<u8>) {
    let said = POLICY.iter().filter(|(kind, _)| SAID.contains(kind));
    let parameters: Vec<u8> = said
        .filter_map(|(kind, values)| Some([*kind, 1, *values.first()?]))
        .flatten()
        .collect();
    // The policy's number and its protocol, which is SRTP.
    out.extend([payload::KEMAC, 0, 0]);
    out.extend((parameters.len() as u16).to_be_bytes());
    out.extend(parameters);
}

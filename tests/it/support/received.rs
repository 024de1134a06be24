//! What a server sends: answers and RTP packets, taken apart.

/// An answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Where `Range` says that playing starts, in seconds.
    pub(crate) fn range_start(&self) -> f64 {
        let range = self.header("Range").expect("a Range");
        let (start, _) = range
            .strip_prefix("npt=")
            .and_then(|npt| npt.split_once('-'))
            .unwrap();
        start.trim().parse().unwrap()
    }

    /// `seq` and `rtptime` that `RTP-Info` announces for the track of `control`.
    pub(crate) fn rtp_info(&self, control: &str) -> (u16, u32) {
        let info = self.header("RTP-Info").expect("an RTP-Info");
        let entry = info
            .split(',')
            .find(|entry| {
                entry
                    .split(';')
                    .any(|part| part.trim() == format!("url={control}"))
            })
            .unwrap_or_else(|| panic!("{control} in {info}"));
        let number = |name: &str| {
            let value = entry
                .split(';')
                .find_map(|part| part.trim().strip_prefix(name))
                .unwrap();
            value.parse::<u32>().unwrap()
        };
        (number("seq=") as u16, number("rtptime="))
    }
}

/// An RTP packet as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReceivedPacket {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) time: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
}

impl ReceivedPacket {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        assert_eq!(
            bytes[0], 0x80,
            "RTP of version 2, without padding, extension and sources"
        );
        let long = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        Self {
            marker: bytes[1] & 0x80 != 0,
            payload_type: bytes[1] & 0x7f,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            time: long(4),
            ssrc: long(8),
            payload: bytes[12..].to_vec(),
        }
    }
}

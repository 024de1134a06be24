//! Movies for tests, written box by box.

/// A box of `kind` around `parts`.
pub(crate) fn atom(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let size: usize = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = (size as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(kind);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A full box: version and flags before `parts`.
pub(crate) fn full(kind: &[u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let head = (u32::from(version) << 24 | flags).to_be_bytes();
    atom(kind, &[&head, &parts.concat()])
}

/// A full box that counts the rows of `numbers`, `columns` in each.
pub(crate) fn table(kind: &[u8; 4], columns: usize, numbers: &[u32]) -> Vec<u8> {
    let count = (numbers.len() / columns) as u32;
    full(kind, 0, 0, &[&count.to_be_bytes(), &words(numbers)])
}

/// Numbers of 32 bits, big endian.
pub(crate) fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}

/// A track; what is left empty is left out or has its simplest form.
#[derive(Clone, Debug)]
pub(crate) struct Trak {
    pub(crate) id: u32,
    pub(crate) handler: [u8; 4],
    pub(crate) timescale: u32,
    /// Whole sample entries.
    pub(crate) entries: Vec<Vec<u8>>,
    /// Rows of `stts`: count, duration.
    pub(crate) durations: Vec<u32>,
    /// Whole boxes of the sample table in place of the simple ones: sizes, chunks, sync, offsets.
    pub(crate) tables: Vec<Vec<u8>>,
    /// Whole data reference entries; none means the movie itself.
    pub(crate) references: Vec<Vec<u8>>,
    /// Whole boxes beside `mdia`: `edts`, `tref`, `udta`.
    pub(crate) others: Vec<Vec<u8>>,
}

impl Trak {
    /// A track of one sample entry whose samples of `sizes` bytes lie together from `offset`.
    pub(crate) fn new(
        id: u32,
        handler: &[u8; 4],
        entry: &[u8],
        offset: u32,
        sizes: &[u32],
    ) -> Self {
        let count = sizes.len() as u32;
        Self {
            id,
            handler: *handler,
            timescale: 1000,
            entries: vec![entry.to_vec()],
            durations: vec![count, 100],
            tables: vec![
                table(b"stsc", 3, &[1, count, 1]),
                full(b"stsz", 0, 0, &[&words(&[0, count]), &words(sizes)]),
                table(b"stco", 1, &[offset]),
            ],
            references: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The `trak` box.
    pub(crate) fn build(&self) -> Vec<u8> {
        let tkhd = full(b"tkhd", 0, 7, &[&words(&[0, 0, self.id]), &[0; 68]]);
        let mdhd = full(
            b"mdhd",
            0,
            0,
            &[&words(&[0, 0, self.timescale, 0]), &[0x15, 0xc7, 0, 0]],
        );
        let hdlr = full(b"hdlr", 0, 0, &[&[0; 4], &self.handler, &[0; 13]]);
        let own = full(b"url ", 0, 1, &[]);
        let references = match self.references.as_slice() {
            [] => counted(b"dref", &[own]),
            entries => counted(b"dref", entries),
        };
        let dinf = atom(b"dinf", &[&references]);
        let stbl = atom(
            b"stbl",
            &[
                &counted(b"stsd", &self.entries),
                &table(b"stts", 2, &self.durations),
                &self.tables.concat(),
            ],
        );
        let mdia = atom(b"mdia", &[&mdhd, &hdlr, &atom(b"minf", &[&dinf, &stbl])]);
        atom(b"trak", &[&tkhd, &self.others.concat(), &mdia])
    }
}

/// A full box that counts `entries`, whole boxes.
pub(crate) fn counted(kind: &[u8; 4], entries: &[Vec<u8>]) -> Vec<u8> {
    let count = (entries.len() as u32).to_be_bytes();
    full(kind, 0, 0, &[&count, &entries.concat()])
}

/// A movie of 600 ticks a second without media: `ftyp`, then `moov` with `parts` after its header.
pub(crate) fn movie(parts: &[&[u8]]) -> Vec<u8> {
    let mvhd = full(b"mvhd", 0, 0, &[&words(&[0, 0, 600, 0]), &[0; 80]]);
    let ftyp = atom(b"ftyp", &[b"qt  ", &[0; 4]]);
    let moov = atom(b"moov", &[&mvhd, &parts.concat()]);
    [ftyp, moov].concat()
}

/// A sample entry of sound: 16 bit, `channels`, `rate` Hz; `extensions` are whole boxes.
pub(crate) fn sound_entry(kind: &[u8; 4], channels: u16, rate: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 28];
    body[7] = 1;
    body[16..18].copy_from_slice(&channels.to_be_bytes());
    body[18..20].copy_from_slice(&16u16.to_be_bytes());
    body[24..26].copy_from_slice(&rate.to_be_bytes());
    atom(kind, &[&body, extensions])
}

/// A sample entry of video, 320 by 240; `extensions` are whole boxes.
pub(crate) fn video_entry(kind: &[u8; 4], extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 78];
    body[7] = 1;
    body[24..28].copy_from_slice(&[1, 64, 0, 240]);
    atom(kind, &[&body, extensions])
}

/// The sample entry of an RTP hint track with a clock of `rate` Hz.
pub(crate) fn hint_entry(rate: u32, extensions: &[u8]) -> Vec<u8> {
    let mut head = [0; 16];
    (head[7], head[9], head[11]) = (1, 1, 1);
    head[12..].copy_from_slice(&1450u32.to_be_bytes());
    let tims = atom(b"tims", &[&rate.to_be_bytes()]);
    atom(b"rtp ", &[&head, &tims, extensions])
}

//! A naive model of events, for tests: vectors of strings and bytes.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{Entry, Event, Run, Size, Space, headers};

/// An event of the model.
pub(crate) type Plain = (Vec<(String, String)>, Vec<u8>);

/// So many times as much as usual is tried: `npm run test:soak` sets it.
pub(crate) fn effort() -> u32 {
    std::env::var("MILLRACE_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// As many cases as are worth their time.
pub(crate) fn cases() -> ProptestConfig {
    let cases = if cfg!(miri) { 2 } else { 256 * effort() };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Memory for a [`Space`] that begins somewhere inside its block.
pub(crate) struct Scratch {
    bytes: Vec<u8>,
    table: Vec<Entry>,
}

impl Scratch {
    pub(crate) fn new(room: Size) -> Self {
        Self { bytes: vec![0xdb; room.bytes], table: vec![Entry::default(); room.events] }
    }

    pub(crate) fn space(&mut self) -> Space<'_> {
        Space::new(&mut self.bytes, &mut self.table, 4096)
    }

    /// What was written, with its entries checked.
    pub(crate) fn run(&self, written: Size) -> Run<'_> {
        let table = &self.table[self.table.len() - written.events..];
        Run::new(&self.bytes[..written.bytes], table, 4096).unwrap()
    }
}

/// Lets `step` fill one space after the other until it says that it is done, and reads back what it wrote.
pub(crate) fn fill(room: Size, mut step: impl FnMut(&mut Space<'_>) -> bool) -> Vec<Plain> {
    let mut events = Vec::new();
    loop {
        let mut scratch = Scratch::new(room);
        let mut space = scratch.space();
        let done = step(&mut space);
        let written = space.written();
        assert!(done || written.events > 0, "an event did not fit an empty space");
        events.extend(read(&scratch.run(written)));
        if done {
            return events;
        }
    }
}

/// The events of a run, each of which must be canonical to the last byte.
pub(crate) fn read(run: &Run<'_>) -> Vec<Plain> {
    let events: Vec<Plain> = run.iter().map(plain).collect();
    assert_eq!(run.bytes(), events.iter().flat_map(encode).collect::<Vec<_>>());
    events
}

fn plain(event: Event<'_>) -> Plain {
    (headers(event.headers).map(|(key, value)| (key.into(), value.into())).collect(), event.body.to_vec())
}

/// A length as an Avro `long` with needless bytes behind it.
pub(crate) fn long(length: usize, padding: usize) -> Vec<u8> {
    zig_zag((length as u64) << 1, padding)
}

/// As [`long`], negative.
pub(crate) fn negative(length: usize, padding: usize) -> Vec<u8> {
    zig_zag(((length as u64) << 1) - 1, padding)
}

fn zig_zag(bits: u64, padding: usize) -> Vec<u8> {
    let (mut rest, mut bytes) = (bits, vec![]);
    loop {
        bytes.push(rest as u8 & 0x7f);
        rest >>= 7;
        if rest == 0 {
            break;
        }
    }
    bytes.resize((bytes.len() + padding).min(10), 0);
    let last = bytes.len() - 1;
    for byte in &mut bytes[..last] {
        *byte |= 0x80;
    }
    bytes
}

pub(crate) fn text(bytes: &[u8], padding: usize) -> Vec<u8> {
    [long(bytes.len(), padding), bytes.to_vec()].concat()
}

pub(crate) fn encode((headers, body): &Plain) -> Vec<u8> {
    let mut bytes = vec![];
    if !headers.is_empty() {
        bytes.extend(long(headers.len(), 0));
        for (key, value) in headers {
            bytes.extend(text(key.as_bytes(), 0));
            bytes.extend(text(value.as_bytes(), 0));
        }
    }
    bytes.push(0);
    bytes.extend(text(body, 0));
    bytes
}

/// A key and a value, perhaps not even text.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// An event as an ill-mannered client may send it.
#[derive(Debug, Clone)]
pub(crate) struct Wild {
    /// Each block with or without its size in bytes.
    blocks: Vec<(bool, Vec<Pair>)>,
    pub(crate) padding: usize,
    pub(crate) body: Vec<u8>,
}

impl Wild {
    pub(crate) fn headers(&self) -> impl Iterator<Item = &Pair> {
        self.blocks.iter().flat_map(|(_, headers)| headers)
    }

    pub(crate) fn avro(&self) -> Vec<u8> {
        let mut bytes = vec![];
        for (sized, headers) in &self.blocks {
            if headers.is_empty() {
                continue;
            }
            let texts = headers.iter().flat_map(|(key, value)| [key, value]);
            let block: Vec<u8> = texts.flat_map(|bytes| text(bytes, self.padding)).collect();
            if *sized {
                bytes.extend(negative(headers.len(), self.padding));
                bytes.extend(long(block.len(), self.padding));
            } else {
                bytes.extend(long(headers.len(), self.padding));
            }
            bytes.extend(block);
        }
        bytes.extend(long(0, self.padding));
        bytes.extend(text(&self.body, self.padding));
        bytes
    }

    pub(super) fn flat(&self) -> Vec<u8> {
        let text = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes(), bytes].concat();
        let mut bytes = (self.headers().count() as u32).to_le_bytes().to_vec();
        for (key, value) in self.headers() {
            bytes.extend(text(key));
            bytes.extend(text(value));
        }
        bytes.extend(text(&self.body));
        bytes
    }

    pub(crate) fn plain(&self) -> Plain {
        let mut headers: Vec<(String, String)> = vec![];
        for (key, value) in self.headers() {
            let key = String::from_utf8_lossy(key).into_owned();
            headers.retain(|(known, _)| *known != key);
            headers.push((key, String::from_utf8_lossy(value).into_owned()));
        }
        (headers, self.body.clone())
    }
}

/// How large something may become: under Miri, where all takes a thousand times as long, a quarter.
pub(crate) fn most(size: usize) -> usize {
    if cfg!(miri) { size / 4 } else { size }
}

/// Text of at most so many characters. Not by a regular expression: those take minutes under Miri.
pub(crate) fn any_text(chars_max: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..=chars_max).prop_map(String::from_iter)
}

/// Bytes, most of them lines of text. Each of `ends` comes a third as often as a word, and twice as often when it is listed twice.
pub(crate) fn any_lines(ends: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        ends.len() as u32 => select(ends).prop_map(|end| end.as_bytes().to_vec()),
        3 => vec(b'a'..=b'z', 0..9),
        2 => any_text(5).prop_map(String::into_bytes),
        1 => vec(select(&["ä", "漢", "😀"]), 1..5).prop_map(|parts| parts.concat().into_bytes()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

/// One of few letters, so that keys come twice and headers are found.
pub(super) fn letter() -> impl Strategy<Value = String> {
    (b'a'..=b'd').prop_map(|letter| char::from(letter).to_string())
}

fn wild_event() -> impl Strategy<Value = Wild> {
    let key = prop_oneof![
        4 => letter().prop_map(String::into_bytes),
        3 => any_text(3).prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..4),
    ];
    let value = prop_oneof![4 => any_text(8).prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..=most(70))];
    let block = (any::<bool>(), vec((key, value), 0..=most(12)));
    let body = vec(any::<u8>(), 0..=most(150));
    (vec(block, 0..=most(4)), 0_usize..3, body).prop_map(|(blocks, padding, body)| Wild { blocks, padding, body })
}

pub(crate) fn wild() -> impl Strategy<Value = Vec<Wild>> {
    vec(wild_event(), 0..=most(8))
}

//! A naive model of requests, for tests: what clients may send, and what is to be read of it.

mod thrift;

use proptest::{collection::vec, option, prelude::*};

use self::thrift::{Value, message, value};
use super::{Call, Handshake, Outcome, Protocol, Reader, Request, Wire};
use crate::{
    Result,
    batch::{
        Entry, Run, Size,
        model::{Plain, Wild, any_text, long, most, negative, read, text, wild},
    },
};

/// A request and its events.
pub(super) type Got = (Request, Vec<Plain>);

/// Reads requests from pieces that end at `cuts`, into blocks that are `room` bytes at first; where that is too little, into larger ones.
pub(super) fn read_all(reader: &mut Reader, stream: &[u8], cuts: &[usize], room: usize) -> (Vec<Got>, Result<()>) {
    let mut drain = Drain { block: vec![0; room.div_ceil(8)], ..Drain::default() };
    let mut from = 0;
    for &to in cuts.iter().chain(&[stream.len()]) {
        let piece = &stream[from..to];
        from = to;
        let mut at = 0;
        loop {
            match drain.step(reader, piece, &mut at) {
                Ok(Outcome::Unfinished) => break,
                Ok(_) => {}
                Err(error) => return (drain.requests, Err(error)),
            }
        }
    }
    (drain.requests, Ok(()))
}

/// Collects requests, as those do who call a reader: into one block until it is full.
#[derive(Default)]
struct Drain {
    block: Vec<u64>,
    used: Size,
    events: Vec<Plain>,
    requests: Vec<Got>,
}

impl Drain {
    fn step(&mut self, reader: &mut Reader, piece: &[u8], at: &mut usize) -> Result<Outcome> {
        let Size { events, bytes } = self.used;
        let block: &mut [u8] = bytemuck::cast_slice_mut(&mut self.block);
        let end = block.len() - events * size_of::<Entry>();
        let (progress, written) = reader.read(piece, *at, &mut block[bytes..end], bytes as u32)?;
        let table = bytemuck::cast_slice(&block[end - written.events * size_of::<Entry>()..end]);
        self.events.extend(read(&Run::new(&block[bytes..bytes + written.bytes], table, bytes as u32).unwrap()));
        self.used = Size { events: events + written.events, bytes: bytes + written.bytes };
        *at = progress.consumed;
        match progress.outcome {
            Outcome::Unfinished => assert_eq!(*at, piece.len()),
            Outcome::Full { .. } if self.used == Size::default() => self.block.resize(2 * self.block.len(), 0),
            Outcome::Full { .. } => self.used = Size::default(),
            Outcome::Whole => self.whole(reader),
        }
        Ok(progress.outcome)
    }

    fn whole(&mut self, reader: &mut Reader) {
        assert_eq!(reader.unfinished_bytes(), 0);
        self.requests.push((reader.request().clone(), std::mem::take(&mut self.events)));
        if reader.request().handshake.is_some() {
            reader.matched();
        }
    }
}

/// The content of a call.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Append(Wild),
    /// Lists of events that follow each other, in Avro each a block, with or without its size.
    AppendBatch(Vec<(bool, Vec<Wild>)>),
    Other(String, Vec<u8>),
}

impl Said {
    fn call(&self) -> (Call, &str) {
        match self {
            Self::Append(_) => (Call::Append, "append"),
            Self::AppendBatch(_) => (Call::AppendBatch, "appendBatch"),
            Self::Other(name, _) => (Call::Other, name),
        }
    }

    fn events(&self) -> Vec<Wild> {
        match self {
            Self::Append(event) => vec![event.clone()],
            Self::AppendBatch(blocks) => blocks.iter().flat_map(|(_, events)| events.clone()).collect(),
            Self::Other(..) => vec![],
        }
    }
}

/// A request as a client may send it.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub serial: u32,
    pub said: Said,
    /// Avro: what stands in maps that nobody needs.
    metadata: Vec<(Vec<u8>, Vec<u8>)>,
    /// Avro: in how large buffers it comes.
    buffers: Vec<usize>,
    /// Thrift: fields that nobody knows.
    unknown: Vec<(i16, Value)>,
    oneway: bool,
    padding: usize,
    trailing: Vec<u8>,
}

pub(super) fn sent() -> impl Strategy<Value = Sent> {
    let said = prop_oneof![
        2 => wild().prop_filter_map("an event", |events| events.into_iter().next().map(Said::Append)),
        4 => vec((any::<bool>(), wild()), 0..3).prop_map(Said::AppendBatch),
        1 => (any_text(5), noise()).prop_map(|(name, bytes)| Said::Other(name, bytes)),
    ];
    let metadata = vec((any_text(3).prop_map(String::into_bytes), noise()), 0..3);
    let buffers = vec(prop_oneof![Just(0), 1_usize..4, 1..most(200)], 0..6);
    let unknown = vec((2..i16::MAX, value()), 0..4);
    (any::<u32>(), said, metadata, buffers, unknown, any::<bool>(), 0_usize..3, noise()).prop_map(
        |(serial, said, metadata, buffers, unknown, oneway, padding, trailing)| Sent {
            serial,
            said,
            metadata,
            buffers,
            unknown,
            oneway,
            padding,
            trailing,
        },
    )
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..most(30))
}

pub(super) fn handshake() -> impl Strategy<Value = Option<Handshake>> {
    option::of((any::<[u8; 16]>(), option::of(any_text(20)), any::<[u8; 16]>()).prop_map(
        |(client_hash, client_protocol, server_hash)| Handshake { client_hash, client_protocol, server_hash },
    ))
}

impl Sent {
    /// What is to be read of it.
    fn got(&self, handshake: Option<Handshake>, oneway: bool, bytes: usize) -> Got {
        let (call, name) = self.said.call();
        let name = if call == Call::Other { name.to_owned() } else { String::new() };
        let request = Request { serial: self.serial, call, name, oneway, handshake, bytes };
        (request, self.said.events().iter().map(Wild::plain).collect())
    }

    pub(super) fn avro(&self, handshake: Option<&Handshake>) -> (Vec<u8>, Got) {
        let mut content = vec![];
        if let Some(Handshake { client_hash, client_protocol, server_hash }) = handshake {
            content.extend(client_hash);
            match client_protocol {
                Some(json) => content.extend([long(1, self.padding), text(json.as_bytes(), self.padding)].concat()),
                None => content.extend(long(0, self.padding)),
            }
            content.extend(server_hash);
            content.extend(long(1, self.padding));
            content.extend(self.map());
        }
        content.extend(self.map());
        content.extend(text(self.said.call().1.as_bytes(), self.padding));
        match &self.said {
            Said::Append(event) => content.extend(event.avro()),
            Said::AppendBatch(blocks) => content.extend(self.array(blocks)),
            Said::Other(_, bytes) => content.extend(bytes),
        }
        content.extend(&self.trailing);
        let frame = self.frame(&content);
        let mut got = self.got(handshake.cloned(), false, frame.len());
        if self.said.call().1.is_empty() {
            got.0.call = Call::Ping;
        }
        (frame, got)
    }

    fn map(&self) -> Vec<u8> {
        let pairs = self.metadata.iter().flat_map(|(key, value)| [text(key, self.padding), text(value, self.padding)]);
        let block = pairs.collect::<Vec<_>>().concat();
        let count = self.metadata.len();
        let end = long(0, self.padding);
        match count {
            0 => end,
            _ if self.oneway => [negative(count, self.padding), long(block.len(), 0), block, end].concat(),
            _ => [long(count, self.padding), block, end].concat(),
        }
    }

    fn array(&self, blocks: &[(bool, Vec<Wild>)]) -> Vec<u8> {
        let mut bytes = vec![];
        for (sized, events) in blocks.iter().filter(|(_, events)| !events.is_empty()) {
            let block = events.iter().flat_map(Wild::avro).collect::<Vec<_>>();
            if *sized {
                bytes.extend([negative(events.len(), self.padding), long(block.len(), self.padding)].concat());
            } else {
                bytes.extend(long(events.len(), self.padding));
            }
            bytes.extend(block);
        }
        bytes.extend(long(0, self.padding));
        bytes
    }

    fn frame(&self, content: &[u8]) -> Vec<u8> {
        let (mut buffers, mut rest) = (vec![], content);
        for &length in &self.buffers {
            let (buffer, behind) = rest.split_at(length.min(rest.len()));
            buffers.push(buffer);
            rest = behind;
        }
        buffers.push(rest);
        let mut frame = [self.serial.to_be_bytes(), (buffers.len() as u32).to_be_bytes()].concat();
        for buffer in buffers {
            frame.extend((buffer.len() as u32).to_be_bytes());
            frame.extend(buffer);
        }
        frame
    }

    pub(super) fn thrift(&self, protocol: Protocol) -> (Vec<u8>, Got) {
        let message = message(self, protocol);
        let frame = [(message.len() as u32).to_be_bytes().to_vec(), message].concat();
        let got = self.got(None, self.oneway, frame.len());
        (frame, got)
    }
}

/// The ways in which Thrift writes.
pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::Compact, Protocol::Binary];

/// All that a reader can be for.
pub(super) const WIRES: [Wire; 3] = [Wire::Avro, Wire::Thrift(Protocol::Compact), Wire::Thrift(Protocol::Binary)];

//! Requests of Flume's clients, out of the bytes of a connection, however they are cut; and events for its servers.
//!
//! ```text
//! piece ─▶ stream: frames stripped, what is cut carried over ─▶ codec: heads, and each event once, straight into a block
//! ```
//!
//! What comes from outside is believed in nothing: every length is compared with what its request can still have before it is waited for, memory
//! grows only with bytes that have come, and no work is done twice because something came in small pieces.
#![forbid(unsafe_code)]

mod avro;
mod cursor;
mod events;
mod gather;
#[cfg(test)]
mod model;
mod stream;
#[cfg(test)]
mod tests;
mod thrift;

use self::{
    avro::Avro,
    stream::{Codec, Stream},
    thrift::{Binary, Compact, Thrift},
};
use crate::{
    Error, Result,
    batch::{Entry, Size, Space},
};

pub use gather::{Answer, Gathered, Gatherer};
pub use thrift::{Protocol, encode};

/// Of free memory, one byte in so many is used for entries: right for events of 64 bytes, and where they are smaller there is another try.
const TABLE_SHARE: usize = 9;
const ENTRY_BYTES: usize = size_of::<Entry>();

/// How requests stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Avro's binary encoding in frames of several buffers.
    Avro,
    /// Thrift, framed.
    Thrift(Protocol),
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Call {
    /// One event.
    Append,
    /// Many events.
    AppendBatch,
    /// Nothing: an Avro message without a name.
    Ping,
    /// Something there is not.
    #[default]
    Other,
}

impl Call {
    fn of(name: &[u8]) -> Self {
        match name {
            b"append" => Self::Append,
            b"appendBatch" => Self::AppendBatch,
            _ => Self::Other,
        }
    }
}

/// A request, without its events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Avro's serial or Thrift's sequence id.
    pub serial: u32,
    /// What is called.
    pub call: Call,
    /// The name of that, if it is another.
    pub name: String,
    /// Whether the client wants no answer.
    pub oneway: bool,
    /// What an Avro client says about its protocol until it has matched.
    pub handshake: Option<Handshake>,
    /// Bytes on the wire, once it is whole.
    pub bytes: usize,
}

/// The beginning of an Avro connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The MD5 of the client's protocol.
    pub client_hash: [u8; 16],
    /// That protocol, as JSON.
    pub client_protocol: Option<String>,
    /// What the client takes for the MD5 of the server's protocol.
    pub server_hash: [u8; 16],
}

/// Why [`Reader::read`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The piece is used up.
    Unfinished,
    /// A request is whole.
    Whole,
    /// The next event, which takes `needed` bytes on the wire, does not fit the free memory. The reader keeps it.
    Full {
        /// How many.
        needed: usize,
    },
}

/// How far [`Reader::read`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Why it came back.
    pub outcome: Outcome,
    /// Up to where the piece is used.
    pub consumed: usize,
}

enum Streams {
    Avro(Stream<Avro>),
    Compact(Stream<Thrift<Compact>>),
    Binary(Stream<Thrift<Binary>>),
}

/// Reads the requests of one connection.
pub struct Reader {
    streams: Streams,
    /// Why nothing more can be read.
    failed: Option<Error>,
}

/// The same of whatever stream there is.
macro_rules! each {
    ($streams:expr, $stream:ident => $value:expr) => {
        match $streams {
            Streams::Avro($stream) => $value,
            Streams::Compact($stream) => $value,
            Streams::Binary($stream) => $value,
        }
    };
}

impl Reader {
    /// A reader of requests that have at most `bytes_max` bytes on the wire.
    #[must_use]
    pub fn new(wire: Wire, bytes_max: usize) -> Self {
        let streams = match wire {
            Wire::Avro => Streams::Avro(Stream::new(bytes_max)),
            Wire::Thrift(Protocol::Compact) => Streams::Compact(Stream::new(bytes_max)),
            Wire::Thrift(Protocol::Binary) => Streams::Binary(Stream::new(bytes_max)),
        };
        Self { streams, failed: None }
    }

    /// Reads on in `piece` from offset `from`, up to the end of a request, of the piece or of `free`: the free bytes of a block, at its offset
    /// `base`. Events are written from the front and their entries from the end; answers how much of both, too.
    ///
    /// # Errors
    /// `InvalidRequest` when the bytes cannot be requests. Nothing more can be read then.
    pub fn read(&mut self, piece: &[u8], from: usize, free: &mut [u8], base: u32) -> Result<(Progress, Size)> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = each!(&mut self.streams, stream => fill(stream, piece, from, free, base));
        self.failed = result.as_ref().err().cloned();
        result
    }

    /// The last request that became whole, until the next one begins.
    #[must_use]
    pub fn request(&self) -> &Request {
        each!(&self.streams, stream => &stream.request)
    }

    /// Bytes on the wire of the request that is not whole yet.
    #[must_use]
    pub fn unfinished_bytes(&self) -> usize {
        each!(&self.streams, stream => stream.taken())
    }

    /// Avro: no further message begins with a handshake.
    pub fn matched(&mut self) {
        if let Streams::Avro(stream) = &mut self.streams {
            stream.codec.matched = true;
            if stream.taken() == 0 {
                stream.codec.begin();
            }
        }
    }

    /// Bytes of memory that it holds.
    #[cfg(test)]
    fn held(&self) -> usize {
        each!(&self.streams, stream => stream.held())
    }
}

/// Reads into free memory that is divided between events and entries as they turn out to need it.
fn fill<C: Codec>(
    stream: &mut Stream<C>,
    piece: &[u8],
    from: usize,
    free: &mut [u8],
    base: u32,
) -> Result<(Progress, Size)> {
    let mut written = Size::default();
    let mut at = from;
    let mut tight = false;
    loop {
        let end = free.len() - written.events * ENTRY_BYTES;
        let free = &mut free[written.bytes..end];
        let entries = if tight { 1 } else { free.len() / (TABLE_SHARE * ENTRY_BYTES) + 1 };
        let entries = entries.min(free.len() / ENTRY_BYTES);
        let (events, table) = free.split_at_mut(free.len() - entries * ENTRY_BYTES);
        let table = bytemuck::try_cast_slice_mut(table);
        let table = table.map_err(|_| Error::InvalidBatch { what: "a block is not aligned", offset: base as usize })?;
        let mut space = Space::new(events, table, base + written.bytes as u32);
        let progress = stream.read(piece, at, &mut space)?;
        let more = space.written();
        written = Size { events: written.events + more.events, bytes: written.bytes + more.bytes };
        at = progress.consumed;
        let full = matches!(progress.outcome, Outcome::Full { .. });
        if !full || more.events == 0 && entries <= 1 {
            return Ok((progress, written));
        }
        tight = more.events == 0;
    }
}

//! Readers of requests, under numbers, and events for Thrift servers.

use std::cell::RefCell;

use millrace_engine::{
    Error,
    batch::Entry,
    wire::{self, Call, Outcome, Protocol, Reader, Wire},
};
use napi::bindgen_prelude::{Buffer, Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;

use crate::{
    batches::run,
    channels::whole,
    failure::{Result, thrown},
};

const UNFINISHED: u32 = 0;
const WHOLE: u32 = 1;
const FULL: u32 = 2;
const ONEWAY: u32 = 1;
const HANDSHAKE: u32 = 2;

thread_local! {
    /// The readers of this thread, each at the place that is its number.
    static READERS: RefCell<Vec<Option<Box<Reader>>>> = const { RefCell::new(Vec::new()) };
}

/// What an Avro client says about its protocol.
#[napi(object)]
pub struct WireHandshake {
    /// The MD5 of the client's protocol.
    pub client_hash: Buffer,
    /// That protocol, as JSON.
    pub client_protocol: Option<String>,
    /// What the client takes for the MD5 of the server's protocol.
    pub server_hash: Buffer,
}

/// A number for a new reader of requests: of Avro (0), of Thrift's compact (1) or binary protocol (2).
#[napi(catch_unwind)]
pub fn open_wire(protocol: u32, request_bytes_max: f64) -> u32 {
    let reader = Some(Box::new(Reader::new(wire_of(protocol), whole(request_bytes_max) as usize)));
    READERS.with_borrow_mut(|readers| {
        let place = readers.iter().position(Option::is_none).unwrap_or(readers.len());
        if place == readers.len() {
            readers.push(reader);
        } else {
            readers[place] = reader;
        }
        place as u32
    })
}

/// The protocol of a number.
pub const fn wire_of(protocol: u32) -> Wire {
    match protocol {
        0 => Wire::Avro,
        1 => Wire::Thrift(Protocol::Compact),
        _ => Wire::Thrift(Protocol::Binary),
    }
}

/// Frees a reader and its number.
#[napi(catch_unwind)]
pub fn close_wire(reader: u32) {
    READERS.with_borrow_mut(|readers| {
        if let Some(place) = readers.get_mut(reader as usize) {
            *place = None;
        }
    });
}

/// Reads on in `piece` from offset `from`, behind what is in a block. Writes to `did`: 0 when the piece is used up, 1 when a request is whole, 2 when
/// the block is full; events and bytes written; up to where the piece is used; bytes of the request so far; then of a whole request its serial, what it
/// calls, 1 for oneway + 2 for a handshake; and of a full block the bytes of the event that waits.
#[napi(catch_unwind)]
pub fn read_wire(
    reader: u32,
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    piece: Uint8ArraySlice<'_>,
    from: u32,
    mut did: Uint32ArraySlice<'_>,
) -> Result<()> {
    let invalid = |what| thrown(Error::InvalidBatch { what, offset: fill as usize });
    // SAFETY: a builder's block belongs to the calling thread, and its batches are not read during the call.
    let block = unsafe { block.as_mut() };
    let free = (entries as usize).checked_mul(size_of::<Entry>()).and_then(|table| block.len().checked_sub(table));
    let free = free.and_then(|end| block.get_mut(fill as usize..end));
    let free = free.ok_or_else(|| invalid("a block has fewer bytes"))?;
    let from = (from as usize).min(piece.len());
    let figures = with(reader, |reader| {
        let (progress, written) = reader.read(&piece, from, free, fill).map_err(thrown)?;
        let request = reader.request();
        let (outcome, taken, needed) = match progress.outcome {
            Outcome::Unfinished => (UNFINISHED, reader.unfinished_bytes(), 0),
            Outcome::Whole => (WHOLE, request.bytes, 0),
            Outcome::Full { needed } => (FULL, reader.unfinished_bytes(), needed),
        };
        let call = match request.call {
            Call::Append => 0,
            Call::AppendBatch => 1,
            Call::Ping => 2,
            Call::Other => 3,
        };
        let flags = u32::from(request.oneway) * ONEWAY + u32::from(request.handshake.is_some()) * HANDSHAKE;
        let (events, bytes) = (written.events as u32, written.bytes as u32);
        let consumed = progress.consumed as u32;
        Ok([outcome, events, bytes, consumed, taken as u32, request.serial, call, flags, needed as u32])
    })?;
    // SAFETY: the caller's own array, used by nobody else during the call.
    let did = unsafe { did.as_mut() };
    for (place, figure) in did.iter_mut().zip(figures) {
        *place = figure;
    }
    Ok(())
}

/// Says that no further message begins with a handshake.
#[napi(catch_unwind)]
pub fn match_wire(reader: u32) -> Result<()> {
    with(reader, |reader| {
        reader.matched();
        Ok(())
    })
}

/// The name of an unknown call, of the last whole request.
#[napi(catch_unwind)]
pub fn name_of_wire(reader: u32) -> Result<String> {
    with(reader, |reader| Ok(reader.request().name.clone()))
}

/// The handshake of the last whole request.
#[napi(catch_unwind)]
pub fn handshake_of_wire(reader: u32) -> Result<WireHandshake> {
    with(reader, |reader| {
        let handshake = reader.request().handshake.clone().ok_or_else(|| thrown(Error::Stale))?;
        Ok(WireHandshake {
            client_hash: handshake.client_hash.to_vec().into(),
            client_protocol: handshake.client_protocol,
            server_hash: handshake.server_hash.to_vec().into(),
        })
    })
}

/// Writes the events of a batch as elements of a Thrift list, and answers how many bytes that takes; when these are more than `out` has, it must be
/// called again with so many.
#[napi(catch_unwind)]
pub fn encode_thrift(
    mut out: Uint8ArraySlice<'_>,
    binary: bool,
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
) -> Result<f64> {
    let run = run(&memory, base, size, first, count, start, end)?;
    let protocol = if binary { Protocol::Binary } else { Protocol::Compact };
    // SAFETY: the caller's own array, used by nobody else during the call.
    Ok(wire::encode(&run, protocol, unsafe { out.as_mut() }) as f64)
}

fn with<T>(reader: u32, use_it: impl FnOnce(&mut Reader) -> Result<T>) -> Result<T> {
    READERS.with_borrow_mut(|readers| match readers.get_mut(reader as usize) {
        Some(Some(reader)) => use_it(reader),
        _ => Err(thrown(Error::Stale)),
    })
}

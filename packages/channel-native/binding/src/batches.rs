//! Batches: reading and building them.

use millrace_engine::{
    Error,
    batch::{Entry, Run, Space, change, header_names, headers, push_flat, read_edits, scan_events},
    channel::SLOT_LEN,
    lines,
    numbers::push_numbers,
};
use napi::bindgen_prelude::{Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;

use crate::{
    channels::whole,
    failure::{Result, thrown},
};

/// `splitLines` found a line that is too long.
const OVERLONG: u32 = 1;
/// `splitLines` had no more room in the block.
const BLOCK_FULL: u32 = 2;

/// The run that a batch from JavaScript names, checked against its block.
pub fn run(memory: &[u8], base: f64, size: f64, first: u32, count: u32, start: u32, end: u32) -> Result<Run<'_>> {
    let block = block(memory, base, size)?;
    let invalid = |what| thrown(Error::InvalidBatch { what, offset: start as usize });
    let events = block.get(start as usize..end as usize).ok_or_else(|| invalid("a batch reaches outside its block"))?;
    let last = (u64::from(first) + u64::from(count)) * size_of::<Entry>() as u64;
    let table = (block.len() as u64)
        .checked_sub(last)
        .and_then(|from| block.get(from as usize..from as usize + count as usize * size_of::<Entry>()))
        .and_then(|table| bytemuck::try_cast_slice(table).ok())
        .ok_or_else(|| invalid("a batch's table reaches outside its block"))?;
    Run::new(events, table, start).map_err(thrown)
}

/// The bytes of a block.
#[expect(clippy::cast_sign_loss, reason = "negative numbers saturate to 0")]
fn block(memory: &[u8], base: f64, size: f64) -> Result<&[u8]> {
    let (base, size) = (base as usize, size as usize);
    memory
        .get(base..base.saturating_add(size))
        .ok_or_else(|| thrown(Error::InvalidBatch { what: "a block reaches outside its memory", offset: base }))
}

/// Flume's 100-byte slots of a batch's bodies.
#[napi(catch_unwind)]
pub fn batch_slots(
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
) -> Result<f64> {
    Ok(run(&memory, base, size, first, count, start, end)?.slots(SLOT_LEN) as f64)
}

/// The sum, modulo 2³², of the CRC-32C of each of a batch's bodies.
#[napi(catch_unwind)]
pub fn batch_checksum(
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
) -> Result<u32> {
    Ok(run(&memory, base, size, first, count, start, end)?.checksum())
}

/// The headers of one event: name, value, name, value …
#[napi(catch_unwind)]
pub fn batch_headers(
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
    index: u32,
) -> Result<Vec<String>> {
    let run = run(&memory, base, size, first, count, start, end)?;
    let missing = || thrown(Error::InvalidBatch { what: "no such event", offset: start as usize });
    let event = run.event(index as usize).ok_or_else(missing)?;
    Ok(headers(event.headers).flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect())
}

/// Copies a batch behind what is in a block.
#[napi(catch_unwind)]
pub fn copy_batch(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
) -> Result<()> {
    let run = run(&memory, base, size, first, count, start, end)?;
    run.copy_to(&mut space(&mut block, fill, entries, count)?).map_err(thrown)
}

/// The names of the headers of a batch's events, each once.
#[napi(catch_unwind)]
pub fn batch_header_names(
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
) -> Result<Vec<String>> {
    let run = run(&memory, base, size, first, count, start, end)?;
    Ok(header_names(&run).into_iter().map(str::to_owned).collect())
}

/// Copies a batch behind what is in a block, with the staged edits made in every event, and without the events that have a zero in `keep`, unless
/// that is empty. Writes to `did`: events, bytes; fewer than there are when the block was full.
#[napi(catch_unwind)]
pub fn change_batch(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    edits: Uint8ArraySlice<'_>,
    keep: Uint8ArraySlice<'_>,
    mut did: Uint32ArraySlice<'_>,
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
) -> Result<()> {
    let run = run(&memory, base, size, first, count, start, end)?;
    let mut space = space(&mut block, fill, entries, count)?;
    let edits = read_edits(&edits).map_err(thrown)?;
    let wanted = |index| keep.get(index).is_none_or(|&kept| kept != 0);
    change(&run, &edits, wanted, &mut space).map_err(thrown)?;
    report(&mut did, &space, &[]);
    Ok(())
}

/// Encodes `count` events that a builder has staged, behind what is in a block. Writes to `did`: events, bytes; when they are fewer,
/// the block was full and is unchanged as far as it counts.
#[napi(catch_unwind)]
pub fn build_batch(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    staged: Uint8ArraySlice<'_>,
    count: u32,
    mut did: Uint32ArraySlice<'_>,
) -> Result<()> {
    let mut space = space(&mut block, fill, entries, count)?;
    push_flat(&staged, &mut space).map_err(thrown)?;
    report(&mut did, &space, &[]);
    Ok(())
}

/// Decodes `count` events of Avro's encoding, behind what is in a block. Writes to `did`: events, bytes, bytes read.
#[napi(catch_unwind)]
pub fn decode_batch(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    encoded: Uint8ArraySlice<'_>,
    count: u32,
    mut did: Uint32ArraySlice<'_>,
) -> Result<()> {
    let mut space = space(&mut block, fill, entries, count)?;
    let scanned = scan_events(&encoded, count as usize, &mut space).map_err(thrown)?;
    report(&mut did, &space, &[scanned.bytes as u32]);
    Ok(())
}

/// Makes an event of every line of `tail` + `data`. Writes to `did`: events, bytes, bytes of `data` consumed, 1 for overlong + 2 for a full block.
#[napi(catch_unwind)]
pub fn split_lines(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    tail: Uint8ArraySlice<'_>,
    data: Uint8ArraySlice<'_>,
    chars_max: u32,
    mut did: Uint32ArraySlice<'_>,
) -> Result<()> {
    let third = table_third(&block);
    let mut space = space(&mut block, fill, entries, third)?;
    let lines = lines::split_lines(&tail, &data, chars_max as usize, &mut space);
    let flags = u32::from(lines.overlong) * OVERLONG + u32::from(lines.full) * BLOCK_FULL;
    report(&mut did, &space, &[lines.consumed as u32, flags]);
    Ok(())
}

/// Writes `count` events whose bodies count up from a number, behind what is in a block. Writes to `did`: events, bytes; when they are fewer, the
/// block was full.
#[napi(catch_unwind)]
pub fn count_batch(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    from: f64,
    count: u32,
    mut did: Uint32ArraySlice<'_>,
) -> Result<()> {
    let mut space = space(&mut block, fill, entries, count)?;
    push_numbers(whole(from), count as usize, &mut space);
    report(&mut did, &space, &[]);
    Ok(())
}

/// Of a block that is split between text and table, a third for the table is right for lines of a dozen bytes and harms no others.
pub const fn table_third(block: &[u8]) -> u32 {
    (block.len() / 3 / size_of::<Entry>()) as u32
}

/// What is free of a builder's block, with a table for `count` events or for as many as there is room for.
pub fn space<'a>(block: &'a mut Uint8ArraySlice<'_>, fill: u32, entries: u32, count: u32) -> Result<Space<'a>> {
    let invalid = |what| thrown(Error::InvalidBatch { what, offset: fill as usize });
    // SAFETY: a builder's block belongs to the calling thread, and its batches are not read during the call.
    let block = unsafe { block.as_mut() };
    let free = (entries as usize).checked_mul(size_of::<Entry>()).and_then(|table| block.len().checked_sub(table));
    let free = free.ok_or_else(|| invalid("a block has fewer entries"))?;
    let room = block.get_mut(fill as usize..free).ok_or_else(|| invalid("a block has fewer bytes"))?;
    let table = (count as usize).min(room.len() / size_of::<Entry>()) * size_of::<Entry>();
    let (events, table) = room.split_at_mut(room.len() - table);
    let table = bytemuck::try_cast_slice_mut(table).map_err(|_| invalid("a block is not aligned"))?;
    Ok(Space::new(events, table, fill))
}

/// Writes to `did`: events, bytes, and what else is to be said.
pub fn report(did: &mut Uint32ArraySlice<'_>, space: &Space<'_>, more: &[u32]) {
    let written = space.written();
    // SAFETY: the caller's own array, used by nobody else during the call.
    let did = unsafe { did.as_mut() };
    for (place, number) in did.iter_mut().zip([written.events as u32, written.bytes as u32].iter().chain(more)) {
        *place = *number;
    }
}

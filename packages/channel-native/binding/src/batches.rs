//! Batches: reading and building them.

use millrace_engine::{
    Error,
    batch::{Entry, Run},
    memory::SLOT_LEN,
};
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

use crate::failure::{Result, thrown};

/// The run that a batch from JavaScript names, checked against its block.
#[expect(clippy::too_many_arguments, reason = "a batch crosses as numbers")]
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
#[expect(clippy::too_many_arguments, clippy::cast_precision_loss, reason = "a batch crosses as numbers")]
pub fn batch_slots(
    memory: Uint8ArraySlice<'_>, base: f64, size: f64, first: u32, count: u32, start: u32, end: u32,
) -> Result<f64> {
    Ok(run(&memory, base, size, first, count, start, end)?.slots(SLOT_LEN) as f64)
}

/// The CRC-32C of a batch's bodies, one after the other.
#[napi(catch_unwind)]
#[expect(clippy::too_many_arguments, reason = "a batch crosses as numbers")]
pub fn batch_checksum(
    memory: Uint8ArraySlice<'_>, base: f64, size: f64, first: u32, count: u32, start: u32, end: u32,
) -> Result<u32> {
    Ok(run(&memory, base, size, first, count, start, end)?.checksum())
}

//! What commands write: the pipes that it comes through, and its lines.

use std::{
    io,
    os::fd::{FromRawFd, IntoRawFd, OwnedFd},
};

use millrace_engine::text;
use napi::bindgen_prelude::{Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;

use crate::{
    batches::{report, space, table_third},
    failure::{Result, Thrown},
};

/// Opens a pipe that no other process inherits by itself: the file descriptors to read from and to write to. What Node calls a pipe between processes
/// is a socket, and a command cannot open that as `/dev/stdout`.
#[napi(catch_unwind)]
pub fn open_pipe() -> Result<Vec<i32>> {
    let refused = |error: io::Error| Thrown::new(error.kind().to_string(), format!("cannot open a pipe: {error}"));
    let (reader, writer) = text::open_pipe().map_err(refused)?;
    Ok([OwnedFd::from(reader), OwnedFd::from(writer)].map(IntoRawFd::into_raw_fd).to_vec())
}

/// Closes an end of a pipe. Node itself warns in a worker of what it has not opened.
#[napi(catch_unwind)]
pub fn close_pipe(end: i32) {
    // SAFETY: the caller has it from `open_pipe`, and gives it up.
    drop(unsafe { OwnedFd::from_raw_fd(end) });
}

/// Makes an event of every line of text that begins with `searched` bytes without a line end. Writes to `did`: events, bytes, bytes of text consumed,
/// how often a line was cut, 1 for a full block.
#[napi(catch_unwind)]
pub fn split_text(
    mut block: Uint8ArraySlice<'_>,
    fill: u32,
    entries: u32,
    text: Uint8ArraySlice<'_>,
    searched: u32,
    ended: bool,
    bytes_max: u32,
    mut did: Uint32ArraySlice<'_>,
) -> Result<()> {
    let third = table_third(&block);
    let mut space = space(&mut block, fill, entries, third)?;
    let text = text::Text { bytes: &text, searched: (searched as usize).min(text.len()), ended };
    let lines = text::split_text(text, bytes_max as usize, &mut space);
    report(&mut did, &space, &[lines.consumed as u32, lines.cuts as u32, u32::from(lines.full)]);
    Ok(())
}

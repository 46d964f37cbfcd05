//! The events of a channel, in the order in which they are delivered.

use std::sync::Arc;

use super::{Cursor, Finding, Lane, Storage};
use crate::{
    batch::{Entry, Run},
    error::Result,
};

/// Events are handed out when so many bytes of them have come together.
const BLOCK: usize = 1 << 20;

/// Reads events of several directories, merged by the sequence of their puts.
pub struct Dump<S: Storage>(Vec<Cursor<S>>);

/// Events as a batch has them: encoded, one after the other from offset 0, and their table at the end, the last event's entry first.
#[derive(Debug, Default)]
pub struct Block {
    /// The whole block.
    pub memory: Vec<u8>,
    /// How many events.
    pub events: u32,
    /// Bytes of the events.
    pub bytes: u32,
}

impl<S: Storage> Dump<S> {
    /// Reads what is queued, or `all` that is still in the files.
    #[must_use]
    pub fn new(lanes: Vec<Lane<S>>, all: bool) -> Self {
        Self(lanes.into_iter().map(|lane| Cursor::new(Arc::new(lane), all)).collect())
    }

    /// The next events: about a megabyte, or one put if that is larger. None at the end.
    ///
    /// # Errors
    /// `Disk` when something cannot be read.
    pub fn next_block(&mut self) -> Result<Option<Block>> {
        let (mut bytes, mut table) = (Vec::new(), Vec::new());
        while let Some((cursor, next)) = self.first()? {
            if !bytes.is_empty() && bytes.len() + next > BLOCK {
                break;
            }
            cursor.read(|run| push(run, &mut bytes, &mut table))?;
        }
        let block = (!table.is_empty()).then(|| {
            let (events, len) = (table.len() as u32, bytes.len() as u32);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            table.reverse();
            bytes.extend_from_slice(bytemuck::cast_slice(&table));
            Block { memory: bytes, events, bytes: len }
        });
        Ok(block)
    }

    /// What could not be read so far.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter().flat_map(|cursor| &cursor.findings)
    }

    /// The directory whose put is next, and how many bytes of events that has.
    fn first(&mut self) -> Result<Option<(&mut Cursor<S>, usize)>> {
        let mut first: Option<(u64, &mut Cursor<S>, usize)> = None;
        for cursor in &mut self.0 {
            if let Some(header) = cursor.seek()?
                && first.as_ref().is_none_or(|(sequence, ..)| header.sequence < *sequence)
            {
                first = Some((header.sequence, cursor, header.bytes as usize));
            }
        }
        Ok(first.map(|(_, cursor, bytes)| (cursor, bytes)))
    }
}

/// Appends events, and their entries in order.
fn push(run: &Run<'_>, bytes: &mut Vec<u8>, table: &mut Vec<Entry>) {
    // Modulo 2³², so that one addition moves entries in either direction.
    let shift = (bytes.len() as u32).wrapping_sub(run.base());
    let moved = |entry: &Entry| Entry { start: entry.start.wrapping_add(shift), body: entry.body.wrapping_add(shift) };
    table.extend(run.table().iter().rev().map(moved));
    bytes.extend_from_slice(run.bytes());
}

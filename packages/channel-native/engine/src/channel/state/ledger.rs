//! Puts that are shown only once a log has them, and what the log must know of takes.
//!
//! ```text
//!  staged ──pick──▶ writing ──settle──▶ durable ─┬─ shown: into the order, or spilled: left to the reader of the log
//!     │                └──▶ failed                ├─ hidden, until its owner shows or voids it
//!     └──▶ void                                   └─ void: consumed at once
//! ```
//!
//! Puts leave the ledger in the order in which they were staged.

mod reading;
mod settling;
mod writing;

use std::{collections::VecDeque, ops::Range};

use super::{
    super::{arena::Region, buffer::Filling, ring::Extent},
    Answer, Need, Pressed, State, Waiter,
};
use crate::{
    error::Error,
    file::{Consumed, Position},
};

/// Bits of an origin that are the ordinal of an event in its lane; those above name the lane.
const ORDINAL_BITS: u32 = 56;

/// Acknowledgements reach the disk at least so long after the first of them.
const ACK_DELAY_MS: u64 = 100;

/// What a channel over a log begins with.
#[derive(Debug, Default)]
pub struct LedgerOptions {
    /// The directories of the log.
    pub lanes: Vec<LaneStart>,
    /// The number of the next put.
    pub next_sequence: u64,
    /// Bytes of shown events that are kept in the buffer; the others are left to the reader.
    pub cache_bytes: u64,
    /// Bytes of the largest put.
    pub put_bytes: u64,
    /// Whether a take is only committed when the log has that.
    pub take_sync: bool,
}

/// What one directory of the log brings along.
#[derive(Debug, Default)]
pub struct LaneStart {
    /// Events that are consumed.
    pub consumed: Consumed,
    /// Where reading begins, when there is something to read.
    pub unread: Option<Unread>,
    /// The end of what is in the log.
    pub shown_to: Position,
    /// The ordinal after the last event in it.
    pub next_ordinal: u64,
}

/// A place from which a directory is read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Where the next record stands.
    pub from: Position,
    /// The ordinal it should begin with.
    pub ordinal: u64,
}

/// A stretch of a directory that the reader may read.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// The directory.
    pub lane: usize,
    /// Where it begins.
    pub unread: Unread,
    /// Where it ends.
    pub to: Position,
    /// The ordinal after its last event.
    pub end_ordinal: u64,
}

/// A put for a writer to write.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct StagedPut {
    pub sequence: u64,
    pub extent: Extent,
    pub block_len: u64,
    pub crc: u32,
    pub time_ms: u64,
}

/// Where a put stands in the log.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// The directory.
    pub lane: usize,
    /// The ordinal of its first event.
    pub ordinal: u64,
    /// Its record.
    pub at: Position,
    /// Where the next record stands.
    pub end: Position,
}

/// What a writer does next.
#[derive(Debug, Default)]
pub(in super::super) struct Work {
    pub puts: Vec<StagedPut>,
    /// Events of this lane that were taken for good, in order.
    pub acks: Vec<Range<u64>>,
    /// Takes that are answered when `acks` are durable.
    pub waiting: Vec<(Waiter, u64)>,
    /// The channel is closed, and this is the last work.
    pub last: bool,
}

#[derive(Debug)]
enum Progress {
    Staged,
    Writing,
    Durable(Placed),
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visibility {
    Shown,
    /// Under this handle of its owner.
    Hidden(u64),
    Void,
}

#[derive(Debug)]
struct Pending {
    who: Waiter,
    extent: Extent,
    crc: u32,
    time_ms: u64,
    progress: Progress,
    visibility: Visibility,
}

#[derive(Debug)]
struct Lane {
    consumed: Consumed,
    acks: Vec<Range<u64>>,
    waiting: Vec<(Waiter, u64)>,
    acks_since_ms: u64,
    unread: Option<Unread>,
    /// The ordinal after the last event that the reader has shown.
    refilled_to: u64,
    shown_to: Position,
    next_ordinal: u64,
    /// Why nothing can be written to it.
    fault: Option<Error>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is about another thread")]
pub(in super::super) struct Ledger {
    lanes: Vec<Lane>,
    pending: VecDeque<Pending>,
    /// The number of the first of `pending`; the others follow without a gap.
    front: u64,
    /// The number of the first that no writer has picked.
    next_pick: u64,
    cache_bytes: u64,
    pub put_bytes: u64,
    take_sync: bool,
    /// Bytes of events that are in the order or leased.
    shown_bytes: u64,
    /// Events in the log that are neither in the order nor leased.
    pub spilled: u64,
    /// The last fault there was, for those whose answer comes later.
    last_fault: Option<Error>,
    /// The reader has found no room for the next record.
    pub starved: bool,
    /// The operator was told of an event that is larger than the buffer.
    told_too_large: bool,
    ended: bool,
    /// The threads of the log are gone: nobody but workers uses the buffer any more.
    pub detached: bool,
    /// What an operator should know and was not told yet.
    pub findings: Vec<String>,
    pub writers_idle: u32,
    pub reader_idle: bool,
}

impl Ledger {
    pub fn new(options: LedgerOptions) -> Self {
        let lane = |it: LaneStart| Lane {
            consumed: it.consumed,
            acks: Vec::new(),
            waiting: Vec::new(),
            acks_since_ms: 0,
            unread: it.unread,
            refilled_to: 0,
            shown_to: it.shown_to,
            next_ordinal: it.next_ordinal,
            fault: None,
        };
        let lanes: Vec<_> = options.lanes.into_iter().map(lane).collect();
        Self {
            spilled: lanes.iter().map(|lane| lane.next_ordinal - lane.consumed.count_below(lane.next_ordinal)).sum(),
            lanes,
            pending: VecDeque::new(),
            front: options.next_sequence,
            next_pick: options.next_sequence,
            cache_bytes: options.cache_bytes,
            put_bytes: options.put_bytes,
            take_sync: options.take_sync,
            shown_bytes: 0,
            last_fault: None,
            starved: false,
            told_too_large: false,
            ended: false,
            detached: false,
            findings: Vec::new(),
            writers_idle: 0,
            reader_idle: false,
        }
    }

    /// Bytes in use that puts may have: a part of the buffer is the reader's.
    pub const fn put_room(&self, used_bytes: u64, limit: u64) -> u64 {
        (limit - self.cache_bytes).saturating_sub(used_bytes - self.shown_bytes)
    }

    fn at(&mut self, sequence: u64) -> Option<&mut Pending> {
        self.pending.get_mut(usize::try_from(sequence.checked_sub(self.front)?).ok()?)
    }

    /// Why nothing can be put: no directory can be written to.
    fn refusal(&self) -> Option<&Error> {
        let first = self.lanes.first()?.fault.as_ref();
        first.filter(|_| self.lanes.iter().all(|lane| lane.fault.is_some()))
    }

    /// Everything staged so far has been picked by a writer.
    fn is_picked(&self) -> bool {
        self.next_pick == self.front + self.pending.len() as u64
    }
}

const fn origin(lane: usize, ordinal: u64) -> u64 {
    (lane as u64) << ORDINAL_BITS | ordinal
}

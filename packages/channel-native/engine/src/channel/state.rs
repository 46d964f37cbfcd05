//! The state machine of a channel: credits, order, leases, waits. One lock is around all of it; nothing here waits or copies events.

mod ledger;
mod puts;
mod takes;
mod waits;

use std::collections::VecDeque;

use super::{
    arena::{Arena, Region},
    buffer::{Buffer, LEASES, Layout, LeaseRow},
    handles::Handles,
    ring::{Extent, Ring},
    table::Table,
};
use crate::error::Error;
use ledger::Ledger;
pub(super) use ledger::Work;
pub use ledger::{LaneStart, LedgerOptions, Placed, Stretch, Unread};
pub(super) use puts::extent_of;

/// What a put needs: events, their encoded bytes, and Flume's byte slots of their bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Events, at least one.
    pub events: u32,
    /// Bytes of the encoded events, without their entries.
    pub bytes: u64,
    /// ⌈max(1, body) / 100⌉, summed over the events.
    pub slots: u64,
}

/// What a channel is bounded by.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most events in the channel: reserved, queued and leased.
    pub capacity: u32,
    /// Most events in one put or take.
    pub transaction_capacity: u32,
    /// Most byte slots in use.
    pub slots: u64,
    /// Most bytes in use: encoded events and 8 for the entry of each.
    pub bytes: u64,
}

/// When a take is content.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Most events granted.
    pub max: u32,
    /// As many queued events as are worth a grant at once.
    pub min: u32,
    /// How long fewer are gathered, counted from the publication of the oldest; `None` for ever.
    pub linger_ms: Option<u64>,
}

/// Who waits, and under which number the answer is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// The worker life.
    pub owner: u32,
    /// The owner's own number for this wait.
    pub token: u32,
}

/// The one answer to a wait: a handle, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub to: Waiter,
    pub result: std::result::Result<u64, Error>,
}

/// An outcome now, or a promise of one [`Answer`] later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The handle of the reservation or lease.
    Now(u64),
    /// The owner's doorbell will say.
    Later,
}

/// Exact figures of a channel, changed under its lock. `recovered + put = committed + queued + leased + lost` at every moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events published.
    pub put: u64,
    /// Events granted to takers, again for each time they were granted again.
    pub taken: u64,
    /// Events removed for good.
    pub committed: u64,
    /// Events returned by their taker.
    pub rolled_back: u64,
    /// Events returned because their taker had died.
    pub reclaimed: u64,
    /// Events reserved and never published.
    pub voided: u64,
    /// Events that waited for room in vain.
    pub refused: u64,
    /// Events that wait to be taken.
    pub queued: u64,
    /// Events taken and neither committed nor returned.
    pub leased: u64,
    /// Events reserved and not yet published.
    pub reserved: u64,
    /// Encoded bytes of the queued events.
    pub queued_bytes: u64,
    /// Age of the oldest queued event in milliseconds.
    pub oldest_ms: u64,
    /// Events that were in the log when it was opened.
    pub recovered: u64,
    /// Events that the log should have and cannot be read.
    pub lost: u64,
}

#[derive(Clone, Copy, Debug)]
struct Reservation {
    owner: u32,
    region: Region,
    need: Need,
    filled: (u32, u32),
    filled_slots: u64,
    /// Its number in the log, once it was given to the log and is not to be shown yet.
    committed: Option<u64>,
}

#[derive(Debug)]
struct Lease {
    owner: u32,
    returned: Returned,
}

/// A granted run with its place in the order of first granting.
#[derive(Clone, Copy, Debug)]
struct Returned {
    place: u64,
    origin: u64,
    time_ms: u64,
    extent: Extent,
}

/// Whether a put has just found no room, so that waiting for more events has no point.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pressed {
    Yes,
    No,
}

struct Putter {
    who: Waiter,
    need: Need,
    deadline_ms: u64,
}

struct Taker {
    who: Waiter,
    wish: Wish,
}

/// Bytes of an event's entry in the table of its block.
const ENTRY_LEN: u64 = 8;
/// Open reservations at once; far more than there are workers.
const RESERVATIONS: u32 = 1 << 16;

pub(super) struct State {
    limits: Limits,
    arena: Arena,
    buffer: Buffer,
    ring: Ring,
    lease_rows: Table<LeaseRow>,
    /// Runs that came back, in order of place; all of them older than everything in the ring.
    returned: VecDeque<Returned>,
    leases: Handles<Lease>,
    reservations: Handles<Reservation>,
    putters: VecDeque<Putter>,
    takers: VecDeque<Taker>,
    used_slots: u64,
    used_bytes: u64,
    next_place: u64,
    closed: bool,
    counters: Counters,
    /// When the timer is going to call [`State::expire`].
    alarm_ms: Option<u64>,
    /// Present where puts are shown only once a log has them.
    ledger: Option<Ledger>,
    effects: Effects,
}

/// What the caller does after it has let the lock go.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub answers: Vec<Answer>,
    /// The timer is to call `expire` at this time, which is earlier than it knew.
    pub alarm_ms: Option<u64>,
    /// Writers of the log have something to do.
    pub wake_writers: bool,
    /// The reader of the log has something to do.
    pub wake_reader: bool,
}

impl Effects {
    const fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.alarm_ms.is_none() && !self.wake_writers && !self.wake_reader
    }
}

impl Need {
    /// What counts against the bytes of the channel.
    fn footprint(&self) -> u64 {
        self.bytes + u64::from(self.events) * ENTRY_LEN
    }
}

impl State {
    pub fn new(limits: Limits, layout: &Layout, buffer: Buffer) -> Self {
        Self {
            limits,
            arena: layout.arena(),
            ring: Ring::new(buffer.ring()),
            lease_rows: buffer.leases(),
            buffer,
            returned: VecDeque::new(),
            leases: Handles::new(LEASES),
            reservations: Handles::new(RESERVATIONS),
            putters: VecDeque::new(),
            takers: VecDeque::new(),
            used_slots: 0,
            used_bytes: 0,
            next_place: 0,
            closed: false,
            counters: Counters::default(),
            alarm_ms: None,
            ledger: None,
            effects: Effects::default(),
        }
    }

    /// What is to be done outside of the lock. Mostly nothing, and then nothing is written: the next thread has these lines in its cache.
    pub fn take_effects(&mut self) -> Effects {
        if self.effects.is_empty() {
            return Effects::default();
        }
        std::mem::take(&mut self.effects)
    }

    /// Puts a log underneath: from now on puts are shown when it has them. What it holds already counts as queued.
    pub fn attach(&mut self, options: LedgerOptions) {
        let ledger = Ledger::new(options);
        self.counters.recovered = ledger.spilled;
        self.ledger = Some(ledger);
    }

    pub const fn buffer_bytes(&self) -> u64 {
        self.limits.bytes
    }

    pub const fn ledger_mut(&mut self) -> Option<&mut Ledger> {
        self.ledger.as_mut()
    }

    pub fn counters(&self, now_ms: u64) -> Counters {
        let oldest_ms = self.oldest_ms().map_or(0, |time| now_ms.saturating_sub(time));
        Counters { oldest_ms, queued: self.counters.queued + self.spilled(), ..self.counters }
    }

    /// Queued events that are only in the log.
    pub(super) fn spilled(&self) -> u64 {
        self.ledger.as_ref().map_or(0, |ledger| ledger.spilled)
    }

    pub const fn arena_mut(&mut self) -> &mut Arena {
        &mut self.arena
    }
}

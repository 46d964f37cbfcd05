//! The state machine of a memory channel: credits, order, leases, waits. One lock is around all of it; nothing here waits or copies events.

use std::collections::{HashSet, VecDeque};

use super::{
    arena::{Arena, Region},
    buffer::{Buffer, Filling, LEASES, Layout, LeaseRow},
    handles::{Handles, place},
    ring::{Extent, Ring},
    table::Table,
};
use crate::error::{Error, Excess, Result, Shortage};

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

/// Exact figures of a channel, changed under its lock. `put = committed + queued + leased` at every moment.
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
    /// Events that were told there is no room.
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
}

#[derive(Debug)]
struct Reservation {
    owner: u32,
    region: Region,
    need: Need,
    filled: (u32, u32),
    filled_slots: u64,
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
    /// Owners whose open things were taken back: a call of theirs would open what nobody takes back any more.
    reclaimed: HashSet<u32>,
    counters: Counters,
    /// When the timer is going to call [`State::expire`].
    alarm_ms: Option<u64>,
    effects: Effects,
}

/// What the caller does after it has let the lock go.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub answers: Vec<Answer>,
    /// The timer is to call `expire` at this time, which is earlier than it knew.
    pub alarm_ms: Option<u64>,
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
            reclaimed: HashSet::new(),
            counters: Counters::default(),
            alarm_ms: None,
            effects: Effects::default(),
        }
    }

    pub fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    pub fn counters(&self, now_ms: u64) -> Counters {
        let oldest = self.oldest_ms().map_or(0, |time| now_ms.saturating_sub(time));
        Counters { oldest_ms: oldest, ..self.counters }
    }

    /// Events that a put could reserve now, as far as their number goes; 0 while somebody waits.
    pub fn free_events(&self) -> u32 {
        if self.closed || !self.putters.is_empty() {
            return 0;
        }
        (u64::from(self.limits.capacity) - self.used_events()) as u32
    }

    // ── puts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Room for a put: at once when there is enough and nobody waits before it; `wait` says until when it may wait.
    pub fn reserve(&mut self, who: Waiter, need: Need, wait: Option<u64>, now_ms: u64) -> Result<Grant> {
        self.check_open(who.owner)?;
        self.check_fits_ever(&need)?;
        if self.putters.is_empty()
            && let Some(handle) = self.try_reserve(who.owner, need)
        {
            return Ok(Grant::Now(handle));
        }
        // Who gathers events while a put has no room would gather for ever.
        self.grant_takers(Pressed::Yes, now_ms);
        let Some(deadline_ms) = wait else {
            self.counters.refused += u64::from(need.events);
            return Err(Error::Full(self.shortage(&need)));
        };
        self.putters.push_back(Putter { who, need, deadline_ms });
        self.alarm(Some(deadline_ms));
        Ok(Grant::Later)
    }

    /// Where the next bytes of a reservation go.
    pub fn filling(&mut self, owner: u32, handle: u64) -> Result<Filling> {
        let it = self.reservations.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        let Region { chunk, first, start } = it.region;
        let (events, bytes) = it.filled;
        Ok(Filling {
            block_len: self.arena.block_len(chunk),
            region: Region { chunk, first: first + events, start: start + bytes },
            events: it.need.events - events,
            bytes: it.need.bytes as u32 - bytes,
        })
    }

    /// Notes that so much more of a reservation is filled.
    pub fn filled(&mut self, owner: u32, handle: u64, size: (u32, u32), slots: u64) -> Result<()> {
        let it = self.reservations.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        if it.filled_slots + slots > it.need.slots {
            return Err(Error::Full(Shortage::Block));
        }
        it.filled = (it.filled.0 + size.0, it.filled.1 + size.1);
        it.filled_slots += slots;
        Ok(())
    }

    /// Makes what was filled visible, as one run, at the end of the order.
    pub fn publish(&mut self, owner: u32, handle: u64, now_ms: u64) -> Result<()> {
        let it = self.take_reservation(owner, handle)?;
        let (count, bytes) = it.filled;
        let Region { chunk, first, start } = it.region;
        let used = Need { events: count, bytes: bytes.into(), slots: it.filled_slots };
        if used != it.need {
            let rest = Region { chunk, first: first + count, start: start + bytes };
            self.arena.cancel(rest, it.need.events - count, it.need.bytes as u32 - bytes);
        }
        self.counters.reserved -= u64::from(it.need.events);
        self.used_slots -= it.need.slots - used.slots;
        self.used_bytes -= it.need.footprint() - used.footprint();
        if count > 0 {
            let extent = Extent { chunk, first, count, start, end: start + bytes, slots: it.filled_slots as u32 };
            self.ring.push(extent, now_ms);
            self.counters.put += u64::from(count);
            self.counters.queued += u64::from(count);
            self.counters.queued_bytes += u64::from(bytes);
            self.grant_takers(Pressed::No, now_ms);
        }
        if used != it.need {
            self.grant_putters();
        }
        Ok(())
    }

    /// Gives a reservation back unused.
    pub fn void(&mut self, owner: u32, handle: u64) -> Result<()> {
        let it = self.take_reservation(owner, handle)?;
        self.forget(&it);
        self.grant_putters();
        Ok(())
    }

    // ── takes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    /// A lease: at once when the wish is met, else later, or not at all when the caller will not `wait`.
    pub fn take(&mut self, who: Waiter, wish: Wish, wait: bool, now_ms: u64) -> Result<Option<Grant>> {
        self.check_open(who.owner)?;
        if wish.max == 0 || wish.max > self.limits.transaction_capacity {
            return Err(Error::TooLarge(Excess::Take { max: self.limits.transaction_capacity }));
        }
        if self.is_content(&wish, Pressed::No, now_ms) {
            let handle = self.lease(who.owner, wish.max);
            // The lease may have freed a descriptor that a put waits for.
            self.grant_putters();
            return Ok(Some(Grant::Now(handle)));
        }
        if !wait {
            return Ok(None);
        }
        self.takers.push_back(Taker { who, wish });
        self.alarm(self.linger_end_ms());
        Ok(Some(Grant::Later))
    }

    /// The run of a lease, to be looked at by its owner.
    pub fn leased(&mut self, owner: u32, handle: u64) -> Result<(u64, Extent)> {
        let it = self.leases.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        Ok((self.arena.block_len(it.returned.extent.chunk), it.returned.extent))
    }

    /// Removes the events of a lease for good.
    pub fn commit(&mut self, owner: u32, handle: u64, now_ms: u64) -> Result<()> {
        let Returned { extent, .. } = self.take_lease(owner, handle)?;
        self.arena.release(extent.chunk, extent.count);
        self.used_slots -= u64::from(extent.slots);
        self.used_bytes -= u64::from(extent.end - extent.start) + u64::from(extent.count) * ENTRY_LEN;
        self.counters.committed += u64::from(extent.count);
        self.grant_putters();
        self.grant_takers(Pressed::No, now_ms);
        Ok(())
    }

    /// Puts the events of a lease back into their place.
    pub fn rollback(&mut self, owner: u32, handle: u64, now_ms: u64) -> Result<()> {
        let returned = self.take_lease(owner, handle)?;
        self.counters.rolled_back += u64::from(returned.extent.count);
        self.put_back(returned);
        self.grant_takers(Pressed::No, now_ms);
        Ok(())
    }

    // ── waits ───────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Ends a wait without an answer. `false`: its answer is already on its way.
    pub fn cancel(&mut self, who: Waiter) -> bool {
        self.forget_waits(|it| it == who)
    }

    /// Answers every wait whose time is over.
    pub fn expire(&mut self, now_ms: u64) {
        self.alarm_ms = None;
        while let Some(at) = self.putters.iter().position(|it| it.deadline_ms <= now_ms)
            && let Some(Putter { who, need, .. }) = self.putters.remove(at)
        {
            self.counters.refused += u64::from(need.events);
            let result = Err(Error::Full(self.shortage(&need)));
            self.effects.answers.push(Answer { to: who, result });
            // What stood behind it may fit, and must not be told that there is no room.
            self.grant_putters();
        }
        self.grant_takers(Pressed::No, now_ms);
        self.alarm(self.putters.iter().map(|it| it.deadline_ms).min());
    }

    /// Forgets the waits of an owner whose event loop is gone.
    pub fn detach(&mut self, owner: u32) {
        self.forget_waits(|it| it.owner == owner);
    }

    /// Takes back everything an owner left open. Only after its thread has ended.
    pub fn reclaim(&mut self, owner: u32, now_ms: u64) {
        self.reclaimed.insert(owner);
        self.forget_waits(|it| it.owner == owner);
        for handle in self.reservations.find(|it| it.owner == owner) {
            if let Some(it) = self.reservations.remove(handle) {
                self.forget(&it);
            }
        }
        for handle in self.leases.find(|it| it.owner == owner) {
            if let Ok(returned) = self.take_lease(owner, handle) {
                self.counters.reclaimed += u64::from(returned.extent.count);
                self.put_back(returned);
            }
        }
        self.grant_putters();
        self.grant_takers(Pressed::No, now_ms);
    }

    /// Refuses everything new and ends every wait; what is open may still be finished.
    pub fn close(&mut self) {
        self.closed = true;
        let waiters = self.putters.drain(..).map(|it| it.who).chain(self.takers.drain(..).map(|it| it.who));
        self.effects.answers.extend(waiters.map(|to| Answer { to, result: Err(Error::Closed) }));
    }

    /// Whether the channel is closed and nobody has anything of it open.
    pub fn is_over(&self) -> bool {
        self.closed && self.leases.len() == 0 && self.reservations.len() == 0
    }

    /// Ends every wait after a panic under the lock, which left a state that nobody can vouch for.
    pub fn give_up(&mut self) {
        self.close();
        for answer in &mut self.effects.answers {
            answer.result = Err(Error::Panic("a panic under the channel's lock".into()));
        }
    }

    pub const fn arena_mut(&mut self) -> &mut Arena {
        &mut self.arena
    }

    /// Looks again at who waits for room, after chunks came back from trimming.
    pub fn grant_putters(&mut self) {
        while let Some(Putter { who, need, .. }) = self.putters.front() {
            let (to, need) = (*who, *need);
            let Some(handle) = self.try_reserve(to.owner, need) else { return };
            self.putters.pop_front();
            self.effects.answers.push(Answer { to, result: Ok(handle) });
        }
    }

    // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

    fn check_open(&self, owner: u32) -> Result<()> {
        match () {
            () if self.closed => Err(Error::Closed),
            () if self.reclaimed.contains(&owner) => Err(Error::Stale),
            () => Ok(()),
        }
    }

    /// Asks to be called at a time, unless that is going to happen anyway.
    fn alarm(&mut self, at_ms: Option<u64>) {
        if at_ms.is_some_and(|at| self.alarm_ms.is_none_or(|known| at < known)) {
            self.alarm_ms = at_ms;
            self.effects.alarm_ms = at_ms;
        }
    }

    fn linger_end_ms(&self) -> Option<u64> {
        let linger = self.takers.iter().filter_map(|it| it.wish.linger_ms).min()?;
        self.oldest_ms().filter(|_| !self.leases.is_full()).map(|oldest| oldest + linger)
    }

    fn check_fits_ever(&self, need: &Need) -> Result<()> {
        let max = self.limits.transaction_capacity.min(self.limits.capacity);
        if need.events == 0 {
            return Err(Error::InvalidBatch { what: "a put without events", offset: 0 });
        }
        if need.events > max {
            return Err(Error::TooLarge(Excess::Put { max }));
        }
        if need.slots > self.limits.slots {
            return Err(Error::TooLarge(Excess::Bodies { limit: self.limits.slots * u64::from(super::SLOT_LEN) }));
        }
        if need.footprint() > self.limits.bytes || !self.arena.can_ever(need.events, need.bytes) {
            return Err(Error::TooLarge(Excess::Bytes { is: need.footprint(), max: self.limits.bytes }));
        }
        Ok(())
    }

    const fn used_events(&self) -> u64 {
        self.counters.queued + self.counters.leased + self.counters.reserved
    }

    fn try_reserve(&mut self, owner: u32, need: Need) -> Option<u64> {
        let events = u64::from(need.events);
        let fits = self.used_events() + events <= u64::from(self.limits.capacity)
            && self.used_slots + need.slots <= self.limits.slots
            && self.used_bytes + need.footprint() <= self.limits.bytes
            && !self.reservations.is_full()
            // Each reservation may become a descriptor of its own.
            && self.ring.room() > self.reservations.len();
        if !fits {
            return None;
        }
        let region = self.arena.reserve(need.events, need.bytes)?;
        self.used_slots += need.slots;
        self.used_bytes += need.footprint();
        self.counters.reserved += events;
        Some(self.reservations.insert(Reservation { owner, region, need, filled: (0, 0), filled_slots: 0 }))
    }

    fn shortage(&self, need: &Need) -> Shortage {
        let slots = self.used_slots + need.slots > self.limits.slots;
        let events = self.used_events() + u64::from(need.events) > u64::from(self.limits.capacity);
        let bytes = self.used_bytes + need.footprint() > self.limits.bytes;
        // Flume waits for slots first, so that is what it complains of first. Who only stands behind another lacks a place.
        if slots || (bytes && !events) {
            Shortage::Bytes { limit: self.limits.slots * u64::from(super::SLOT_LEN) }
        } else {
            Shortage::Events
        }
    }

    fn take_reservation(&mut self, owner: u32, handle: u64) -> Result<Reservation> {
        self.reservations.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        self.reservations.remove(handle).ok_or(Error::Stale)
    }

    fn forget(&mut self, it: &Reservation) {
        self.arena.cancel(it.region, it.need.events, it.need.bytes as u32);
        self.used_slots -= it.need.slots;
        self.used_bytes -= it.need.footprint();
        self.counters.reserved -= u64::from(it.need.events);
        self.counters.voided += u64::from(it.need.events);
    }

    fn is_content(&self, wish: &Wish, pressed: Pressed, now_ms: u64) -> bool {
        let Some(oldest) = self.oldest_ms() else { return false };
        if self.leases.is_full() {
            return false;
        }
        self.counters.queued >= u64::from(wish.min.min(wish.max))
            || pressed == Pressed::Yes
            || !self.putters.is_empty()
            || wish.linger_ms.is_some_and(|linger| oldest + linger <= now_ms)
    }

    fn oldest_ms(&self) -> Option<u64> {
        self.returned.front().map(|it| it.time_ms).or_else(|| self.ring.front().map(|it| it.first_ms))
    }

    /// Grants, in the order in which they came, every waiting take that is content; others are passed over.
    fn grant_takers(&mut self, pressed: Pressed, now_ms: u64) {
        if self.takers.is_empty() {
            return;
        }
        let mut at = 0;
        while at < self.takers.len() && self.counters.queued > 0 {
            if !self.is_content(&self.takers[at].wish, pressed, now_ms) {
                at += 1;
                continue;
            }
            if let Some(Taker { who: to, wish }) = self.takers.remove(at) {
                let handle = self.lease(to.owner, wish.max);
                self.effects.answers.push(Answer { to, result: Ok(handle) });
            }
        }
        self.grant_putters();
        self.alarm(self.linger_end_ms());
    }

    /// Grants the head of the order; there must be one, and a free lease.
    fn lease(&mut self, owner: u32, max: u32) -> u64 {
        let returned = self.next_run(max);
        let extent = returned.extent;
        let handle = self.leases.insert(Lease { owner, returned });
        let row = self.buffer.lease_row(self.arena.block_len(extent.chunk), &extent);
        self.lease_rows.set(place(handle), row);
        self.counters.queued -= u64::from(extent.count);
        self.counters.queued_bytes -= u64::from(extent.end - extent.start);
        self.counters.leased += u64::from(extent.count);
        self.counters.taken += u64::from(extent.count);
        handle
    }

    fn next_run(&mut self, max: u32) -> Returned {
        if let Some(mut front) = self.returned.pop_front() {
            if front.extent.count > max {
                let (head, rest) = self.split(&front.extent, max);
                self.returned.push_front(Returned { place: front.place + u64::from(max), extent: rest, ..front });
                front.extent = head;
            }
            return front;
        }
        let Some(front) = self.ring.front() else { unreachable!("queued events are returned or in the ring") };
        let extent = if front.extent.count > max {
            let (head, rest) = self.split(&front.extent, max);
            self.ring.replace_front(front.without_first(max, rest));
            head
        } else {
            self.ring.pop();
            front.extent
        };
        let place = self.next_place;
        self.next_place += u64::from(extent.count);
        Returned { place, time_ms: front.first_ms, extent }
    }

    fn split(&self, extent: &Extent, count: u32) -> (Extent, Extent) {
        // SAFETY: the run is queued, so it is published and cannot be released while the lock is held.
        let run = unsafe { self.buffer.run(self.arena.block_len(extent.chunk), extent) };
        let head = run.slice(0..count as usize);
        extent.split(count, extent.start + head.byte_len() as u32, head.slots(super::SLOT_LEN) as u32)
    }

    fn take_lease(&mut self, owner: u32, handle: u64) -> Result<Returned> {
        self.leases.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        let it = self.leases.remove(handle).ok_or(Error::Stale)?;
        self.counters.leased -= u64::from(it.returned.extent.count);
        Ok(it.returned)
    }

    fn put_back(&mut self, returned: Returned) {
        self.counters.queued += u64::from(returned.extent.count);
        self.counters.queued_bytes += u64::from(returned.extent.end - returned.extent.start);
        let at = self.returned.partition_point(|it| it.place < returned.place);
        self.returned.insert(at, returned);
        self.join(at);
        if at > 0 {
            self.join(at - 1);
        }
    }

    /// Joins a returned run with the next, where they are neighbours in the order and in memory.
    fn join(&mut self, at: usize) {
        let (Some(left), Some(right)) = (self.returned.get(at), self.returned.get(at + 1)) else { return };
        let neighbours = left.place + u64::from(left.extent.count) == right.place;
        if neighbours && left.extent.is_followed_by(&right.extent) {
            let extent = left.extent.joined(&right.extent);
            let joined = Returned { extent, time_ms: left.time_ms.min(right.time_ms), place: left.place };
            self.returned.remove(at + 1);
            self.returned[at] = joined;
        }
    }

    /// Ends waits without an answer; says whether there was one.
    fn forget_waits(&mut self, gone: impl Fn(Waiter) -> bool) -> bool {
        let before = self.putters.len() + self.takers.len();
        self.putters.retain(|it| !gone(it.who));
        self.takers.retain(|it| !gone(it.who));
        let found = before > self.putters.len() + self.takers.len();
        // The one that went may have been in the way of smaller ones.
        self.grant_putters();
        found
    }
}

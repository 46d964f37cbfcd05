//! Puts: room is reserved, filled by its owner, and published.

use super::{
    super::{SLOT_LEN, arena::Region, buffer::Filling, ring::Extent},
    Answer, ENTRY_LEN, Grant, Need, Pressed, Putter, Reservation, State, Waiter,
};
use crate::error::{Error, Excess, Result, Shortage};

impl State {
    /// Events that a put could reserve now, as far as their number goes; 0 while somebody waits.
    pub fn free_events(&self) -> u32 {
        if self.closed || !self.putters.is_empty() {
            return 0;
        }
        u64::from(self.limits.capacity).saturating_sub(self.used_events()) as u32
    }

    /// Room for a put: at once when there is enough and nobody waits before it; `wait` says until when it may wait.
    pub fn reserve(&mut self, who: Waiter, need: Need, wait: Option<u64>, now_ms: u64) -> Result<Grant> {
        self.check_open()?;
        self.check_putting()?;
        self.check_fits_ever(&need)?;
        if self.putters.is_empty()
            && let Some(handle) = self.try_reserve(who.owner, need)
        {
            return Ok(Grant::Now(handle));
        }
        // Who gathers events while a put has no room would gather for ever.
        self.grant_takers(Pressed::Yes, now_ms);
        let Some(deadline_ms) = wait else {
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
    ///
    /// Over a log that is what a put must be told that was committed before.
    pub fn publish(&mut self, owner: u32, handle: u64, now_ms: u64) -> Result<()> {
        let it = self.reservations.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        if let Some(sequence) = it.committed {
            self.reservations.remove(handle);
            self.decide(sequence, true, now_ms);
            return Ok(());
        }
        if self.ledger.is_some() {
            return Err(Error::Panic("a put is published that the log does not have".into()));
        }
        let it = self.take_reservation(owner, handle)?;
        let used = self.trim_to_filled(&it);
        self.publish_room(it.region, &used, now_ms);
        self.grant_putters();
        Ok(())
    }

    /// Gives what was filled to the log, whose answer comes under `who`. The put is shown then, or stays hidden until it is published.
    pub fn stage(&mut self, who: Waiter, handle: u64, crc: u32, hidden: bool, now_ms: u64) -> Result<Grant> {
        let it = self.reservations.get_mut(handle).filter(|it| it.owner == who.owner && it.committed.is_none());
        let it = *it.ok_or(Error::Stale)?;
        self.check_putting()?;
        let used = self.trim_to_filled(&it);
        if used.events == 0 {
            return Err(Error::InvalidBatch { what: "a put without events", offset: 0 });
        }
        let extent = extent_of(it.region, &used);
        let sequence = self.stage_room(extent, crc, who, hidden.then_some(handle), now_ms)?;
        match self.reservations.get_mut(handle) {
            Some(it) if hidden => it.committed = Some(sequence),
            _ => drop(self.reservations.remove(handle)),
        }
        Ok(Grant::Later)
    }

    /// The filled part of a reservation.
    pub fn filled_extent(&mut self, owner: u32, handle: u64) -> Result<(u64, Extent)> {
        let it = self.reservations.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        let (region, used) = (it.region, it.used());
        Ok((self.arena.block_len(region.chunk), extent_of(region, &used)))
    }

    /// Gives back what was reserved and not filled, and answers what was filled.
    fn trim_to_filled(&mut self, it: &Reservation) -> Need {
        let used = it.used();
        if used != it.need {
            let Region { chunk, first, start } = it.region;
            let rest = Region { chunk, first: first + used.events, start: start + used.bytes as u32 };
            self.arena.cancel(rest, it.need.events - used.events, (it.need.bytes - used.bytes) as u32);
            self.counters.reserved -= u64::from(it.need.events - used.events);
            self.used_slots -= it.need.slots - used.slots;
            self.used_bytes -= it.need.footprint() - used.footprint();
        }
        used
    }

    /// Room for a put that is filled and published, or given back, before its native call ends: it needs no handle, because its owner cannot die
    /// in between. `None` when there is none now.
    pub fn room_now(&mut self, need: &Need) -> Result<Option<Filling>> {
        self.check_open()?;
        self.check_putting()?;
        self.check_fits_ever(need)?;
        if !self.putters.is_empty() {
            return Ok(None);
        }
        let Some(region) = self.try_room(need) else { return Ok(None) };
        let block_len = self.arena.block_len(region.chunk);
        Ok(Some(Filling { block_len, region, events: need.events, bytes: need.bytes as u32 }))
    }

    /// Makes room that was filled to the end visible, as one run, at the end of the order.
    pub fn publish_room(&mut self, region: Region, used: &Need, now_ms: u64) {
        if used.events == 0 {
            return;
        }
        let origin = self.counters.put;
        self.counters.reserved -= u64::from(used.events);
        self.counters.put += u64::from(used.events);
        self.show(extent_of(region, used), origin, now_ms);
        self.grant_takers(Pressed::No, now_ms);
    }

    /// Puts a run at the end of the order.
    pub(super) fn show(&mut self, extent: Extent, origin: u64, time_ms: u64) {
        self.ring.push(extent, origin, time_ms);
        self.counters.queued += u64::from(extent.count);
        self.counters.queued_bytes += u64::from(extent.end - extent.start);
        self.note_shown(footprint(&extent));
    }

    /// Gives the memory of a run back.
    pub(super) fn release(&mut self, extent: &Extent) {
        self.arena.release(extent.chunk, extent.count);
        self.used_slots -= u64::from(extent.slots);
        self.used_bytes -= footprint(extent);
        self.feed_reader();
    }

    /// Gives room back unused.
    pub fn void_room(&mut self, region: Region, need: &Need) {
        self.forget(region, need);
        self.grant_putters();
    }

    /// Gives a reservation back unused.
    pub fn void(&mut self, owner: u32, handle: u64, now_ms: u64) -> Result<()> {
        let it = self.take_reservation(owner, handle)?;
        self.void_reservation(&it, now_ms);
        Ok(())
    }

    pub(super) fn void_reservation(&mut self, it: &Reservation, now_ms: u64) {
        match it.committed {
            Some(sequence) => self.decide(sequence, false, now_ms),
            None => self.void_room(it.region, &it.need),
        }
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

    pub(super) fn check_fits_ever(&self, need: &Need) -> Result<()> {
        let max = self.limits.transaction_capacity.min(self.limits.capacity);
        if need.events == 0 {
            return Err(Error::InvalidBatch { what: "a put without events", offset: 0 });
        }
        if need.events > max {
            return Err(Error::TooLarge(Excess::Put { transaction: self.transaction(), max }));
        }
        if need.slots > self.limits.slots {
            return Err(Error::TooLarge(Excess::Bodies { limit: self.limits.slots * u64::from(SLOT_LEN) }));
        }
        let bytes_max = self.ledger.as_ref().map_or(self.limits.bytes, |ledger| ledger.put_bytes);
        if need.footprint() > bytes_max || !self.arena.can_ever(need.events, need.bytes) {
            return Err(Error::TooLarge(Excess::Bytes {
                is: need.footprint(),
                max: bytes_max,
                property: if self.ledger.is_some() { "bufferSize" } else { "byteCapacity" },
            }));
        }
        Ok(())
    }

    /// What Flume calls a transaction of such a channel.
    pub(super) const fn transaction(&self) -> &'static str {
        if self.ledger.is_some() { "FileBackedTransaction" } else { "MemoryTransaction" }
    }

    pub(super) fn used_events(&self) -> u64 {
        self.counters.queued + self.spilled() + self.counters.leased + self.counters.reserved
    }

    pub(super) fn try_reserve(&mut self, owner: u32, need: Need) -> Option<u64> {
        if self.reservations.is_full() {
            return None;
        }
        let region = self.try_room(&need)?;
        Some(self.reservations.insert(Reservation {
            owner,
            region,
            need,
            filled: (0, 0),
            filled_slots: 0,
            committed: None,
        }))
    }

    fn try_room(&mut self, need: &Need) -> Option<Region> {
        let events = u64::from(need.events);
        let fits = self.used_events() + events <= u64::from(self.limits.capacity)
            && self.used_slots + need.slots <= self.limits.slots
            && self.used_bytes + need.footprint() <= self.limits.bytes
            && self.ledger.as_ref().is_none_or(|it| need.footprint() <= it.put_room(self.used_bytes, self.limits.bytes))
            // Every event reserved may become a descriptor of its own; over a log there is another place for them.
            && (self.ledger.is_some() || u64::from(self.ring.room()) > self.counters.reserved);
        if !fits {
            return None;
        }
        let region = self.arena.reserve(need.events, need.bytes)?;
        self.used_slots += need.slots;
        self.used_bytes += need.footprint();
        self.counters.reserved += events;
        Some(region)
    }

    pub fn shortage(&self, need: &Need) -> Shortage {
        let slots = self.used_slots + need.slots > self.limits.slots;
        let events = self.used_events() + u64::from(need.events) > u64::from(self.limits.capacity);
        let bytes = self.used_bytes + need.footprint() > self.limits.bytes;
        if self.ledger.is_some() {
            return if events { Shortage::LoggedEvents } else { Shortage::Buffer { bytes: self.limits.bytes } };
        }
        // Flume waits for slots first, so that is what it complains of first. Who only stands behind another lacks a place.
        if slots || (bytes && !events) {
            Shortage::Bytes { limit: self.limits.slots * u64::from(SLOT_LEN) }
        } else {
            Shortage::Events
        }
    }

    pub(super) fn take_reservation(&mut self, owner: u32, handle: u64) -> Result<Reservation> {
        self.reservations.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        self.reservations.remove(handle).ok_or(Error::Stale)
    }

    pub(super) fn forget(&mut self, region: Region, need: &Need) {
        self.arena.cancel(region, need.events, need.bytes as u32);
        self.used_slots -= need.slots;
        self.used_bytes -= need.footprint();
        self.counters.reserved -= u64::from(need.events);
        self.counters.voided += u64::from(need.events);
        self.feed_reader();
    }
}

impl Reservation {
    fn used(&self) -> Need {
        let (events, bytes) = self.filled;
        Need { events, bytes: bytes.into(), slots: self.filled_slots }
    }
}

pub(in super::super) fn extent_of(region: Region, used: &Need) -> Extent {
    let Region { chunk, first, start } = region;
    Extent { chunk, first, count: used.events, start, end: start + used.bytes as u32, slots: used.slots as u32 }
}

/// What a run counts against the bytes of the channel.
pub(super) fn footprint(extent: &Extent) -> u64 {
    u64::from(extent.end - extent.start) + u64::from(extent.count) * ENTRY_LEN
}

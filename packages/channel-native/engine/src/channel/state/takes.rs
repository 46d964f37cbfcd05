//! Takes: events are leased in order, committed, or put back into their place.

use super::{
    super::{SLOT_LEN, handles::place, ring::Extent},
    Answer, Grant, Lease, Pressed, Returned, State, Taker, Waiter, Wish,
    puts::footprint,
};
use crate::error::{Error, Excess, Result};

impl State {
    /// A lease: at once when the wish is met, else later, or not at all when the caller will not `wait`.
    pub fn take(&mut self, who: Waiter, wish: Wish, wait: bool, now_ms: u64) -> Result<Option<Grant>> {
        self.check_open()?;
        if wish.max == 0 || wish.max > self.limits.transaction_capacity {
            return Err(Error::TooLarge(Excess::Take {
                transaction: self.transaction(),
                max: self.limits.transaction_capacity,
            }));
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

    /// Removes the events of a lease for good. `Later`: the log answers when it has noted that.
    pub fn commit(&mut self, who: Waiter, handle: u64, now_ms: u64) -> Result<Grant> {
        let Returned { extent, origin, .. } = self.take_lease(who.owner, handle)?;
        self.release(&extent);
        self.unshow(footprint(&extent));
        self.acknowledge(origin, extent.count, now_ms);
        let later = self.waits_for_log(origin, who, handle);
        self.counters.committed += u64::from(extent.count);
        self.grant_putters();
        self.grant_takers(Pressed::No, now_ms);
        Ok(if later { Grant::Later } else { Grant::Now(handle) })
    }

    /// Puts the events of a lease back into their place.
    pub fn rollback(&mut self, owner: u32, handle: u64, now_ms: u64) -> Result<()> {
        let returned = self.take_lease(owner, handle)?;
        self.counters.rolled_back += u64::from(returned.extent.count);
        self.put_back(returned);
        self.grant_takers(Pressed::No, now_ms);
        Ok(())
    }

    pub(super) fn is_content(&self, wish: &Wish, pressed: Pressed, now_ms: u64) -> bool {
        let Some(oldest) = self.oldest_ms() else { return false };
        if self.leases.is_full() {
            return false;
        }
        self.counters.queued >= u64::from(wish.min.min(wish.max))
            || pressed == Pressed::Yes
            || !self.putters.is_empty()
            || self.ledger.as_ref().is_some_and(|ledger| ledger.starved)
            || wish.linger_ms.is_some_and(|linger| oldest.saturating_add(linger) <= now_ms)
    }

    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.returned.front().map(|it| it.time_ms).or_else(|| self.ring.front().map(|it| it.first_ms))
    }

    /// Grants, in the order in which they came, every waiting take that is content; others are passed over.
    pub(super) fn grant_takers(&mut self, pressed: Pressed, now_ms: u64) {
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
    pub(super) fn lease(&mut self, owner: u32, max: u32) -> u64 {
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

    pub(super) fn next_run(&mut self, max: u32) -> Returned {
        if let Some(mut front) = self.returned.pop_front() {
            if front.extent.count > max {
                let (head, rest) = self.split(&front.extent, max);
                let (place, origin) = (front.place + u64::from(max), front.origin + u64::from(max));
                self.returned.push_front(Returned { place, origin, extent: rest, ..front });
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
        Returned { place, origin: front.origin, time_ms: front.first_ms, extent }
    }

    pub(super) fn split(&self, extent: &Extent, count: u32) -> (Extent, Extent) {
        // SAFETY: the run is queued, so it is published and cannot be released while the lock is held.
        let run = unsafe { self.buffer.run(self.arena.block_len(extent.chunk), extent) };
        let head = run.slice(0..count as usize);
        extent.split(count, extent.start + head.byte_len() as u32, head.slots(SLOT_LEN) as u32)
    }

    pub(super) fn take_lease(&mut self, owner: u32, handle: u64) -> Result<Returned> {
        self.leases.get_mut(handle).filter(|it| it.owner == owner).ok_or(Error::Stale)?;
        let it = self.leases.remove(handle).ok_or(Error::Stale)?;
        self.counters.leased -= u64::from(it.returned.extent.count);
        Ok(it.returned)
    }

    pub(super) fn put_back(&mut self, returned: Returned) {
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
    pub(super) fn join(&mut self, at: usize) {
        let (Some(left), Some(right)) = (self.returned.get(at), self.returned.get(at + 1)) else { return };
        let count = u64::from(left.extent.count);
        let neighbours = left.place + count == right.place && left.origin + count == right.origin;
        if neighbours && left.extent.is_followed_by(&right.extent) {
            let extent = left.extent.joined(&right.extent);
            let joined = Returned { extent, time_ms: left.time_ms.min(right.time_ms), ..*left };
            self.returned.remove(at + 1);
            self.returned[at] = joined;
        }
    }

    pub(super) fn linger_end_ms(&self) -> Option<u64> {
        let linger = self.takers.iter().filter_map(|it| it.wish.linger_ms).min()?;
        self.oldest_ms().filter(|_| !self.leases.is_full()).map(|oldest| oldest.saturating_add(linger))
    }
}

//! What takes tell the log, and what its reader brings back.

use super::{
    super::puts::extent_of, Filling, Lane, Need, ORDINAL_BITS, Pressed, Range, Region, State, Stretch, Unread, Waiter,
    origin,
};

/// What takes tell the log.
impl State {
    /// Notes that events of an origin are gone for good.
    pub(in super::super) fn acknowledge(&mut self, origin: u64, count: u32, now_ms: u64) {
        let (lane, ordinal) = (origin >> ORDINAL_BITS, origin & ((1 << ORDINAL_BITS) - 1));
        self.consume(lane as usize, ordinal..ordinal + u64::from(count), now_ms);
    }

    /// Whether a commit of a take waits for the log; then its answer comes under that waiter.
    pub(in super::super) fn waits_for_log(&mut self, origin: u64, who: Waiter, lease: u64) -> bool {
        let Some(ledger) = self.ledger.as_mut().filter(|ledger| ledger.take_sync && !ledger.ended) else {
            return false;
        };
        ledger.lanes[(origin >> ORDINAL_BITS) as usize].waiting.push((who, lease));
        self.effects.wake_writers |= ledger.writers_idle > 0;
        true
    }

    pub fn consume(&mut self, lane: usize, ordinals: Range<u64>, now_ms: u64) {
        let Some(ledger) = &mut self.ledger else { return };
        let lane = &mut ledger.lanes[lane];
        lane.consumed.insert(ordinals.start, ordinals.end);
        if lane.acks.is_empty() {
            lane.acks_since_ms = now_ms;
            self.effects.wake_writers |= ledger.writers_idle > 0;
        }
        lane.acks.push(ordinals);
    }

    /// Notes that shown bytes are gone; the reader may have waited for that.
    pub(in super::super) fn unshow(&mut self, bytes: u64) {
        let Some(ledger) = &mut self.ledger else { return };
        ledger.shown_bytes -= bytes;
        // Not for every batch that is taken: half a cache is read in one go.
        if ledger.spilled > 0 && ledger.shown_bytes < ledger.cache_bytes / 2 {
            self.effects.wake_reader |= ledger.reader_idle;
        }
    }

    /// Notes that memory was given back, which may be what the reader lacked.
    pub fn feed_reader(&mut self) {
        if let Some(ledger) = self.ledger.as_mut().filter(|ledger| ledger.starved) {
            ledger.starved = false;
            self.effects.wake_reader |= ledger.reader_idle;
        }
    }

    /// Notes that bytes are shown.
    pub(in super::super) fn note_shown(&mut self, bytes: u64) {
        if let Some(ledger) = &mut self.ledger {
            ledger.shown_bytes += bytes;
        }
    }
}

/// What the reader does.
impl State {
    /// What may be read, if the reader should read on; nothing while there is enough in the buffer.
    pub fn unread(&self) -> Vec<Stretch> {
        let Some(ledger) = &self.ledger else { return Vec::new() };
        let wanted = ledger.spilled > 0 && !self.closed && !ledger.starved && ledger.shown_bytes < ledger.cache_bytes;
        if !wanted {
            return Vec::new();
        }
        let stretch = |(number, lane): (usize, &Lane)| {
            let (to, end_ordinal) = (lane.shown_to, lane.next_ordinal);
            lane.unread.map(|unread| Stretch { lane: number, unread, to, end_ordinal })
        };
        ledger.lanes.iter().enumerate().filter_map(stretch).collect()
    }

    /// The segment the reader of a lane still needs, and all behind it.
    pub fn reading_from(&self, lane: usize) -> Option<u64> {
        self.ledger.as_ref()?.lanes[lane].unread.map(|unread| unread.from.segment)
    }

    /// Which events of a record the reader is still to show.
    pub fn unshown(&self, lane: usize, ordinals: Range<u64>) -> Vec<Range<u64>> {
        let shown = self.ledger.as_ref().map_or(0, |ledger| ledger.lanes[lane].refilled_to);
        self.unconsumed(lane, ordinals.start.max(shown)..ordinals.end)
    }

    fn unconsumed(&self, lane: usize, ordinals: Range<u64>) -> Vec<Range<u64>> {
        let Some(ledger) = self.ledger.as_ref().filter(|_| !ordinals.is_empty()) else { return Vec::new() };
        ledger.lanes[lane].consumed.unconsumed_in(ordinals.start, ordinals.end).collect()
    }

    /// Room for events that are read back; they count already. `None`: the reader waits until something was released.
    pub fn refill_room(&mut self, need: &Need) -> Option<Filling> {
        let fits = self.used_bytes + need.footprint() <= self.limits.bytes && self.ring.room() > 0;
        let region = if fits { self.arena.reserve(need.events, need.bytes) } else { None };
        let ledger = self.ledger.as_mut()?;
        let Some(region) = region else {
            ledger.starved = true;
            if self.used_bytes == 0 && !ledger.told_too_large {
                ledger.told_too_large = true;
                let bytes = need.footprint();
                ledger.findings.push(format!("an event of {bytes} bytes is larger than the buffer: raise bufferSize"));
            }
            // Who gathers more than can be in the buffer would gather for ever.
            self.grant_takers(Pressed::Yes, 0);
            return None;
        };
        self.used_slots += need.slots;
        self.used_bytes += need.footprint();
        let block_len = self.arena.block_len(region.chunk);
        Some(Filling { block_len, region, events: need.events, bytes: need.bytes as u32 })
    }

    /// Shows events that were read back.
    pub fn refilled(&mut self, lane: usize, ordinal: u64, region: Region, need: &Need, times: (u64, u64)) {
        let (time_ms, now_ms) = times;
        if let Some(ledger) = &mut self.ledger {
            ledger.spilled -= u64::from(need.events);
            ledger.lanes[lane].refilled_to = ordinal + u64::from(need.events);
        }
        self.show(extent_of(region, need), origin(lane, ordinal), time_ms);
        self.grant_takers(Pressed::No, now_ms);
    }

    /// The reader is done with a record, and goes on behind it.
    pub fn read_past(&mut self, lane: usize, next: Unread) {
        let Some(ledger) = &mut self.ledger else { return };
        if ledger.spilled == 0 {
            ledger.lanes.iter_mut().for_each(|lane| lane.unread = None);
        } else {
            ledger.lanes[lane].unread = Some(next);
        }
    }

    /// Events that should be in the log and are not: they are gone. Says how many of them were waiting.
    pub fn lose(&mut self, lane: usize, ordinals: Range<u64>, now_ms: u64) -> u64 {
        let lost: u64 = self.unconsumed(lane, ordinals.clone()).iter().map(|it| it.end - it.start).sum();
        self.consume(lane, ordinals, now_ms);
        self.counters.lost += lost;
        if let Some(ledger) = &mut self.ledger {
            ledger.spilled -= lost;
        }
        self.grant_putters();
        lost
    }
}

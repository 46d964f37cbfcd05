//! Puts that are shown only once a log has them, and what the log must know of takes.
//!
//! ```text
//!  staged ──pick──▶ writing ──settle──▶ durable ─┬─ shown: into the order, or spilled: left to the reader of the log
//!     │                └──▶ failed                ├─ hidden, until its owner shows or voids it
//!     └──▶ void                                   └─ void: consumed at once
//! ```
//!
//! Puts leave the ledger in the order in which they were staged.

use std::{collections::VecDeque, ops::Range};

use super::{
    super::{arena::Region, buffer::Filling, ring::Extent},
    Answer, Need, Pressed, State, Waiter,
    puts::extent_of,
};
use crate::{
    error::{Error, Result},
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
    /// The end of its record.
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
}

#[derive(Debug)]
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
    /// Why nothing can be put.
    fault: Option<Error>,
    /// The last fault there was, for those whose answer comes later.
    last_fault: Option<Error>,
    /// The reader has found no room for the next record.
    pub starved: bool,
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
            fault: None,
            last_fault: None,
            starved: false,
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

    /// Everything staged so far has been picked by a writer.
    fn is_picked(&self) -> bool {
        self.next_pick == self.front + self.pending.len() as u64
    }
}

const fn origin(lane: usize, ordinal: u64) -> u64 {
    (lane as u64) << ORDINAL_BITS | ordinal
}

/// What writers do.
impl State {
    /// Gives a put that was filled to the log. Its answer comes when the log has it.
    ///
    /// # Errors
    /// What the channel's fault is.
    pub fn stage_room(
        &mut self,
        extent: Extent,
        crc: u32,
        who: Waiter,
        hidden: Option<u64>,
        now_ms: u64,
    ) -> Result<u64> {
        self.check_putting()?;
        let Some(ledger) = &mut self.ledger else { return Err(Error::Panic("a channel without a log".into())) };
        let visibility = hidden.map_or(Visibility::Shown, Visibility::Hidden);
        let progress = Progress::Staged;
        ledger.pending.push_back(Pending { who, extent, crc, time_ms: now_ms, progress, visibility });
        self.effects.wake_writers |= ledger.writers_idle > 0;
        Ok(ledger.front + ledger.pending.len() as u64 - 1)
    }

    /// The work of a writer, if there is any at this time; else when to ask again.
    pub fn pick(&mut self, lane: usize, bytes_max: u64, now_ms: u64) -> std::result::Result<Work, Option<u64>> {
        let closed = self.closed;
        let Some(ledger) = &mut self.ledger else { return Ok(Work { last: true, ..Work::default() }) };
        let mut puts = Vec::new();
        let mut bytes = 0;
        while let Some(put) = ledger.pending.get_mut((ledger.next_pick - ledger.front) as usize) {
            if matches!(put.progress, Progress::Staged) {
                let len = u64::from(put.extent.end - put.extent.start) + u64::from(put.extent.count) * 8;
                if !puts.is_empty() && bytes + len > bytes_max {
                    break;
                }
                bytes += len;
                put.progress = Progress::Writing;
                let Pending { extent, crc, time_ms, .. } = *put;
                let block_len = self.arena.block_len(extent.chunk);
                puts.push(StagedPut { sequence: ledger.next_pick, extent, block_len, crc, time_ms });
            }
            ledger.next_pick += 1;
        }
        let last = closed && ledger.is_picked() && puts.is_empty();
        let lane = &mut ledger.lanes[lane];
        let due_ms = lane.acks_since_ms + if lane.waiting.is_empty() { ACK_DELAY_MS } else { 0 };
        let has_acks = !lane.acks.is_empty() || !lane.waiting.is_empty();
        if puts.is_empty() && !last && (!has_acks || now_ms < due_ms) {
            return Err(has_acks.then_some(due_ms));
        }
        ledger.ended |= last;
        Ok(Work {
            puts,
            acks: merged(std::mem::take(&mut lane.acks)),
            waiting: std::mem::take(&mut lane.waiting),
            last,
        })
    }

    /// Tells what became of puts that a writer picked.
    pub fn settle(&mut self, puts: &[StagedPut], placed: Result<&[Placed]>, now_ms: u64) {
        let Some(ledger) = &mut self.ledger else { return };
        for (at, StagedPut { sequence, .. }) in puts.iter().enumerate() {
            let Some(put) = ledger.at(*sequence) else { continue };
            let result = match &placed {
                Ok(placed) => {
                    put.progress = Progress::Durable(placed[at]);
                    Ok(if let Visibility::Hidden(handle) = put.visibility { handle } else { 0 })
                }
                Err(error) => {
                    put.progress = Progress::Failed;
                    Err(error.clone())
                }
            };
            let to = put.who;
            self.effects.answers.push(Answer { to, result });
        }
        self.release_settled(now_ms);
    }

    /// Answers takes whose acknowledgement is durable, or cannot become so now: then they count as committed all the same, and a crash delivers again.
    pub fn settle_takes(&mut self, waiting: Vec<(Waiter, u64)>) {
        self.effects.answers.extend(waiting.into_iter().map(|(to, lease)| Answer { to, result: Ok(lease) }));
    }

    /// Gives acknowledgements back that could not be written.
    pub fn return_acks(&mut self, lane: usize, acks: Vec<Range<u64>>, now_ms: u64) {
        let Some(ledger) = &mut self.ledger else { return };
        let lane = &mut ledger.lanes[lane];
        lane.acks_since_ms = now_ms;
        lane.acks.extend(acks);
    }

    /// What a checkpoint of a lane says: all that is consumed.
    pub fn consumed(&self, lane: usize) -> Consumed {
        self.ledger.as_ref().map_or_else(Consumed::default, |ledger| ledger.lanes[lane].consumed.clone())
    }

    /// Refuses puts from now on, those that wait or are staged too; `None` lets them in again.
    pub fn set_fault(&mut self, fault: Option<Error>, now_ms: u64) {
        let Some(ledger) = &mut self.ledger else { return };
        ledger.fault.clone_from(&fault);
        let Some(error) = fault else { return };
        ledger.last_fault = Some(error.clone());
        for put in &mut ledger.pending {
            if matches!(put.progress, Progress::Staged) {
                put.progress = Progress::Failed;
                self.effects.answers.push(Answer { to: put.who, result: Err(error.clone()) });
            }
        }
        for putter in self.putters.drain(..) {
            self.counters.refused += u64::from(putter.need.events);
            self.effects.answers.push(Answer { to: putter.who, result: Err(error.clone()) });
        }
        self.release_settled(now_ms);
    }

    /// Why nothing can be put, or why it could not lately.
    pub fn last_fault(&self) -> Option<Error> {
        self.ledger.as_ref().and_then(|ledger| ledger.last_fault.clone())
    }

    /// Why nothing can be put now.
    pub fn fault(&self) -> Option<Error> {
        self.ledger.as_ref().and_then(|ledger| ledger.fault.clone())
    }

    pub(super) fn check_putting(&self) -> Result<()> {
        match &self.ledger {
            Some(Ledger { fault: Some(fault), .. }) => Err(fault.clone()),
            Some(Ledger { ended: true, .. }) => Err(Error::Closed),
            _ => Ok(()),
        }
    }

    /// Shows or voids a put that was committed hidden.
    pub(super) fn decide(&mut self, sequence: u64, shown: bool, now_ms: u64) {
        if let Some(put) = self.ledger.as_mut().and_then(|ledger| ledger.at(sequence)) {
            put.visibility = if shown { Visibility::Shown } else { Visibility::Void };
            if matches!((&put.progress, shown), (Progress::Staged, false)) {
                put.progress = Progress::Failed;
            }
        }
        self.release_settled(now_ms);
    }

    /// Lets go, in the order of staging, of every put about which all is known.
    fn release_settled(&mut self, now_ms: u64) {
        while let Some(ledger) = &mut self.ledger {
            let fate = match ledger.pending.front() {
                Some(Pending { progress: Progress::Failed, .. }) => None,
                Some(Pending { progress: Progress::Durable(at), visibility: Visibility::Shown, .. }) => {
                    Some((*at, true))
                }
                Some(Pending { progress: Progress::Durable(at), visibility: Visibility::Void, .. }) => {
                    Some((*at, false))
                }
                _ => break,
            };
            let Some(Pending { extent, time_ms, visibility, .. }) = ledger.pending.pop_front() else { break };
            ledger.front += 1;
            ledger.next_pick = ledger.next_pick.max(ledger.front);
            self.counters.reserved -= u64::from(extent.count);
            match fate {
                Some((placed, shown)) => self.place(extent, placed, shown, time_ms),
                None => {
                    if let Visibility::Hidden(handle) = visibility {
                        self.reservations.remove(handle);
                    }
                    self.drop_unshown(&extent);
                }
            }
        }
        self.grant_takers(Pressed::No, now_ms);
        self.grant_putters();
    }

    /// Shows a durable put, leaves it to the reader, or consumes it because its owner voided it.
    fn place(&mut self, extent: Extent, placed: Placed, shown: bool, time_ms: u64) {
        let Some(ledger) = &mut self.ledger else { return };
        let Placed { lane: number, ordinal, at, end } = placed;
        let lane = &mut ledger.lanes[number];
        lane.shown_to = end;
        lane.next_ordinal = ordinal + u64::from(extent.count);
        if !shown {
            self.consume(number, ordinal..ordinal + u64::from(extent.count), time_ms);
            self.drop_unshown(&extent);
            return;
        }
        self.counters.put += u64::from(extent.count);
        let cached = ledger.spilled == 0 && ledger.shown_bytes < ledger.cache_bytes && self.ring.room() > 0;
        if cached {
            self.show(extent, origin(number, ordinal), time_ms);
        } else {
            ledger.spilled += u64::from(extent.count);
            lane.unread.get_or_insert(Unread { from: at, ordinal });
            self.effects.wake_reader |= ledger.reader_idle;
            self.release(&extent);
        }
    }

    fn drop_unshown(&mut self, extent: &Extent) {
        self.counters.voided += u64::from(extent.count);
        self.release(extent);
    }
}

/// What takes tell the log.
impl State {
    /// Notes that events of an origin are gone for good.
    pub(super) fn acknowledge(&mut self, origin: u64, count: u32, now_ms: u64) {
        let (lane, ordinal) = (origin >> ORDINAL_BITS, origin & ((1 << ORDINAL_BITS) - 1));
        self.consume(lane as usize, ordinal..ordinal + u64::from(count), now_ms);
    }

    /// Whether a commit of a take waits for the log; then its answer comes under that waiter.
    pub(super) fn waits_for_log(&mut self, origin: u64, who: Waiter, lease: u64) -> bool {
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
    pub(super) fn unshow(&mut self, bytes: u64) {
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
    pub(super) fn note_shown(&mut self, bytes: u64) {
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
            if self.used_bytes == 0 && ledger.findings.is_empty() {
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

fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|it| it.start);
    ranges.dedup_by(|next, last| {
        let joins = next.start <= last.end;
        if joins {
            last.end = last.end.max(next.end);
        }
        joins
    });
    ranges
}

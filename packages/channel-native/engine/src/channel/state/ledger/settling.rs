//! How puts leave the ledger: shown, spilled, voided or refused, in the order in which they were staged.

use super::{
    super::puts::footprint, Answer, Extent, Pending, Placed, Pressed, Progress, State, Unread, Visibility, origin,
};
use crate::{
    defect::Defect,
    error::{Error, Result},
};

impl State {
    /// Nothing can be written to a directory from now on, or again. When there is none left, puts are refused, those that wait or are staged too.
    pub fn set_fault(&mut self, lane: usize, fault: Option<Error>, now_ms: u64) {
        let Some(ledger) = &mut self.ledger else { return };
        ledger.lanes[lane].fault.clone_from(&fault);
        ledger.last_fault = fault.or(ledger.last_fault.take());
        let Some(refusal) = ledger.refusal().cloned() else { return };
        for put in &mut ledger.pending {
            if matches!(put.progress, Progress::Staged) {
                put.progress = Progress::Failed;
                self.effects.answers.push(Answer { to: put.who, result: Err(refusal.clone()) });
            }
        }
        for putter in self.putters.drain(..) {
            self.counters.refused += u64::from(putter.need.events);
            self.effects.answers.push(Answer { to: putter.who, result: Err(refusal.clone()) });
        }
        self.release_settled(now_ms);
    }

    /// No writer will write any more: takes do not wait for one.
    pub fn end_log(&mut self) {
        let Some(ledger) = &mut self.ledger else { return };
        ledger.ended = true;
        let waiting: Vec<_> = ledger.lanes.iter_mut().flat_map(|lane| std::mem::take(&mut lane.waiting)).collect();
        self.settle_takes(waiting);
    }

    /// Directories of the log.
    pub fn lanes(&self) -> usize {
        self.ledger.as_ref().map_or(0, |ledger| ledger.lanes.len())
    }

    /// Why nothing can be put, or why it could not lately.
    pub fn last_fault(&self) -> Option<Error> {
        self.ledger.as_ref().and_then(|ledger| ledger.last_fault.clone())
    }

    /// Why nothing can be written to some directory now.
    pub fn fault(&self) -> Option<Error> {
        self.ledger.as_ref()?.lanes.iter().find_map(|lane| lane.fault.clone())
    }

    pub(in super::super) fn check_putting(&self) -> Result<()> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        if ledger.ended {
            return Err(Error::Closed);
        }
        ledger.refusal().map_or(Ok(()), |refusal| Err(refusal.clone()))
    }

    /// Shows or voids a put that was committed hidden.
    pub(in super::super) fn decide(&mut self, sequence: u64, shown: bool, now_ms: u64) {
        if let Some(put) = self.ledger.as_mut().and_then(|ledger| ledger.at(sequence)) {
            put.visibility = if shown { Visibility::Shown } else { Visibility::Void };
            if matches!((&put.progress, shown), (Progress::Staged, false)) {
                put.progress = Progress::Failed;
            }
        }
        self.release_settled(now_ms);
    }

    /// Lets go, in the order of staging, of every put about which all is known.
    pub(super) fn release_settled(&mut self, now_ms: u64) {
        if Defect::WokenBeforeShown.is_made() {
            self.grant_takers(Pressed::No, now_ms);
        }
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
            if let Some((placed, shown)) = fate {
                self.place(extent, placed, shown, time_ms);
                continue;
            }
            if let Visibility::Hidden(handle) = visibility {
                self.reservations.remove(handle);
            }
            self.drop_unshown(&extent);
        }
        if !Defect::WokenBeforeShown.is_made() {
            self.grant_takers(Pressed::No, now_ms);
        }
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
        let fits = ledger.shown_bytes + footprint(&extent) <= ledger.cache_bytes;
        let cached = ledger.spilled == 0 && fits && self.ring.room() > 0;
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

//! What writers do: they fetch what is staged, and tell what became of it.

use super::{
    ACK_DELAY_MS, Answer, Extent, Pending, Placed, Progress, Range, StagedPut, State, Visibility, Waiter, Work,
};
use crate::{
    error::{Error, Result},
    file::Consumed,
};

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
        let writable = ledger.lanes[lane].fault.is_none();
        while let Some(put) = ledger.pending.get_mut((ledger.next_pick - ledger.front) as usize) {
            if matches!(put.progress, Progress::Staged) {
                if !writable {
                    break;
                }
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
    pub fn settle(&mut self, puts: &[StagedPut], placed: &Result<&[Placed]>, now_ms: u64) {
        let Some(ledger) = &mut self.ledger else { return };
        for (at, StagedPut { sequence, .. }) in puts.iter().enumerate() {
            let Some(put) = ledger.at(*sequence) else { continue };
            let result = match placed {
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

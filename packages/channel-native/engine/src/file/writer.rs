//! The one thread that changes a data directory: it writes what waits, syncs, answers, and keeps checkpoints.

use super::{Log, Storage};
use crate::{
    channel::{Channel, Gathered, Placed},
    error::{Error, Result},
};

/// Between tries to write again after a failure.
const RETRY_MIN_MS: u64 = 100;
const RETRY_MAX_MS: u64 = 10_000;
/// The same while space is short: it may be back soon.
const SHORTAGE_MS: u64 = 1_000;
/// Where nothing is due, this is soon enough to look again.
const NEVER_MS: u64 = 3_600_000;

/// Writes a channel's puts and acknowledgements to one directory.
pub struct Writer<'a, S: Storage> {
    channel: &'a Channel,
    log: Log<S>,
    lane: usize,
    clock: &'a dyn Fn() -> u64,
    /// Present while nothing can be written.
    retry: Option<Retry>,
    /// Why there is no new checkpoint.
    checkpoint_fault: Option<Error>,
}

/// How a log that has failed is tried again.
struct Retry {
    at_ms: u64,
    /// What was waited the last time.
    pause_ms: u64,
    fault: Error,
}

impl<'a, S: Storage> Writer<'a, S> {
    /// A writer for the directory `lane` of the channel.
    #[must_use]
    pub fn new(channel: &'a Channel, log: Log<S>, lane: usize, clock: &'a dyn Fn() -> u64) -> Self {
        let fault = channel.fault().filter(|_| !log.is_writable());
        let retry = fault.map(|fault| Retry { at_ms: clock(), pause_ms: RETRY_MIN_MS, fault });
        Self { channel, log, lane, clock, retry, checkpoint_fault: None }
    }

    /// Works until the channel is closed and everything staged is written.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn run(mut self) -> Result<()> {
        while self.turn(self.next_due_ms())? {}
        Ok(())
    }

    /// Waits for work, at most so long, and does it, and what is due; `false` when that was the last.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn turn(&mut self, until_ms: u64) -> Result<bool> {
        let work = self.channel.gather(self.lane, self.log.group_max(), until_ms, self.clock)?;
        let last = work.is_last();
        if self.retry.as_ref().is_some_and(|retry| retry.at_ms <= (self.clock)() || last) {
            self.try_again()?;
        }
        self.write(work)?;
        self.do_what_is_due(last)?;
        Ok(!last)
    }

    fn write(&mut self, work: Gathered<'_>) -> Result<()> {
        let now_ms = (self.clock)();
        if let Some(Retry { fault, .. }) = &self.retry {
            if !work.acks().is_empty() {
                self.log.note_change(now_ms);
            }
            return work.settle(Err(fault.clone()), now_ms);
        }
        if work.is_empty() {
            return work.settle(Ok(&[]), now_ms);
        }
        let outcome = self.log.append(&work, now_ms);
        let outcome: std::result::Result<&[Placed], _> = match &outcome {
            Ok(placed) => Ok(placed),
            Err(error) => {
                self.fail(error.clone(), RETRY_MIN_MS)?;
                Err(error.clone())
            }
        };
        work.settle(outcome, now_ms)?;
        self.burn()
    }

    /// Ordinals that may be on the disk and hold nothing that counts are consumed.
    fn burn(&mut self) -> Result<()> {
        let burnt = self.log.take_burnt();
        if burnt.is_empty() { Ok(()) } else { self.channel.burn(self.lane, burnt, (self.clock)()) }
    }

    /// A new segment, after a failure. Until there is one, nothing is promised.
    fn try_again(&mut self) -> Result<()> {
        let now_ms = (self.clock)();
        let Some(Retry { pause_ms, .. }) = self.retry else { return Ok(()) };
        match self.log.begin(0, now_ms) {
            Ok(()) => {
                self.retry = None;
                self.channel.set_fault(self.lane, None, now_ms)
            }
            Err(error) => {
                let pause_max_ms = if error.is_shortage() { SHORTAGE_MS } else { RETRY_MAX_MS };
                self.fail(error, (pause_ms * 2).min(pause_max_ms))
            }
        }
    }

    fn fail(&mut self, fault: Error, pause_ms: u64) -> Result<()> {
        let now_ms = (self.clock)();
        if self.retry.is_none() {
            // It may be over before anybody asks for it.
            self.channel.report(fault.to_string());
        }
        self.retry = Some(Retry { at_ms: now_ms + pause_ms, pause_ms, fault: fault.clone() });
        self.channel.set_fault(self.lane, Some(fault), now_ms)
    }

    fn do_what_is_due(&mut self, last: bool) -> Result<()> {
        let now_ms = (self.clock)();
        let synced = if last || self.log.is_sync_due(now_ms) { self.log.sync() } else { Ok(()) };
        // Also while nothing can be written: a checkpoint needs no space, and frees segments.
        let due = self.log.is_checkpoint_due(now_ms) || (last && self.log.checkpoints_at_close());
        let checkpointed = if due {
            self.log.checkpoint(self.channel.consumed(self.lane)?, self.channel.reading_from(self.lane)?)
        } else {
            Ok(())
        };
        self.burn()?;
        if let Err(error) = synced {
            self.fail(error, RETRY_MIN_MS)?;
        }
        if due {
            self.tell_of_checkpoint(checkpointed.err());
        }
        if let Some(finding) = self.log.take_finding() {
            self.channel.report(finding);
        }
        Ok(())
    }

    /// A checkpoint that fails is due again at once.
    fn tell_of_checkpoint(&mut self, fault: Option<Error>) {
        if let Some(error) = fault.as_ref().filter(|_| fault != self.checkpoint_fault) {
            self.channel.report(error.to_string());
        }
        self.checkpoint_fault = fault;
    }

    fn next_due_ms(&self) -> u64 {
        let retry_ms = self.retry.as_ref().map(|retry| retry.at_ms);
        [retry_ms, self.log.due_ms()].into_iter().flatten().min().unwrap_or_else(|| (self.clock)() + NEVER_MS)
    }
}

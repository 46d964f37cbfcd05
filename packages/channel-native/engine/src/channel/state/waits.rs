//! Waits, and what ends them: an answer, a cancellation, time, death, the end of the channel.

use super::{Answer, Pressed, Putter, State, Waiter};
use crate::error::{Error, Result};

impl State {
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
        self.forget_waits(|it| it.owner == owner);
        for handle in self.reservations.find(|it| it.owner == owner) {
            if let Some(it) = self.reservations.remove(handle) {
                self.void_reservation(&it, now_ms);
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
        self.effects.wake_writers = true;
        self.effects.wake_reader = true;
    }

    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the channel is closed and nobody has anything of it open, nor a log its buffer.
    pub fn is_over(&self) -> bool {
        let quiet = self.ledger.as_ref().is_none_or(|ledger| ledger.detached);
        self.closed && quiet && self.leases.len() == 0 && self.reservations.len() == 0
    }

    /// Ends every wait after a panic under the lock, which left a state that nobody can vouch for.
    pub fn give_up(&mut self) {
        self.close();
        for answer in &mut self.effects.answers {
            answer.result = Err(Error::Panic("a panic under the channel's lock".into()));
        }
    }

    pub(super) const fn check_open(&self) -> Result<()> {
        if self.closed { Err(Error::Closed) } else { Ok(()) }
    }

    /// Asks to be called at a time, unless that is going to happen anyway.
    pub(super) fn alarm(&mut self, at_ms: Option<u64>) {
        if at_ms.is_some_and(|at| self.alarm_ms.is_none_or(|known| at < known)) {
            self.alarm_ms = at_ms;
            self.effects.alarm_ms = at_ms;
        }
    }

    /// Ends waits without an answer; says whether there was one.
    pub(super) fn forget_waits(&mut self, gone: impl Fn(Waiter) -> bool) -> bool {
        let before = self.putters.len() + self.takers.len();
        self.putters.retain(|it| !gone(it.who));
        self.takers.retain(|it| !gone(it.who));
        let found = before > self.putters.len() + self.takers.len();
        // The one that went may have been in the way of smaller ones.
        self.grant_putters();
        found
    }
}

//! A channel: a bounded transactional queue of events in a shared buffer, alone or over a log.
//!
//! `docs/design/memory-channel.md` says what it promises and why it is as it is, and `docs/design/file-channel.md` what a log adds. The state machine is in the private module `state`; this one puts
//! the lock around it, copies events outside of the lock, and delivers the answers to waits after it was let go.

mod arena;
mod buffer;
mod handles;
mod log_side;
#[cfg(all(test, not(loom)))]
mod model;
mod ring;
mod state;
mod table;
#[cfg(all(test, not(loom)))]
pub(crate) mod tests;

pub use buffer::Layout;
use buffer::{Buffer, Filling};
pub use log_side::{Gathered, Staged};
use state::{Answer, Effects, State, extent_of};
pub use state::{Counters, Grant, LaneStart, LedgerOptions, Limits, Need, Placed, Stretch, Unread, Waiter, Wish};

use crate::{
    batch::Run,
    doorbell::Completion,
    error::{Error, Result},
    sync::{Condvar, Mutex},
};

/// Bytes of one of Flume's byte slots: bodies are accounted in these.
pub const SLOT_LEN: u32 = 100;

/// What a channel needs of the world around it. Neither is called under a lock.
pub trait Surroundings: Send + Sync {
    /// Leaves a completion at the doorbell of an owner, if it still has one.
    fn complete(&self, owner: u32, completion: Completion);
    /// Sees to it that [`Channel::expire`] is called at this time, or soon after.
    fn alarm(&self, at_ms: u64);
}

/// One channel, used by all threads at once.
pub struct Channel {
    state: Mutex<State>,
    /// Where the threads of a log sleep.
    writers: Condvar,
    reader: Condvar,
    durable: bool,
    buffer: Buffer,
    surroundings: Box<dyn Surroundings>,
    byte_limit: u64,
    poisoning: bool,
}

impl Channel {
    /// A channel over `buffer`. With `poisoning`, bytes are overwritten when their lease ends, so that
    /// a reader that came too late is found out.
    ///
    /// # Safety
    /// `buffer` is aligned to 8 and valid for reads and writes of `layout.length()` bytes for as long as the channel and any run it
    /// lent live; nobody else writes there.
    #[must_use]
    pub unsafe fn new(
        limits: Limits,
        layout: &Layout,
        buffer: *mut u8,
        surroundings: Box<dyn Surroundings>,
        poisoning: bool,
    ) -> Self {
        // SAFETY: passed on to the caller.
        let buffer = unsafe { Buffer::new(buffer, *layout) };
        let byte_limit = limits.slots * u64::from(SLOT_LEN);
        Self {
            state: Mutex::new(State::new(limits, layout, buffer.clone())),
            writers: Condvar::new(),
            reader: Condvar::new(),
            durable: false,
            buffer,
            surroundings,
            byte_limit,
            poisoning,
        }
    }

    /// Puts a log underneath, before anybody else has the channel: puts are shown when it has them.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn attach(&mut self, options: LedgerOptions) -> Result<()> {
        self.durable = true;
        self.byte_limit = self.with(|state| Ok(state.buffer_bytes()))?;
        self.with(|state| {
            state.attach(options);
            Ok(())
        })
    }

    /// Room for a put. `wait_until_ms`, on the engine's clock, says how long it may wait; without it the answer comes now or is no.
    ///
    /// # Errors
    /// `TooLarge` when it can never fit, `ChannelFull` when it does not fit now and may not wait, `Closed`.
    pub fn reserve(&self, who: Waiter, need: Need, wait_until_ms: Option<u64>, now_ms: u64) -> Result<Grant> {
        self.with(|state| state.reserve(who, need, wait_until_ms, now_ms))
    }

    /// Reserves, fills and publishes a whole run. `Later` is the promise of a room that is to be filled and published then; over a log, where this
    /// never waits for room, that of the put's own outcome.
    ///
    /// # Errors
    /// As [`Channel::reserve`].
    pub fn put(&self, who: Waiter, run: &Run<'_>, wait_until_ms: Option<u64>, now_ms: u64) -> Result<Grant> {
        let slots = run.slots(SLOT_LEN);
        let need = Need { events: run.len() as u32, bytes: run.byte_len() as u64, slots };
        let Some(room) = self.with(|state| state.room_now(&need))? else {
            if self.durable {
                return Err(self.with(|state| Ok(Error::Full(state.shortage(&need))))?);
            }
            let granted = self.reserve(who, need, wait_until_ms, now_ms)?;
            if let Grant::Now(reservation) = granted {
                self.fill(who.owner, reservation, run)?;
                self.publish(who.owner, reservation, now_ms)?;
            }
            return Ok(granted);
        };
        let copied = self.copy_in(&room, run);
        let (extent, block_len) = (extent_of(room.region, &need), room.block_len);
        let crc = if self.durable { self.checksum(block_len, &extent) } else { 0 };
        self.with(|state| match copied {
            Ok(_) if self.durable => {
                let staged = state.stage_room(extent, crc, who, None, now_ms);
                if staged.is_err() {
                    state.void_room(room.region, &need);
                }
                staged.map(|_| Grant::Later)
            }
            Ok(_) => {
                state.publish_room(room.region, &need, now_ms);
                Ok(Grant::Now(0))
            }
            Err(error) => {
                state.void_room(room.region, &need);
                Err(error)
            }
        })
    }

    /// Copies a run into a reservation, behind what is there already.
    ///
    /// # Errors
    /// `Stale` when the reservation is not the owner's or over; `Full` when the run is larger than what was reserved; then nothing is copied.
    pub fn fill(&self, owner: u32, reservation: u64, run: &Run<'_>) -> Result<()> {
        let room = self.with(|state| state.filling(owner, reservation))?;
        let size = self.copy_in(&room, run)?;
        let slots = run.slots(SLOT_LEN);
        self.with(|state| state.filled(owner, reservation, size, slots))
    }

    /// Copies a run to the beginning of the room of a reservation, and says how many events and bytes that is.
    fn copy_in(&self, room: &Filling, run: &Run<'_>) -> Result<(u32, u32)> {
        // SAFETY: only the owner's thread, which is this one, fills its reservation; reclaiming it waits for the end of that thread.
        let mut space = unsafe { self.buffer.space(room) };
        space.push_run(run)?;
        Ok((run.len() as u32, run.byte_len() as u32))
    }

    /// Gives what was filled to the log. Its answer comes under `who`: then the put is shown or, if it is to stay `hidden`, waits to be published or voided.
    ///
    /// # Errors
    /// `Stale` when the reservation is not the owner's or over; why the log takes nothing.
    pub fn stage(&self, who: Waiter, reservation: u64, hidden: bool, now_ms: u64) -> Result<Grant> {
        let (block_len, extent) = self.with(|state| state.filled_extent(who.owner, reservation))?;
        let crc = self.checksum(block_len, &extent);
        self.with(|state| state.stage(who, reservation, crc, hidden, now_ms))
    }

    /// Makes what was filled visible to takers; events reserved beyond it are given back.
    ///
    /// # Errors
    /// `Stale` when the reservation is not the owner's or over.
    pub fn publish(&self, owner: u32, reservation: u64, now_ms: u64) -> Result<()> {
        self.with(|state| state.publish(owner, reservation, now_ms))
    }

    /// Gives a reservation back; what was filled is never seen.
    ///
    /// # Errors
    /// As [`Channel::publish`].
    pub fn void(&self, owner: u32, reservation: u64, now_ms: u64) -> Result<()> {
        self.with(|state| state.void(owner, reservation, now_ms))
    }

    /// A lease of at most `wish.max` events, now or later; `None` when there is nothing and the caller will not `wait`.
    ///
    /// # Errors
    /// `TooLarge` for more than a transaction may hold, `Closed`.
    pub fn take(&self, who: Waiter, wish: Wish, wait: bool, now_ms: u64) -> Result<Option<Grant>> {
        self.with(|state| state.take(who, wish, wait, now_ms))
    }

    /// Removes the events of a lease for good. `Later`: the answer comes under `who` when a log has noted that.
    ///
    /// # Errors
    /// `Stale` when the lease is not the owner's or over.
    pub fn commit(&self, who: Waiter, lease: u64, now_ms: u64) -> Result<Grant> {
        if self.poisoning {
            let (_, extent) = self.with(|state| state.leased(who.owner, lease))?;
            // SAFETY: the lease is the caller's, who says with this call that nobody reads it any more.
            unsafe { self.buffer.poison(&extent) };
        }
        self.with(|state| state.commit(who, lease, now_ms))
    }

    /// Puts the events of a lease back into their old place.
    ///
    /// # Errors
    /// As [`Channel::commit`].
    pub fn rollback(&self, owner: u32, lease: u64, now_ms: u64) -> Result<()> {
        self.with(|state| state.rollback(owner, lease, now_ms))
    }

    /// Lets the owner of a lease look at its events.
    ///
    /// # Errors
    /// As [`Channel::commit`].
    pub fn read<T>(&self, owner: u32, lease: u64, look: impl FnOnce(&Run<'_>) -> T) -> Result<T> {
        let (block_len, extent) = self.with(|state| state.leased(owner, lease))?;
        // SAFETY: only the owner's thread, which is this one, ends its lease, and not while this call lasts.
        Ok(look(&unsafe { self.buffer.run(block_len, &extent) }))
    }

    /// Ends a wait. `false`: its answer is already on its way to the doorbell.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn cancel(&self, who: Waiter) -> Result<bool> {
        self.with(|state| Ok(state.cancel(who)))
    }

    /// Answers the waits whose time is over at `now_ms`.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn expire(&self, now_ms: u64) -> Result<()> {
        self.with(|state| {
            state.expire(now_ms);
            Ok(())
        })
    }

    /// Forgets the waits of an owner whose event loop has ended.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn detach(&self, owner: u32) -> Result<()> {
        self.with(|state| {
            state.detach(owner);
            Ok(())
        })
    }

    /// Voids the reservations and returns the leases of an owner. Only after its thread has ended: until then it may be inside a copy.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn reclaim(&self, owner: u32, now_ms: u64) -> Result<()> {
        self.with(|state| {
            state.reclaim(owner, now_ms);
            Ok(())
        })
    }

    /// Refuses new puts and takes, and ends every wait with `Closed`. What is open can still be finished.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn close(&self) -> Result<()> {
        self.with(|state| {
            state.close();
            Ok(())
        })
    }

    /// The channel's figures, all of one moment.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn counters(&self, now_ms: u64) -> Result<Counters> {
        self.with(|state| Ok(state.counters(now_ms)))
    }

    /// Events that a put could have now, as far as their number goes; 0 while puts wait.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn free_events(&self) -> Result<u32> {
        self.with(|state| Ok(state.free_events()))
    }

    /// Whether there is a log underneath.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        self.durable
    }

    /// Bytes of bodies that the channel may hold, as far as Flume counts them; over a log, bytes of the buffer.
    #[must_use]
    pub const fn byte_limit(&self) -> u64 {
        self.byte_limit
    }

    /// Gives the memory of unused chunks back to the system, all but the one to be used next.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn trim(&self) -> Result<()> {
        // They are set aside meanwhile, because giving pages back takes too long to be done under the lock.
        let idle = self.with(|state| Ok(state.arena_mut().take_idle()))?;
        for chunk in &idle {
            self.buffer.discard(*chunk);
        }
        self.with(|state| {
            state.arena_mut().return_idle(idle);
            state.feed_reader();
            state.grant_putters();
            Ok(())
        })
    }

    /// Whether the channel is closed and nothing of it is open any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.with(|state| Ok(state.is_over())).unwrap_or(true)
    }

    /// Does something under the lock and delivers what it answered afterwards: no doorbell is rung under the lock.
    fn with<T>(&self, act: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let (outcome, effects) = match self.state.lock() {
            Ok(mut state) => (act(&mut state), state.take_effects()),
            // A panic under the lock leaves a state nobody can vouch for: that channel is over, the others go on.
            Err(poisoned) => {
                let mut state = poisoned.into_inner();
                state.give_up();
                (Err(Error::Panic("a panic under the channel's lock".into())), state.take_effects())
            }
        };
        self.carry_out(effects);
        outcome
    }

    fn carry_out(&self, Effects { answers, alarm_ms, wake_writers, wake_reader }: Effects) {
        for Answer { to: Waiter { owner, token }, result } in answers {
            self.surroundings.complete(owner, Completion { token, result });
        }
        if let Some(at_ms) = alarm_ms {
            self.surroundings.alarm(at_ms);
        }
        if wake_writers {
            self.writers.notify_all();
        }
        if wake_reader {
            self.reader.notify_all();
        }
    }
}

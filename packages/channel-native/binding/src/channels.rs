//! Memory channels: puts and takes.

use millrace_engine::{
    Error, Excess,
    channel::{Channel, Grant, Layout, Limits, Need, Waiter, Wish},
    registry,
};
use napi::bindgen_prelude::{Float64ArraySlice, Uint8ArraySlice};
use napi_derive::napi;

use crate::{
    batches::run,
    failure::{LATER, NOTHING, Result, number, thrown},
    owners::handle_to_number,
};

/// What a memory channel is bounded by.
#[napi(object)]
pub struct MemoryLimits {
    /// Most events in the channel.
    pub capacity: u32,
    /// Most events in one put or take.
    pub transaction_capacity: u32,
    /// Most 100-byte slots of bodies.
    pub slots: f64,
    /// Bytes of chunks.
    pub byte_capacity: f64,
}

/// How large the buffer of a channel is, and where its lease table begins.
#[napi(object)]
pub struct MemoryLayout {
    /// Bytes.
    pub length: f64,
    /// Offset of the lease table; a row is 64 bytes.
    pub leases_offset: f64,
}

fn layout(limits: &MemoryLimits) -> Layout {
    Layout::new(limits.capacity, whole(limits.byte_capacity))
}

/// A number of bytes or events from JavaScript; what is not one counts as 0.
#[expect(clippy::cast_sign_loss, reason = "negative numbers saturate to 0")]
pub const fn whole(number: f64) -> u64 {
    number as u64
}

/// The buffer that a channel with these limits needs.
#[napi(catch_unwind)]
pub fn memory_layout(limits: MemoryLimits) -> MemoryLayout {
    let layout = layout(&limits);
    MemoryLayout { length: layout.length() as f64, leases_offset: layout.leases_offset() as f64 }
}

/// Opens a memory channel over a `SharedArrayBuffer` of at least the layout's length, which the caller keeps until after `closeChannel`.
#[napi(catch_unwind)]
pub fn open_memory(mut buffer: Uint8ArraySlice<'_>, limits: MemoryLimits, poisoning: bool) -> Result<u32> {
    let layout = layout(&limits);
    // SAFETY: the view is only asked for its address and length.
    let bytes = unsafe { buffer.as_mut() };
    if (bytes.len() as u64) < layout.length() || !bytes.as_ptr().addr().is_multiple_of(8) {
        let length = bytes.len() as u64;
        return Err(thrown(Error::TooLarge(Excess::Bytes {
            is: layout.length(),
            max: length,
            property: "byteCapacity",
        })));
    }
    let limits = Limits {
        capacity: limits.capacity,
        transaction_capacity: limits.transaction_capacity,
        slots: whole(limits.slots),
        bytes: whole(limits.byte_capacity),
    };
    // SAFETY: the buffer is large enough and aligned; that it stays is the caller's part, and every thread that holds the channel holds the buffer too.
    Ok(unsafe { registry::open_memory(limits, &layout, bytes.as_mut_ptr(), poisoning) })
}

/// Closes a channel: nothing new begins and every wait ends. Its buffer is needed until `isOpen` says no.
#[napi(catch_unwind)]
pub fn close_channel(channel: u32) -> Result<()> {
    registry::close(channel).map_err(thrown)
}

/// Whether a channel is open, or still has open leases or reservations.
#[napi(catch_unwind)]
pub fn is_open(channel: u32) -> bool {
    registry::is_open(channel)
}

/// Gives the memory of unused chunks back to the system.
#[napi(catch_unwind)]
pub fn trim_channel(channel: u32) -> Result<()> {
    registry::with_channel(channel, Channel::trim).map_err(thrown)
}

/// Writes put, taken, committed, rolledBack, reclaimed, voided, refused, queued, leased, reserved, queuedBytes, oldestMs, recovered, lost.
#[napi(catch_unwind)]
pub fn channel_counters(channel: u32, mut out: Float64ArraySlice<'_>) -> Result<()> {
    let it = registry::with_channel(channel, |it| it.counters(registry::now_ms())).map_err(thrown)?;
    let figures = [
        it.put,
        it.taken,
        it.committed,
        it.rolled_back,
        it.reclaimed,
        it.voided,
        it.refused,
        it.queued,
        it.leased,
        it.reserved,
        it.queued_bytes,
        it.oldest_ms,
        it.recovered,
        it.lost,
    ];
    // SAFETY: the caller's own array, used by nobody else during the call.
    for (place, figure) in unsafe { out.as_mut() }.iter_mut().zip(figures) {
        *place = figure as f64;
    }
    Ok(())
}

/// Events a put could have at once, as far as their number goes.
#[napi(catch_unwind)]
pub fn free_events(channel: u32) -> Result<u32> {
    registry::with_channel(channel, Channel::free_events).map_err(thrown)
}

/// Room for a put: its handle, LATER, or a negative outcome. `waitMs` below 0: do not wait.
#[napi(catch_unwind)]
pub fn reserve(channel: u32, owner: u32, token: u32, events: u32, bytes: f64, slots: f64, wait_ms: f64) -> Result<f64> {
    let need = Need { events, bytes: whole(bytes), slots: whole(slots) };
    let granted = registry::with_channel_for(owner, channel, |it| {
        it.reserve(Waiter { owner, token }, need, until(wait_ms), registry::now_ms())
    });
    granted_number(granted)
}

/// Copies a batch into a reservation, behind what is there.
#[napi(catch_unwind)]
pub fn fill(
    channel: u32,
    owner: u32,
    reservation: f64,
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
) -> Result<()> {
    let run = run(&memory, base, size, first, count, start, end)?;
    registry::with_channel(channel, |it| it.fill(owner, whole(reservation), &run)).map_err(thrown)
}

/// Makes what was filled visible, in every channel of `channel, reservation` pairs: one call, because the death of a worker interrupts
/// JavaScript between two calls but no call.
///
/// Answers `true`, and nothing else means that it was done: in a worker that has just been terminated Node refuses the call without an
/// exception, and JavaScript still runs on for some steps.
#[napi(catch_unwind)]
pub fn publish(owner: u32, pairs: Vec<f64>) -> Result<bool> {
    let now = registry::now_ms();
    pairs.chunks_exact(2).try_for_each(|pair| {
        registry::with_channel(whole(pair[0]) as u32, |it| it.publish(owner, whole(pair[1]), now)).map_err(thrown)
    })?;
    Ok(true)
}

/// Gives what was filled to the log of a file channel: LATER; then the put is shown or, if `hidden`, waits for `publish` or `voidReservation`.
#[napi(catch_unwind)]
pub fn stage(channel: u32, owner: u32, token: u32, reservation: f64, hidden: bool) -> Result<f64> {
    let waiter = Waiter { owner, token };
    granted_number(registry::with_channel(channel, |it| {
        it.stage(waiter, whole(reservation), hidden, registry::now_ms())
    }))
}

/// Gives a reservation back; of a put that was staged hidden, its events.
#[napi(catch_unwind)]
pub fn void_reservation(channel: u32, owner: u32, reservation: f64) -> Result<()> {
    registry::with_channel(channel, |it| it.void(owner, whole(reservation), registry::now_ms())).map_err(thrown)
}

/// Reserves, fills and publishes in one call: 0 when done; LATER when a log is to have it first; else as `reserve`.
#[napi(catch_unwind)]
pub fn put(
    channel: u32,
    owner: u32,
    token: u32,
    wait_ms: f64,
    memory: Uint8ArraySlice<'_>,
    base: f64,
    size: f64,
    first: u32,
    count: u32,
    start: u32,
    end: u32,
) -> Result<f64> {
    let run = run(&memory, base, size, first, count, start, end)?;
    let now = registry::now_ms();
    let waiter = Waiter { owner, token };
    match registry::with_channel_for(owner, channel, |it| it.put(waiter, &run, until(wait_ms), now)) {
        Ok(Grant::Now(_)) => Ok(0.0),
        other => granted_number(other),
    }
}

/// A lease of at most `max` events: its handle, LATER, or NOTHING where it may not `wait`. It is granted when `min` events are there, or the
/// oldest has been there for `lingerMs` (below 0: for ever).
#[napi(catch_unwind)]
pub fn take(channel: u32, owner: u32, token: u32, max: u32, min: u32, linger_ms: f64, wait: bool) -> Result<f64> {
    let wish = Wish { max, min, linger_ms: (linger_ms >= 0.0).then(|| whole(linger_ms)) };
    let granted = registry::with_channel_for(owner, channel, |it| {
        it.take(Waiter { owner, token }, wish, wait, registry::now_ms())
    })
    .map_err(thrown)?;
    Ok(match granted {
        Some(Grant::Now(handle)) => handle_to_number(handle),
        Some(Grant::Later) => f64::from(LATER),
        None => f64::from(NOTHING),
    })
}

/// Removes the events of a lease for good: 0 when done, LATER when the log is to note that first.
#[napi(catch_unwind)]
pub fn commit_take(channel: u32, owner: u32, token: u32, lease: f64) -> Result<f64> {
    let waiter = Waiter { owner, token };
    match registry::with_channel(channel, |it| it.commit(waiter, whole(lease), registry::now_ms())).map_err(thrown)? {
        Grant::Now(_) => Ok(0.0),
        Grant::Later => Ok(f64::from(LATER)),
    }
}

/// Puts the events of a lease back into their place.
#[napi(catch_unwind)]
pub fn rollback_take(channel: u32, owner: u32, lease: f64) -> Result<()> {
    registry::with_channel(channel, |it| it.rollback(owner, whole(lease), registry::now_ms())).map_err(thrown)
}

/// Ends a wait; false when its outcome is already on its way to the doorbell.
#[napi(catch_unwind)]
pub fn cancel_wait(channel: u32, owner: u32, token: u32) -> Result<bool> {
    registry::with_channel(channel, |it| it.cancel(Waiter { owner, token })).map_err(thrown)
}

fn until(wait_ms: f64) -> Option<u64> {
    (wait_ms >= 0.0).then(|| registry::now_ms().saturating_add(whole(wait_ms)))
}

fn granted_number(granted: millrace_engine::Result<Grant>) -> Result<f64> {
    match granted {
        Ok(Grant::Now(handle)) => Ok(handle_to_number(handle)),
        Ok(Grant::Later) => Ok(f64::from(LATER)),
        Err(error @ Error::Full(_)) => Ok(f64::from(number(&error))),
        Err(error) => Err(thrown(error)),
    }
}

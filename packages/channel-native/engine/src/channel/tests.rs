//! What the memory channel promises, one promise a test; and what its tests are made of.

use std::sync::{Arc, Mutex};

use super::*;
use crate::batch::{Entry, Space};

/// A channel with its own buffer, and what it told its surroundings.
pub(crate) struct Scratch {
    pub channel: Channel,
    pub told: Arc<Mutex<Told>>,
    _buffer: Vec<u64>,
}

#[derive(Default)]
pub(crate) struct Told {
    pub completions: Vec<(u32, Completion)>,
    pub alarms: Vec<u64>,
}

struct Recorder(Arc<Mutex<Told>>);

impl Surroundings for Recorder {
    fn complete(&self, owner: u32, completion: Completion) {
        self.0.lock().unwrap().completions.push((owner, completion));
    }

    fn alarm(&self, at_ms: u64) {
        self.0.lock().unwrap().alarms.push(at_ms);
    }
}

/// Surroundings that note what they are told.
pub(crate) fn recorder() -> (Box<dyn Surroundings>, Arc<Mutex<Told>>) {
    let told = Arc::new(Mutex::new(Told::default()));
    (Box::new(Recorder(Arc::clone(&told))), told)
}

impl Scratch {
    pub fn new(limits: Limits) -> Self {
        let layout = Layout::new(limits.capacity, limits.bytes);
        let mut buffer = vec![0_u64; layout.length() as usize / 8];
        let (surroundings, told) = recorder();
        // SAFETY: the buffer is as long as the layout, aligned to 8, and dropped after the channel.
        let channel = unsafe { Channel::new(limits, &layout, buffer.as_mut_ptr().cast(), surroundings, false) };
        Self { channel, told, _buffer: buffer }
    }

    pub fn take_completions(&self) -> Vec<(u32, Completion)> {
        std::mem::take(&mut self.told.lock().unwrap().completions)
    }
}

pub(crate) const fn limits(capacity: u32, transaction_capacity: u32) -> Limits {
    Limits { capacity, transaction_capacity, slots: 1 << 30, bytes: 1 << 20 }
}

/// Events whose bodies are their numbers, padded to `len`.
pub(crate) fn with_run<T>(ids: &[u64], len: usize, act: impl FnOnce(&Run<'_>) -> T) -> T {
    let mut events = vec![0_u8; ids.len() * (len + 16)];
    let mut table = vec![Entry::default(); ids.len()];
    let mut space = Space::new(&mut events, &mut table, 0);
    for id in ids {
        let mut body = vec![0xEE; len.max(8)];
        body[..8].copy_from_slice(&id.to_le_bytes());
        space.push(&[0], &body).unwrap();
    }
    act(&space.run())
}

pub(crate) fn need_of(run: &Run<'_>) -> Need {
    Need { events: run.len() as u32, bytes: run.byte_len() as u64, slots: run.slots(SLOT_LEN) }
}

/// The numbers of events; of others, that are too short to have one, 0.
pub(crate) fn ids_of(run: &Run<'_>) -> Vec<u64> {
    run.iter().map(|event| event.body.first_chunk().map_or(0, |id| u64::from_le_bytes(*id))).collect()
}

fn put(scratch: &Scratch, ids: &[u64], now_ms: u64) {
    with_run(ids, 8, |run| {
        let Ok(Grant::Now(handle)) = scratch.channel.reserve(Waiter { owner: 1, token: 0 }, need_of(run), None, now_ms)
        else {
            panic!("no room")
        };
        scratch.channel.fill(1, handle, run).unwrap();
        scratch.channel.publish(1, handle, now_ms).unwrap();
    });
}

fn take(scratch: &Scratch, max: u32, now_ms: u64) -> (u64, Vec<u64>) {
    let wish = Wish { max, min: 1, linger_ms: Some(0) };
    match scratch.channel.take(Waiter { owner: 2, token: 0 }, wish, false, now_ms) {
        Ok(Some(Grant::Now(handle))) => (handle, scratch.channel.read(2, handle, ids_of).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn puts_of_single_events_are_taken_as_one_batch() {
    let scratch = Scratch::new(limits(100, 100));
    for id in 0..100 {
        put(&scratch, &[id], 0);
    }
    assert_eq!(take(&scratch, 100, 0).1, (0..100).collect::<Vec<_>>());
}

#[test]
fn runs_that_return_out_of_order_are_taken_in_order() {
    let scratch = Scratch::new(limits(100, 100));
    put(&scratch, &[1, 2, 3, 4, 5, 6], 0);
    let leases: Vec<_> = (0..3).map(|_| take(&scratch, 2, 0).0).collect();
    for nth in [2, 0, 1] {
        scratch.channel.rollback(2, leases[nth], 0).unwrap();
    }
    assert_eq!(take(&scratch, 100, 0).1, [1, 2, 3, 4, 5, 6], "neighbours were joined again");
}

#[test]
fn a_put_that_waits_ends_the_gathering_of_a_take() {
    let scratch = Scratch::new(limits(10, 10));
    put(&scratch, &[1, 2, 3, 4, 5, 6], 0);
    let taker = Waiter { owner: 2, token: 7 };
    let wish = Wish { max: 10, min: 10, linger_ms: None };
    assert_eq!(scratch.channel.take(taker, wish, true, 0), Ok(Some(Grant::Later)));
    let putter = Waiter { owner: 1, token: 8 };
    let need = Need { events: 5, bytes: 50, slots: 5 };
    assert_eq!(scratch.channel.reserve(putter, need, Some(100), 0), Ok(Grant::Later));
    let [(2, Completion { token: 7, result: Ok(lease) })] = scratch.take_completions()[..] else { panic!() };
    scratch.channel.commit(Waiter { owner: 2, token: 0 }, lease, 0).unwrap();
    assert!(matches!(scratch.take_completions()[..], [(1, Completion { token: 8, result: Ok(_) })]));
}

#[test]
fn who_stands_behind_an_expired_put_is_served_and_not_refused() {
    let scratch = Scratch::new(limits(100, 100));
    put(&scratch, &(0..95).collect::<Vec<_>>(), 0);
    let need = |events| Need { events, bytes: 20 * u64::from(events), slots: events.into() };
    for (token, events, until) in [(1, 10, 10), (2, 1, 11)] {
        let who = Waiter { owner: 1, token };
        assert_eq!(scratch.channel.reserve(who, need(events), Some(until), 0), Ok(Grant::Later));
    }
    scratch.channel.expire(12).unwrap();
    let told = scratch.take_completions();
    assert_eq!(told[0].1, Completion { token: 1, result: Err(Error::Full(crate::Shortage::Events)) });
    assert!(told[1].1.result.is_ok());
}

#[test]
fn a_steady_stream_has_the_age_of_its_oldest_event() {
    let scratch = Scratch::new(limits(100, 100));
    put(&scratch, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 0);
    for now_ms in 1..=500 {
        put(&scratch, &[0, 1, 2, 3, 4], now_ms);
        let (lease, _) = take(&scratch, 5, now_ms);
        scratch.channel.commit(Waiter { owner: 2, token: 0 }, lease, now_ms).unwrap();
    }
    let oldest = scratch.channel.counters(500).unwrap().oldest_ms;
    assert!(oldest <= 10, "{oldest} ms, but two batches of a millisecond each are queued");
}

#[test]
fn puts_given_back_again_and_again_leave_the_room_as_it_was() {
    let scratch = Scratch::new(limits(1_000_000, 100));
    let who = Waiter { owner: 1, token: 0 };
    for id in 0..if cfg!(miri) { 50 } else { 10_000 } {
        let Ok(Grant::Now(handle)) =
            scratch.channel.reserve(who, Need { events: 1, bytes: 60_000, slots: 600 }, None, 0)
        else {
            panic!("full after {id}")
        };
        scratch.channel.void(1, handle, 0).unwrap();
        put(&scratch, &[id], 0);
    }
}

#[test]
fn a_put_without_events_is_refused() {
    let scratch = Scratch::new(limits(10, 10));
    let refused = scratch.channel.reserve(Waiter { owner: 1, token: 0 }, Need::default(), None, 0);
    assert!(matches!(refused, Err(Error::InvalidBatch { .. })));
}

#[test]
fn a_closed_channel_lets_open_things_be_finished() {
    let scratch = Scratch::new(limits(10, 10));
    put(&scratch, &[1, 2], 0);
    let (lease, _) = take(&scratch, 1, 0);
    let waiting = Waiter { owner: 2, token: 9 };
    let wish = Wish { max: 9, min: 9, linger_ms: None };
    assert_eq!(scratch.channel.take(waiting, wish, true, 0), Ok(Some(Grant::Later)));
    scratch.channel.close().unwrap();
    assert_eq!(scratch.take_completions(), [(2, Completion { token: 9, result: Err(Error::Closed) })]);
    assert_eq!(scratch.channel.take(waiting, wish, true, 0), Err(Error::Closed));
    assert!(!scratch.channel.is_over());
    scratch.channel.commit(Waiter { owner: 2, token: 0 }, lease, 0).unwrap();
    assert!(scratch.channel.is_over());
}

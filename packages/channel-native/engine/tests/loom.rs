//! Every order of threads that loom can find, for the channel and the doorbell together.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`
#![cfg(loom)]

use loom::{
    sync::{Arc, Mutex, Notify},
    thread,
};
use millrace_engine::{
    batch::{Entry, Run, Space},
    channel::{Channel, Grant, Layout, Limits, Need, SLOT_LEN, Surroundings, Waiter, Wish},
    doorbell::{Completion, Doorbell},
};

/// Doorbells by owner, as the registry has them.
type Bells = Arc<Mutex<Vec<Doorbell>>>;

struct World(Bells);

impl Surroundings for World {
    fn complete(&self, owner: u32, completion: Completion) {
        let bell = self.0.lock().unwrap()[owner as usize].clone();
        bell.push(completion);
    }

    fn alarm(&self, _at_ms: u64) {}
}

/// One event loop: a flag that the ring sets, as an async handle of libuv does.
struct Loop {
    owner: u32,
    bell: Doorbell,
    rung: Arc<Notify>,
}

impl Loop {
    fn enter(bells: &Bells) -> Self {
        let rung = Arc::new(Notify::new());
        let ring = Arc::clone(&rung);
        let bell = Doorbell::new(Box::new(move || ring.notify()));
        let mut bells = bells.lock().unwrap();
        bells.push(bell.clone());
        Self { owner: bells.len() as u32 - 1, bell, rung }
    }

    /// Sleeps until the answer to the one wait of this loop has come.
    fn wait(&self) -> Completion {
        loop {
            if let Some(completion) = self.bell.answer(1).pop() {
                return completion;
            }
            self.rung.wait();
        }
    }

    fn who(&self) -> Waiter {
        Waiter { owner: self.owner, token: 1 }
    }
}

fn open(bells: &Bells, capacity: u32) -> Arc<Channel> {
    let limits = Limits { capacity, transaction_capacity: capacity, slots: 1 << 20, bytes: 1 << 18 };
    let layout = Layout::new(capacity, limits.bytes);
    // Kept to the end of the process, as a SharedArrayBuffer is kept by everybody who holds the channel.
    let buffer: &'static mut [u64] = POOL.with(|pool| pool.take(layout.length() as usize / 8));
    let world = Box::new(World(Arc::clone(bells)));
    // SAFETY: aligned, long enough, and nobody else's while this run of the model lasts.
    Arc::new(unsafe { Channel::new(limits, &layout, buffer.as_mut_ptr().cast(), world, false) })
}

/// loom runs a model thousands of times; each run uses the same memory again.
struct Pool(std::cell::Cell<Option<*mut [u64]>>);

thread_local! {
    static POOL: Pool = const { Pool(std::cell::Cell::new(None)) };
}

impl Pool {
    fn take(&self, len: usize) -> &'static mut [u64] {
        let memory = self.0.get().unwrap_or_else(|| Box::leak(vec![0; len].into_boxed_slice()));
        self.0.set(Some(memory));
        // SAFETY: runs of a model follow each other in one thread.
        unsafe { &mut *memory }
    }
}

fn with_event<T>(id: u8, act: impl FnOnce(&Run<'_>) -> T) -> T {
    let (mut events, mut table) = ([0; 64], [Entry::default(); 1]);
    let mut space = Space::new(&mut events, &mut table, 0);
    space.push(&[0], &[id; 8]).unwrap();
    act(&space.run())
}

fn put(channel: &Channel, it: &Loop, id: u8) {
    with_event(id, |run| {
        let need = Need { events: 1, bytes: run.byte_len() as u64, slots: run.slots(SLOT_LEN) };
        let handle = match channel.reserve(it.who(), need, Some(u64::MAX), 0).unwrap() {
            Grant::Now(handle) => handle,
            Grant::Later => it.wait().result.unwrap(),
        };
        channel.fill(it.owner, handle, run).unwrap();
        channel.publish(it.owner, handle, 0).unwrap();
    });
}

fn take(channel: &Channel, it: &Loop) -> (u64, Vec<u8>) {
    let wish = Wish { max: 1, min: 1, linger_ms: None };
    let lease = match channel.take(it.who(), wish, true, 0).unwrap() {
        Some(Grant::Now(handle)) => handle,
        _ => it.wait().result.unwrap(),
    };
    let ids = channel.read(it.owner, lease, |run| run.iter().map(|event| event.body[0]).collect()).unwrap();
    (lease, ids)
}

#[test]
fn a_take_that_waits_is_woken_by_the_put() {
    loom::model(|| {
        let bells = Bells::default();
        let channel = open(&bells, 2);
        let (putter, taker) = (Loop::enter(&bells), Loop::enter(&bells));
        let putting = thread::spawn({
            let channel = Arc::clone(&channel);
            move || put(&channel, &putter, 7)
        });
        let (lease, ids) = take(&channel, &taker);
        assert_eq!(ids, [7]);
        channel.commit(taker.who(), lease, 0).unwrap();
        putting.join().unwrap();
        assert_eq!(channel.counters(0).unwrap().committed, 1);
    });
}

#[test]
fn a_full_channel_passes_its_room_on_and_memory_is_not_used_twice_at_once() {
    loom::model(|| {
        let bells = Bells::default();
        let channel = open(&bells, 1);
        let (putter, taker) = (Loop::enter(&bells), Loop::enter(&bells));
        let putting = thread::spawn({
            let channel = Arc::clone(&channel);
            move || (1..=2).for_each(|id| put(&channel, &putter, id))
        });
        for id in 1..=2 {
            let (lease, ids) = take(&channel, &taker);
            assert_eq!(ids, [id]);
            channel.commit(taker.who(), lease, 0).unwrap();
        }
        putting.join().unwrap();
    });
}

#[test]
fn two_putters_are_both_heard() {
    // Without a bound this takes an hour; three preemptions find what two threads can do to a third.
    let mut few = loom::model::Builder::new();
    few.preemption_bound = Some(3);
    few.check(|| {
        let bells = Bells::default();
        let channel = open(&bells, 2);
        let taker = Loop::enter(&bells);
        let putting: Vec<_> = (1..=2)
            .map(|id| {
                let (channel, putter) = (Arc::clone(&channel), Loop::enter(&bells));
                thread::spawn(move || put(&channel, &putter, id))
            })
            .collect();
        let mut seen = Vec::new();
        for _ in 0..2 {
            let (lease, ids) = take(&channel, &taker);
            seen.extend(ids);
            channel.commit(taker.who(), lease, 0).unwrap();
        }
        seen.sort_unstable();
        assert_eq!(seen, [1, 2]);
        putting.into_iter().for_each(|it| it.join().unwrap());
    });
}

#[test]
fn a_cancelled_wait_is_answered_or_cancelled_and_never_both() {
    loom::model(|| {
        let bells = Bells::default();
        let channel = open(&bells, 1);
        let (putter, taker) = (Loop::enter(&bells), Loop::enter(&bells));
        let putting = thread::spawn({
            let channel = Arc::clone(&channel);
            move || put(&channel, &putter, 7)
        });
        let wish = Wish { max: 1, min: 1, linger_ms: None };
        match channel.take(taker.who(), wish, true, 0).unwrap() {
            Some(Grant::Now(lease)) => channel.commit(taker.who(), lease, 0).unwrap(),
            _ if channel.cancel(taker.who()).unwrap() => assert!(taker.bell.answer(1).is_empty()),
            _ => channel.commit(taker.who(), taker.wait().result.unwrap(), 0).unwrap(),
        }
        putting.join().unwrap();
        let counters = channel.counters(0).unwrap();
        assert_eq!((counters.put, counters.leased), (1, 0));
    });
}

#[test]
fn what_a_dead_taker_held_goes_to_the_next() {
    loom::model(|| {
        let bells = Bells::default();
        let channel = open(&bells, 1);
        let (putter, dying, heir) = (Loop::enter(&bells), Loop::enter(&bells), Loop::enter(&bells));
        put(&channel, &putter, 7);
        let owner = dying.owner;
        let death = thread::spawn({
            let channel = Arc::clone(&channel);
            move || {
                let wish = Wish { max: 1, min: 1, linger_ms: None };
                let _ = channel.take(dying.who(), wish, true, 0);
                dying.bell.close();
                channel.detach(dying.owner).unwrap();
            }
        });
        let reclaiming = thread::spawn({
            let channel = Arc::clone(&channel);
            move || {
                death.join().unwrap();
                channel.reclaim(owner, 0).unwrap();
            }
        });
        let (lease, ids) = take(&channel, &heir);
        assert_eq!(ids, [7]);
        channel.commit(heir.who(), lease, 0).unwrap();
        reclaiming.join().unwrap();
        let counters = channel.counters(0).unwrap();
        assert_eq!((counters.committed, counters.queued, counters.leased), (1, 0, 0));
    });
}

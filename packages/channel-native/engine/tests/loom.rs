//! Every order of threads that loom can find, for the channel and the doorbell together.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --test loom`
#![cfg(loom)]

use loom::{
    sync::{
        Arc, Mutex, Notify,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use millrace_engine::{
    batch::{Entry, Run, Space},
    channel::{
        Channel, Grant, LaneStart, Layout, LedgerOptions, Limits, Need, Placed, SLOT_LEN, Surroundings, Waiter, Wish,
    },
    doorbell::{Completion, Doorbell},
    error::Error,
    file::Position,
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
    Arc::new(new_channel(bells, capacity))
}

/// A channel over a log with one directory, whose next event has the ordinal 0.
fn open_over_log(bells: &Bells, capacity: u32) -> Arc<Channel> {
    let mut channel = new_channel(bells, capacity);
    let lanes = vec![LaneStart::default()];
    let options = LedgerOptions { lanes, cache_bytes: 1 << 16, put_bytes: 1 << 16, ..LedgerOptions::default() };
    channel.attach(options).unwrap();
    Arc::new(channel)
}

fn new_channel(bells: &Bells, capacity: u32) -> Channel {
    let limits = Limits { capacity, transaction_capacity: capacity, slots: 1 << 20, bytes: 1 << 18 };
    let layout = Layout::new(capacity, limits.bytes);
    // Kept to the end of the process, as a SharedArrayBuffer is kept by everybody who holds the channel.
    let buffer: &'static mut [u64] = POOL.with(|pool| pool.take(layout.length() as usize / 8));
    let world = Box::new(World(Arc::clone(bells)));
    // SAFETY: aligned, long enough, and nobody else's while this run of the model lasts.
    unsafe { Channel::new(limits, &layout, buffer.as_mut_ptr().cast(), world, false) }
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
            Some(Grant::Now(lease)) => {
                channel.commit(taker.who(), lease, 0).unwrap();
            }
            _ if channel.cancel(taker.who()).unwrap() => assert!(taker.bell.answer(1).is_empty()),
            _ => {
                channel.commit(taker.who(), taker.wait().result.unwrap(), 0).unwrap();
            }
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

/// A writer over a disk that never fails: counts as durable what it has seen, until `puts` puts were written.
fn write_all(channel: &Channel, durable: &AtomicUsize, puts: usize) {
    let mut ordinal = 0;
    while ordinal < puts as u64 {
        let work = channel.gather(0, 1, u64::MAX, &|| 0).unwrap();
        let placed: Vec<_> = work
            .puts()
            .map(|put| {
                let at = Position { segment: 1, offset: ordinal as u32 };
                let placed = Placed { lane: 0, ordinal, at, end: at };
                ordinal += put.run.len() as u64;
                placed
            })
            .collect();
        durable.fetch_add(placed.len(), Ordering::SeqCst);
        work.settle(Ok(&placed), 0).unwrap();
    }
}

fn put_durably(channel: &Channel, it: &Loop, id: u8) -> Result<u64, Error> {
    match with_event(id, |run| channel.put(it.who(), run, None, 0)).unwrap() {
        Grant::Later => it.wait().result,
        Grant::Now(_) => panic!("a put over a log is answered by the log"),
    }
}

#[test]
fn a_put_over_a_log_is_answered_and_taken_only_after_it_is_durable() {
    let mut few = loom::model::Builder::new();
    few.preemption_bound = Some(2);
    few.check(|| {
        let bells = Bells::default();
        let channel = open_over_log(&bells, 2);
        let (putter, taker) = (Loop::enter(&bells), Loop::enter(&bells));
        let durable = Arc::new(AtomicUsize::new(0));
        let writing = thread::spawn({
            let (channel, durable) = (Arc::clone(&channel), Arc::clone(&durable));
            move || write_all(&channel, &durable, 2)
        });
        let putting = thread::spawn({
            let (channel, durable) = (Arc::clone(&channel), Arc::clone(&durable));
            move || {
                for id in 1..=2 {
                    put_durably(&channel, &putter, id).unwrap();
                    assert!(durable.load(Ordering::SeqCst) >= usize::from(id), "answered before it was durable");
                }
            }
        });
        for id in 1..=2 {
            let (lease, ids) = take(&channel, &taker);
            assert_eq!(ids, [id]);
            assert!(durable.load(Ordering::SeqCst) >= usize::from(id), "taken before it was durable");
            channel.commit(taker.who(), lease, 0).unwrap();
        }
        putting.join().unwrap();
        writing.join().unwrap();
    });
}

#[test]
fn the_commit_queue_forgets_no_putter() {
    let mut few = loom::model::Builder::new();
    few.preemption_bound = Some(2);
    few.check(|| {
        let bells = Bells::default();
        let channel = open_over_log(&bells, 2);
        let putting: Vec<_> = (1..=2)
            .map(|id| {
                let (channel, putter) = (Arc::clone(&channel), Loop::enter(&bells));
                thread::spawn(move || put_durably(&channel, &putter, id).unwrap())
            })
            .collect();
        write_all(&channel, &AtomicUsize::new(0), 2);
        putting.into_iter().for_each(|it| {
            it.join().unwrap();
        });
        assert_eq!(channel.counters(0).unwrap().queued, 2);
    });
}

#[test]
fn a_put_that_the_log_refuses_is_answered_so_and_never_seen() {
    let mut few = loom::model::Builder::new();
    few.preemption_bound = Some(3);
    few.check(|| {
        let bells = Bells::default();
        let channel = open_over_log(&bells, 2);
        let putter = Loop::enter(&bells);
        let failing = thread::spawn({
            let channel = Arc::clone(&channel);
            move || {
                let work = channel.gather(0, 1, u64::MAX, &|| 0).unwrap();
                channel.set_fault(0, Some(Error::Stale), 0).unwrap();
                work.settle(Err(Error::Stale), 0).unwrap();
            }
        });
        assert_eq!(put_durably(&channel, &putter, 1), Err(Error::Stale));
        failing.join().unwrap();
        let refused = with_event(2, |run| channel.put(putter.who(), run, None, 0));
        assert_eq!(refused, Err(Error::Stale));
        let counters = channel.counters(0).unwrap();
        assert_eq!((counters.put, counters.reserved, counters.queued), (0, 0, 0));
    });
}

#[test]
fn a_closed_channel_ends_its_writer() {
    loom::model(|| {
        let bells = Bells::default();
        let channel = open_over_log(&bells, 2);
        let closing = thread::spawn({
            let channel = Arc::clone(&channel);
            move || channel.close().unwrap()
        });
        let work = channel.gather(0, 1, u64::MAX, &|| 0).unwrap();
        assert!(work.is_last());
        work.settle(Ok(&[]), 0).unwrap();
        closing.join().unwrap();
    });
}

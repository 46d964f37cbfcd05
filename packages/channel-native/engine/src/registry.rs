//! What is shared by all threads of the process: channels and owners by their numbers, and the timer.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, LazyLock, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    channel::{Channel, Layout, Limits, Surroundings},
    doorbell::{Completion, Doorbell, Ring},
    error::{Error, Result},
    file::{self, FileOptions},
};

/// Milliseconds since 1970, as the system's clock stood when the engine was first asked, and from then on without jumps; the same for everything in the
/// process.
#[must_use]
pub fn now_ms() -> u64 {
    static START: LazyLock<(Instant, Duration)> =
        LazyLock::new(|| (Instant::now(), SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()));
    let (start, since_1970) = *START;
    u64::try_from((since_1970 + start.elapsed()).as_millis()).unwrap_or(u64::MAX)
}

#[derive(Default)]
struct Channels {
    by_id: HashMap<u32, Arc<Channel>>,
    last_id: u32,
}

#[derive(Default)]
struct Owners {
    /// Owners given out; those whose thread has begun have a doorbell.
    by_id: HashMap<u32, Option<Doorbell>>,
    last_id: u32,
}

static CHANNELS: LazyLock<RwLock<Channels>> = LazyLock::new(RwLock::default);
static OWNERS: LazyLock<RwLock<Owners>> = LazyLock::new(RwLock::default);
/// The threads of file channels.
static FILES: LazyLock<Mutex<HashMap<u32, file::Running>>> = LazyLock::new(Mutex::default);

/// Nothing under these locks can panic half-way, so a poisoned one is as good as before.
fn whole<T>(lock: std::result::Result<T, PoisonError<T>>) -> T {
    lock.unwrap_or_else(PoisonError::into_inner)
}

/// Opens a memory channel under a new number.
///
/// # Safety
/// As [`Channel::new`]: the buffer outlives the channel's entry here and every run it lent.
#[must_use]
pub unsafe fn open_memory(limits: Limits, layout: &Layout, buffer: *mut u8, poisoning: bool) -> u32 {
    let id = new_channel_id();
    // SAFETY: passed on to the caller.
    let channel = unsafe { Channel::new(limits, layout, buffer, Box::new(InProcess { channel: id }), poisoning) };
    whole(CHANNELS.write()).by_id.insert(id, Arc::new(channel));
    id
}

fn new_channel_id() -> u32 {
    let mut channels = whole(CHANNELS.write());
    channels.last_id += 1;
    channels.last_id
}

/// Opens a file channel under a new number, or takes over what its directories hold. It has threads of its own until [`close_file`].
///
/// # Errors
/// Why its directories cannot be opened: locked, not ours, of a later version, not readable.
///
/// # Safety
/// As [`Channel::new`]; the buffer is used until [`is_open`] says no.
pub unsafe fn open_file(
    options: &FileOptions,
    limits: Limits,
    layout: &Layout,
    buffer: *mut u8,
    poisoning: bool,
) -> Result<u32> {
    let opened = file::open_disks(options, now_ms())?;
    let id = new_channel_id();
    // SAFETY: passed on to the caller.
    let mut channel = unsafe { Channel::new(limits, layout, buffer, Box::new(InProcess { channel: id }), poisoning) };
    let threads = opened.attach_to(&mut channel, now_ms())?;
    let channel = Arc::new(channel);
    let running = threads.start(&channel, now_ms)?;
    whole(CHANNELS.write()).by_id.insert(id, channel);
    whole(FILES.lock()).insert(id, running);
    Ok(id)
}

/// Closes a file channel: what was put is on the disk when this returns, and its directories are free for others.
///
/// # Errors
/// `Closed` when it is over already.
pub fn close_file(id: u32) -> Result<()> {
    let closed = channel(id)?;
    closed.close()?;
    let running = whole(FILES.lock()).remove(&id);
    drop(running);
    closed.detach_log();
    forget_what_is_over();
    Ok(())
}

/// The channel of a number.
///
/// # Errors
/// `Closed` when there is none any more.
pub fn channel(id: u32) -> Result<Arc<Channel>> {
    whole(CHANNELS.read()).by_id.get(&id).cloned().ok_or(Error::Closed)
}

/// What a thread has looked up before, as long as `epoch` is the process's. Two threads that hand each other batches would otherwise fight for the
/// counters of the locks and of the [`Arc`]s with each call, which costs more than the call.
#[derive(Default)]
struct Known {
    epoch: u64,
    channels: Vec<(u32, Arc<Channel>)>,
    owners: Vec<u32>,
}

/// Grows when a channel or an owner ends: what threads know is out of date then.
static EPOCH: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// Does something with the channel of a number.
///
/// # Errors
/// `Closed` when there is no such channel any more; what `act` answers.
pub fn with_channel<T>(id: u32, act: impl FnOnce(&Channel) -> Result<T>) -> Result<T> {
    KNOWN.with_borrow_mut(|known| known.refresh().learn_channel(id))?;
    // Nothing that `act` does comes back here, so the channel stays where it is.
    KNOWN.with_borrow(|known| act(known.channel(id).ok_or(Error::Closed)?))
}

/// As [`with_channel`], for something new that an owner begins: who was reclaimed must not begin what nobody would take back any more.
///
/// # Errors
/// As [`with_channel`], and `Stale` when the owner was reclaimed.
pub fn with_channel_for<T>(owner: u32, id: u32, act: impl FnOnce(&Channel) -> Result<T>) -> Result<T> {
    KNOWN.with_borrow_mut(|known| known.refresh().learn_owner(owner))?;
    with_channel(id, act)
}

impl Known {
    fn refresh(&mut self) -> &mut Self {
        let epoch = EPOCH.load(Ordering::Acquire);
        if self.epoch != epoch {
            *self = Self { epoch, ..Self::default() };
        }
        self
    }

    fn learn_channel(&mut self, id: u32) -> Result<()> {
        if self.channel(id).is_none() {
            self.channels.push((id, channel(id)?));
        }
        Ok(())
    }

    fn learn_owner(&mut self, owner: u32) -> Result<()> {
        if !self.owners.contains(&owner) {
            let lives = whole(OWNERS.read()).by_id.contains_key(&owner);
            lives.then(|| self.owners.push(owner)).ok_or(Error::Stale)?;
        }
        Ok(())
    }

    fn channel(&self, id: u32) -> Option<&Channel> {
        self.channels.iter().find(|(known, _)| *known == id).map(|(_, channel)| channel.as_ref())
    }
}

/// Closes a channel: nothing new begins and every wait ends. Its number, and so its buffer, is needed until [`is_open`] says no.
///
/// # Errors
/// `Closed` when it is over already.
pub fn close(id: u32) -> Result<()> {
    channel(id)?.close()?;
    forget_what_is_over();
    Ok(())
}

/// Whether the number of a channel still means something.
#[must_use]
pub fn is_open(id: u32) -> bool {
    whole(CHANNELS.read()).by_id.contains_key(&id)
}

fn forget_what_is_over() {
    whole(CHANNELS.write()).by_id.retain(|_, channel| !channel.is_over());
    EPOCH.fetch_add(1, Ordering::Release);
}

/// A new owner: one worker life. Numbers are never used again.
#[must_use]
pub fn new_owner() -> u32 {
    let mut owners = whole(OWNERS.write());
    owners.last_id += 1;
    let id = owners.last_id;
    owners.by_id.insert(id, None);
    id
}

/// Begins an owner's life in its own thread: `ring` wakes its event loop.
///
/// # Errors
/// `Stale` when the owner has already begun, or is over.
pub fn enter(owner: u32, ring: Ring) -> Result<()> {
    match whole(OWNERS.write()).by_id.get_mut(&owner) {
        Some(bell @ None) => {
            *bell = Some(Doorbell::new(ring));
            Ok(())
        }
        _ => Err(Error::Stale),
    }
}

/// What has come to the owner's doorbell, the oldest `max` of it; who gets so many must ask once more.
#[must_use]
pub fn answer(owner: u32, max: usize) -> Vec<Completion> {
    doorbell(owner).map_or_else(Vec::new, |bell| bell.answer(max))
}

/// The owner's event loop ends: nothing is delivered to it from now on. What it has open stays so until [`reclaim`].
pub fn leave(owner: u32) {
    if let Some(bell) = doorbell(owner) {
        bell.close();
    }
    for channel in all_channels() {
        // A broken channel has no waits worth removing.
        let _ = channel.detach(owner);
    }
}

/// The owner's thread has ended: everything it had open goes back to its channels.
pub fn reclaim(owner: u32) {
    let bell = whole(OWNERS.write()).by_id.remove(&owner).flatten();
    EPOCH.fetch_add(1, Ordering::Release);
    if let Some(bell) = bell {
        bell.close();
    }
    for channel in all_channels() {
        // A broken channel gives nothing back to anybody.
        let _ = channel.reclaim(owner, now_ms());
    }
    forget_what_is_over();
}

fn doorbell(owner: u32) -> Option<Doorbell> {
    whole(OWNERS.read()).by_id.get(&owner).cloned().flatten()
}

fn all_channels() -> Vec<Arc<Channel>> {
    whole(CHANNELS.read()).by_id.values().cloned().collect()
}

struct InProcess {
    channel: u32,
}

impl Surroundings for InProcess {
    fn complete(&self, owner: u32, completion: Completion) {
        if let Some(bell) = doorbell(owner) {
            bell.push(completion);
        }
    }

    fn alarm(&self, at_ms: u64) {
        TIMER.at(at_ms, self.channel);
    }
}

/// One thread that ends the waits whose time is over; it exists once somebody has waited.
#[derive(Default)]
struct Timer {
    alarms: Mutex<Alarms>,
    earlier: Condvar,
}

#[derive(Default)]
struct Alarms {
    /// For each channel the one time at which it wants to be called.
    by_channel: HashMap<u32, u64>,
    /// The same in order, and besides times that were replaced by earlier ones.
    in_order: BinaryHeap<Reverse<(u64, u32)>>,
}

static TIMER: LazyLock<&'static Timer> = LazyLock::new(|| {
    let timer: &'static Timer = Box::leak(Box::default());
    thread::Builder::new()
        .name("millrace-timer".into())
        .spawn(|| timer.run())
        .unwrap_or_else(|error| panic!("the system refuses a thread for the timer: {error}"));
    timer
});

impl Timer {
    fn at(&self, at_ms: u64, channel: u32) {
        let mut alarms = whole(self.alarms.lock());
        if alarms.by_channel.get(&channel).is_none_or(|&known| at_ms < known) {
            alarms.by_channel.insert(channel, at_ms);
            alarms.in_order.push(Reverse((at_ms, channel)));
            self.earlier.notify_one();
        }
    }

    fn run(&self) -> ! {
        loop {
            let due = self.wait();
            // A channel that is closed or broken has no waits any more; the others must not suffer from it.
            let _ = catch_unwind(AssertUnwindSafe(|| channel(due).and_then(|channel| channel.expire(now_ms()))));
        }
    }

    /// Sleeps until a channel is due, and takes its alarm.
    fn wait(&self) -> u32 {
        let mut alarms = whole(self.alarms.lock());
        loop {
            let Some(&Reverse((at_ms, channel))) = alarms.in_order.peek() else {
                alarms = whole(self.earlier.wait(alarms));
                continue;
            };
            let now = now_ms();
            if at_ms > now {
                alarms = whole(self.earlier.wait_timeout(alarms, Duration::from_millis(at_ms - now))).0;
                continue;
            }
            alarms.in_order.pop();
            if alarms.by_channel.get(&channel) == Some(&at_ms) {
                alarms.by_channel.remove(&channel);
                return channel;
            }
        }
    }
}

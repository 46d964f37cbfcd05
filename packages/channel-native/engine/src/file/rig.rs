//! A whole file channel on a simulated disk, in one thread: tests say who works when.

use std::{
    cell::Cell,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use super::{
    FileOptions, Sync,
    maker::Maker,
    opening,
    reader::Reader,
    sim::{SimDisk, SimFile, World},
    writer::Writer,
};
use crate::{
    channel::{
        Channel, Counters, Grant, Layout, Limits, Waiter, Wish,
        tests::{Told, ids_of, need_of, recorder, with_run},
    },
    error::{Error, Result},
};

/// Who puts and takes in a rig.
const WHO: u32 = 1;

/// How a rig's channel is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub directories: usize,
    pub capacity: u32,
    pub segment_len: u32,
    pub buffer_bytes: u64,
    pub sync: Sync,
    pub keep_free: u64,
    pub take_sync: bool,
    /// Bytes of the body of each event, at least 8.
    pub body_len: usize,
    pub checkpoint_on_close: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            directories: 1,
            capacity: 10_000,
            segment_len: 32 << 10,
            buffer_bytes: 1 << 20,
            sync: Sync::Commit,
            keep_free: 0,
            take_sync: false,
            body_len: 100,
            checkpoint_on_close: true,
        }
    }
}

/// An open channel, and its threads as things that do one turn when they are asked to.
pub(crate) struct Rig<'a> {
    pub channel: &'a Channel,
    pub writers: Vec<Writer<'a, SimDisk>>,
    pub reader: Reader<'a, SimFile>,
    pub clock: &'a Cell<u64>,
    told: &'a Mutex<Told>,
    settings: Settings,
    next_token: u32,
}

/// Opens the channel that is on the disk of a world, and gives it to `act`. Afterwards it is gone, as at the end of a process.
pub(crate) fn with_rig<T>(world: &World, settings: Settings, act: impl FnOnce(&mut Rig<'_>) -> T) -> Result<T> {
    let data: Vec<_> = (0..settings.directories).map(|at| Arc::new(world.directory(&format!("data{at}")))).collect();
    let checkpoints = [Arc::new(world.directory("checkpoint"))];
    let options = FileOptions {
        data_directories: Vec::new(),
        checkpoint_directory: PathBuf::new(),
        backup_directory: None,
        segment_len: settings.segment_len,
        keep_free: settings.keep_free,
        sync: settings.sync,
        checkpoint_ms: 30_000,
        checkpoint_on_close: settings.checkpoint_on_close,
        take_sync: settings.take_sync,
        buffer_bytes: settings.buffer_bytes,
    };
    let now = Cell::new(1_000_000);
    let clock = || now.get();
    let opened = opening::open(&options, &data, &checkpoints, |data| Ok(Maker::inline(data)), now.get())?;

    let limits = Limits {
        capacity: settings.capacity,
        transaction_capacity: settings.capacity,
        slots: u64::MAX / 200,
        bytes: settings.buffer_bytes,
    };
    let layout = Layout::new(settings.capacity.min(1 << 12), settings.buffer_bytes);
    let mut buffer = vec![0_u64; layout.length() as usize / 8];
    let (surroundings, told) = recorder();
    // SAFETY: the buffer is as long as the layout, aligned to 8, and dropped after the channel.
    let mut channel = unsafe { Channel::new(limits, &layout, buffer.as_mut_ptr().cast(), surroundings, false) };
    let parts = opened.attach_to(&mut channel, now.get())?;
    let writer = |(lane, log)| Writer::new(&channel, log, lane, &clock);
    let mut rig = Rig {
        channel: &channel,
        writers: parts.logs.into_iter().enumerate().map(writer).collect(),
        reader: Reader::new(&channel, parts.sources, parts.part_bytes, &clock),
        clock: &now,
        told: &told,
        settings,
        next_token: 1,
    };
    let outcome = act(&mut rig);
    drop(rig);
    Ok(outcome)
}

impl Rig<'_> {
    /// Lets every writer do a turn, another one first each time, and the reader as long as there is something it can do.
    pub fn work(&mut self) {
        for writer in &mut self.writers {
            writer.turn(0).unwrap();
        }
        self.writers.rotate_left(1);
        self.read();
    }

    /// Lets the reader work as long as there is something it can do.
    pub fn read(&mut self) {
        for _ in 0..10_000 {
            let stretches = self.channel.stretches().unwrap();
            if stretches.is_empty() || !self.reader.turn(stretches).unwrap() {
                return;
            }
        }
        panic!("the reader comes to no end");
    }

    /// Time passes, and what is due then is done.
    pub fn pass(&mut self, ms: u64) {
        self.clock.set(self.clock.get() + ms);
        self.work();
    }

    /// Stages a put of events with these numbers; the token under which its outcome comes.
    pub fn stage(&mut self, ids: &[u64]) -> Result<u32> {
        let who = self.who();
        let granted = with_run(ids, self.settings.body_len, |run| self.channel.put(who, run, None, self.clock.get()));
        granted.map(|_| who.token)
    }

    /// Stages a put that stays hidden; its handle, and the token under which its outcome comes.
    pub fn stage_hidden(&mut self, ids: &[u64]) -> Result<(u64, u32)> {
        let who = self.who();
        let now_ms = self.clock.get();
        with_run(ids, self.settings.body_len, |run| {
            let Grant::Now(handle) = self.channel.reserve(who, need_of(run), None, now_ms)? else {
                return Err(Error::Panic("a reservation that does not wait".into()));
            };
            self.channel.fill(who.owner, handle, run)?;
            self.channel.stage(who, handle, true, now_ms)?;
            Ok((handle, who.token))
        })
    }

    /// Shows a hidden put.
    pub fn publish(&mut self, handle: u64) {
        self.channel.publish(WHO, handle, self.clock.get()).unwrap();
    }

    /// Voids a hidden put.
    pub fn void(&mut self, handle: u64) {
        self.channel.void(WHO, handle, self.clock.get()).unwrap();
    }

    /// What was answered since the last time: tokens, and whether it went well.
    pub fn answers(&mut self) -> Vec<(u32, Result<u64>)> {
        let completions = std::mem::take(&mut self.told.lock().unwrap().completions);
        completions.into_iter().map(|(_, it)| (it.token, it.result)).collect()
    }

    /// Puts and lets the writers work: whether it was acknowledged.
    pub fn put(&mut self, ids: &[u64]) -> Result<()> {
        let token = self.stage(ids)?;
        self.work();
        let answer = self.answers().into_iter().find(|(it, _)| *it == token);
        answer.map_or(Err(Error::Stale), |(_, result)| result.map(drop))
    }

    /// Takes what is there, at most `max` events: the lease, and their numbers.
    pub fn take(&mut self, max: u32) -> Option<(u64, Vec<u64>)> {
        let wish = Wish { max, min: 1, linger_ms: Some(0) };
        let taken = self.channel.take(self.who(), wish, false, self.clock.get()).unwrap();
        let Some(Grant::Now(lease)) = taken else { return None };
        Some((lease, self.channel.read(WHO, lease, ids_of).unwrap()))
    }

    /// Commits a take.
    pub fn commit(&mut self, lease: u64) -> Grant {
        let who = self.who();
        self.channel.commit(who, lease, self.clock.get()).unwrap()
    }

    /// Gives a take back.
    pub fn rollback(&mut self, lease: u64) {
        self.channel.rollback(WHO, lease, self.clock.get()).unwrap();
    }

    /// Takes and commits everything there is, in order.
    pub fn drain(&mut self) -> Vec<u64> {
        let mut all = Vec::new();
        loop {
            self.read();
            let Some((lease, ids)) = self.take(self.settings.capacity) else { return all };
            all.extend(ids);
            self.commit(lease);
        }
    }

    /// Ends the channel in order.
    pub fn close(&mut self) {
        self.channel.close().unwrap();
        for _ in 0..10_000 {
            self.writers.retain_mut(|writer| writer.turn(0).unwrap());
            if self.writers.is_empty() {
                return;
            }
        }
        panic!("a writer comes to no end");
    }

    /// The channel's figures.
    pub fn counters(&self) -> Counters {
        self.channel.counters(self.clock.get()).unwrap()
    }

    fn who(&mut self) -> Waiter {
        self.next_token += 1;
        Waiter { owner: WHO, token: self.next_token }
    }
}

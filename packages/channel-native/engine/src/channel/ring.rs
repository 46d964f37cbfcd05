//! The queue of published runs, as descriptors in shared memory.

use bytemuck::{Pod, Zeroable};

use super::table::Table;

/// Events that follow each other in one block: `count` from entry `first`, their bytes from `start` to `end`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Extent {
    pub chunk: u32,
    pub first: u32,
    pub count: u32,
    pub start: u32,
    pub end: u32,
    /// Flume's byte slots of the bodies.
    pub slots: u32,
}

impl Extent {
    /// Whether `next` stands directly behind in the same block.
    pub const fn is_followed_by(&self, next: &Self) -> bool {
        self.chunk == next.chunk && self.first + self.count == next.first && self.end == next.start
    }

    /// Both as one; they must be neighbours.
    pub const fn joined(&self, next: &Self) -> Self {
        Self { count: self.count + next.count, end: next.end, slots: self.slots + next.slots, ..*self }
    }

    /// The first `count` events, which have `slots`, and the rest, which begins at byte `at`.
    pub const fn split(&self, count: u32, at: u32, slots: u32) -> (Self, Self) {
        let head = Self { count, end: at, slots, ..*self };
        let rest = Self {
            first: self.first + count,
            count: self.count - count,
            start: at,
            slots: self.slots - slots,
            ..*self
        };
        (head, rest)
    }
}

/// A queued run, 48 bytes: its extent, the origin of its first event, and when its first and its last event were published, in milliseconds of the engine's clock.
///
/// Origins number events: those of neighbours follow each other. What they mean is up to the channel; a log finds its events by them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(super) struct Descriptor {
    pub extent: Extent,
    pub origin: u64,
    pub first_ms: u64,
    pub last_ms: u64,
}

impl Descriptor {
    /// What stays when the first `count` events, of which `rest` does not tell, were taken: events are held to have come evenly,
    /// or all at once where the clock was set back meanwhile.
    pub fn without_first(&self, count: u32, rest: Extent) -> Self {
        let passed = self.last_ms.saturating_sub(self.first_ms) * u64::from(count) / u64::from(self.extent.count);
        Self {
            extent: rest,
            origin: self.origin + u64::from(count),
            first_ms: self.first_ms + passed,
            last_ms: self.last_ms,
        }
    }
}

/// First in, first out; neighbours are joined when they are published.
pub(super) struct Ring {
    slots: Table<Descriptor>,
    head: u32,
    len: u32,
}

impl Ring {
    pub const fn new(slots: Table<Descriptor>) -> Self {
        Self { slots, head: 0, len: 0 }
    }

    /// Runs that can be queued besides those that are.
    pub const fn room(&self) -> u32 {
        self.slots.len() - self.len
    }

    /// Appends a run; the caller has made sure the ring is not full.
    pub fn push(&mut self, extent: Extent, origin: u64, now_ms: u64) {
        if self.len > 0 {
            let slot = self.slot(self.len - 1);
            let tail = self.slots.get(slot);
            let follows = tail.origin + u64::from(tail.extent.count) == origin;
            if follows && tail.extent.is_followed_by(&extent) {
                self.slots.set(slot, Descriptor { extent: tail.extent.joined(&extent), last_ms: now_ms, ..tail });
                return;
            }
        }
        assert!(self.room() > 0, "a reservation was granted without a descriptor");
        let slot = self.slot(self.len);
        self.slots.set(slot, Descriptor { extent, origin, first_ms: now_ms, last_ms: now_ms });
        self.len += 1;
    }

    pub fn front(&self) -> Option<Descriptor> {
        (self.len > 0).then(|| self.slots.get(self.head))
    }

    pub fn pop(&mut self) {
        self.len -= 1;
        // An empty ring begins again at its first slot, so that a short queue keeps to a few cache lines.
        self.head = if self.len == 0 { 0 } else { (self.head + 1) % self.slots.len() };
    }

    pub fn replace_front(&mut self, descriptor: Descriptor) {
        self.slots.set(self.head, descriptor);
    }

    const fn slot(&self, index: u32) -> u32 {
        ((self.head as u64 + index as u64) % self.slots.len() as u64) as u32
    }
}

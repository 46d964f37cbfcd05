//! The shared buffer of a memory channel: where each part lies, and the only way to its bytes.

use bytemuck::{Pod, Zeroable};

use super::{
    arena::{Arena, Region},
    ring::{Descriptor, Extent},
    table::Table,
};
use crate::batch::{Entry, Run, Space};

/// Most leases that may be out at once in one channel.
pub(super) const LEASES: u32 = 1024;
/// Most runs that may be queued without being neighbours.
const RING_MAX: u64 = 1 << 20;
const CHUNK_MIN: u64 = 64 << 10;
const CHUNK_MAX: u64 = 1 << 20;
const CHUNKS_MIN: u64 = 4;
const PAGE: u64 = 4096;

/// What JavaScript reads of a lease it was granted; 64 bytes, little-endian.
///
/// ```text
///  0 f64 offset of the block in the buffer    8 f64 length of the block
/// 16 u32 first entry   20 u32 events   24 u32 start   28 u32 end (bytes, from the block's start)   32 … zero
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub(super) struct LeaseRow {
    pub block_offset: f64,
    pub block_len: f64,
    pub first: u32,
    pub count: u32,
    pub start: u32,
    pub end: u32,
    _reserved: [u64; 4],
}

impl LeaseRow {
    pub const fn new(block_offset: f64, block_len: f64, extent: &Extent) -> Self {
        let Extent { first, count, start, end, .. } = *extent;
        Self { block_offset, block_len, first, count, start, end, _reserved: [0; 4] }
    }
}

/// Room of a reservation that is not yet filled: so many events and bytes from the region's beginning, in a block of that length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling {
    pub block_len: u64,
    pub region: Region,
    pub events: u32,
    pub bytes: u32,
}

/// Where the parts of the buffer lie: ring, lease table, chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    ring_slots: u32,
    chunk_len: u32,
    chunks: u32,
}

impl Layout {
    /// The layout of a channel of at most `capacity` events and `bytes` bytes in use. Chunks are only ever partly full, so there are a quarter
    /// more of them than would be needed; memory is only taken where it is written.
    #[must_use]
    pub fn new(capacity: u32, bytes: u64) -> Self {
        let chunk_len = (bytes / 64).next_power_of_two().clamp(CHUNK_MIN, CHUNK_MAX);
        let chunks = (bytes / 4 * 5).div_ceil(chunk_len).clamp(CHUNKS_MIN, u64::from(u32::MAX));
        Self {
            ring_slots: u64::from(capacity).clamp(1, RING_MAX) as u32,
            chunk_len: chunk_len as u32,
            chunks: chunks as u32,
        }
    }

    /// Bytes that the buffer must have.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.chunks_offset() + u64::from(self.chunks) * u64::from(self.chunk_len)
    }

    /// Offset of the lease table, of which JavaScript reads rows.
    #[must_use]
    pub fn leases_offset(&self) -> u64 {
        u64::from(self.ring_slots) * size_of::<Descriptor>() as u64
    }

    fn chunks_offset(&self) -> u64 {
        (self.leases_offset() + u64::from(LEASES) * size_of::<LeaseRow>() as u64).next_multiple_of(PAGE)
    }

    pub(super) fn arena(&self) -> Arena {
        Arena::new(self.chunk_len, self.chunks)
    }
}

/// The bytes of one channel. Copies of it are views of the same memory.
///
/// Every byte range of it has at any moment one kind of user, and the state machine decides which: a reservation's region is
/// written by its one owner; a published run is only read; a region whose events were all released belongs to nobody. The channel's lock, taken
/// between any two of these, orders them.
#[derive(Clone)]
pub(super) struct Buffer {
    base: *mut u8,
    layout: Layout,
    /// Tells loom who reads and writes which event.
    #[cfg(loom)]
    watched: watched::Events,
}

// SAFETY: see the type's documentation: ranges are handed from thread to thread under the channel's lock.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// # Safety
    /// `base` is aligned to 8 and valid for reads and writes of `layout.length()` bytes until the last copy is dropped, and nobody else writes there.
    #[cfg_attr(not(loom), expect(clippy::missing_const_for_fn, reason = "not under loom"))]
    pub unsafe fn new(base: *mut u8, layout: Layout) -> Self {
        Self {
            base,
            layout,
            #[cfg(loom)]
            watched: watched::Events::new(),
        }
    }

    pub fn ring(&self) -> Table<Descriptor> {
        // SAFETY: inside the buffer by the layout; only the state machine, under the channel's lock, uses it.
        unsafe { Table::new(self.base.cast(), self.layout.ring_slots) }
    }

    pub fn leases(&self) -> Table<LeaseRow> {
        // SAFETY: as in `ring`.
        unsafe { Table::new(self.base.add(self.layout.leases_offset() as usize).cast(), LEASES) }
    }

    #[expect(clippy::cast_precision_loss, reason = "offsets in a buffer")]
    pub fn lease_row(&self, block_len: u64, extent: &Extent) -> LeaseRow {
        LeaseRow::new(self.block_at(extent.chunk) as f64, block_len as f64, extent)
    }

    /// A published run, to be read.
    ///
    /// # Safety
    /// The run is published, and its events are not released before the result is dropped.
    pub unsafe fn run(&self, block_len: u64, extent: &Extent) -> Run<'_> {
        let block = self.block(extent.chunk);
        let (first, count) = (extent.first as usize, extent.count as usize);
        #[cfg(loom)]
        self.watched.read(extent.chunk, extent.first, extent.count);
        // SAFETY: regions lie inside their block; nobody writes to a published run.
        let (events, table) = unsafe {
            (
                std::slice::from_raw_parts(block.add(extent.start as usize), (extent.end - extent.start) as usize),
                std::slice::from_raw_parts(table_row(block, block_len, first + count), count),
            )
        };
        Run::trusted(events, table, extent.start)
    }

    /// Room of a reservation that is not yet filled, to be written.
    ///
    /// # Safety
    /// The region is reserved, and the caller is the only one to use it until the result is dropped.
    pub unsafe fn space(&self, room: &Filling) -> Space<'_> {
        let Filling { block_len, region, events, bytes } = *room;
        #[cfg(loom)]
        self.watched.write(region.chunk, region.first, events);
        let block = self.block(region.chunk);
        // SAFETY: the region lies inside its block and is the caller's alone.
        let (events, table) = unsafe {
            (
                std::slice::from_raw_parts_mut(block.add(region.start as usize), bytes as usize),
                std::slice::from_raw_parts_mut(
                    table_row(block, block_len, (region.first + events) as usize).cast_mut(),
                    events as usize,
                ),
            )
        };
        Space::new(events, table, region.start)
    }

    /// Gives the pages of a chunk that nobody uses back to the system; its bytes read as anything afterwards.
    pub fn discard(&self, chunk: u32) {
        let from = self.block(chunk).addr().next_multiple_of(PAGE as usize);
        let to = (self.block(chunk).addr() + self.layout.chunk_len as usize) & !(PAGE as usize - 1);
        // SAFETY: whole pages inside a chunk that the arena has set aside, in private anonymous memory: dropping them zeroes them. A refusal changes nothing.
        let _ = unsafe {
            rustix::mm::madvise(self.base.with_addr(from).cast(), to - from, rustix::mm::Advice::LinuxDontNeed)
        };
    }

    /// Fills a run that was given back with a pattern, so that a late reader is found out.
    ///
    /// # Safety
    /// The run was leased, nobody is allowed to read it any more, and its events are not yet released.
    pub unsafe fn poison(&self, extent: &Extent) {
        let len = (extent.end - extent.start) as usize;
        // SAFETY: inside the block, and by the contract nobody else's.
        unsafe { self.block(extent.chunk).add(extent.start as usize).write_bytes(0xDB, len) }
    }

    fn block_at(&self, chunk: u32) -> u64 {
        self.layout.chunks_offset() + u64::from(chunk) * u64::from(self.layout.chunk_len)
    }

    fn block(&self, chunk: u32) -> *mut u8 {
        assert!(chunk < self.layout.chunks);
        // SAFETY: inside the buffer by the layout.
        unsafe { self.base.add(self.block_at(chunk) as usize) }
    }
}

/// Entry `count − 1` of a block, which is the lowest in memory of the first `count`.
fn table_row(block: *mut u8, block_len: u64, count: usize) -> *const Entry {
    // SAFETY: the table of a region lies inside its block.
    unsafe { block.add(block_len as usize - count * size_of::<Entry>()).cast() }
}

/// What loom cannot see by itself: accesses to the bytes of events, each event as one cell.
#[cfg(loom)]
mod watched {
    use loom::{cell::UnsafeCell, sync::Arc};

    /// As many chunks, and events in each, as a model may use.
    const CHUNKS: usize = 4;
    const EVENTS: usize = 8;

    #[derive(Clone)]
    pub(super) struct Events(Arc<[[UnsafeCell<()>; EVENTS]; CHUNKS]>);

    impl Events {
        pub fn new() -> Self {
            Self(Arc::new(std::array::from_fn(|_| std::array::from_fn(|_| UnsafeCell::new(())))))
        }

        pub fn read(&self, chunk: u32, first: u32, count: u32) {
            for event in first..first + count {
                self.0[chunk as usize][event as usize].with(|_| ());
            }
        }

        pub fn write(&self, chunk: u32, first: u32, count: u32) {
            for event in first..first + count {
                self.0[chunk as usize][event as usize].with_mut(|_| ());
            }
        }
    }
}
